"""Text in pictures (OCR): which program there is to recognise it, and what it has recognised, kept page by page."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.loading.limits import Limits
from ingest.schema import OCR_PAGES
from rag.errors import FileRefused
from rag.settings import Settings

if TYPE_CHECKING:
    from ingest.sandbox import Sandbox

REVISION = 1
"""Goes up whenever the same picture gives another text."""

HOW_TO_GET = (
    "To have the text in pictures recognised, install it with `pip install 'footnote[ocr]'` (in a checkout: `make install`), "
    "or Debian's `apt install tesseract-ocr`; then add the file again."
)


class SandboxRecogniser:
    """Reads pages in the sandbox, each within limits of its own. Threads may share it."""

    def __init__(self, sandbox: Sandbox, program: str, engine: str, limits: Limits) -> None:
        self._sandbox = sandbox
        self._program = program
        self._engine = engine
        self._limits = limits

    @property
    def engine(self) -> str:
        """The program and its version: what it reads is kept under this name."""
        return self._engine

    def recognise(self, name: str, data: bytes, page: int) -> str:
        """The text of a page (from 1), empty where there is none. Raises `FileRefused`, `ParserDied`."""
        header = {"name": name, "page": page, "engine": self._program}
        _, blobs = self._sandbox.run("ocr", header, [data], self._limits)
        return blobs[0].decode("utf-8", "replace").replace("\x00", "") if blobs else ""


class OcrStore:
    """The texts that were recognised, by the hash of the file's content. The same content is read once."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def texts(self, content_hash: str, engine: str) -> dict[int, str]:
        """What that program has read of a content, by page from 1."""
        query = sa.select(OCR_PAGES.c.page, OCR_PAGES.c.text).where(_is(content_hash, engine))
        with self._engine.connect() as connection:
            return {row.page: row.text for row in connection.execute(query)}

    def keep(self, content_hash: str, engine: str, page: int, text: str) -> None:
        """Keep a page's text, in place of what was kept of it before."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(OCR_PAGES).where(_is(content_hash, engine), OCR_PAGES.c.page == page))
            connection.execute(
                sa.insert(OCR_PAGES).values(content_hash=content_hash, engine=engine, page=page, text=text)
            )


def open_recogniser(settings: Settings, sandbox: Sandbox) -> SandboxRecogniser | None:
    """What reads pictures here: rapidocr (the extra `ocr`), else tesseract, else nothing. `FOOTNOTE_OCR=off`: nothing."""
    if settings.ocr == "off":
        return None
    limits = Limits.of_ocr(settings)
    if find_spec("rapidocr"):
        return SandboxRecogniser(sandbox, "rapidocr", f"rapidocr/{REVISION} {version('rapidocr')}", limits)
    if shutil.which("tesseract"):
        return SandboxRecogniser(sandbox, "tesseract", f"tesseract/{REVISION}", limits)
    return None


def scanned_message(name: str, pages: int, *, engine_missing: bool, off: bool) -> FileRefused:
    """What is said of a PDF without any text: what it lacks, and how its pictures could be read."""
    count = f"{pages:,} page{'' if pages == 1 else 's'}"
    if off or engine_missing:
        remedy = "Set FOOTNOTE_OCR=auto to have the text in pictures recognised." if off else HOW_TO_GET
        message = f"{name} has {count} and no text at all: it was probably scanned."
        return FileRefused("no text (scanned)", message, remedy)
    return FileRefused(
        "no text (scanned)",
        f"{name} has {count} and no text at all: none was recognised in its pictures either.",
        "Scan it anew, upright and with 300 dots an inch, if there should be text.",
    )


def _is(content_hash: str, engine: str) -> sa.ColumnElement[bool]:
    return sa.and_(OCR_PAGES.c.content_hash == content_hash, OCR_PAGES.c.engine == engine)
