"""From a file's bytes to chunks and the report of what was read: everything that needs neither catalog nor index."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ingest.loading.parsed import Attachment, Parsed, Refused
from ingest.ocr import scanned_message
from ingest.points import CONTEXT_TOKENS
from ingest.ports import Parser, Worker
from ingest.records import VersionRecord
from ingest.schema import now, storable
from rag.errors import FileRefused, FootnoteError
from rag.types import Chunk, Document

CHUNKING = "sentences/1"
"""How chunks are made. A new name here makes the next `add` of an unchanged file index it anew."""

UNREAD = "The text of some pages could not be read"
"""How the warning begins that pages were left unread for want of OCR: with it, the file is read anew."""

OCR_FOUND_NOTHING = "none was recognised"
"""What the reason of a file says (`scanned_message`) that was recognised in vain."""

MOST_PAGES_NAMED = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file as it was read and cut. `version` has no id and number yet. With `needs_ocr`, that is all there is so far."""

    document: Document
    version: VersionRecord
    chunks: Sequence[Chunk] = ()
    attachments: tuple[Attachment, ...] = ()
    refused: tuple[Refused, ...] = ()
    needs_ocr: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognised:
    """What OCR made of a file: the texts of its pages, and those that it failed on."""

    texts: Mapping[int, str]
    failed: tuple[int, ...] = ()


class Preparer:
    """Reads and cuts files. Threads share it."""

    def __init__(self, parser: Parser, worker: Worker, chunk_tokens: int, *, has_ocr: bool, ocr_off: bool) -> None:
        """`chunk_tokens` is the size of a chunk, as far as the embedder's window has room for it. Opens the embedder.

        `has_ocr`: pages can be recognised; `ocr_off`: nobody wants that.
        """
        self._parser = parser
        self._has_ocr = has_ocr
        self._ocr_off = ocr_off
        self._worker = worker
        self._chunk_tokens = min(chunk_tokens, worker.max_tokens - CONTEXT_TOKENS - 2)
        self._embedder = worker.fingerprint.model
        self.chunking = f"{CHUNKING} {self._chunk_tokens} {self._embedder}"

    def prepare(self, name: str, data: bytes, content_hash: str, recognised: Recognised | None = None) -> Prepared:
        """Read a file and cut it into chunks.

        Raises `FileRefused`, `ParserDied`, and `FootnoteError` where a part of the text reached no chunk.
        """
        started = time.monotonic()
        parsed = self._parser.parse(name, data, recognised.texts if recognised else None)
        document = _storable(parsed.document)
        version = self._report(document, parsed, data, content_hash)
        if parsed.needs_ocr and self._has_ocr and recognised is None:
            return Prepared(document, _timed(version, started), needs_ocr=parsed.needs_ocr)
        self._refuse_empty(name, parsed, recognised)
        document = replace(document, warnings=(*document.warnings, *_ocr_warnings(parsed, recognised)))
        chunks = self._worker.chunk(document, self._chunk_tokens) if document.text.strip() else []
        version = replace(
            version, warnings=document.warnings, chunks=len(chunks), coverage=require_whole(name, document, chunks)
        )
        return Prepared(document, _timed(version, started), chunks, parsed.attachments, parsed.refused)

    def cut(self, name: str, document: Document, before: VersionRecord) -> Prepared:
        """A document that was read before, cut anew; the rest of its report stays as it was.

        Raises `FootnoteError` where a part of the text reached no chunk.
        """
        started = time.monotonic()
        chunks = self._worker.chunk(document, self._chunk_tokens) if document.text.strip() else []
        version = replace(
            before, chunking=self.chunking, embedder=self._embedder, chunks=len(chunks), created_at=now(),
            coverage=require_whole(name, document, chunks),
        )  # fmt: skip
        return Prepared(document, _timed(version, started), chunks)

    def _refuse_empty(self, name: str, parsed: Parsed, recognised: Recognised | None) -> None:
        """Raise `FileRefused` where there is nothing to be found: neither text nor files inside."""
        if parsed.document.text.strip() or parsed.attachments or parsed.refused:
            return
        if parsed.needs_ocr or recognised is not None:
            pages = len(parsed.document.pages) or len(parsed.needs_ocr)
            raise scanned_message(name, pages, engine_missing=not self._has_ocr, off=self._ocr_off)
        raise FileRefused(
            "damaged", f"{name} is empty: there is no text in it.", "Fetch the file again, if it should not be."
        )

    def _report(self, document: Document, parsed: Parsed, data: bytes, content_hash: str) -> VersionRecord:
        return VersionRecord(
            document_id="",
            number=0,
            content_hash=content_hash,
            size=len(data),
            parser=document.parser,
            chunking=self.chunking,
            title=document.title,
            pages=len(document.pages) or None,
            characters=len(document.text),
            chunks=0,
            warnings=document.warnings,
            seconds=0.0,
            created_at=now(),
            page_characters=tuple(len(document.text[page.start : page.end].strip()) for page in document.pages),
            ocr_pages=tuple(page.number for page in document.pages if page.ocr),
            embedder=self._embedder,
            attachments=len(parsed.attachments) + len(parsed.refused),
        )


def require_whole(name: str, document: Document, chunks: Sequence[Chunk]) -> float:
    """The share of the text, white space aside, that is in chunks: always 1. Raises `FootnoteError` where it is not."""
    cursor = 0
    for chunk in chunks:
        if chunk.start < cursor or document.text[chunk.start : chunk.end] != chunk.text:
            raise _not_whole(name)
        if document.text[cursor : chunk.start].strip():
            raise _not_whole(name)
        cursor = chunk.end
    if document.text[cursor:].strip():
        raise _not_whole(name)
    return 1.0


def _not_whole(name: str) -> FootnoteError:
    return FootnoteError(
        f"{name} was not indexed: a part of its text did not get into any passage.",
        "This is a fault of Footnote: please report it with the file.",
    )


def _ocr_warnings(parsed: Parsed, recognised: Recognised | None) -> list[str]:
    if recognised is not None:
        return [f"OCR failed on {_pages(recognised.failed)}."] if recognised.failed else []
    return [f"{UNREAD} without OCR: {_pages(parsed.needs_ocr)}."] if parsed.needs_ocr else []


def _pages(numbers: Collection[int]) -> str:
    named = ", ".join(str(number) for number in sorted(numbers)[:MOST_PAGES_NAMED])
    more = len(numbers) - MOST_PAGES_NAMED
    return f"page{'' if len(numbers) == 1 else 's'} {named}{f' and {more} more' if more > 0 else ''}"


def _timed(version: VersionRecord, started: float) -> VersionRecord:
    return replace(version, seconds=time.monotonic() - started)


def _storable(document: Document) -> Document:
    """The document without characters that the database cannot hold; loaders leave none, in all likelihood."""
    labels = [page.label or "" for page in document.pages]
    parts = (document.title, document.text, *document.warnings, *labels, *(part.path for part in document.sections))
    if all(part == storable(part) for part in parts):
        return document
    return replace(
        document,
        title=storable(document.title),
        text=storable(document.text),
        warnings=tuple(storable(warning) for warning in document.warnings),
        pages=tuple(replace(page, label=page.label and storable(page.label)) for page in document.pages),
        sections=tuple(replace(section, path=storable(section.path)) for section in document.sections),
    )
