"""Indexing over a real catalog and a real edge shard: add, change, remove, fail, stop in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.catalog import Source, SqlCatalog
from ingest.files import Incoming
from ingest.indexing import EMBED_AT_A_TIME, Indexer, header_of
from ingest.originals import Originals
from ingest.records import Added, Progress
from rag.index_edge import EdgeIndex
from rag.retrieval import Retriever
from rag.types import Document, Scope
from tests.fakes import ShareReranker, WordEmbedder


class Bench:
    """An indexer with all its parts, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.embedder = WordEmbedder()
        self.catalog = SqlCatalog(f"sqlite:///{folder / 'catalog.sqlite'}")
        self.index = EdgeIndex(folder / "index", self.embedder.fingerprint)
        self.originals_folder = folder / "originals"
        self.indexer = Indexer(self.catalog, self.index, self.embedder, Originals(self.originals_folder), 64)
        self.space = self.catalog.spaces.named("default")
        self.retriever = Retriever(self.index, self.embedder, self.catalog, ShareReranker())

    def add(self, name: str, text: str) -> Added:
        """Add one text file from an imaginary path."""
        return self.add_bytes(name, text.encode())

    def add_bytes(self, name: str, data: bytes) -> Added:
        outcomes = [e for e in self.indexer.add(iter([incoming(name, data)]), self.space) if isinstance(e, Added)]
        assert len(outcomes) == 1
        return outcomes[0]

    def found(self, question: str) -> set[str]:
        """The texts of all passages that a question finds by words."""
        return {passage.text for passage in self.retriever.retrieve(question, Scope(), 50)}

    def originals(self) -> int:
        return sum(path.is_file() for path in self.originals_folder.rglob("*"))

    def close(self) -> None:
        self.index.close()
        self.catalog.close()


def incoming(name: str, data: bytes) -> Incoming:
    return Incoming(Source.of_path(f"/papers/{name}"), (name,), data)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_new_file_is_found(bench: Bench) -> None:
    assert bench.add("a.md", "The crane is yellow.").status == "indexed"
    assert bench.found("crane") == {"The crane is yellow."}


def test_adding_again_unchanged_does_nothing(bench: Bench) -> None:
    first = bench.add("a.md", "The crane is yellow.")
    embedded = len(bench.embedder.embedded)
    second = bench.add("a.md", "The crane is yellow.")
    assert second.status == "unchanged"
    assert (second.chunks, second.document_id) == (first.chunks, first.document_id)
    assert len(bench.embedder.embedded) == embedded
    assert bench.index.count() == 1


def test_a_changed_file_replaces_the_old_text_and_keeps_its_id(bench: Bench) -> None:
    first = bench.add("a.md", "The crane is yellow.")
    second = bench.add("a.md", "The crane is green.")
    assert (second.status, second.document_id) == ("indexed", first.document_id)
    assert bench.found("crane yellow green") == {"The crane is green."}
    assert bench.index.count() == 1, "the old version's points are collected"
    assert bench.originals() == 1


def test_removing_leaves_nothing(bench: Bench) -> None:
    added = bench.add("a.md", "The crane is yellow.")
    bench.indexer.remove([added.document_id])
    assert bench.found("crane") == set()
    assert bench.index.count() == 0
    assert bench.originals() == 0
    assert bench.catalog.documents() == []
    assert bench.catalog.parsed(added.document_id, 1) is None


def test_two_documents_of_the_same_content_share_the_original(bench: Bench) -> None:
    first, second = bench.add("a.md", "Same text here."), bench.add("b.md", "Same text here.")
    assert bench.originals() == 1
    bench.indexer.remove([first.document_id])
    assert bench.originals() == 1
    assert bench.found("same text") == {"Same text here."}
    bench.indexer.remove([second.document_id])
    assert bench.originals() == 0


def test_a_damaged_new_version_leaves_the_old_one_live(bench: Bench) -> None:
    bench.add("a.pdf.md", "The crane is yellow.")
    outcome = bench.add_bytes("a.pdf.md", b"%PDF-1.7 nothing of a PDF follows")
    assert outcome.status == "damaged"
    assert bench.found("crane") == {"The crane is yellow."}
    (record,) = bench.catalog.documents()
    assert (record.state, record.live_version) == ("damaged", 1)


def test_a_bad_file_holds_nobody_up_and_keeps_its_place(bench: Bench) -> None:
    files = [incoming("a.md", b"Apples."), incoming("b.xyz", b"\x00\x01\x02"), incoming("c.md", b"Cherries.")]
    outcomes = {e.document: e.status for e in bench.indexer.add(iter(files), bench.space) if isinstance(e, Added)}
    assert outcomes == {"a.md": "indexed", "b.xyz": "unsupported", "c.md": "indexed"}
    assert bench.found("apples cherries") == {"Apples.", "Cherries."}


def test_stopped_in_the_middle_the_old_version_stays_and_nothing_is_left(bench: Bench) -> None:
    bench.add("a.md", "The crane is yellow.")
    long = "\n\n".join(
        f"# Part {n}\n\nThe crane number {n} is green and stands in yard {n}. " + "It lifts. " * 60
        for n in range(EMBED_AT_A_TIME * 2)
    )
    events = bench.indexer.add(iter([incoming("a.md", long.encode())]), bench.space)
    for event in events:
        if isinstance(event, Progress) and event.step == "embedding" and event.done:
            break
    assert bench.index.count() > 1, "some of the new version is written"
    assert bench.found("crane yellow") == {"The crane is yellow."}, "and none of it is seen"
    events.close()
    assert bench.index.count() == 1
    assert bench.found("crane yellow") == {"The crane is yellow."}


def test_the_same_file_twice_in_one_run_ends_as_one_document(bench: Bench) -> None:
    files = [incoming("a.md", b"Old words."), incoming("a.md", b"New words.")]
    list(bench.indexer.add(iter(files), bench.space))
    assert bench.found("words") == {"New words."}
    assert bench.index.count() == 1


def test_a_dead_version_is_passed_over_and_the_places_are_filled_up(bench: Bench) -> None:
    files = [incoming(f"{n}.md", f"The crane number {n} is yellow.".encode()) for n in range(60)]
    list(bench.indexer.add(iter(files), bench.space))
    ids = [record.id for record in bench.catalog.documents()]
    bench.catalog.tombstone(ids[:50])
    assert len(bench.retriever.retrieve("crane number", Scope(), 10)) == 10


def test_a_space_limits_what_is_found(bench: Bench) -> None:
    bench.add("a.md", "The crane is yellow.")
    other = bench.catalog.spaces.add("Other")
    list(bench.indexer.add(iter([incoming("b.md", b"The crane is green.")]), other))
    found = bench.retriever.retrieve("crane", Scope(spaces=frozenset({other.id})), 10)
    assert [(p.text, p.space) for p in found] == [("The crane is green.", "Other")]


@pytest.mark.parametrize(
    ("name", "title", "header"),
    [
        ("ACME_2022_10K.pdf", "", "ACME 2022 10K"),
        ("ACME_2022_10K.pdf", "acme 2022", "ACME 2022 10K"),
        ("sub/leave-policy.md", "Leave and absence", "leave policy: Leave and absence"),
    ],
)
def test_the_header_names_the_document_in_words(name: str, title: str, header: str) -> None:
    assert header_of(name, Document(title, "text", "p")) == header
