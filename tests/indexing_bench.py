"""An indexer with all its parts, over a real catalog and a real edge index in a folder. What the tests of indexing share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ingest.catalog import Source, SqlCatalog
from ingest.embedding_worker import InProcessWorker
from ingest.files import Incoming
from ingest.indexing import Indexer
from ingest.loading.parsed import Parsed
from ingest.originals import Originals
from ingest.ports import Recogniser
from ingest.records import Added, Postponed, Space
from rag.errors import ParserDied
from rag.index_edge import EdgeIndex
from rag.ports import Vector
from rag.retrieval import Retriever
from rag.types import Point, Scope
from tests.fakes import InProcessParser, ShareReranker, WordEmbedder

LONG = 300
"""Paragraphs of a long text: some batches of chunks."""


class Parser(InProcessParser):
    """Reads with the real loaders; dies as often as it is told to at a file of a name, and waits where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.parsed: list[str] = []
        self.deaths: dict[str, int] = {}
        self.holds: dict[str, threading.Event] = {}

    def parse(self, name: str, data: bytes, recognised: Mapping[int, str] | None = None) -> Parsed:
        self.parsed.append(name)
        if hold := self.holds.get(name):
            hold.wait(30)
        if self.deaths.get(name):
            self.deaths[name] -= 1
            raise ParserDied(f"{name} killed its reader.")
        return super().parse(name, data, recognised)


class Worker(InProcessWorker):
    """Embeds in process. `before` is called before each batch; what it raises, embedding raises."""

    def __init__(self, embedder: WordEmbedder) -> None:
        super().__init__(embedder)
        self.before: Callable[[Sequence[str]], object] = len
        self.batches: list[int] = []

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        self.before(texts)
        self.batches.append(len(texts))
        return super().embed_passages(texts)


class WatchedIndex(EdgeIndex):
    """An edge index that calls `on_upsert` and `on_flush` before it does these; what they raise, it raises."""

    on_upsert: Callable[[Sequence[Point]], object] = staticmethod(len)
    on_flush: Callable[[], object] = staticmethod(int)
    flushes = 0

    def upsert(self, points: Sequence[Point]) -> None:
        self.on_upsert(points)
        super().upsert(points)

    def flush(self) -> None:
        self.on_flush()
        self.flushes += 1
        super().flush()


class Bench:
    """An indexer with all its parts, in a folder."""

    def __init__(self, folder: Path, recogniser: Recogniser | None = None, url: str = "") -> None:
        self.folder = folder
        self.embedder = WordEmbedder()
        self.parser = Parser()
        self.worker = Worker(self.embedder)
        self.catalog = SqlCatalog(url or f"sqlite:///{folder / 'catalog.sqlite'}")
        self.index = WatchedIndex(folder / "index", self.embedder.fingerprint)
        self.originals_folder = folder / "originals"
        self.originals = Originals(self.originals_folder)
        self.indexer = Indexer(self.catalog, self.index, self.worker, self.parser, self.originals, 64, recogniser)
        self.space = self.catalog.spaces.named("default")
        self.retriever = Retriever(self.index, self.embedder, self.catalog, ShareReranker())

    def add(self, name: str, content: str | bytes, space: Space | None = None) -> Added:
        """Add one file from an imaginary path; its outcome, which must be the only one."""
        (outcome,) = self.run([incoming(name, content)], space)
        assert isinstance(outcome, Added)
        return outcome

    def add_all(self, files: Mapping[str, str | bytes]) -> dict[str, str]:
        """Add files; what became of each."""
        outcomes = self.run([incoming(name, content) for name, content in files.items()])
        return {one.document: one.status for one in outcomes if isinstance(one, Added)}

    def run(
        self,
        files: Iterable[Incoming | Added | Postponed],
        space: Space | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Added | Postponed]:
        """Run; everything but the progress."""
        events = self.indexer.run(files, space or self.space, cancelled)
        return [event for event in events if isinstance(event, Added | Postponed)]

    def found(self, question: str) -> set[str]:
        """The texts of all passages that a question finds."""
        return {passage.text for passage in self.retriever.retrieve(question, Scope(), 50)}

    def found_all(self, question: str) -> set[str]:
        """The texts of all passages that a question finds, however many."""
        return {passage.text for passage in self.retriever.retrieve(question, Scope(), 10_000)}

    def names(self) -> set[str]:
        return {record.name for record in self.catalog.documents()}

    def stored(self) -> int:
        """How many files there are among the originals, half-written ones included."""
        return sum(path.is_file() for path in self.originals_folder.rglob("*"))

    def check(self) -> None:
        """Catalog, index and originals agree, and nothing that is dead is left."""
        assert self.catalog.dead_versions() == []
        assert self.index.count() == self.catalog.totals()[1]
        assert set(self.originals.names()) == self.catalog.contents()
        assert self.stored() == len(self.catalog.contents())

    def close(self) -> None:
        self.indexer.close()
        self.index.close()
        self.catalog.close()


def incoming(name: str, content: str | bytes) -> Incoming:
    data = content.encode() if isinstance(content, str) else content
    return Incoming(Source.of_path(f"/papers/{name}"), (name,), data)


def long_text(about: str, paragraphs: int = LONG) -> str:
    """A text of many chunks, each of which says what it is about."""
    return "\n\n".join(
        f"# Part {n}\n\nThe {about} number {n} stands in yard {n}. " + "It lifts. " * 30 for n in range(paragraphs)
    )
