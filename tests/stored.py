"""Documents put by hand into a real catalog, a real edge index and real files: what the doctor examines."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from ingest.catalog import Family, Source, SqlCatalog
from ingest.chunking import chunk
from ingest.doctor import Holdings, examine
from ingest.doctor_books import VersionKey, read_books
from ingest.doctor_repair import Repair, Tools
from ingest.generations import Generations
from ingest.originals import Originals
from ingest.points import point_id
from ingest.records import Finding, VersionRecord
from ingest.schema import now
from rag.errors import FootnoteError, NotReady
from rag.index_edge import EdgeIndex, drop, strays
from rag.ports import IndexWriter
from rag.types import Document, Point
from tests.fakes import WordEmbedder

CHUNK_TOKENS = 16
PARAGRAPHS = "\n\n".join(
    f"Paragraph {n} speaks of subject{n}, and of nothing else in the whole world." for n in range(8)
)


class Store:
    """A library's holdings without a library."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.database = folder / "catalog.sqlite"
        self.embedder = WordEmbedder()
        self.catalog = SqlCatalog(url or f"sqlite:///{self.database}")
        self.generations = Generations(self.catalog.engine)
        self.index: IndexWriter | None = EdgeIndex(folder / "index", self.embedder.fingerprint)
        self.originals = Originals(folder / "originals")
        self.space = self.catalog.spaces.named("default").id
        self.unable = ""
        self.broken: NotReady | None = None

    def close(self) -> None:
        if self.index is not None:
            self.index.close()
        self.catalog.close()

    def put(self, name: str, text: str = PARAGRAPHS, path: Path | None = None, container: str | None = None) -> str:
        """Store and index a text under a name; the document's id."""
        if path is not None:
            path.write_text(text)
        source = Source.of_path(str(path)) if path else Source.of_upload(name)
        document_id = self.catalog.register(self.space, source, [name])
        if container:
            self.sql("update documents set container_id = ? where id = ?", container, document_id)
        number = self.stage(document_id, Document(name, text, "test/1"), self.originals.put(text.encode()))
        self.catalog.flip([Family(((document_id, number),))])
        return document_id

    def stage(self, document_id: str, document: Document, content_hash: str) -> int:
        """Write a version and its points; its number."""
        chunks = chunk(document, self.embedder.tokenize, CHUNK_TOKENS)
        number = max((n for d, n in self.versions() if d == document_id), default=0) + 1
        version = VersionRecord(
            document_id, number, content_hash, len(document.text), "test/1", "test/1", document.title, None,
            len(document.text), len(chunks), (), 0.0, now(),
        )  # fmt: skip
        self.catalog.stage(version, document)
        vectors = self.embedder.embed_passages([piece.text for piece in chunks])
        assert self.index is not None
        self.index.upsert(
            [
                Point(
                    point_id(document_id, number, piece.ordinal), document_id, number, self.space, piece, tuple(vector)
                )
                for piece, vector in zip(chunks, vectors.tolist(), strict=True)
            ]
        )
        return number

    def versions(self) -> list[VersionKey]:
        """All versions, live or not."""
        return list(read_books(self.catalog.engine).versions)

    def original(self, document_id: str) -> Path:
        """Where the original of a document's live version lies."""
        version = self.catalog.live_version(document_id)
        assert version is not None
        return self.folder / "originals" / version.content_hash[:2] / version.content_hash

    def sql(self, statement: str, *values: object) -> None:
        """Damage the catalog behind everybody's back."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute(statement, values)
            connection.commit()

    # What a library gives the doctor

    def open_index(self) -> IndexWriter | None:
        if self.broken:
            raise self.broken
        return self.index

    def collect(self) -> None:
        dead = self.catalog.dead_versions()
        for document_id, number in dead:
            if self.index is not None:
                self.index.delete(document_id, number)
        for orphan in self.catalog.forget_versions(dead):
            self.originals.delete(orphan)
        self.catalog.forget_removed()
        self.catalog.forget_unseen()

    def reindex(self, document_ids: Sequence[str]) -> Mapping[str, str]:
        if self.unable:
            raise FootnoteError(self.unable)
        if self.index is None:
            self.index = EdgeIndex(self.folder / "index", self.embedder.fingerprint)
        for document_id in document_ids:
            version = self.catalog.live_version(document_id)
            assert version is not None
            try:
                document = Document(version.title, self.originals.get(version.content_hash).decode(), "test/1")
            except FileNotFoundError:
                parsed = self.catalog.parsed(document_id, version.number)
                assert parsed is not None
                document = parsed
            self.catalog.flip([Family(((document_id, self.stage(document_id, document, version.content_hash)),))])
        self.collect()
        return {}

    def forget_generation(self, name: str) -> None:
        drop(self.folder / "index" / name)
        self.generations.forget(name)

    def examine(self, *, repair: bool = False) -> list[Finding]:
        holdings = Holdings(
            self.catalog, self.folder / "originals", self.open_index, self.generations,
            lambda live: strays(self.folder / "index", live),
        )  # fmt: skip
        tools = Tools(
            self.catalog, self.originals, self.open_index, self.collect, self.reindex,
            self.forget_generation,
        )  # fmt: skip
        return examine(holdings, Repair(tools) if repair else None)
