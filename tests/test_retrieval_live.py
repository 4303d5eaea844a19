"""A search beside changes: it sees a document's old version or its new one, never both, never part, and nothing that was removed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rag.ports import Vector
from rag.types import Hit, LiveDocument, Scope
from tests.indexing_bench import Bench, WatchedIndex


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


@dataclass
class Interrupted:
    """An index where something happens right after it was asked the second time, by vector and words, and before the catalog is."""

    index: WatchedIndex
    happens: Callable[[], object] = int
    queries: int = 0

    def query(self, vector: Vector | None, text: str | None, scope: Scope, limit: int) -> list[Hit]:
        self.queries += 1
        hits = self.index.query(vector, text, scope, limit)
        if self.queries == 2:
            self.happens()
        return hits

    def count(self, document_id: str | None = None, version: int | None = None) -> int:
        return self.index.count(document_id, version)

    def close(self) -> None:
        self.index.close()


def text(version: int, parts: int = 6) -> str:
    return "\n\n".join(
        f"# Part {n}\n\nThe crane of revision {version}, part {n}. " + "It lifts. " * 25 for n in range(parts)
    )


def revisions(bench: Bench, index: Interrupted) -> set[str]:
    """The revisions that a search finds, with how many parts of each."""
    passages = replace(bench.retriever, index=index).retrieve("crane revision part", Scope(), 1000)
    found = [passage.text.split("revision ")[1].split(",")[0] for passage in passages if "revision" in passage.text]
    return {f"{found.count(one)} of {one}" for one in found}


def test_a_flip_between_index_and_catalog_does_not_lose_the_document(bench: Bench) -> None:
    bench.add("a.md", text(1))
    index = Interrupted(bench.index, lambda: bench.add("a.md", text(2)))
    assert revisions(bench, index) == {"6 of 2"}


def test_a_new_document_is_seen_whole_or_not_at_all(bench: Bench) -> None:
    """Half of it is in the index when that is asked, and all of it is live when the catalog is."""
    bench.add("other.md", "Something else.")
    found: list[set[str]] = []
    half_read, added = threading.Event(), threading.Event()

    def read_half() -> None:
        half_read.set()
        added.wait(60)

    searching = threading.Thread(target=lambda: found.append(revisions(bench, Interrupted(bench.index, read_half))))

    def in_the_middle(_: object) -> None:
        written.append(bench.index.count())
        if len(written) == 3:
            searching.start()
            half_read.wait(60)

    written: list[int] = []
    bench.index.on_upsert = in_the_middle
    bench.add("a.md", text(1, 150))
    added.set()
    searching.join()
    assert written[2] > written[0]
    assert found == [{"150 of 1"}]


def test_what_is_removed_while_the_passages_are_read_is_not_found(bench: Bench) -> None:
    """The reranker takes its time: a document that goes meanwhile is not in the answer, and others move up."""
    ids = [bench.add(f"{n}.md", f"The crane number {n} is yellow.").document_id for n in range(4)]

    class Slow:
        def score(self, question: str, texts: Iterable[str]) -> list[float]:
            if ids:
                bench.indexer.remove([ids.pop()])
            return [0.5 for _ in texts]

    found = replace(bench.retriever, reranker=Slow()).retrieve("crane number", Scope(), 1)
    assert len(found) <= 1
    assert all(bench.catalog.live([passage.document_id]) for passage in found)


def test_versions_that_were_seen_live_cost_no_further_query(bench: Bench) -> None:
    bench.add("a.md", text(1))
    index = Interrupted(bench.index)
    revisions(bench, index)
    assert index.queries == 2


def test_a_search_that_goes_on_all_the_time_sees_whole_versions_only(bench: Bench) -> None:
    bench.add("a.md", text(0))
    seen: list[set[str]] = []
    ended = threading.Event()

    def search() -> None:
        while not ended.is_set():
            seen.append(revisions(bench, Interrupted(bench.index)))

    searching = threading.Thread(target=search)
    searching.start()
    try:
        for version in range(1, 12):
            bench.add("a.md", text(version))
            current = revisions(bench, Interrupted(bench.index))
            assert current == {f"6 of {version}"}, "what was acknowledged is found at once"
    finally:
        ended.set()
        searching.join()
    assert len(seen) > 5
    assert {len(one) for one in seen} == {1}, "never both, never none"
    assert all(one.startswith("6 of ") for found in seen for one in found), "never part"
    order = [int(one.split(" of ")[1]) for found in seen for one in found]
    assert order == sorted(order), "never back"


def test_a_removed_document_is_gone_from_the_moment_on(bench: Bench) -> None:
    kept = bench.add("kept.md", "The crane that stays.").document_id
    removed: set[str] = set()
    wrong: list[str] = []
    ended = threading.Event()

    def search() -> None:
        while not ended.is_set():
            gone = set(removed)
            found = {passage.document_id for passage in bench.retriever.retrieve("crane", Scope(), 50)}
            wrong.extend(found & gone)
            if kept not in found:
                wrong.append("the document that stays was not found")

    searching = threading.Thread(target=search)
    searching.start()
    try:
        for n in range(15):
            added = bench.add(f"{n}.md", f"The crane number {n}.").document_id
            bench.indexer.remove([added])
            removed.add(added)
    finally:
        ended.set()
        searching.join()
    assert wrong == []
    bench.check()


def test_the_catalog_is_asked_for_what_the_index_found_alone(bench: Bench) -> None:
    """A catalog that knows nothing of what is found: then nothing is, however often it is asked."""
    bench.add("a.md", text(1))

    class Empty:
        def live(self, document_ids: Iterable[str]) -> Mapping[str, LiveDocument]:
            return {}

    assert replace(bench.retriever, catalog=Empty()).retrieve("crane", Scope(), 5) == []
