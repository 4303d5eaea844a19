"""Jobs over the real queue (DBOS on SQLite), with an indexer whose doings stand in the files."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import job_runner
from ingest.catalog_rows import Source
from ingest.files import find_files
from ingest.job_rows import NewFile
from ingest.jobs import Jobs
from ingest.records import Added, Progress, Started
from ingest.schema import now
from rag.errors import FootnoteError, NotReady, UnknownName, UsageError
from tests.job_fakes import Bench, bench, write
from tests.processes import within


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    return tmp_path / "papers"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second try is waited for: DBOS looks for delayed runs once a second anyway."""
    monkeypatch.setattr(job_runner, "LONGEST_WAIT", 0.0)


def test_a_job_gives_an_outcome_for_each_file_in_order(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "one", "b.txt": "bad", "c.txt": "three"})
    job = desk.submit(papers)
    events = list(desk.desk.follow(job))
    assert events[0] == Started(job)
    assert [event for event in events if isinstance(event, Added)] == [
        Added("a.txt", "indexed", None, 1, "", desk.catalog.resolve("a.txt").id, "default"),
        Added("b.txt", "damaged", None, 0, "b.txt is damaged.", desk.catalog.resolve("b.txt").id, "default"),
        Added("c.txt", "indexed", None, 1, "", desk.catalog.resolve("c.txt").id, "default"),
    ]
    assert events[-1] == Progress("c.txt", "files", 3, 3)
    record, files = desk.desk.job(job)
    assert (record.state, record.files, record.done, record.failed, record.label) == ("done", 3, 3, 1, "papers")
    assert record.ended_at >= record.created_at
    assert [(file.document, file.status) for file in files] == [
        ("a.txt", "indexed"),
        ("b.txt", "damaged"),
        ("c.txt", "indexed"),
    ]


def test_uploads_are_safe_before_the_job_and_let_go_of_after_it(desk: Bench) -> None:
    job = desk.desk.submit_uploads(iter([("x/a.txt", b"one"), ("b.txt", b"bad"), ("c.txt", b"wait")]), desk.space)
    assert desk.indexer.waiting.wait(10)
    kept = [path for path in desk.originals._folder.rglob("*") if path.is_file()]
    assert b"wait" in [path.read_bytes() for path in kept], "what is being indexed is kept"
    desk.indexer.go.set()
    assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "damaged", "c.txt": "indexed"}
    assert [path for path in desk.originals._folder.rglob("*") if path.is_file()] == [], (
        "no version has it, no job needs it"
    )
    assert desk.store.job(job).label == "a.txt and 2 more"


def test_an_upload_that_is_too_large_is_refused_and_its_neighbours_are_not(desk: Bench) -> None:
    early = Added("huge.bin", "too large", reason="Too large.")
    job = desk.desk.submit_uploads([("a.txt", b"x" * 1_000_001), early, ("b.txt", b"two")], desk.space)
    assert desk.outcomes(job) == {"a.txt": "too large", "huge.bin": "too large", "b.txt": "indexed"}


def test_uploads_of_one_name_in_one_job_all_get_an_outcome(desk: Bench) -> None:
    job = desk.desk.submit_uploads([("a.txt", b"one"), ("a.txt", b"two")], desk.space)
    assert [event.status for event in desk.desk.follow(job) if isinstance(event, Added)] == ["indexed", "indexed"]
    assert len(desk.store.files(job)) == 2


def test_a_failing_iterator_of_uploads_leaves_no_job_and_no_content(desk: Bench) -> None:
    def broken() -> Iterator[tuple[str, bytes]]:
        yield "a.txt", b"one"
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        desk.desk.submit_uploads(broken(), desk.space)
    assert desk.desk.jobs(10) == []
    assert [path for path in desk.originals._folder.rglob("*") if path.is_file()] == []


def test_a_file_that_vanished_is_said_and_does_not_hold_up_the_others(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "wait", "b.txt": "two", "c.txt": "three"})
    job = desk.submit(papers)
    assert desk.indexer.waiting.wait(10)
    (papers / "b.txt").unlink()
    desk.indexer.go.set()
    assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "failed", "c.txt": "indexed"}
    assert "b.txt could not be read" in desk.store.files(job)[1].reason


def test_followers_come_and_go_and_all_see_everything(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "one", "b.txt": "wait", "c.txt": "three"})
    job = desk.submit(papers)
    assert desk.indexer.waiting.wait(10)
    first = desk.desk.follow(job)
    assert next(first) == Started(job)
    seen: list[dict[str, str]] = []
    others = [threading.Thread(target=lambda: seen.append(desk.outcomes(job))) for _ in range(5)]
    for other in others:
        other.start()
    del first
    desk.until(lambda: desk.runner.board.current(job) == Progress("b.txt", "reading", 0, 1))
    assert desk.desk.job(job)[0].current == Progress("b.txt", "reading", 0, 1)
    desk.indexer.go.set()
    for other in others:
        other.join(20)
    assert seen == [{"a.txt": "indexed", "b.txt": "indexed", "c.txt": "indexed"}] * 5
    assert desk.outcomes(job) == seen[0], "a job that has ended can be followed too"


def test_progress_reaches_a_follower_while_the_file_is_being_read(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "wait"})
    events = desk.desk.follow(desk.submit(papers))
    assert (
        next(event for event in events if isinstance(event, Progress) and event.step == "reading").document == "a.txt"
    )
    desk.indexer.go.set()
    assert [event.status for event in events if isinstance(event, Added)] == ["indexed"]


def test_cancelled_in_the_middle_what_was_finished_stays(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "one", "b.txt": "wait", "c.txt": "three"})
    job = desk.submit(papers)
    assert desk.indexer.waiting.wait(10)
    record = desk.desk.cancel(job)
    assert (record.state, record.done, record.failed) == ("cancelled", 3, 2)
    assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "cancelled", "c.txt": "cancelled"}
    assert desk.desk.cancel(job).state == "cancelled", "once more is no error"


def test_a_queued_job_is_cancelled_at_once(desk: Bench, papers: Path) -> None:
    for number in range(5):
        write(papers / str(number), {"w.txt": "wait"})
    first = [desk.submit(papers / str(number)) for number in range(4)]
    desk.until(lambda: desk.indexer.running == 4)
    queued = desk.submit(papers / "4")
    started = time.monotonic()
    assert desk.desk.cancel(queued).state == "cancelled"
    assert time.monotonic() - started < 20
    desk.indexer.go.set()
    assert [desk.outcomes(job) for job in first] == [{"w.txt": "indexed"}] * 4
    assert desk.indexer.most_running == 4
    time.sleep(0.5)
    assert desk.store.job(queued).state == "cancelled", "its run found nothing to do"


def test_a_parser_that_dies_three_times_is_not_asked_again(desk: Bench, papers: Path, quick: None) -> None:
    write(papers, {"a.txt": "one", "b.txt": "die", "c.txt": "three"})
    job = desk.submit(papers)
    assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "failed", "c.txt": "indexed"}
    file = desk.store.files(job)[1]
    assert (file.attempts, file.quarantined, file.reason) == (3, True, job_runner.QUARANTINED)
    assert desk.indexer.seen.count("b.txt") == 3
    assert (desk.catalog.resolve("b.txt").state, desk.catalog.resolve("b.txt").reason) == (
        "failed",
        job_runner.QUARANTINED,
    )
    (papers / "b.txt").write_text("well")
    assert desk.outcomes(desk.submit(papers / "b.txt")) == {"b.txt": "indexed"}, "adding it again starts afresh"


def test_while_it_waits_for_the_next_try_a_job_says_why_and_can_be_cancelled(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "later", "b.txt": "two"})
    job = desk.submit(papers)
    desk.until(lambda: desk.store.job(job).state == "waiting")
    assert desk.store.job(job).problem == "Reading a.txt failed."
    assert desk.desk.cancel(job).state == "cancelled"
    assert desk.outcomes(job) == {"a.txt": "cancelled", "b.txt": "indexed"}


def test_an_index_that_fails_twice_is_tried_again(tmp_path: Path, papers: Path, quick: None) -> None:
    write(papers, {"a.txt": "one", "b.txt": "two"})
    with bench(tmp_path / "data", failures=2) as desk:
        assert desk.outcomes(desk.submit(papers)) == {"a.txt": "indexed", "b.txt": "indexed"}
        assert [file.attempts for file in desk.store.files(desk.store.jobs(1)[0].id)] == [0, 0], (
            "that is not the files' fault"
        )


def test_an_index_that_stays_away_fails_the_job_with_the_reason(
    tmp_path: Path, papers: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "MOST_TRIES", 2)
    write(papers, {"a.txt": "one"})
    with bench(tmp_path / "data", failures=99) as desk:
        job = desk.submit(papers)
        assert desk.outcomes(job) == {"a.txt": "failed"}
        assert desk.store.files(job)[0].reason == "The index does not answer. Start it. It was tried 2 times."
        desk.indexer.failures = 0
        assert desk.desk.retry(job).state in ("queued", "running")
        assert desk.outcomes(job) == {"a.txt": "indexed"}


def test_waits_grow_and_have_an_end() -> None:
    waits = [min(job_runner.LONGEST_WAIT, 4.0**tries) for tries in range(5)]
    assert waits == [1, 4, 16, 60, 60]


def test_retry_reads_again_what_can_change_and_nothing_else(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "one", "b.txt": "bad", "c.txt": "wait"})
    job = desk.submit(papers)
    assert desk.indexer.waiting.wait(10)
    with pytest.raises(UsageError):
        desk.desk.retry(job)
    desk.desk.cancel(job)
    desk.indexer.go.set()
    desk.indexer.seen.clear()
    assert desk.desk.retry(job).id == job
    assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "damaged", "c.txt": "indexed"}
    assert desk.indexer.seen == ["c.txt"]
    with pytest.raises(UsageError, match="Nothing"):
        desk.desk.retry(job)


def test_an_upload_can_be_retried_because_its_content_is_kept(desk: Bench) -> None:
    job = desk.desk.submit_uploads([("a.txt", b"wait")], desk.space)
    assert desk.indexer.waiting.wait(10)
    desk.desk.cancel(job)
    desk.indexer.go.set()
    desk.desk.retry(job)
    assert desk.outcomes(job) == {"a.txt": "indexed"}


def test_files_inside_a_file_have_outcomes_of_their_own(desk: Bench, papers: Path) -> None:
    write(papers, {"a.zip": "zip\nindexed one.txt\nfailed two.txt", "b.txt": "two"})
    job = desk.submit(papers)
    assert desk.outcomes(job) == {
        "a.zip": "indexed",
        "a.zip/one.txt": "indexed",
        "a.zip/two.txt": "failed",
        "b.txt": "indexed",
    }
    assert (desk.store.job(job).files, desk.store.job(job).failed) == (4, 1)
    (papers / "a.zip").write_text("zip\nindexed one.txt\nindexed two.txt")
    desk.desk.retry(job)
    assert desk.outcomes(job)["a.zip/two.txt"] == "indexed", "its container was read again"
    assert len(desk.store.files(job)) == 4


def test_closed_in_the_middle_it_goes_on_at_the_next_start(tmp_path: Path, papers: Path) -> None:
    write(papers, {"a.txt": "one", "b.txt": "wait", "c.txt": "three"})
    with bench(tmp_path / "data") as desk:
        job = desk.submit(papers)
        assert desk.indexer.waiting.wait(10)
        follower = desk.desk.follow(job)
        next(follower)
        started = time.monotonic()
    assert time.monotonic() - started < 30
    with pytest.raises(NotReady, match="stopped"):
        list(follower)
    with bench(tmp_path / "data") as desk:
        assert [file.status for file in desk.store.files(job)] == ["indexed", "", ""], "a stop is no outcome"
        assert desk.store.files(job)[1].attempts == 0
        desk.indexer.go.set()
        desk.desk.start()
        assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "indexed", "c.txt": "indexed"}
        assert desk.indexer.seen == ["b.txt", "c.txt"]


def test_a_waiting_job_goes_on_after_a_restart(tmp_path: Path, papers: Path) -> None:
    write(papers, {"a.txt": "later"})
    with bench(tmp_path / "data") as desk:
        job = desk.submit(papers)
        desk.until(lambda: desk.store.job(job).state == "waiting")
    (papers / "a.txt").write_text("now")
    with bench(tmp_path / "data") as desk:
        assert desk.outcomes(job) == {"a.txt": "indexed"}, "following is enough to go on"


def leave_behind(desk: Bench, job: str, papers: Path, *, complete: bool = True) -> None:
    """A job as a process leaves it that dies before it hands it over, or before it has written all of it down."""
    desk.store.create(job, desk.space)
    desk.store.add_files(job, [NewFile(Source.of_path(str(one.path)), one.names()) for one in find_files([papers])])
    if complete:
        desk.store.ready(job, "papers")


def test_a_job_that_never_reached_the_queue_goes_on_too(tmp_path: Path, papers: Path) -> None:
    """The process died between writing the job down and handing it over."""
    write(papers, {"a.txt": "one"})
    with bench(tmp_path / "data") as desk:
        leave_behind(desk, "whole", papers)
        leave_behind(desk, "half", papers, complete=False)
    with bench(tmp_path / "data") as desk:
        desk.desk.start()
        assert desk.outcomes("whole") == {"a.txt": "indexed"}
        with pytest.raises(UnknownName):
            desk.desk.follow("half")


def test_an_outcome_that_a_killed_run_could_not_write_reads_indexed(desk: Bench, papers: Path) -> None:
    """It made the version live and died: the file is found unchanged when the job goes on, but it was this job that indexed it."""
    write(papers, {"a.txt": "one", "b.txt": "two"})
    leave_behind(desk, "job", papers)
    desk.indexer.unchanged = {"a.txt": now(), "b.txt": "2000-01-01T00:00:00.000+00:00"}
    desk.store.set_state("job", "running")
    assert desk.outcomes("job") == {"a.txt": "indexed", "b.txt": "unchanged"}


def test_a_pause_lets_nothing_run_and_then_everything_goes_on(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "one", "b.txt": "wait", "c.txt": "three"})
    job = desk.submit(papers)
    assert desk.indexer.waiting.wait(10)
    with desk.runner.gate.paused():
        assert desk.indexer.running == 0
        other = desk.submit(papers / "a.txt")
        time.sleep(0.5)
        assert desk.indexer.running == 0
        assert desk.store.job(other).done == 0
    desk.indexer.go.set()
    assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "indexed", "c.txt": "indexed"}
    assert desk.outcomes(other) == {"a.txt": "indexed"}


def test_removing_a_document_takes_it_out_of_jobs(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "wait", "b.txt": "two"})
    desk.indexer.go.set()
    desk.outcomes(desk.submit(papers))
    desk.indexer.go.clear()
    desk.indexer.waiting.clear()
    desk.indexer.seen.clear()
    job = desk.submit(papers)
    assert desk.indexer.waiting.wait(10)
    desk.desk.drop_documents([desk.catalog.resolve("b.txt").id])
    desk.indexer.go.set()
    assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "cancelled"}
    assert desk.indexer.seen == ["a.txt"]


def test_a_removed_space_ends_its_jobs(desk: Bench, papers: Path) -> None:
    write(papers, {"a.txt": "wait"})
    desk.space = desk.catalog.spaces.add("Team")
    job = desk.submit(papers)
    assert desk.indexer.waiting.wait(10)
    upload = desk.desk.submit_uploads([("b.txt", b"wait")], desk.space)
    desk.desk.drop_space(desk.space.id)
    assert [desk.store.job(one).state for one in (job, upload)] == ["cancelled", "cancelled"]
    assert not any(path.is_file() for path in desk.originals._folder.rglob("*")), "nobody can try it again"


def test_a_damaged_queue_is_made_anew_and_nothing_is_lost(tmp_path: Path, papers: Path) -> None:
    write(papers, {"a.txt": "wait"})
    with bench(tmp_path / "data") as desk:
        job = desk.submit(papers)
        assert desk.indexer.waiting.wait(10)
    for file in (tmp_path / "data").glob("jobs.sqlite*"):
        file.write_bytes(b"\x00 this is no database" * 500)
    with bench(tmp_path / "data") as desk:
        desk.indexer.go.set()
        assert desk.outcomes(job) == {"a.txt": "indexed"}


def test_a_queue_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    desk = Bench(tmp_path / "data")
    (tmp_path / "data" / "jobs.sqlite").mkdir()
    with pytest.raises(NotReady, match="queue of jobs"):
        desk.desk.start()
    (tmp_path / "data" / "jobs.sqlite").rmdir()
    desk.desk.start()
    desk.close()


def test_one_library_a_process_runs_jobs(desk: Bench, tmp_path: Path) -> None:
    desk.desk.start()
    other = Bench(tmp_path / "other")
    with pytest.raises(FootnoteError, match="Another library"):
        other.desk.start()
    other.close()


def test_old_jobs_are_forgotten_and_so_are_their_runs(desk: Bench, papers: Path) -> None:
    from dbos import DBOS

    write(papers, {"a.txt": "one"})
    ids = [desk.submit(papers) for _ in range(3)]
    for job in ids:
        desk.ended(job)
    assert desk.store.old(kept=1) == [ids[1], ids[0]]
    desk.store.forget(desk.store.old(kept=1))
    assert [job.id for job in desk.desk.jobs(10)] == [ids[-1]]
    assert desk.jobs
    desk.until(lambda: len(DBOS.list_workflows(status="SUCCESS")) == 3)
    desk.jobs.forget_ended()
    assert DBOS.list_workflows() == []


def test_opening_and_closing_again_and_again_is_quick_and_leaves_no_thread(tmp_path: Path, papers: Path) -> None:
    write(papers, {"a.txt": "one"})
    before = set(threading.enumerate())
    for _ in range(3):
        with bench(tmp_path / "data") as desk:
            started = time.monotonic()
            desk.outcomes(desk.submit(papers))
            assert time.monotonic() - started < 50
    assert Jobs._open is None
    ours = ("footnote", "dbos", "queue")
    assert within(30, lambda: not [one for one in set(threading.enumerate()) - before if one.name.startswith(ours)])
