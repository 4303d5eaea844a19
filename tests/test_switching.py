"""An index is exchanged while questions go on: none fails, and none sees two."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import IndexUnavailable
from rag.index_edge import EdgeIndex
from rag.retrieval import Retriever
from rag.switching import SteadyRetriever, SwitchableIndex
from rag.types import Chunk, LiveDocument, Point, Scope
from tests.fakes import WordEmbedder

EMBEDDER = WordEmbedder()


class Truth:
    """A catalog of one document, whose live version can be set."""

    def __init__(self) -> None:
        self.version = 1

    def live(self, document_ids: object) -> dict[str, LiveDocument]:
        return {"d": LiveDocument("d", self.version, "d.txt", "default")}


def index_of(folder: Path, version: int) -> EdgeIndex:
    index = EdgeIndex(folder / str(version), EMBEDDER.fingerprint)
    texts = [f"crane number{n} of version{version}" for n in range(20)]
    index.upsert(
        [
            Point(f"00000000-0000-0000-000{version}-0000000000{n:02}", "d", version, "s", Chunk(n, 0, len(text), text), tuple(vector))
            for n, (text, vector) in enumerate(zip(texts, EMBEDDER.embed_passages(texts).tolist(), strict=True))
        ]
    )  # fmt: skip
    return index


@pytest.fixture
def switchable(tmp_path: Path) -> Iterator[SwitchableIndex]:
    made = SwitchableIndex(index_of(tmp_path, 1))
    yield made
    made.close()


def test_it_is_the_new_index_from_the_moment_of_the_switch(switchable: SwitchableIndex, tmp_path: Path) -> None:
    old = switchable._index
    assert switchable.count("d", 1) == 20
    assert switchable.switch(index_of(tmp_path, 2), lambda: True)
    assert (switchable.count("d", 1), switchable.count("d", 2)) == (0, 20)
    with pytest.raises(IndexUnavailable):
        old.count()


def test_a_refused_switch_leaves_the_old_one(switchable: SwitchableIndex, tmp_path: Path) -> None:
    new = index_of(tmp_path, 2)
    assert not switchable.switch(new, lambda: False)
    assert switchable.count("d", 1) == 20
    new.close()


def test_the_old_one_is_not_closed_under_a_reader(switchable: SwitchableIndex, tmp_path: Path) -> None:
    listing = switchable.inventory()
    first = next(listing)
    switching = threading.Thread(target=switchable.switch, args=(index_of(tmp_path, 2), lambda: True))
    switching.start()
    time.sleep(0.3)
    assert switching.is_alive()
    assert len({first.id, *(key.id for key in listing)}) == 20
    switching.join(5)
    assert not switching.is_alive()
    assert switchable.count("d", 2) == 20


@pytest.mark.parametrize("steady", [True, False])
def test_a_search_during_the_switch_never_comes_back_empty(
    switchable: SwitchableIndex, tmp_path: Path, *, steady: bool
) -> None:
    """Without steadiness a search that the switch falls into finds nothing: that the test can fail is shown too."""
    truth = Truth()
    kind = SteadyRetriever if steady else Retriever
    retriever = kind(switchable, EMBEDDER, truth, None)
    found: list[set[str]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            found.append({passage.text.split()[-1] for passage in retriever.retrieve("crane", Scope(), 5)})

    def commit() -> bool:
        truth.version = 2
        time.sleep(0.3)
        return True

    asker = threading.Thread(target=ask)
    asker.start()
    new = index_of(tmp_path, 2)
    time.sleep(0.2)
    switchable.switch(new, commit)
    time.sleep(0.2)
    done.set()
    asker.join()
    answers = {word for words in found for word in words}
    assert answers == {"version1", "version2"}
    assert all(len(words) == 1 for words in found) is steady
    assert found == sorted(found, key=lambda words: sorted(words)) or not steady
