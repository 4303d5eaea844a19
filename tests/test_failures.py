"""Real failures in the middle of the work: what is live stays live, what was meant to be added is there in the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.embedding_worker import EmbeddingWorker
from ingest.ports import Parser, Worker
from ingest.records import Added, Progress
from rag.errors import IndexUnavailable, NotReady
from rag.index_edge import EdgeIndex
from rag.ports import Embedder, IndexWriter
from rag.types import Point
from tests.conftest import REPOSITORY
from tests.fakes import WordEmbedder
from tests.indexing_bench import long_text
from tests.processes import within
from tests.small_library import SmallLibrary


class FailingIndex(EdgeIndex):
    """An edge index one of whose methods raises at its n-th call, once."""

    fails = ""
    left = 0

    def _count_down(self, method: str) -> None:
        if self.fails == method:
            self.left -= 1
            if not self.left:
                raise IndexUnavailable("The index cannot be written.", "Look at its disk.")

    def upsert(self, points: Sequence[Point]) -> None:
        self._count_down("upsert")
        super().upsert(points)

    def flush(self) -> None:
        self._count_down("flush")
        super().flush()

    def delete(self, document_id: str, version: int | None = None) -> None:
        self._count_down("delete")
        super().delete(document_id, version)


class FailingLibrary(SmallLibrary):
    """A small library whose index can be told to fail."""

    def _open_index(self, generation: str) -> IndexWriter:
        self.index = FailingIndex(self.settings.data_folder / "index", self._embedder.fingerprint)
        return self.index


class ChildLibrary(SmallLibrary):
    """A small library that reads and embeds in children, as the real one does."""

    @cached_property
    def _embedder(self) -> Embedder:
        return WordEmbedder(self.settings.embedder)

    @cached_property
    def _worker(self) -> Worker:
        return EmbeddingWorker(self.settings, "tests.embedding_tasks:open_words")

    @cached_property
    def _parser(self) -> Parser:
        return self._sandbox


@pytest.fixture
def library(tmp_path: Path) -> Iterator[FailingLibrary]:
    with FailingLibrary(tmp_path / "data") as opened:
        yield opened


def check(library: SmallLibrary) -> None:
    """Nothing is wrong, there twice, or left over."""
    assert library.doctor(repair=False) == []
    assert library.catalog.dead_versions() == []
    assert library._index.count() == library.catalog.totals()[1]


def statuses(events: Iterator[Any]) -> dict[str, str]:
    """What became of each file."""
    return {event.document: event.status for event in events if isinstance(event, Added)}


def write(folder: Path, **texts: str) -> Path:
    """A folder with these papers; `a="…"` is a.txt."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


# The disk


def private_mounts() -> list[str]:
    """What makes a mount that only a program and its children see, here: as root, or in a namespace where we are root."""
    ways = (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"])
    return next(
        (way for way in ways if not subprocess.run([*way, "true"], capture_output=True, check=False).returncode), []
    )


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 400_000, 65_000_000])
def test_a_full_disk_loses_nothing_and_the_job_goes_on_when_there_is_room(tmp_path: Path, free: int) -> None:
    way = private_mounts()
    if not way or not shutil.which("mount"):
        pytest.skip("nothing can be mounted here")
    command = [*way, sys.executable, "-m", "tests.full_disk", str(tmp_path), str(free)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=200, check=False)
    assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]
    said = dict(events)
    assert said["first"] == {"first.txt": "indexed"}
    assert "disk of the data folder is full" in said["told"]
    assert "died" not in said, result.stderr
    assert "Traceback" not in result.stderr
    assert [value for event, value in events if event == "found"] == [["first.txt"], ["first.txt", "second.txt"]]
    assert ["second.txt", "indexed", ""] in [value for event, value in events if event == "outcome"] or said[
        "once more"
    ] == {"second.txt": "indexed"}
    assert said["doctor"] == []
    assert said["originals"] == [True, True]


# The database


def test_a_job_waits_for_a_database_that_another_program_has_locked(
    library: FailingLibrary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    papers = write(tmp_path / "papers", a="The crane is yellow.")
    library.outcomes(papers)
    write(papers, a="The crane is red.", b="The bull sleeps.")
    engine = library.catalog.engine
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=200"))
    engine.dispose()
    other = sqlite3.connect(tmp_path / "data" / "catalog.sqlite", isolation_level=None, check_same_thread=False)
    with library._runner.gate.paused():
        job = library.submit([papers])
        other.execute("BEGIN IMMEDIATE")
    try:
        assert within(30, lambda: "is locked by another program" in caplog.text)
        assert library.found("crane yellow") == ["a.txt"]
        with pytest.raises(NotReady, match="locked by another program"):
            library.submit([papers])
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert statuses(library.follow(job)) == {"a.txt": "indexed", "b.txt": "indexed"}
    assert library.found("crane red")[0] == "a.txt"
    assert not [record for record in caplog.records if record.exc_info and record.name.startswith("ingest")]
    check(library)


# The index


@pytest.mark.parametrize(
    ("method", "call"), [("upsert", 1), ("upsert", 2), ("upsert", 4), ("flush", 1), ("delete", 1), ("delete", 2)]
)
def test_an_index_that_cannot_be_written_keeps_what_was_there_and_the_job_tries_again(
    library: FailingLibrary, tmp_path: Path, method: str, call: int
) -> None:
    papers = write(tmp_path / "papers", a="The crane is yellow.", c="The heron waits.")
    library.outcomes(papers)
    write(papers, a=long_text("bull", 150), b="The walrus sleeps.", c="The heron flies.")
    library.index.fails, library.index.left = method, call
    outcomes: dict[str, str] = {}
    waited = False
    for event in library.add([papers]):
        if isinstance(event, Progress) and event.step.startswith("waiting"):
            assert "The index cannot be written. Look at its disk." in event.step
            waited = True
        if isinstance(event, Added):
            outcomes[event.document] = event.status
        seen = {record.name for record in library.documents() if record.live_version}
        assert {"a.txt", "c.txt"} <= seen, "what was there stays"
    assert library.index.left <= 0, "it did not fail"
    assert waited or method == "delete"  # what superseded it is indexed by then
    assert outcomes == {"a.txt": "indexed", "b.txt": "indexed", "c.txt": "indexed"}
    assert library.found("bull yard")[0] == "a.txt"
    assert library.found("yellow crane") != ["a.txt"]
    library._indexer.collect()
    check(library)


# Files


def test_files_that_vanish_or_become_something_else_hold_up_nobody(library: FailingLibrary, tmp_path: Path) -> None:
    papers = write(tmp_path / "papers", a="crane", b="bull", c="walrus", d="heron", e="otter", f="seal")
    library.start()
    with library._runner.gate.paused():
        job = library.submit([papers])
        (papers / "b.txt").unlink()
        (papers / "c.txt").unlink()
        (papers / "c.txt").mkdir()
        (papers / "d.txt").unlink()
        os.mkfifo(papers / "d.txt")
        (papers / "e.txt").write_text("otters, by now many")
    events = {event.document: event for event in library.follow(job) if isinstance(event, Added)}
    failed = {"b.txt", "c.txt", "d.txt"}
    assert {name for name, event in events.items() if event.status == "failed"} == failed
    assert all(name in events[name].reason for name in failed)
    assert {name for name, event in events.items() if event.status == "indexed"} == {"a.txt", "e.txt", "f.txt"}
    assert library.found("otters")[0] == "e.txt"
    check(library)


def test_a_file_that_vanishes_keeps_its_live_version(library: FailingLibrary, tmp_path: Path) -> None:
    papers = write(tmp_path / "papers", a="The crane is yellow.")
    library.outcomes(papers)
    with library._runner.gate.paused():
        job = library.submit([papers])
        shutil.rmtree(papers)
    assert statuses(library.follow(job)) == {"a.txt": "failed"}
    assert library.found("crane") == ["a.txt"]
    check(library)


def test_a_file_that_is_being_written_is_indexed_as_it_was_at_one_moment_or_refused(
    library: FailingLibrary, tmp_path: Path
) -> None:
    papers = write(tmp_path / "papers", b="The bull sleeps.")
    growing, done = papers / "a.txt", threading.Event()
    growing.write_text("crane " * 200_000)

    def grow() -> None:
        with growing.open("a") as file:
            while not done.wait(0.0005):
                file.write("crane " * 20)
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        outcomes = library.outcomes(papers)
    finally:
        done.set()
        writer.join()
    assert outcomes.pop("b.txt") == "indexed"
    assert outcomes.pop("a.txt") in ("failed", "indexed")
    assert library.outcomes(papers)["a.txt"] in ("indexed", "unchanged")
    check(library)


UNREADABLE = """
import json, sys
from pathlib import Path
from ingest.records import Added
from rag.errors import FootnoteError
from tests.small_library import SmallLibrary
with SmallLibrary(Path(sys.argv[1])) as library:
    for given in sys.argv[2:]:
        try:
            print(json.dumps({e.document: [e.status, e.reason] for e in library.add([Path(given)]) if isinstance(e, Added)}))
        except FootnoteError as error:
            print(json.dumps({"": [type(error).__name__, str(error)]}))
"""


def test_what_may_not_be_read_is_said_and_holds_up_nobody(tmp_path: Path) -> None:
    papers = write(tmp_path / "papers", a="crane", b="bull")
    write(papers / "closed", c="walrus")
    write(papers / "listed", d="heron")
    (papers / "b.txt").chmod(0)
    (papers / "closed").chmod(0)
    (papers / "listed").chmod(0o400)
    bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [
        *bound,
        sys.executable,
        "-c",
        UNREADABLE,
        str(tmp_path / "data"),
        str(papers),
        str(papers / "closed" / "c.txt"),
    ]
    try:
        result = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=300, check=False)
    finally:
        for folder in ("closed", "listed"):
            (papers / folder).chmod(0o700)
    assert result.returncode == 0, result.stderr
    whole, inside = map(json.loads, result.stdout.splitlines())
    assert whole.pop("a.txt")[0] == "indexed"
    assert whole.keys() == {"b.txt", "closed", "listed/d.txt"}
    assert all(status == "failed" and "Permission denied" in reason for status, reason in whole.values())
    assert inside[""][0] == "UsageError"
    assert "Permission denied" in inside[""][1]


# Children


@pytest.mark.slow
@pytest.mark.parametrize("which", ["reading", "embedding"])
def test_a_child_that_is_killed_costs_no_file(tmp_path: Path, which: str) -> None:
    papers = write(tmp_path / "papers", **{f"paper{n}": long_text(f"crane{n}", 400) for n in range(4)})
    with ChildLibrary(tmp_path / "data") as library:
        pids: Callable[[], list[int]] = library._sandbox.pids if which == "reading" else library._worker.pids  # type: ignore[attr-defined]
        killed = 0
        outcomes = {}
        for event in library.add([papers]):
            if isinstance(event, Progress) and event.step == which and killed < 2:
                for pid in pids():
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
            if isinstance(event, Added):
                outcomes[event.document] = event.status
        assert killed
        assert outcomes == dict.fromkeys(sorted(path.name for path in papers.iterdir()), "indexed")
        assert library.found("crane2 yard")[0] == "paper2.txt"
        check(library)


# Many files


def handles() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.slow
def test_many_files_leave_no_handle_and_no_thread(library: FailingLibrary, tmp_path: Path) -> None:
    few = write(tmp_path / "few", **{f"few{n}": f"heron {n}" for n in range(5)})
    many = write(tmp_path / "many", **{f"many{n}": f"crane {n}" for n in range(300)})
    library.outcomes(few)
    before = handles(), threading.active_count()
    assert set(library.outcomes(many).values()) == {"indexed"}
    after = handles(), threading.active_count()
    assert after[0] <= before[0] + 8
    assert after[1] <= before[1] + 4
    check(library)
