"""Stage, verify, flip, collect: how a file becomes findable. The only writer of the index.

A new version is staged: its row in the catalog first, then its points under `(document, version)`. When the points are
on disk and counted, one transaction makes it live; only then are the old version's points collected. A crash at any
moment leaves the old version live and at most dead versions behind, which the next start collects.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from ingest.catalog import SqlCatalog
from ingest.chunking import chunk
from ingest.files import Incoming
from ingest.loading import load, parsers
from ingest.originals import Originals, content_hash
from ingest.records import Added, DocumentRecord, Progress, Space, VersionRecord
from ingest.schema import now
from rag.errors import FileRefused, FootnoteError
from rag.names import in_words
from rag.ports import Embedder, IndexWriter
from rag.types import Chunk, Document, Point

GROUP_DOCUMENTS = 100
GROUP_SECONDS = 2.0
"""A flush costs 0.1-0.2 s on edge (DESIGN.md), so versions are flushed and flipped together."""

EMBED_AT_A_TIME = 64
"""Chunks between two reports of progress."""

CONTEXT_TOKENS = 48
"""Room kept in the embedder's window for the title and section that are embedded before each chunk."""

CHUNKING = "sentences/1"
"""How chunks are made. A new name here makes the next `add` of an unchanged file index it anew."""

_NAMESPACE = uuid.UUID("6f1b1f0e-57b8-4d5c-9d0f-7b5f3c1e0a11")


@dataclass(slots=True)
class _Group:
    """Versions whose points are written and wait for the next flush."""

    versions: list[VersionRecord] = field(default_factory=list)
    outcomes: list[Added] = field(default_factory=list)
    started: float = 0.0

    def full(self) -> bool:
        age = time.monotonic() - self.started
        return bool(self.versions) and (len(self.versions) >= GROUP_DOCUMENTS or age >= GROUP_SECONDS)


class Indexer:
    """Writes documents into the index and the catalog. One at a time: the library's lock is held around it."""

    def __init__(
        self, catalog: SqlCatalog, index: IndexWriter, embedder: Embedder, originals: Originals, chunk_tokens: int
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._embedder = embedder
        self._originals = originals
        self._chunk_tokens = min(chunk_tokens, embedder.max_tokens - CONTEXT_TOKENS - 2)
        self._chunking = f"{CHUNKING} {self._chunk_tokens} {embedder.fingerprint.model}"

    def add(self, files: Iterator[Incoming | Added], space: Space) -> Generator[Progress | Added, None, None]:
        """Index the files in order, yielding progress and one outcome for each, when it can be found.

        An `Added` among the files is an outcome decided before (unsupported, unreadable) and is passed through.
        """
        group = _Group()
        try:
            for item in files:
                if isinstance(item, Added):
                    yield item
                    continue
                yield from self._add_one(item, space, group)
                if group.full():
                    yield from self._publish(group)
            yield from self._publish(group)
        finally:
            self.collect()

    def _add_one(self, file: Incoming, space: Space, group: _Group) -> Iterator[Progress | Added]:
        known = self._catalog.find(space.id, file.source)
        name = known.name if known else file.names[0]
        if known and self._unchanged(known, file.data):
            self._catalog.note_outcome(known.id, "indexed", "")
            yield Added(name, "unchanged", known.pages, known.chunks, "", known.id, space.name)
            return
        document_id = self._catalog.register(space.id, file.source, file.names)
        record = self._catalog.document(document_id)
        name = record.name if record else name
        yield Progress(name, "reading", 0, 1)
        try:
            version = yield from self._stage(document_id, name, space, file.data)
        except FileRefused as refused:
            self._catalog.note_outcome(document_id, refused.state, str(refused))
            kept = record.chunks if record else 0
            yield Added(name, refused.state, None, kept, str(refused), document_id, space.name)
            return
        group.started = group.started if group.versions else time.monotonic()
        group.versions.append(version)
        group.outcomes.append(Added(name, "indexed", version.pages, version.chunks, "", document_id, space.name))

    def _unchanged(self, known: DocumentRecord, data: bytes) -> bool:
        """Whether the live version has this content, read and chunked as it would be now."""
        live = self._catalog.live_version(known.id)
        return (
            live is not None
            and live.content_hash == content_hash(data)
            and live.parser in parsers()
            and live.chunking == self._chunking
        )

    def _stage(
        self, document_id: str, name: str, space: Space, data: bytes
    ) -> Generator[Progress, None, VersionRecord]:
        """Parse, chunk, embed and write one version; the generator's value is its `VersionRecord`."""
        started = time.monotonic()
        document = load(name, data)
        chunks = chunk(document, self._embedder.tokenize, self._chunk_tokens)
        number = self._catalog.next_version(document_id)
        version = VersionRecord(
            document_id=document_id,
            number=number,
            content_hash=self._originals.put(data),
            size=len(data),
            parser=document.parser,
            chunking=self._chunking,
            title=document.title,
            pages=len(document.pages) or None,
            characters=len(document.text),
            chunks=len(chunks),
            warnings=document.warnings,
            seconds=time.monotonic() - started,
            created_at=now(),
        )
        self._catalog.stage(version, document)
        for start in range(0, len(chunks), EMBED_AT_A_TIME):
            yield Progress(name, "embedding", start, len(chunks))
            self._write(version, header_of(name, document), space, chunks[start : start + EMBED_AT_A_TIME])
        return version

    def _write(self, version: VersionRecord, header: str, space: Space, chunks: Sequence[Chunk]) -> None:
        contexts = [" | ".join(part for part in (header, piece.section[-120:]) if part) for piece in chunks]
        texts = [f"{context}\n{piece.text}" for context, piece in zip(contexts, chunks, strict=True)]
        vectors = self._embedder.embed_passages(texts)
        self._index.upsert(
            [
                Point(
                    id=point_id(version.document_id, version.number, piece.ordinal),
                    document_id=version.document_id,
                    version=version.number,
                    space=space.id,
                    chunk=piece,
                    vector=tuple(vector.tolist()),
                    context=context,
                )
                for piece, vector, context in zip(chunks, vectors, contexts, strict=True)
            ]
        )

    def _publish(self, group: _Group) -> Iterator[Added]:
        """Flush, count what was written against what was meant to be, and make the group live in one step."""
        if not group.versions:
            return
        self._index.flush()
        for version in group.versions:
            found = self._index.count(version.document_id, version.number)
            if found != version.chunks:
                raise FootnoteError(
                    f"The index holds {found} of the {version.chunks} chunks that were written for a document.",
                    "Nothing of it was made visible. Add it again; if that fails too, the index's disk is at fault.",
                )
        self._catalog.flip([(version.document_id, version.number) for version in group.versions])
        outcomes = list(group.outcomes)
        group.versions.clear()
        group.outcomes.clear()
        yield from outcomes

    def remove(self, document_ids: Sequence[str]) -> None:
        """Make the documents invisible at once, then remove their points, texts and originals."""
        self._catalog.tombstone(document_ids)
        self.collect()

    def collect(self) -> None:
        """Remove the points of versions that nobody can find, then their rows and originals."""
        dead = self._catalog.dead_versions()
        for document_id, number in dead:
            self._index.delete(document_id, number)
        if dead:
            self._index.flush()
        for document_id, number in dead:
            if orphan := self._catalog.forget_version(document_id, number):
                self._originals.delete(orphan)
        self._catalog.forget_removed()


def header_of(name: str, document: Document) -> str:
    """What is embedded before every chunk of a document: its file name in words, and its title if that says more.

    Thirty annual reports look alike without it: naming company and year raised FinanceBench's page hit@5 over a
    shared index from .311 to .377 (shared/bench).
    """
    words = in_words(name)[:120]
    title = document.title[:120]
    return words if title.casefold() in words.casefold() else f"{words}: {title}"


def point_id(document_id: str, version: int, ordinal: int) -> str:
    """The UUID5 of a chunk: the same chunk of the same version always has the same id."""
    return str(uuid.uuid5(_NAMESPACE, f"{document_id}/{version}/{ordinal}"))
