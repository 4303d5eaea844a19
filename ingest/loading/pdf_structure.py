"""What pypdf knows of a PDF beside its text: title, page labels, outline and attached files.

Each part that it cannot read, or not in time, costs a warning and is left out: the text is what counts.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.loading.archive import harmless
from ingest.loading.cleaning import one_line
from ingest.loading.cpu_time import OutOfTime, at_most
from ingest.loading.limits import Limits
from ingest.loading.parsed import Attachment, Refused
from ingest.loading.sections import LONGEST_HEADING

if TYPE_CHECKING:
    from pypdf import PdfReader

LOG = logging.getLogger(__name__)

MOST_HEADINGS = 20_000
SHARE_OF_TIME = 0.1
"""Of the seconds that reading a file may take, what each part of the structure may take at most."""

SHARE_OF_OUTPUT = 0.5
"""Of what may come back of a file, what attached files may be."""

_NO_TITLE = re.compile(r"^(untitled|document\d*|title|microsoft \w+ - .*|.*\.\w{2,4})$", re.IGNORECASE)
_TITLE_WORD = re.compile(r"[^\W\d_]{3,}")

Result = TypeVar("Result")


class Structure:
    """The structure of a PDF of so many pages. What cannot be read is added to `warnings`."""

    def __init__(self, data: bytes, pages: int, limits: Limits, warnings: list[str]) -> None:
        self._warnings = warnings
        self._pages = pages
        self._limits = limits
        self._reader = self._tried("structure", lambda: _reader(data), None)

    def title(self) -> str:
        """The title in the metadata, where it is one for people: most programs write a file name or a number there."""
        title = self._tried("title", lambda: _metadata_title(self._reader), "")
        return "" if _NO_TITLE.match(title) or len(_TITLE_WORD.findall(title)) < 2 else title

    def labels(self) -> list[str]:
        """The label of each page as printed, or nothing."""
        labels: list[str] = self._tried("page labels", lambda: _labels(self._reader), [])
        return [one_line(label) for label in labels] if len(labels) == self._pages else []

    def headings(self) -> list[tuple[int, int, str]]:
        """`(index of the page, level, title)` of each entry of the outline that leads to a page."""
        return self._tried("outline", lambda: list(islice(_headings(self._reader, self._pages), MOST_HEADINGS)), [])

    def attachments(self) -> tuple[list[Attachment], list[Refused]]:
        """The files attached, and the names of those that could not be taken out, each with the reason."""
        nothing: tuple[list[Attachment], list[Refused]] = ([], [])
        return self._tried("attached files", lambda: _attachments(self._reader, self._limits), nothing)

    def _tried(self, part: str, read: Callable[[], Result], otherwise: Result) -> Result:
        try:
            with at_most(self._limits.seconds * SHARE_OF_TIME):
                return read()
        except (Exception, OutOfTime):  # pypdf raises nearly anything on broken structure, and the text is there
            LOG.info("pypdf cannot read the %s", part, exc_info=True)
            self._warnings.append(f"The {part} cannot be read.")
            return otherwise


def _reader(data: bytes) -> PdfReader | None:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it reports each oddity of a file; ours are the warnings
    reader = PdfReader(io.BytesIO(data))
    return None if reader.is_encrypted and not reader.decrypt("") else reader


def _metadata_title(reader: PdfReader | None) -> str:
    title = reader.metadata.title if reader and reader.metadata else None
    return one_line(str(title or ""))


def _labels(reader: PdfReader | None) -> list[str]:
    return list(reader.page_labels) if reader and "/PageLabels" in reader.root_object else []


def _headings(reader: PdfReader | None, pages: int) -> Iterator[tuple[int, int, str]]:
    for level, entry in _flat(reader.outline if reader else (), 1):
        index = reader.get_destination_page_number(entry) if reader else None
        if index is not None and 0 <= index < pages:
            yield index, level, one_line(str(entry.title or ""))[:LONGEST_HEADING]


def _flat(entries: Iterable[Any], level: int) -> Iterator[tuple[int, Any]]:
    """The outline as pypdf gives it: a list behind an entry holds what is below it."""
    for entry in entries:
        if isinstance(entry, list):
            yield from _flat(entry, level + 1)
        else:
            yield level, entry


def _attachments(reader: PdfReader | None, limits: Limits) -> tuple[list[Attachment], list[Refused]]:
    found: list[Attachment] = []
    refused: list[Refused] = []
    room = int(min(limits.unzip_mb, limits.output_mb * SHARE_OF_OUTPUT) * 2**20)
    for number, entry in enumerate(reader.attachment_list if reader else (), 1):
        if number > limits.unzip_files:
            refused.append(Refused("more files", "too large", f"More than {limits.unzip_files:,} files are attached."))
            break
        name = _unique(harmless(str(entry.alternative_name or entry.name)), {each.name for each in found})
        try:
            content = entry.content
        except Exception:  # what is attached may be broken in any way, and the document is whole without it
            LOG.info("An attached file cannot be read", exc_info=True)
            refused.append(Refused(name, "damaged", "It is damaged, or unpacks to more than can be read."))
            continue
        if len(content) > room:
            refused.append(Refused(name, "too large", "It is too large together with the other attached files."))
            continue
        room -= len(content)
        found.append(Attachment(name, content))
    return found, refused


def _unique(name: str, taken: set[str]) -> str:
    """The name, numbered where another attached file has it."""
    path = PurePosixPath(name)
    candidates = (str(path.with_stem(f"{path.stem} ({number})")) for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in candidates if each not in taken)
