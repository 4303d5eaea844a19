"""From bytes to a `Document`: `load` finds the format and hands the file to its loader."""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import cast

from rag.errors import FileRefused, FootnoteError
from rag.types import Document

LOG = logging.getLogger(__name__)

Loader = Callable[[str, bytes], Document]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what people call it, the loader (`module:function`, imported when it is needed), and what it rests on.

    `revision` goes up whenever the loader gives another text for the same bytes: files are then read anew.
    """

    kind: str
    loader: str
    revision: int
    libraries: tuple[str, ...] = ()

    @property
    def parser(self) -> str:
        """The code and versions that read a file, as `pdf/1 pypdfium2 5.15.2`."""
        return " ".join([f"{self.kind}/{self.revision}", *(f"{name} {version(name)}" for name in self.libraries)])

    def imported(self) -> Loader:
        """The loader: its module and the libraries it needs come in now."""
        module, function = self.loader.split(":")
        return cast("Loader", getattr(import_module(f"ingest.loading.{module}"), function))


PDF = Format("pdf", "pdf:load", 1, ("pypdfium2", "pypdf"))
DOCX = Format("docx", "docx:load", 1, ("python-docx",))
MARKDOWN = Format("markdown", "text:load_markdown", 1)
TEXT = Format("text", "text:load_text", 1)
HTML = Format("html", "html:load", 1, ("selectolax", "markdownify"))

FORMATS = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".txt": TEXT,
    ".html": HTML,
    ".htm": HTML,
}
SUPPORTED = tuple(FORMATS)

PDF_MAGIC = b"%PDF-"
MAGIC_WITHIN = 1024
"""Readers of PDF accept this much rubbish before the magic."""

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DOCX_TYPE = b"wordprocessingml.document.main+xml"
MOST_TYPES = 1 << 20
"""Bytes read of a zip's list of types; a real one has some thousand."""

ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")

_SUPPORTED_SAID = "Footnote reads PDF, Word (docx), Markdown, text and HTML."


def load(name: str, data: bytes) -> Document:
    """Read a file: the content says what it is, then the name's suffix.

    Raises `FileRefused` with the state the file ends in, and nothing else: whatever goes wrong inside a format's
    library means that the file is damaged, and is logged.
    """
    if not data:
        raise FileRefused("damaged", f"{name} is empty.", "Fetch the file again, if it should not be.")
    found = _format_of(name, data)
    read = found.imported()
    try:
        document = read(name, data)
    except FootnoteError:
        raise
    except MemoryError as error:
        raise FileRefused(
            "too large", f"{name} needs more memory than there is.", "Split it into smaller files."
        ) from error
    except Exception as error:
        LOG.info("%s cannot be read", name, exc_info=True)
        raise FileRefused(
            "damaged",
            f"{name} is damaged: it cannot be read.",
            "Open it in its own program and save it anew, or fetch it again.",
        ) from error
    if not document.text.strip():
        raise FileRefused(
            "damaged", f"{name} is empty: there is no text in it.", "Fetch the file again, if it should not be."
        )
    return replace(document, parser=found.parser)


@cache
def parsers() -> frozenset[str]:
    """What reads files today, as in `Document.parser`; what something else has read should be read anew."""
    return frozenset(each.parser for each in FORMATS.values())


def _format_of(name: str, data: bytes) -> Format:
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    named = FORMATS.get(suffix)
    head = data[:MAGIC_WITHIN]
    if head.lstrip().startswith(PDF_MAGIC) or (named is PDF and PDF_MAGIC in head):
        return PDF
    if data.startswith(OLE_MAGIC) and ENCRYPTED_PACKAGE in data:
        raise FileRefused(
            "password-protected", f"{name} opens only with a password.", "Save a copy without it and add that."
        )
    if data.startswith(b"PK") and _is_docx(data):
        return DOCX
    if named is None:
        kind = f"{suffix} files are" if suffix else "a file without a suffix is"
        raise FileRefused("unsupported", f"{name} was not read: {kind} not supported.", _SUPPORTED_SAID)
    if named in (PDF, DOCX):
        raise FileRefused(
            "damaged",
            f"{name} is not a {named.kind} file, though its name says so.",
            "Open it in its own program, or fetch it again.",
        )
    return named


def _is_docx(data: bytes) -> bool:
    """Whether it is a zip with a Word document inside, without macros (docm) and no template (dotx)."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("[Content_Types].xml") as types:
            return DOCX_TYPE in types.read(MOST_TYPES)
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, OSError, EOFError, ValueError, zlib.error):
        return False
