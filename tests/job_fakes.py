"""A small indexer for tests of jobs: it does to a file what stands in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.catalog import SqlCatalog
from ingest.files import Incoming, find_files
from ingest.job_desk import JobDesk, label_of
from ingest.job_runner import JobRunner
from ingest.job_store import JobStore
from ingest.jobs import Jobs
from ingest.originals import Originals
from ingest.records import Added, JobRecord, Postponed, Progress, Space, VersionRecord
from rag.errors import IndexUnavailable
from rag.types import State

SECONDS = 20.0
"""The longest that anything here may take."""


MEMBER_STATES: dict[str, State] = {"indexed": "indexed", "failed": "failed"}


class WordIndexer:
    """Reads the first word of a file: `die` is a parser that dies, `later` a file to be tried again, `bad` is refused,
    `wait` waits for `go`; anything else is indexed. `failures` runs fail as a whole first.
    """

    def __init__(self, catalog: SqlCatalog, originals: Originals, failures: int = 0) -> None:
        self.catalog = catalog
        self.originals = originals
        self.failures = failures
        self.go = threading.Event()
        self.waiting = threading.Event()
        self.seen: list[str] = []
        self.running = 0
        self.most_running = 0
        self.unchanged: dict[str, str] = {}
        """Files that are found unchanged, and when what is live of them was made."""

    def run(
        self, files: Iterable[Incoming | Added], space: Space, cancelled: Callable[[], bool]
    ) -> Generator[Progress | Added | Postponed, None, None]:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.failures:
                self.failures -= 1
                raise IndexUnavailable("The index does not answer.", "Start it.")
            for item in files:
                if cancelled():
                    return
                yield from [item] if isinstance(item, Added) else self._one(item, space, cancelled)
        finally:
            self.running -= 1

    def release(self, hashes: Collection[str]) -> None:
        """As the indexer does."""
        with self.originals.lock:
            for content_hash in set(hashes) - self.catalog.needed(hashes):
                self.originals.delete(content_hash)

    def _one(
        self, file: Incoming, space: Space, cancelled: Callable[[], bool]
    ) -> Iterator[Progress | Added | Postponed]:
        text = file.data.decode()
        name = file.names[0]
        self.seen.append(name)
        yield Progress(name, "reading", 0, 1)
        word = text.split()[0] if text.split() else ""
        if word == "wait":
            self.waiting.set()
            until = time.monotonic() + SECONDS
            while not self.go.wait(0.01) and time.monotonic() < until:
                if cancelled():
                    return
        if word in ("die", "later"):
            yield Postponed(file.source.key, f"Reading {name} failed.", counts=word == "die")
            return
        document_id = self.catalog.register(space.id, file.source, file.names)
        self.catalog.note([(document_id, "indexed", "")])
        if word == "bad":
            yield Added(
                name, "damaged", None, 0, f"{name} is damaged.", document_id, space.name, source=file.source.key
            )
            return
        if name in self.unchanged:
            live = VersionRecord(document_id, 1, "", 0, "", "", "", None, 0, 1, (), 0.0, self.unchanged[name])
            yield Added(name, "unchanged", None, 1, "", document_id, space.name, live, file.source.key)
            return
        yield Added(name, "indexed", None, 1, "", document_id, space.name, source=file.source.key)
        for member in text.split("\n")[1:] if word == "zip" else ():
            state, _, inner = member.partition(" ")
            source = f"member:{document_id}:{inner}"
            yield Added(f"{name}/{inner}", MEMBER_STATES[state], None, 1, space=space.name, source=source)


class Bench:
    """Jobs over a real catalog and a real queue, with the indexer of words."""

    def __init__(self, folder: Path, failures: int = 0, url: str = "") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.url = url or f"sqlite:///{folder / 'catalog.sqlite'}"
        self.catalog = SqlCatalog(self.url)
        self.originals = Originals(folder / "originals")
        self.store = JobStore(self.catalog.engine)
        self.indexer = WordIndexer(self.catalog, self.originals, failures)
        self.runner = JobRunner(self.store, self.catalog, self.originals, lambda: self.indexer, 1_000_000)
        self.desk = JobDesk(self.store, self.runner, self.catalog, self.originals, self._open, 1_000_000)
        self.jobs: Jobs | None = None
        self.space = self.catalog.spaces.named("default")

    def _open(self) -> Jobs:
        self.jobs = Jobs(self.runner, self.url, self.folder)
        return self.jobs

    def close(self) -> None:
        self.runner.stop()
        assert self.runner.gate.empty(SECONDS)
        self.runner.close()
        if self.jobs:
            self.jobs.close()
        self.catalog.close()

    def submit(self, *paths: Path) -> str:
        return self.desk.submit(find_files(paths), self.space, label_of(paths))

    def outcomes(self, job_id: str) -> dict[str, str]:
        """Follow a job to its end: what became of each file."""
        return {event.document: event.status for event in self.desk.follow(job_id) if isinstance(event, Added)}

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds."""
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, "it took too long"
            time.sleep(0.01)

    def ended(self, job_id: str) -> JobRecord:
        """The job, once it has ended."""
        self.until(lambda: self.store.job(job_id).ended_at != "")
        return self.store.job(job_id)


@contextmanager
def bench(folder: Path, failures: int = 0, url: str = "") -> Iterator[Bench]:
    """A bench that is closed at the end."""
    opened = Bench(folder, failures, url)
    try:
        yield opened
    finally:
        opened.close()


def write(folder: Path, files: dict[str, str]) -> list[Path]:
    """Files of these texts, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return [folder / name for name in files]
