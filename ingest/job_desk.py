"""Where jobs are handed in and asked after: submit, follow, list, cancel, retry."""

from __future__ import annotations

import threading
import uuid
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ingest.catalog import SqlCatalog
from ingest.catalog_queries import IDS_AT_A_TIME
from ingest.catalog_rows import Source
from ingest.files import Found, too_large, uploaded
from ingest.job_board import Watch
from ingest.job_rows import FINDABLE, UNFINISHED, NewFile
from ingest.job_runner import JobRunner
from ingest.job_store import JobStore
from ingest.originals import Originals, content_hash
from ingest.records import Added, JobFile, JobRecord, JobState, Progress, Space, Started
from rag.errors import NotReady, UsageError

CANCEL_SECONDS = 10.0
"""How long `cancel` waits for a run to notice."""

LONGEST_LABEL = 200

Upload = tuple[str, bytes] | Added
"""An uploaded file, its name and its bytes; or one that was refused before it was read."""


class Queue(Protocol):
    """What runs jobs durably (`ingest.jobs`)."""

    def enqueue(self, job_id: str) -> None:
        """Have a job run as soon as there is a place."""

    def go_on(self, unfinished: Iterable[str]) -> None:
        """Queue those of the jobs that are not queued yet."""

    def forget_ended(self) -> None:
        """Drop what is kept of runs that have ended."""


class JobDesk:
    """The library's jobs. Threads may share it."""

    def __init__(
        self,
        store: JobStore,
        runner: JobRunner,
        catalog: SqlCatalog,
        originals: Originals,
        open_queue: Callable[[], Queue],
        max_bytes: int,
    ) -> None:
        self._store = store
        self._runner = runner
        self._catalog = catalog
        self._originals = originals
        self._open_queue = open_queue
        self._max_bytes = max_bytes
        self._queue: Queue | None = None
        self._starting = threading.Lock()

    @property
    def started(self) -> bool:
        """Whether the queue is open."""
        return self._queue is not None

    def start(self) -> Queue:
        """Open the queue and go on with the jobs that the last process left, the first time; then give the queue."""
        with self._starting:
            if self._queue is None:
                self._runner.release(self._store.forget(self._store.half_received()))
                unfinished = self._store.unfinished()
                for job_id in unfinished:
                    self._watch(job_id)
                queue = self._open_queue()
                queue.forget_ended()
                queue.go_on(unfinished)
                self._queue = queue
            return self._queue

    # Handing in

    def submit(self, files: Sequence[Found], space: Space, label: str) -> str:
        """Make a job of files on disk, which are read when their turn comes; its id."""
        queue = self.start()
        job_id = self._new_job(space)
        self._store.add_files(job_id, (NewFile(Source.of_path(str(file.path)), file.names()) for file in files))
        return self._hand_over(queue, job_id, label)

    def submit_uploads(self, files: Iterable[Upload], space: Space) -> str:
        """Make a job of uploaded files, of which one at a time is in memory; its id. They are on disk when it returns."""
        queue = self.start()
        job_id = self._new_job(space)
        names: list[str] = []
        number = 0
        try:
            for file in files:
                name, data = (file.document, b"") if isinstance(file, Added) else file
                kept = self._received(name, data, space) if not isinstance(file, Added) else _refused(file, space)
                with self._originals.lock:  # from here on nobody deletes that content
                    number = self._store.add_files(job_id, [kept], number)
                if kept.content_hash is not None:
                    self._originals.put(data, kept.content_hash)
                names = names if len(names) > 1 else [*names, kept.names[0]]
        except BaseException:
            self._runner.release(self._store.forget([job_id]))
            raise
        return self._hand_over(queue, job_id, _label(names, number))

    def _new_job(self, space: Space) -> str:
        job_id = str(uuid.uuid4())
        self._store.create(job_id, space)
        return job_id

    def _received(self, name: str, data: bytes, space: Space) -> NewFile:
        file = uploaded(name, data)
        if len(data) > self._max_bytes:
            reason = too_large(file.names[0], len(data), self._max_bytes)
            refused = Added(file.names[0], "too large", reason=reason, space=space.name, source=file.source.key)
            return NewFile(file.source, file.names, refused=refused)
        return NewFile(file.source, file.names, content_hash=content_hash(data))

    def _hand_over(self, queue: Queue, job_id: str, label: str) -> str:
        self._store.ready(job_id, label)
        self._watch(job_id)
        queue.enqueue(job_id)
        if old := self._store.old():
            self._runner.release(self._store.forget(old))
            queue.forget_ended()
        return job_id

    def _watch(self, job_id: str) -> Watch:
        return self._runner.board.open(job_id, self._store.finished(job_id), self._store.job(job_id).files)

    # Asking after

    def jobs(self, limit: int) -> list[JobRecord]:
        """The newest jobs, newest first."""
        return [self._with_current(job) for job in self._store.jobs(limit)]

    def waits(self, job_id: str) -> bool:
        """Whether a job has not ended, and goes on when the queue is opened. Raises `UnknownName`."""
        return self._queue is None and self._store.job(job_id).state in UNFINISHED

    def job(self, job_id: str) -> tuple[JobRecord, list[JobFile]]:
        """A job and its files. Raises `UnknownName`."""
        return self._with_current(self._store.job(job_id)), self._store.files(job_id)

    def _with_current(self, job: JobRecord) -> JobRecord:
        """The job with what is being done for it. One that a process left in the middle waits for its turn again."""
        if job.state not in UNFINISHED:
            return job
        watch = self._runner.board.watch(job.id)
        state: JobState = "queued" if watch is None and job.state == "running" else job.state
        return replace(job, state=state, current=watch.progress if watch else None)

    def follow(self, job_id: str) -> Iterator[Started | Progress | Added]:
        """The job's outcomes so far, then all that happens, until it ends. Raises `UnknownName`, and `NotReady` when we are closed."""
        job = self._store.job(job_id)
        watch = self._runner.board.watch(job_id)
        if watch is None and job.state in UNFINISHED:
            self.start()
            watch = self._runner.board.watch(job_id)
        return self._follow(job, watch)

    def _follow(self, job: JobRecord, watch: Watch | None) -> Iterator[Started | Progress | Added]:
        yield Started(job.id)
        yield Progress("", "files", 0, job.files)
        if watch is None:
            finished = self._store.finished(job.id)
            yield from self._outcomes(job.id, finished, 0, len(finished))
            return
        seen, changes = 0, -1
        while True:
            news = self._runner.board.wait(watch, seen, changes)
            yield from self._outcomes(job.id, news.finished, seen, news.total)
            seen += len(news.finished)
            if news.ended:
                return
            if news.abandoned:
                raise NotReady("Footnote was stopped while the job ran.", "It goes on at the next start.")
            if news.changes != changes and news.progress is not None:
                yield news.progress
            changes = news.changes

    def _outcomes(self, job_id: str, ordinals: array[int], before: int, total: int) -> Iterator[Progress | Added]:
        for start in range(0, len(ordinals), IDS_AT_A_TIME):
            outcomes = self._store.outcomes(job_id, ordinals[start : start + IDS_AT_A_TIME].tolist())
            findable = (added.document_id for added in outcomes if added.status in FINDABLE and added.document_id)
            reports = self._catalog.live_versions(findable)
            for added in outcomes:
                before += 1
                yield replace(added, version=reports.get(added.document_id)) if added.status in FINDABLE else added
                yield Progress(added.document, "files", before, max(before, total))

    # Changing one's mind

    def cancel(self, job_id: str) -> JobRecord:
        """End a job: what was finished stays, the rest is `cancelled`. One that has ended stays as it is. Raises `UnknownName`."""
        if self._store.job(job_id).state in UNFINISHED:
            self._store.cancel(job_id)
            self._runner.board.cancel(job_id)
            with self._runner.gate.unless_inside(job_id) as idle:
                if idle and self._store.job(job_id).state in UNFINISHED:
                    self._runner.end(job_id)
            if not idle:
                self._runner.board.wait_for_end(job_id, CANCEL_SECONDS)
        return self._with_current(self._store.job(job_id))

    def drop_space(self, space_id: str) -> None:
        """End all jobs that put files into a space: to be called before it is removed."""
        for job_id in self._store.unfinished(space_id):
            self.cancel(job_id)
        self._runner.release(self._store.drop_space(space_id))

    def retry(self, job_id: str) -> JobRecord:
        """Try the files again that failed, were cancelled or set aside. Raises `UnknownName`, `UsageError`."""
        if self._store.job(job_id).state in UNFINISHED:
            raise UsageError("The job has not ended yet.", "Wait for its end, or cancel it first.")
        queue = self.start()
        if not self._store.retry(job_id):
            raise UsageError(
                "Nothing in this job can be tried again: its files were indexed, or refused for what they are.",
                "Change a refused file, then add it anew.",
            )
        self._watch(job_id)
        queue.enqueue(job_id)
        return self._with_current(self._store.job(job_id))

    def drop_documents(self, document_ids: Sequence[str]) -> None:
        """Jobs must not bring these documents back: to be called before they are removed."""
        self._runner.release(
            self._store.drop_documents(document_ids, "The document was removed before it was indexed.")
        )

    def unfinished(self) -> int:
        """How many jobs have not ended."""
        return len(self._store.unfinished())


def label_of(paths: Sequence[Path]) -> str:
    """What a job is called that adds these paths."""
    return _label([path.absolute().name or str(path) for path in paths[:2]], len(paths))


def _label(names: Sequence[str], count: int) -> str:
    first = names[0] if names else "nothing"
    rest = f" and {names[1]}" if count == 2 else f" and {count - 1:,} more" if count > 2 else ""
    return first[: LONGEST_LABEL - 40] + rest[:LONGEST_LABEL]


def _refused(added: Added, space: Space) -> NewFile:
    file = uploaded(added.document, b"")
    return NewFile(file.source, file.names, refused=replace(added, space=space.name, source=file.source.key))
