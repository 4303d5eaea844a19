"""Runs beside each other, runs that are stopped, and runs that fail: nothing half done stays, nobody waits for long."""

from __future__ import annotations

import gc
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.catalog import Source
from ingest.files import Incoming
from ingest.records import Added, Postponed, Progress
from ingest.schema import JOB_FILES, JOBS, OCR_PAGES
from rag.errors import IndexUnavailable, NotReady
from tests.indexing_bench import Bench, incoming, long_text


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def statuses(outcomes: Sequence[Added | Postponed]) -> list[str]:
    return [one.status if isinstance(one, Added) else "postponed" for one in outcomes]


class Beside:
    """A run in a thread of its own."""

    def __init__(self, bench: Bench, files: Sequence[Incoming]) -> None:
        self.outcomes: list[Added | Postponed] = []
        self.ended_at = 0.0
        self._thread = threading.Thread(target=self._run, args=(bench, files))
        self._thread.start()

    def _run(self, bench: Bench, files: Sequence[Incoming]) -> None:
        self.outcomes = bench.run(files)
        self.ended_at = time.monotonic()

    def join(self) -> list[str]:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return statuses(self.outcomes)


# Beside each other


def test_two_adds_of_one_file_at_the_same_time_end_as_one_document(bench: Bench) -> None:
    hold = bench.parser.holds["a.md"] = threading.Event()
    runs = [Beside(bench, [incoming("a.md", "The crane."), incoming("b.md", "The bull.")]) for _ in range(4)]
    time.sleep(0.3)
    hold.set()
    results = [run.join() for run in runs]
    assert sorted(status for result in results for status in result) == ["indexed"] * 2 + ["unchanged"] * 6
    assert len(bench.catalog.documents()) == 2
    bench.check()


def test_two_runs_that_want_each_others_files_both_end(bench: Bench) -> None:
    files = [incoming(f"{n}.md", f"The crane number {n}.") for n in range(200)]
    runs = [Beside(bench, files), Beside(bench, files[::-1])]
    assert sorted(status for run in runs for status in run.join()) == ["indexed"] * 200 + ["unchanged"] * 200
    bench.check()


def test_a_small_job_beside_a_huge_one_is_soon_done(bench: Bench) -> None:
    bench.worker.before = lambda _: time.sleep(0.05)
    huge = Beside(bench, [incoming(f"{n}.md", long_text(f"crane {n}", 800)) for n in range(3)])
    while len(bench.worker.batches) < 3:
        time.sleep(0.01)
    before = len(bench.worker.batches)
    small = Beside(bench, [incoming("small.md", "The bull.")])
    assert small.join() == ["indexed"]
    assert len(bench.worker.batches) - before <= 20, "it waited for a few batches of the huge one, not for all"
    assert huge.ended_at == 0
    assert huge.join() == ["indexed"] * 3
    bench.check()


def test_nobody_collects_what_another_run_has_staged(bench: Bench) -> None:
    bench.worker.before = lambda _: bench.indexer.collect()
    assert statuses(bench.run([incoming("a.md", long_text("crane"))])) == ["indexed"]
    bench.check()


def test_runs_that_end_together_share_a_flush(bench: Bench) -> None:
    gate, flushing = threading.Event(), threading.Event()

    def slow() -> None:
        flushing.set()
        gate.wait(10)

    bench.index.on_flush = slow
    first = Beside(bench, [incoming("0.md", "The crane.")])
    flushing.wait(10)
    others = [Beside(bench, [incoming(f"{n}.md", f"The crane {n}.")]) for n in range(1, 9)]
    while bench.index.count() < 9:
        time.sleep(0.01)
    time.sleep(0.2)
    gate.set()
    assert [run.join() for run in (first, *others)] == [["indexed"]] * 9
    assert bench.index.flushes <= 4
    bench.check()


def test_adding_removing_and_searching_at_once_loses_nothing(bench: Bench) -> None:
    """Three threads add their own files again and again, and remove some; what each added last is what is found."""

    def work(who: int) -> None:
        for revision in range(6):
            bench.run([incoming(f"{who}-{n}.md", f"The crane {who} {n} of {revision}.") for n in range(5)])
            removed = [bench.catalog.resolve(f"{who}-{n}.md").id for n in range(revision % 3)]
            bench.indexer.remove(removed)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.found("crane of") == {f"The crane {who} {n} of 5." for who in range(3) for n in range(2, 5)}
    bench.check()


# Stopped


def test_cancelled_in_the_middle_the_old_version_stays_and_nothing_is_left(bench: Bench) -> None:
    bench.add("a.md", "The crane is yellow.")
    embedded: list[int] = []
    bench.worker.before = lambda texts: embedded.append(len(texts))
    files = [incoming("a.md", long_text("green crane", 3000)), incoming("b.md", long_text("bull", 3000))]
    outcomes = bench.run(files, cancelled=lambda: len(embedded) >= 4)
    assert statuses(outcomes) == ["cancelled"] * 2
    assert len(embedded) <= 8, "a batch or two later it had stopped"
    assert bench.found("crane yellow green") == {"The crane is yellow."}
    assert bench.names() == {"a.md"}
    bench.check()


def test_what_was_published_before_the_cancel_stays(bench: Bench) -> None:
    files = [incoming(f"{n}.md", f"The crane number {n}.") for n in range(300)]
    published: list[str] = []
    events = bench.indexer.run(files, bench.space, lambda: len(published) >= 100)
    for event in events:
        if isinstance(event, Added):
            published.append(event.status)  # noqa: PERF401 - the run looks at it meanwhile
    assert published.count("indexed") >= 100
    assert published.count("cancelled") > 0
    assert bench.catalog.totals()[0] == published.count("indexed")
    bench.check()


def test_closed_in_the_middle_nothing_is_left(bench: Bench) -> None:
    bench.add("a.md", "The crane is yellow.")
    events = bench.indexer.run([incoming("a.md", long_text("crane"))], bench.space)
    for event in events:
        if isinstance(event, Progress) and event.step == "embedding":
            break
    assert bench.index.count() > 1, "some of the new version is written"
    assert bench.found("crane yellow") == {"The crane is yellow."}, "and none of it is seen"
    events.close()
    bench.check()
    assert bench.add("a.md", "The crane is red.").status == "indexed", "and the file is free again"


def test_removed_while_it_is_indexed_it_is_not_resurrected(bench: Bench) -> None:
    document_id = bench.add("a.md", "The crane is yellow.").document_id

    def remove(_: object) -> None:
        if len(bench.worker.batches) == 3:
            bench.indexer.remove([document_id])

    bench.worker.before = remove
    outcomes = bench.run([incoming("a.md", long_text("crane", 2000)), incoming("b.md", "The bull.")])
    by_name = {one.document: one for one in outcomes if isinstance(one, Added)}
    assert by_name["a.md"].status == "cancelled"
    assert "was removed while it was being indexed" in by_name["a.md"].reason
    assert by_name["b.md"].status == "indexed"
    assert len(bench.worker.batches) < 12, "embedding it was given up"
    assert bench.found("crane") == {"The bull."}
    assert bench.names() == {"b.md"}
    bench.check()


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_space_that_is_removed_takes_with_it_what_is_on_its_way_there(bench: Bench, batches: int) -> None:
    space = bench.catalog.spaces.add("Other")

    def remove(_: object) -> None:
        if len(bench.worker.batches) == batches:
            bench.indexer.remove_space("Other")

    bench.worker.before = remove
    files = [incoming("a.md", long_text("crane")), incoming("torn.pdf", "%PDF-1.4 nope"), incoming("b.md", "The bull.")]
    assert set(statuses(bench.run(files, space))) <= {"cancelled", "indexed", "damaged"}
    assert bench.catalog.documents() == []
    assert bench.found("crane bull") == set()
    bench.check()


def test_a_space_that_is_gone_already_makes_all_of_it_cancelled(bench: Bench) -> None:
    space = bench.catalog.spaces.add("Other")
    bench.indexer.remove_space("Other")
    files = [incoming("a.md", "The crane."), incoming("torn.pdf", "%PDF-1.4 nope")]
    assert statuses(bench.run(files, space)) == ["cancelled"] * 2
    assert bench.catalog.documents() == []
    bench.check()


# Failing


def test_a_parser_that_dies_postpones_its_file_alone(bench: Bench) -> None:
    bench.parser.deaths["b.md"] = 1
    outcomes = bench.run([incoming(name, f"The crane {name}") for name in ("a.md", "b.md", "c.md")])
    postponed = [one for one in outcomes if isinstance(one, Postponed)]
    assert [(one.source, one.counts) for one in postponed] == [("path:/papers/b.md", True)]
    assert "killed its reader" in postponed[0].reason
    assert bench.names() == {"a.md", "c.md"}
    assert bench.add("b.md", "The crane b.md").status == "indexed"
    bench.check()


@pytest.mark.parametrize(
    "error",
    [
        IndexUnavailable("The index is away."),
        OSError(28, "No space left on device"),
        sa.exc.OperationalError("insert", {}, sqlite3.OperationalError("database is locked")),
    ],
)
@pytest.mark.parametrize("where", ["upsert", "flush", "embed"])
def test_what_is_no_fault_of_a_file_is_raised_and_nothing_half_done_stays(
    bench: Bench, error: Exception, where: str
) -> None:
    bench.add("a.md", "The crane is yellow.")

    def fail(_: object = None) -> None:
        if len(bench.worker.batches) >= 3:
            raise error

    if where == "upsert":
        bench.index.on_upsert = fail
    elif where == "flush":
        bench.index.on_flush = fail
    else:
        bench.worker.before = fail
    with pytest.raises(type(error)):
        bench.run([incoming("a.md", long_text("crane")), incoming("b.md", long_text("bull"))])
    assert bench.found("crane yellow") == {"The crane is yellow."}
    assert bench.names() == {"a.md"}
    bench.index.on_upsert, bench.index.on_flush, bench.worker.before = len, int, len
    bench.indexer.collect()
    bench.check()
    assert (
        statuses(bench.run([incoming("a.md", "The crane is red."), incoming("b.md", "The bull.")])) == ["indexed"] * 2
    )
    bench.check()


def test_a_database_that_is_locked_by_another_program_fails_the_run_and_not_the_library(bench: Bench) -> None:
    bench.add("a.md", "The crane is yellow.")
    with bench.catalog.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=100")  # of one connection of the pool, which is the only one
    other = sqlite3.connect(bench.folder / "catalog.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(NotReady, match="locked"):
            bench.run([incoming("a.md", "The crane is red.")])
        assert bench.found("crane") == {"The crane is yellow."}, "reading goes on"
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert bench.add("a.md", "The crane is red.").status == "indexed"
    bench.check()


def test_originals_that_cannot_be_written_make_nothing_visible(bench: Bench) -> None:
    bench.add("a.md", "The crane is yellow.")
    blocker = bench.originals_folder / incoming("b.md", "The bull.").content_hash[:2]
    blocker.write_text("a file where a folder must be")
    with pytest.raises(OSError, match=r"exists|directory"):
        bench.run([incoming("b.md", "The bull.")])
    assert bench.names() == {"a.md"}
    blocker.unlink()
    assert bench.add("b.md", "The bull.").status == "indexed"
    bench.check()


def test_an_index_that_loses_points_makes_nothing_visible_and_the_file_is_tried_again(bench: Bench) -> None:
    bench.add("a.md", "The crane is yellow.")

    def lose() -> None:
        bench.index.on_flush = int
        live = bench.catalog.live_version(bench.catalog.resolve("a.md").id)
        assert live
        bench.index.delete(live.document_id, 2)

    bench.index.on_flush = lose
    outcomes = bench.run([incoming("a.md", "The crane is red."), incoming("b.md", "The bull.")])
    assert sorted(statuses(outcomes)) == ["indexed", "postponed"]
    assert bench.found("crane bull") == {"The crane is yellow.", "The bull."}
    bench.check()
    assert bench.add("a.md", "The crane is red.").status == "indexed"
    bench.check()


def test_after_a_crash_the_next_start_collects_what_was_half_done(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bench, crashed = Bench(tmp_path), tmp_path_factory.mktemp("crashed")
    bench.add("a.md", "The crane is yellow.")
    events = bench.indexer.run(
        [incoming("a.md", long_text("crane")), incoming("new.md", long_text("bull"))], bench.space
    )
    for event in events:
        if isinstance(event, Progress) and event.done > 100:
            break
    shutil.copytree(tmp_path, crashed, dirs_exist_ok=True)  # what a kill at this moment leaves
    events.close()
    bench.close()
    (crashed / "originals" / "ab").mkdir(exist_ok=True)
    (crashed / "originals" / "ab" / "tmp123.part").write_bytes(b"half")
    again = Bench(crashed)
    assert again.index.count() > 1
    assert again.found("crane yellow") == {"The crane is yellow."}
    assert again.names() == {"a.md"}
    again.indexer.recover()
    again.check()
    again.close()


# What others need


def test_a_content_that_a_job_needs_stays_when_its_document_goes(bench: Bench) -> None:
    added = bench.add("a.md", "The crane.")
    kept = incoming("a.md", "The crane.").content_hash
    job = {
        "id": "j", "space_id": "s", "space": "default", "label": "", "state": "queued", "cancelling": False,
        "problem": "", "created_at": "", "ended_at": "",
    }  # fmt: skip
    file = {
        "job_id": "j", "ordinal": 0, "source": "upload:a.md", "names": ["a.md"], "path": None, "content_hash": kept,
        "document": "a.md", "status": "", "reason": "", "pages": None, "chunks": 0, "document_id": "", "attempts": 0,
        "quarantined": False,
    }  # fmt: skip
    with bench.catalog.engine.begin() as connection:
        connection.execute(sa.insert(JOBS), job)
        connection.execute(sa.insert(JOB_FILES), file)
    bench.indexer.remove([added.document_id])
    assert bench.originals.get(kept) == b"The crane."
    with bench.catalog.engine.begin() as connection:
        connection.execute(sa.update(JOB_FILES).values(status="damaged"))
    bench.indexer.release([kept])
    assert bench.stored() == 0


def test_what_was_recognised_goes_with_the_content(bench: Bench) -> None:
    added = bench.add("a.md", "The crane.")
    page = {"content_hash": incoming("a.md", "The crane.").content_hash, "page": 1, "engine": "e", "text": "secret"}
    with bench.catalog.engine.begin() as connection:
        connection.execute(sa.insert(OCR_PAGES), page)
    bench.indexer.remove([added.document_id])
    with bench.catalog.engine.connect() as connection:
        assert connection.execute(sa.select(OCR_PAGES)).all() == []


def test_what_was_recognised_of_a_file_that_never_came_in_goes_at_the_next_start(bench: Bench) -> None:
    needed = incoming("a.md", "The crane.").content_hash
    bench.add("a.md", "The crane.")
    pages = [{"content_hash": one, "page": 1, "engine": "e", "text": "secret"} for one in (needed, "b" * 64)]
    with bench.catalog.engine.begin() as connection:
        connection.execute(sa.insert(OCR_PAGES), pages)
    bench.indexer.recover()
    with bench.catalog.engine.connect() as connection:
        assert connection.scalars(sa.select(OCR_PAGES.c.content_hash)).all() == [needed]


def test_a_name_that_no_database_can_hold_is_indexed_all_the_same(bench: Bench) -> None:
    file = Incoming(Source.of_path("/papers/\udce9.md"), ("\\xe9.md",), b"The crane.")
    (outcome,) = bench.run([file])
    assert isinstance(outcome, Added)
    assert outcome.status == "indexed"
    bench.check()


def test_neither_memory_nor_handles_grow_with_the_number_of_files(bench: Bench) -> None:
    def files(first: int) -> Iterator[Incoming]:
        for n in range(first, first + 400):
            yield incoming(f"{n}.md", f"The crane number {n}.")

    def held() -> tuple[int, int]:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir())), sum(type(one) is Incoming for one in gc.get_objects())

    bench.run(files(0))
    before = held()
    most = 0
    for number, event in enumerate(bench.indexer.run(files(400), bench.space)):
        if number % 50 == 0 and isinstance(event, Added):
            most = max(most, held()[1])
    after = held()
    assert after[1] == before[1]
    assert after[0] <= before[0] + 3
    assert most <= 400
    assert threading.active_count() < 20


def test_files_are_read_ahead_but_not_far(bench: Bench) -> None:
    taken: list[int] = []

    def files() -> Iterator[Incoming]:
        for n in range(50):
            taken.append(n)
            yield incoming(f"{n}.md", f"{n} ".encode() * 5_000_000)

    hold = bench.parser.holds["0.md"] = threading.Event()
    for number in range(1, 50):
        bench.parser.holds[f"{number}.md"] = hold
    events = bench.indexer.run(files(), bench.space)
    next(events)
    assert 2 <= len(taken) <= 9
    hold.set()
    events.close()
