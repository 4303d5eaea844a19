"""PDF: the text from pdfium, the structure (outline, page labels, title) from pypdf.

What pypdf cannot read becomes a warning; the text is what counts.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.loading import pdfium
from ingest.loading.cleaning import mend, one_line
from ingest.loading.sections import LONGEST_HEADING, sections_of, title_from
from rag.errors import FileRefused
from rag.types import Document, Page, Section

if TYPE_CHECKING:
    from pypdf import PdfReader

LOG = logging.getLogger(__name__)

PAGE_END = "\n\n"
"""What stands between two pages in the document's text; it belongs to the page before."""

TAIL = 2048
"""Bytes at the end among which a whole file has its end mark (the standard's readers accept 1,024)."""

MOST_HEADINGS = 20_000
MOST_RANGES = 12

_NO_TITLE = re.compile(r"^(untitled|document\d*|title|microsoft \w+ - .*|.*\.\w{2,4})$", re.IGNORECASE)
_TITLE_WORD = re.compile(r"[^\W\d_]{3,}")

Result = TypeVar("Result")


def load(name: str, data: bytes) -> Document:
    """Read a PDF. Raises `FileRefused` when it needs a password, is damaged, or has no text at all."""
    warnings: list[str] = []
    texts = _page_texts(name, data, warnings)
    if not any(text.strip() for text in texts):
        raise FileRefused(
            "no text (scanned)",
            f"{name} has {len(texts):,} page{'' if len(texts) == 1 else 's'} and no text at all: it was probably scanned.",
            "Footnote does not recognise text in pictures (OCR) yet: make the file searchable with another program first.",
        )
    if empty := [number for number, text in enumerate(texts, 1) if not text.strip()]:
        warnings.append(f"No text on {_ranges(empty)}: nothing of them can be found.")
    if b"%%EOF" not in data[-TAIL:]:
        warnings.append("The file has no end mark: it may have been cut off, and pages may be missing.")
    structure = _Structure(data, len(texts), warnings)
    pages = _pages(texts, structure.labels())
    return Document(
        title=structure.title() or title_from(name),
        text="".join(text + PAGE_END for text in texts),
        parser="",
        pages=pages,
        sections=_sections(structure.headings(), pages, texts),
        warnings=tuple(warnings),
    )


def _page_texts(name: str, data: bytes, warnings: list[str]) -> list[str]:
    texts: list[str] = []
    broken: list[int] = []
    with pdfium.opened(data, name) as document:
        for index in range(len(document)):
            try:
                raw = pdfium.page_text(document, index)
            except pdfium.PageBroken:
                LOG.info("%s: page %d cannot be read", name, index + 1, exc_info=True)
                broken.append(index + 1)
                raw = ""
            texts.append(mend(raw)[0])
    if broken and len(broken) == len(texts):
        raise FileRefused("damaged", f"{name} is damaged: none of its pages can be read.", "Fetch the file again.")
    if broken:
        warnings.append(f"{_ranges(broken).capitalize()} cannot be read: the file is damaged there.")
    return texts


def _pages(texts: list[str], labels: list[str]) -> tuple[Page, ...]:
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + len(PAGE_END))
    return tuple(
        Page(number, start, end, labels[number - 1] if labels else None)
        for number, (start, end) in enumerate(pairwise(starts), 1)
    )


def _sections(headings: list[tuple[int, int, str]], pages: tuple[Page, ...], texts: list[str]) -> tuple[Section, ...]:
    return sections_of(
        (pages[index].start + _place(title, texts[index]), level, title) for index, level, title in headings
    )


def _place(heading: str, text: str) -> int:
    """Where a heading stands on its page: at the start of a line, else wherever its words are, else at the top."""
    words = r"\s+".join(re.escape(word) for word in heading.split())
    if not words:
        return 0
    line = re.search(rf"^[ \t]*(?:[\dA-Z.]+[ \t]+)?{words}", text, re.IGNORECASE | re.MULTILINE)
    found = line or re.search(words, text, re.IGNORECASE)
    return found.start() if found else 0


class _Structure:
    """What pypdf knows of the file beside its text. Each part that fails leaves a warning and is left out."""

    def __init__(self, data: bytes, pages: int, warnings: list[str]) -> None:
        self._warnings = warnings
        self._pages = pages
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

    def _tried(self, part: str, read: Callable[[], Result], otherwise: Result) -> Result:
        try:
            return read()
        except Exception:  # pypdf raises nearly anything on broken structure, and the text is there
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


def _ranges(numbers: list[int]) -> str:
    """`page 4`, or `pages 3-7, 9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    listed = ", ".join("-".join(str(number) for number in run) for run in runs[:MOST_RANGES])
    listed += f" and {len(runs) - MOST_RANGES} more places" if len(runs) > MOST_RANGES else ""
    return f"page{'' if len(numbers) == 1 else 's'} {listed}"
