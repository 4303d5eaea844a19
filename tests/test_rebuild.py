"""The index is made anew beside the one in use: searches go on, a kill changes nothing, another embedder takes over."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ingest.embedding_worker import InProcessWorker
from ingest.generations import forget_other_generations
from ingest.loading.parsed import Parsed
from ingest.ports import Worker
from ingest.preparing import Preparer
from ingest.rebuild import Rebuilding, rebuild
from ingest.records import Rebuilt
from ingest.rereading import Reader
from ingest.restaging import Cancelled
from rag.errors import FileRefused, FingerprintMismatch, FootnoteError
from rag.index_edge import EdgeIndex, drop
from rag.ports import IndexWriter, Vector
from rag.switching import SteadyRetriever, SwitchableIndex
from rag.types import Document, Scope
from tests.fakes import WordEmbedder
from tests.stored import Store


def preparer(parser: TextParser, worker: Worker) -> Preparer:
    return Preparer(parser, worker, 32, has_ocr=False, ocr_off=True)


class TextParser:
    """Takes every file for text."""

    def parse(self, name: str, data: bytes, recognised: Mapping[int, str] | None = None) -> Parsed:
        return Parsed(Document(name, data.decode(), "text/1"))


class Rebuilder:
    """A store with what rebuilding needs, the way a library has it."""

    def __init__(self, folder: Path, embedder: WordEmbedder | None = None) -> None:
        self.store = Store(folder)
        self.folder = folder / "index"
        self.embedder = embedder or self.store.embedder
        assert self.store.index is not None
        self.index = SwitchableIndex(self.store.index)
        self.store.index = self.index
        self.parser = TextParser()
        self.worker = InProcessWorker(self.embedder)
        reader = Reader(self.store.catalog, self.store.originals, preparer(self.parser, self.worker), self.worker)
        self.parts = Rebuilding(
            reader, self.store.generations, self.open_index, lambda name: drop(self.folder / name), self.index.switch
        )
        self.retriever = SteadyRetriever(self.index, self.embedder, self.store.catalog, None)

    def open_index(self, generation: str) -> IndexWriter:
        return EdgeIndex(self.folder / generation, self.embedder.fingerprint)

    def rebuild(self, cancelled: Callable[[], bool] = lambda: False) -> Rebuilt:
        *_, last = rebuild(self.parts, cancelled)
        assert isinstance(last, Rebuilt)
        return last

    def found(self, question: str) -> set[str]:
        return {passage.document for passage in self.retriever.retrieve(question, Scope(), 50)}

    def close(self) -> None:
        self.store.close()


@pytest.fixture
def rebuilder(tmp_path: Path) -> Iterator[Rebuilder]:
    (tmp_path / "data").mkdir()
    made = Rebuilder(tmp_path / "data")
    yield made
    made.close()


def text(n: int) -> str:
    return "\n\n".join(f"Paper{n} speaks of subject{n}x{m} and of nothing else in the world." for m in range(6))


def test_all_documents_are_in_the_new_index_and_nothing_of_the_old_is_left(rebuilder: Rebuilder) -> None:
    ids = [rebuilder.store.put(f"{n}.txt", text(n)) for n in range(5)]
    made = rebuilder.rebuild()
    assert made.documents == 5
    assert made.chunks == rebuilder.index.count() > 5
    assert made.kept == ()
    assert {version for _, version in rebuilder.store.versions()} == {2}
    assert {document for document, _ in rebuilder.store.versions()} == set(ids)
    for n in range(5):
        assert f"{n}.txt" in rebuilder.found(f"subject{n}x3")
    assert rebuilder.store.examine() == []
    assert [path.name for path in rebuilder.folder.iterdir()] == [rebuilder.store.generations.live()]


def test_it_can_be_done_again_and_the_index_is_opened_again_where_it_is(rebuilder: Rebuilder) -> None:
    rebuilder.store.put("a.txt")
    rebuilder.rebuild()
    first = rebuilder.store.generations.live()
    rebuilder.rebuild()
    live = rebuilder.store.generations.live()
    assert first != live
    rebuilder.index.close()
    again = rebuilder.open_index(live)
    assert again.count() == 4
    again.close()


def test_an_empty_library(rebuilder: Rebuilder) -> None:
    assert rebuilder.rebuild() == Rebuilt(0, 0)
    assert rebuilder.store.examine() == []


def test_searches_go_on_and_always_find_the_whole(rebuilder: Rebuilder) -> None:
    for n in range(8):
        rebuilder.store.put(f"{n}.txt", text(n))
    wrong: list[object] = []
    done = threading.Event()
    asked = [0]

    def ask() -> None:
        while not done.is_set():
            try:
                for n in range(8):
                    if f"{n}.txt" not in rebuilder.found(f"subject{n}x3"):
                        wrong.append(n)
                    asked[0] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must say it
                wrong.append(error)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for _ in range(3):
        before = asked[0]
        rebuilder.rebuild()
        while asked[0] < before + 20 and not wrong:
            time.sleep(0.01)
    done.set()
    for asker in askers:
        asker.join()
    assert wrong == []


def test_cancelled_in_the_middle_nothing_has_changed(rebuilder: Rebuilder) -> None:
    for n in range(5):
        rebuilder.store.put(f"{n}.txt", text(n))
    before = rebuilder.store.versions()
    with pytest.raises(Cancelled):
        rebuilder.rebuild(lambda: len(rebuilder.store.versions()) > 5)
    assert rebuilder.store.versions() == before
    assert rebuilder.store.generations.live() == ""
    assert rebuilder.store.examine() == []
    assert rebuilder.found("subject3x3")


def test_a_reader_who_goes_away_in_the_middle_leaves_nothing(rebuilder: Rebuilder) -> None:
    rebuilder.store.put("a.txt")
    events = rebuild(rebuilder.parts)
    while next(events).step != "embedding":  # type: ignore[union-attr]
        pass
    events.close()
    assert len(rebuilder.store.versions()) == 1
    assert rebuilder.store.examine() == []
    assert rebuilder.index.count() == 8


def test_killed_in_the_middle_the_old_one_stays_and_the_rest_goes_at_the_next_opening(
    rebuilder: Rebuilder, tmp_path: Path
) -> None:
    """What lies on disk in the middle of a rebuild is copied, and opened as after a kill."""
    rebuilder.store.put("a.txt")
    events = rebuild(rebuilder.parts)
    while next(events).step != "embedding":  # type: ignore[union-attr]
        pass
    rebuilder.index.flush()
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    events.close()
    after = Rebuilder(tmp_path / "copy")
    assert {kind for kind, _ in ((one.kind, one.subject) for one in after.store.examine())} == {"extra", "orphaned"}
    forget_other_generations(after.store.generations, after.parts.drop_index)
    after.store.collect()
    assert after.store.examine() == []
    assert after.found("subject3")
    assert after.rebuild().documents == 1
    after.close()


def test_another_embedder_takes_over(rebuilder: Rebuilder, tmp_path: Path) -> None:
    rebuilder.store.put("a.txt")
    rebuilder.store.close()
    other = WordEmbedder("other words")
    with pytest.raises(FingerprintMismatch, match="footnote rebuild"):
        EdgeIndex(tmp_path / "data" / "index", other.fingerprint)
    shutil.move(tmp_path / "data" / "index", tmp_path / "old")
    after = Rebuilder(tmp_path / "data", other)
    after.index.close()
    shutil.rmtree(tmp_path / "data" / "index")
    shutil.move(tmp_path / "old", tmp_path / "data" / "index")  # what is in use was never opened
    opened: list[IndexWriter] = []

    def switch(index: IndexWriter, commit: Callable[[], bool]) -> bool:
        opened.append(index)
        return commit()

    parts = Rebuilding(after.parts.reader, after.parts.generations, after.open_index, after.parts.drop_index, switch)
    *_, made = rebuild(parts)
    assert made == Rebuilt(1, 4)
    assert opened[0].count() == 4
    version = after.store.catalog.live_version(after.store.versions()[0][0])
    assert version is not None
    assert version.embedder == "other words"
    opened[0].close()
    after.store.catalog.close()


class Refusing(TextParser):
    """Does not read a certain file any more."""

    def parse(self, name: str, data: bytes, recognised: Mapping[int, str] | None = None) -> Parsed:
        if name == "b.txt":
            raise FileRefused("damaged", "b.txt cannot be read any more.", "Fetch it again.")
        return super().parse(name, data, recognised)


def refuse(rebuilder: Rebuilder) -> None:
    reader = rebuilder.parts.reader
    refusing = Reader(reader.catalog, reader.originals, preparer(Refusing(), rebuilder.worker), rebuilder.worker)
    rebuilder.parts = Rebuilding(
        refusing, rebuilder.parts.generations, rebuilder.open_index, rebuilder.parts.drop_index, rebuilder.index.switch
    )


@pytest.mark.parametrize("wrong", ["refused", "gone", "damaged"])
def test_a_file_that_cannot_be_read_any_more_leaves_the_text_of_before(rebuilder: Rebuilder, wrong: str) -> None:
    rebuilder.store.put("a.txt", text(1))
    document = rebuilder.store.put("b.txt", text(2))
    if wrong == "refused":
        refuse(rebuilder)
    elif wrong == "gone":
        rebuilder.store.original(document).unlink()
    else:
        rebuilder.store.original(document).write_bytes(b"something else")
    made = rebuilder.rebuild()
    assert made.documents == 2
    assert len(made.kept) == 1
    assert made.kept[0].startswith("b.txt: ")
    assert "b.txt" in rebuilder.found("subject2x3")
    version = rebuilder.store.catalog.live_version(document)
    assert version is not None
    assert version.parser == "test/1"


def test_where_neither_file_nor_text_is_left_nothing_is_changed(rebuilder: Rebuilder) -> None:
    rebuilder.store.put("a.txt", text(1))
    document = rebuilder.store.put("b.txt", text(2))
    rebuilder.store.original(document).unlink()
    rebuilder.store.sql("update versions set parsed = ? where document_id = ?", b"broken", document)
    with pytest.raises(FootnoteError, match=r"b\.txt") as raised:
        rebuilder.rebuild()
    assert "doctor --repair" in raised.value.remedy
    assert rebuilder.store.generations.live() == ""
    assert len(rebuilder.store.versions()) == 2
    assert rebuilder.found("subject1x3")


class Meddling(InProcessWorker):
    """Does something to the library when the first texts are to be embedded."""

    def __init__(self, embedder: WordEmbedder, meddle: Callable[[], object]) -> None:
        super().__init__(embedder)
        self._meddle: Callable[[], object] | None = meddle

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        if self._meddle:
            meddle, self._meddle = self._meddle, None
            meddle()
        return super().embed_passages(texts)


def meddle(rebuilder: Rebuilder, do: Callable[[], object]) -> None:
    reader = rebuilder.parts.reader
    worker = Meddling(rebuilder.embedder, do)
    meddled = Reader(reader.catalog, reader.originals, preparer(rebuilder.parser, worker), worker)
    rebuilder.parts = Rebuilding(
        meddled, rebuilder.parts.generations, rebuilder.open_index, rebuilder.parts.drop_index, rebuilder.index.switch
    )


def test_what_is_removed_meanwhile_stays_removed(rebuilder: Rebuilder) -> None:
    rebuilder.store.put("a.txt", text(1))
    gone = rebuilder.store.put("b.txt", text(2))
    meddle(rebuilder, lambda: rebuilder.store.catalog.tombstone([gone]))
    assert rebuilder.rebuild().documents == 1
    rebuilder.store.collect()
    assert rebuilder.index.count(gone) == 0
    assert rebuilder.store.examine() == []


def test_what_is_changed_meanwhile_is_read_once_more(rebuilder: Rebuilder) -> None:
    rebuilder.store.put("a.txt", text(1))
    rebuilder.store.put("b.txt", text(2))
    meddle(rebuilder, lambda: rebuilder.store.put("b.txt", text(3)))
    assert rebuilder.rebuild().documents == 2
    assert "b.txt" in rebuilder.found("subject3x3")
    assert not any("Paper2" in passage.text for passage in rebuilder.retriever.retrieve("Paper2", Scope(), 50))
    assert rebuilder.store.examine() == []
