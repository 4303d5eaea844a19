"""Reads what is stored of a document once more: its file, else the text that was read of it before."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ingest.catalog import SqlCatalog
from ingest.catalog_rows import Entry, Source
from ingest.ocr import OcrStore
from ingest.originals import Originals, content_hash
from ingest.ports import Recogniser, Worker
from ingest.preparing import Prepared, Preparer, Recognised
from ingest.records import VersionRecord
from ingest.schema import DOCUMENTS, OCR_PAGES
from rag.errors import FileRefused, FootnoteError, NotReady, ParserDied
from rag.types import Document


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading a stored file needs. `recogniser` is None where there is no OCR."""

    catalog: SqlCatalog
    originals: Originals
    preparer: Preparer
    worker: Worker
    recogniser: Recogniser | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A document whose index entries are to be made anew, and its live version."""

    entry: Entry
    name: str
    live: VersionRecord


@dataclass(frozen=True, slots=True)
class Read:
    """A document that was read, and why it is the text of before, if it is."""

    target: Target
    prepared: Prepared
    kept: str = ""


def find_target(catalog: SqlCatalog, document_id: str) -> Target | None:
    """The document, unless nothing of it can be found any more."""
    live = catalog.live_version(document_id)
    query = sa.select(DOCUMENTS).where(DOCUMENTS.c.id == document_id)
    with catalog.engine.connect() as connection:
        row = connection.execute(query).first()
    if live is None or row is None:
        return None
    entry = Entry(row.space_id, Source(row.source, row.path), (row.name,), row.container_id, row.id)
    return Target(entry, row.name, live)


def read_again(reader: Reader, target: Target) -> Read:
    """Read the stored file, else take the text of before. Raises what was wrong with the file where neither can be."""
    try:
        return Read(target, _prepare(reader, target))
    except NotReady:
        raise
    except FootnoteError as error:
        document = _text_of_before(reader.catalog, target.live)
        if document is None:
            raise
        return Read(target, reader.preparer.cut(target.name, document, target.live), str(error))


def _prepare(reader: Reader, target: Target) -> Prepared:
    hashed = target.live.content_hash
    try:
        data = reader.originals.get(hashed)
    except OSError as error:
        raise _not_stored(target.name, "is not there") from error
    if content_hash(data) != hashed:
        raise _not_stored(target.name, "is damaged")
    known = _recognised_before(reader.catalog, hashed)
    if reader.recogniser is None:
        before = Recognised(known) if known and target.live.ocr_pages else None
        return reader.preparer.prepare(target.name, data, hashed, before)
    prepared = reader.preparer.prepare(target.name, data, hashed)
    if not prepared.needs_ocr:
        return prepared
    recognised = _recognise(reader, reader.recogniser, target, data, prepared.needs_ocr)
    return reader.preparer.prepare(target.name, data, hashed, recognised)


def _recognise(reader: Reader, recogniser: Recogniser, target: Target, data: bytes, pages: Sequence[int]) -> Recognised:
    """The texts of pages that have none: those that this program recognised before, and the others now."""
    store, hashed = OcrStore(reader.catalog.engine), target.live.content_hash
    known = store.texts(hashed, recogniser.engine)
    texts = {page: known[page] for page in pages if page in known}
    failed = []
    for page in sorted(set(pages) - texts.keys()):
        try:
            texts[page] = recogniser.recognise(target.name, data, page)
            store.keep(hashed, recogniser.engine, page, texts[page])
        except (FileRefused, ParserDied):
            failed.append(page)
    return Recognised(texts, tuple(failed))


def _recognised_before(catalog: SqlCatalog, hashed: str) -> dict[int, str]:
    """The texts of pages that any program recognised before."""
    query = sa.select(OCR_PAGES.c.page, OCR_PAGES.c.text).where(OCR_PAGES.c.content_hash == hashed)
    with catalog.engine.connect() as connection:
        return {row.page: row.text for row in connection.execute(query)}


def _text_of_before(catalog: SqlCatalog, live: VersionRecord) -> Document | None:
    try:
        return catalog.parsed(live.document_id, live.number)
    except (zlib.error, ValueError):
        return None


def _not_stored(name: str, wrong: str) -> FileRefused:
    return FileRefused("damaged", f"The stored file of {name} {wrong}.", "Remove it and add the file again.")
