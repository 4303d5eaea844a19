"""The rows of jobs: written in few transactions, counted fast, and forgotten with what they held."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.catalog import SqlCatalog
from ingest.catalog_rows import Source
from ingest.job_recorder import Recorder
from ingest.job_rows import NewFile, Outcome
from ingest.job_store import JobStore
from ingest.records import Added, Space
from ingest.schema import JOB_FILES, held_by_jobs
from rag.errors import UnknownName


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    opened = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def store(catalog: SqlCatalog) -> JobStore:
    return JobStore(catalog.engine)


@pytest.fixture
def space(catalog: SqlCatalog) -> Space:
    return catalog.spaces.named("default")


def new(name: str, content_hash: str | None = None) -> NewFile:
    source = Source.of_upload(name) if content_hash else Source.of_path(f"/papers/{name}")
    return NewFile(source, (name, f"papers/{name}"), content_hash)


def made(store: JobStore, space: Space, job: str, *files: NewFile) -> str:
    store.create(job, space)
    store.add_files(job, files)
    store.ready(job, job)
    return job


def test_ten_thousand_files_are_one_transaction_and_come_in_pages(
    catalog: SqlCatalog, store: JobStore, space: Space
) -> None:
    commits = []
    sa.event.listen(catalog.engine, "commit", lambda _: commits.append(1))
    store.create("job", space)
    assert store.add_files("job", (new(f"{number:05}.txt") for number in range(10_000))) == 10_000
    store.ready("job", "many")
    assert len(commits) == 3
    page = store.pending("job", 4_998)
    assert [file.ordinal for file in page] == list(range(4_999, 5_099))
    assert (page[0].names, page[0].source) == (("04999.txt", "papers/04999.txt"), Source.of_path("/papers/04999.txt"))
    store.record("job", [Outcome(number, Added(f"{number:05}.txt", "indexed")) for number in range(0, 10_000, 2)])
    assert len(commits) == 4
    record = store.job("job")
    assert (record.files, record.done, record.failed, record.label) == (10_000, 5_000, 0, "many")
    assert [file.ordinal for file in store.pending("job", limit=2)] == [1, 3]


def test_a_path_that_is_no_unicode_is_read_where_it_lies(tmp_path: Path, store: JobStore, space: Space) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9 \xff.txt"
    with open(raw, "wb") as file:  # noqa: PTH123
        file.write(b"coffee")
    path = Path(os.fsdecode(raw))
    made(store, space, "job", NewFile(Source.of_path(str(path)), ("coffee",)), new("hex:00.txt"))
    first, second = store.pending("job")
    assert first.source == Source.of_path(str(path))
    assert Path(first.source.path or "").read_bytes() == b"coffee"
    assert second.source.path == "/papers/hex:00.txt"


def test_a_job_that_is_being_written_down_is_not_there_yet(store: JobStore, space: Space) -> None:
    store.create("job", space)
    store.add_files("job", [new("a.txt", "a" * 64)])
    assert store.jobs(10) == []
    assert store.unfinished() == []
    with pytest.raises(UnknownName):
        store.job("job")
    assert store.half_received() == ["job"]
    assert store.forget(["job"]) == ["a" * 64]
    assert store.half_received() == []


def test_jobs_come_newest_first_with_what_became_of_their_files(store: JobStore, space: Space) -> None:
    for job in ("one", "two"):
        made(store, space, job, new("a.txt"), new("b.txt"), new("c.txt"))
    store.record("one", [Outcome(0, Added("a.txt", "indexed", 3, 7)), Outcome(2, Added("c.txt", "damaged"))])
    assert [(job.id, job.files, job.done, job.failed) for job in store.jobs(10)] == [("two", 3, 0, 0), ("one", 3, 2, 1)]
    assert [job.id for job in store.jobs(1)] == ["two"]
    assert [(file.status, file.pages, file.chunks) for file in store.files("one")] == [
        ("indexed", 3, 7), ("", None, 0), ("damaged", None, 0),
    ]  # fmt: skip
    assert list(store.finished("one")) == [0, 2]
    assert [one.document for one in store.outcomes("one", [2, 1, 0])] == ["c.txt", "a.txt"]


def test_counts_of_an_ended_job_are_right_after_a_retry(store: JobStore, space: Space) -> None:
    made(store, space, "job", new("a.txt"), new("b.txt"))
    store.record("job", [Outcome(0, Added("a.txt", "failed")), Outcome(1, Added("b.txt", "indexed"))])
    store.set_state("job", "done")
    assert (store.job("job").done, store.job("job").failed) == (2, 1)
    assert store.retry("job") == 1
    record = store.job("job")
    assert (record.state, record.done, record.failed, record.ended_at) == ("queued", 1, 0, "")


def test_what_has_ended_does_not_change_its_state(store: JobStore, space: Space) -> None:
    made(store, space, "job", new("a.txt"))
    store.set_state("job", "cancelled")
    store.set_state("job", "running")
    assert store.job("job").state == "cancelled"


def test_a_content_is_held_as_long_as_its_file_may_be_read_again(
    catalog: SqlCatalog, store: JobStore, space: Space
) -> None:
    states = ["", "indexed", "damaged", "failed", "cancelled"]
    made(store, space, "job", *(new(f"{number}.txt", f"{number}" * 64) for number in range(5)))
    store.record("job", [Outcome(number, Added("x", state)) for number, state in enumerate(states) if state])  # type: ignore[arg-type]
    with catalog.engine.connect() as connection:
        held = sorted(connection.scalars(held_by_jobs()))
    assert [one[0] for one in held] == ["0", "3", "4"]
    assert catalog.needed(["0" * 64, "1" * 64]) == {"0" * 64}


def test_removed_documents_leave_the_jobs_and_their_contents_go(
    catalog: SqlCatalog, store: JobStore, space: Space
) -> None:
    ids = [catalog.register(space.id, Source.of_upload(name), (name,)) for name in ("a.txt", "b.txt", "c.txt")]
    elsewhere = catalog.spaces.add("Elsewhere")
    made(store, space, "running", new("a.txt", "a" * 64), new("c.txt", "c" * 64))
    made(store, elsewhere, "other", new("a.txt", "a" * 64))
    made(store, space, "ended", new("b.txt", "b" * 64))
    store.record("ended", [Outcome(0, Added("b.txt", "failed", document_id=ids[1]))])
    store.set_state("ended", "done")
    assert store.drop_documents(ids[:2], "Removed.") == ["a" * 64, "b" * 64]
    assert [(file.status, file.reason) for file in store.files("running")] == [("cancelled", "Removed."), ("", "")]
    assert store.files("other")[0].status == "", "another space has nothing to do with it"
    assert store.retry("ended") == 0, "there is nothing left to read"


def test_files_inside_files_get_rows_once(store: JobStore, space: Space) -> None:
    made(store, space, "job", new("a.zip"))
    known, number = store.members("job")
    assert (known, number) == ({}, 1)
    inside = Added("a.zip/x.txt", "failed", source="member:zip-id:x.txt")
    for _ in range(2):
        store.record("job", [Outcome(1, inside)])
    assert store.members("job") == ({"member:zip-id:x.txt": 1}, 2)
    store.record("job", [Outcome(0, Added("a.zip", "indexed", document_id="zip-id"))])
    store.set_state("job", "done")
    assert store.retry("job") == 1
    assert [(file.document, file.status) for file in store.files("job")] == [("a.zip", "")]


def test_the_oldest_ended_jobs_are_the_ones_to_forget(catalog: SqlCatalog, store: JobStore, space: Space) -> None:
    for number in range(5):
        made(store, space, str(number), new("a.txt"))
        if number != 1:
            store.set_state(str(number), "done")
    assert sorted(store.old(kept=2)) == ["0", "2"]
    store.forget(store.old(kept=2))
    assert [job.id for job in store.jobs(10)] == ["4", "3", "1"]
    with catalog.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(JOB_FILES)) == 3


def test_outcomes_that_come_while_the_disk_is_busy_are_written_together() -> None:
    free, batches = threading.Event(), []

    def write(job_id: str, outcomes: list[Outcome]) -> None:
        batches.append((job_id, [one.ordinal for one in outcomes]))
        free.wait(10)

    recorder = Recorder(write)
    recorder.put("a", Outcome(0, Added("x", "indexed")))
    while not batches:
        pass
    for number in range(1, 4):
        recorder.put("a", Outcome(number, Added("x", "indexed")))
    recorder.put("b", Outcome(0, Added("x", "indexed")))
    free.set()
    recorder.drain("a")
    assert batches == [("a", [0]), ("a", [1, 2, 3]), ("b", [0])]
    recorder.close()


def test_an_outcome_that_cannot_be_written_is_told_to_its_own_job() -> None:
    def write(job_id: str, outcomes: list[Outcome]) -> None:
        if job_id == "bad":
            raise OSError("the disk is full")

    recorder = Recorder(write)
    recorder.put("bad", Outcome(0, Added("x", "indexed")))
    recorder.put("good", Outcome(0, Added("x", "indexed")))
    recorder.drain("good")
    with pytest.raises(OSError, match="full"):
        recorder.drain("bad")
    recorder.drain("bad")
    recorder.close()
