"""Scanned pages on their way through the indexer: recognised page by page, beside everything else, never twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.ocr import OcrStore, scanned_message
from ingest.preparing import OCR_FOUND_NOTHING, UNREAD
from ingest.records import Added, Progress
from rag.errors import FileRefused, IndexUnavailable, ParserDied
from tests.documents import pdf, scan
from tests.fakes import Recordings
from tests.indexing_bench import Bench, incoming
from tests.test_indexing_members import zipped

PAGES = {1: "The crane stands in the yard.", 2: "The bull sleeps in the barn.", 3: "The goat eats the hedge."}


class Reader(Recordings):
    """Reads by heart, and does on some pages what it is told to do before."""

    def __init__(self) -> None:
        super().__init__(PAGES)
        self.errors: dict[int, list[Exception]] = {}
        self.holds: dict[int, threading.Event] = {}

    def recognise(self, name: str, data: bytes, page: int) -> str:
        if hold := self.holds.get(page):
            hold.wait(30)
        text = super().recognise(name, data, page)
        if errors := self.errors.get(page):
            raise errors.pop(0)
        return text


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def bench(tmp_path: Path, reader: Reader) -> Iterator[Bench]:
    made = Bench(tmp_path, reader)
    yield made
    made.close()


@pytest.fixture(scope="module")
def scanned() -> bytes:
    return scan([["The crane"], ["The bull"], ["The goat"]])


def test_the_pages_of_a_scan_are_recognised_and_found(bench: Bench, reader: Reader, scanned: bytes) -> None:
    events = list(bench.indexer.run([incoming("a.pdf", scanned)], bench.space))
    assert [(one.done, one.total) for one in events if isinstance(one, Progress) and one.step == "recognising"] == [
        (1, 3), (2, 3), (3, 3),
    ]  # fmt: skip
    (outcome,) = [one for one in events if isinstance(one, Added)]
    assert outcome.status == "indexed"
    assert outcome.version
    assert outcome.version.ocr_pages == (1, 2, 3)
    assert all(outcome.version.page_characters)
    assert bench.found("bull barn") == set(PAGES.values())
    assert reader.read == [1, 2, 3]
    assert bench.add("a.pdf", scanned).status == "unchanged"
    bench.check()


def test_without_a_recogniser_a_scan_says_how_to_get_one(tmp_path: Path, scanned: bytes) -> None:
    bench = Bench(tmp_path)
    outcome = bench.add("a.pdf", scanned)
    assert outcome.status == "no text (scanned)"
    assert "footnote[ocr]" in outcome.reason
    bench.close()


def test_pages_left_unread_for_want_of_ocr_are_warned_of_and_read_once_it_is_there(
    tmp_path: Path, reader: Reader, scanned: bytes
) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for part in (pdf([["The owl hoots in the tower at night, and nobody hears it."]]), scanned):
        source = tmp_path / "part.pdf"
        source.write_bytes(part)
        for page in PdfReader(source).pages:
            writer.add_page(page)
    mixed = tmp_path / "mixed.pdf"
    writer.write(mixed)
    before = Bench(tmp_path)
    outcome = before.add("a.pdf", mixed.read_bytes())
    assert outcome.status == "indexed"
    assert outcome.version
    assert any(warning.startswith(UNREAD) for warning in outcome.version.warnings)
    assert before.add("a.pdf", mixed.read_bytes()).status == "unchanged"
    before.close()
    after = Bench(tmp_path, reader)
    again = after.add("a.pdf", mixed.read_bytes())
    assert again.status == "indexed"
    assert again.version
    assert again.version.ocr_pages == (2, 3)
    assert not any(warning.startswith(UNREAD) for warning in again.version.warnings)
    assert after.add("a.pdf", mixed.read_bytes()).status == "unchanged"
    after.check()
    after.close()


def test_where_nothing_is_recognised_that_is_said(tmp_path: Path, scanned: bytes) -> None:
    bench = Bench(tmp_path, Recordings({}))
    outcome = bench.add("a.pdf", scanned)
    assert outcome.status == "no text (scanned)"
    assert OCR_FOUND_NOTHING in outcome.reason
    assert OCR_FOUND_NOTHING in str(scanned_message("a.pdf", 3, engine_missing=False, off=False))
    bench.close()


def test_a_page_that_fails_does_not_stop_the_others(bench: Bench, reader: Reader, scanned: bytes) -> None:
    died = ParserDied("The reader died.")
    reader.errors = {1: [died, died], 2: [FileRefused("failed", "Too slow.")], 3: [died, died, died]}
    outcome = bench.add("a.pdf", scanned)
    assert outcome.status == "indexed"
    assert outcome.version
    assert outcome.version.ocr_pages == (1,)
    assert any("OCR failed on pages 2, 3" in warning for warning in outcome.version.warnings)
    assert reader.read == [1, 1, 1, 2, 3, 3, 3]


def test_what_was_recognised_before_a_stop_is_not_recognised_again(
    bench: Bench, reader: Reader, scanned: bytes
) -> None:
    outcomes = bench.run([incoming("a.pdf", scanned)], cancelled=lambda: len(reader.read) >= 2)
    assert [one.status for one in outcomes if isinstance(one, Added)] == ["cancelled"]
    done = OcrStore(bench.catalog.engine).texts(incoming("a.pdf", scanned).content_hash, reader.engine)
    assert 1 <= len(done) <= 2
    reader.read.clear()
    assert bench.add("a.pdf", scanned).status == "indexed"
    assert not set(reader.read) & set(done)
    bench.check()


def test_other_files_do_not_wait_for_a_scan(bench: Bench, reader: Reader, scanned: bytes) -> None:
    hold = reader.holds[2] = threading.Event()
    done: list[str] = []
    events = bench.indexer.run([incoming("a.pdf", scanned), incoming("b.md", "The owl.")], bench.space)
    for event in events:
        if isinstance(event, Added):
            done.append(event.document)
            hold.set()
    assert done == ["b.md", "a.pdf"]


def test_two_runs_take_turns_at_the_recogniser(bench: Bench, reader: Reader, scanned: bytes) -> None:
    reader.holds[1] = threading.Event()
    runs = [
        threading.Thread(target=bench.run, args=([incoming(name, scanned + name.encode())],))
        for name in ("a.pdf", "b.pdf")
    ]
    for run in runs:
        run.start()
    threading.Event().wait(0.5)
    reader.holds[1].set()
    for run in runs:
        run.join()
    assert sorted(reader.read) == [1, 1, 2, 2, 3, 3]
    assert reader.read[:2] == [1, 1], "a page of the one, a page of the other"


def test_what_is_no_fault_of_the_page_ends_the_run(bench: Bench, reader: Reader, scanned: bytes) -> None:
    reader.errors = {2: [IndexUnavailable("The disk is full.")]}
    with pytest.raises(IndexUnavailable):
        bench.run([incoming("a.pdf", scanned)])
    assert bench.catalog.documents() == []
    bench.check()


def test_a_scan_inside_a_zip_is_recognised_once_that_is_possible(
    tmp_path: Path, reader: Reader, scanned: bytes
) -> None:
    packed = zipped({"a.pdf": scanned, "b.md": "The owl."})
    before = Bench(tmp_path)
    assert before.add_all({"x.zip": packed})["x.zip/a.pdf"] == "no text (scanned)"
    before.close()
    after = Bench(tmp_path, reader)
    assert after.add_all({"x.zip": packed})["x.zip/a.pdf"] == "indexed"
    assert set(after.add_all({"x.zip": packed}).values()) == {"unchanged"}
    after.check()
    after.close()
