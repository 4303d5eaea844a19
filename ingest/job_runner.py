"""One run of a job: index what is pending, write down what became of it, and say when to try the rest again.

Nothing here is remembered from run to run but in the database, so a run may end at any moment, by SIGKILL too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from errno import ENOSPC
from typing import Literal, Protocol

from sqlalchemy.exc import SQLAlchemyError

from ingest.catalog import SqlCatalog
from ingest.files import Incoming
from ingest.job_board import Board, Watch
from ingest.job_feed import JobFeed
from ingest.job_gate import Gate, Stopped
from ingest.job_recorder import Recorder
from ingest.job_rows import UNFINISHED, Outcome, PendingFile
from ingest.job_store import JobStore
from ingest.originals import Originals
from ingest.records import Added, JobRecord, JobState, Postponed, Progress, Space
from rag.errors import FootnoteError, UnknownName

LOG = logging.getLogger(__name__)

MOST_DEATHS = 3
MOST_TRIES = 8
LONGEST_WAIT = 60.0

QUARANTINED = "The process that reads files died three times on it. It was set aside; add it again to try afresh."
CANCELLED = "The job was cancelled before it was indexed."
SPACE_REMOVED = "The space was removed before it was indexed."
INTERNAL = "Something went wrong inside Footnote; its log (stderr) has the details."


class FileIndexer(Protocol):
    """What indexes files (`ingest.indexing`). Threads may share it."""

    def run(
        self, files: Iterable[Incoming | Added], space: Space, cancelled: Callable[[], bool]
    ) -> Generator[Progress | Added | Postponed, None, None]:
        """Index the files: an outcome for each when it is safe, or that it must be tried again. Raises what is not a file's fault."""

    def release(self, hashes: Collection[str]) -> None:
        """Remove those of the kept contents that neither a version nor a job needs."""


@dataclass(frozen=True, slots=True)
class Again:
    """What is left of a job is to be tried again after so many seconds; `tries` counts those that brought nothing."""

    seconds: float
    tries: int


@dataclass(slots=True)
class _Round:
    """One pass of the indexer over what is pending in a job."""

    job: JobRecord
    watch: Watch
    feed: JobFeed
    members: dict[str, int]
    next_number: int
    resumed: bool
    postponed: dict[int, str] = field(default_factory=dict)
    ended: int = 0
    problem: str = ""
    stopped: bool = False
    """Whether it was asked to end before its time: what comes then is no outcome."""


class JobRunner:
    """Runs jobs, several at once in several threads, each job once at a time."""

    def __init__(
        self,
        store: JobStore,
        catalog: SqlCatalog,
        originals: Originals,
        indexer: Callable[[], FileIndexer],
        max_bytes: int,
    ) -> None:
        self.board = Board()
        self.gate = Gate()
        self._store = store
        self._catalog = catalog
        self._originals = originals
        self._indexer = indexer
        self._max_bytes = max_bytes
        self._recorder = Recorder(self._write)

    def stop(self) -> None:
        """Begin to let go of all jobs: they go on at the next start. Those who follow them are told."""
        self.gate.close()
        self.board.abandon()

    def close(self) -> None:
        """Write what is left. To be called when nobody is inside the gate any more."""
        self._recorder.close()

    def run(self, job_id: str, tries: int) -> Again | None:
        """Index what is pending in a job. None where the job has ended or is run already. Raises `Stopped`."""
        while True:
            with self.gate.inside(job_id) as mine:
                verdict = self._run_safely(job_id, tries) if mine else "ended"
            if verdict != "sent out":
                return verdict if isinstance(verdict, Again) else None

    def _run_safely(self, job_id: str, tries: int) -> Again | Literal["ended", "sent out"]:
        """As `_run`, but where not even the outcomes can be written, it is tried again as long as it takes."""
        try:
            return self._run(job_id, tries)
        except Exception as error:
            if self.gate.closed:
                raise Stopped from None
            if isinstance(error, FootnoteError):
                LOG.warning("The job %s stopped: %s", job_id, error)
                self._say_why_it_waits(job_id, str(error))
            else:
                LOG.exception("running the job %s failed", job_id)
            return Again(min(LONGEST_WAIT, 4.0**tries), min(tries + 1, MOST_TRIES - 2))

    def _run(self, job_id: str, tries: int) -> Again | Literal["ended", "sent out"]:
        """As `run`, but it may be sent out by the gate in the middle."""
        try:
            job = self._store.job(job_id)
        except UnknownName:
            return "ended"
        if job.state not in UNFINISHED:
            return "ended"
        watch = self.board.open(job_id, self._store.finished(job_id), job.files)
        space_id, cancelling = self._store.target(job_id)
        space = next((one for one in self._catalog.spaces.all() if one.id == space_id), None)
        if space is None:
            return self.end(job_id, SPACE_REMOVED)
        if cancelling:
            return self.end(job_id)
        self._store.set_state(job_id, "running")
        done = self._index(job, watch, space)
        if self.gate.closed:
            raise Stopped
        if watch.cancelling:
            return self.end(job_id)
        if self._store.pending(job_id, limit=1):
            return "sent out" if self.gate.wanted else self._try_again(done, 0 if done.ended else tries)
        self._end(job_id, "done")
        return "ended"

    def end(self, job_id: str, reason: str = CANCELLED) -> Literal["ended"]:
        """End a job as cancelled: its pending files are, what was finished stays."""
        self._store.end_pending(job_id, "cancelled", reason)
        self._end(job_id, "cancelled")
        return "ended"

    def _end(self, job_id: str, state: JobState, problem: str = "") -> None:
        """The job has ended: whoever follows it gets what is left of its outcomes."""
        self._store.set_state(job_id, state, problem)
        if watch := self.board.watch(job_id):
            told = set(watch.finished)
            self.board.finished(job_id, [number for number in self._store.finished(job_id) if number not in told])
        self.board.end(job_id)

    # One pass

    def _index(self, job: JobRecord, watch: Watch, space: Space) -> _Round:
        feed = JobFeed(self._store, self._originals, job.id, space.name, self._max_bytes)
        members, number = self._store.members(job.id)
        now = _Round(job, watch, feed, members, number, resumed=job.state != "queued")

        def stop() -> bool:
            now.stopped |= watch.cancelling or self.gate.wanted
            return now.stopped

        try:
            events = self._indexer().run(feed, space, stop)
            with closing(events):
                for event in events:
                    self._take(now, event)
        except (FootnoteError, OSError, SQLAlchemyError) as error:
            now.problem = _said(error)
        except Exception:
            LOG.exception("indexing the files of job %s failed", job.id)
            now.problem = INTERNAL
        try:
            self._recorder.drain(job.id)
        except (FootnoteError, OSError, SQLAlchemyError) as error:
            now.problem = now.problem or _said(error)
        self.board.progress(job.id, None)
        if now.problem and not self.gate.closed:
            LOG.warning("The job %s stopped: %s", job.id, now.problem)
        return now

    def _take(self, now: _Round, event: Progress | Added | Postponed) -> None:
        if isinstance(event, Progress):
            self.board.progress(now.job.id, event)
        elif isinstance(event, Postponed):
            if not (now.stopped or self.gate.closed):  # children that we end ourselves do not count
                self._postpone(now, event)
        elif event.status != "cancelled" or not now.stopped:  # else it gets its outcome later
            self._finish(now, event)

    def _finish(self, now: _Round, added: Added) -> None:
        source = added.source or self._source_of(added)
        added = replace(added, source=source)
        file = now.feed.landed(source)
        if file is not None:
            number = file.ordinal
        else:
            number = now.members.setdefault(source, now.next_number)
            now.next_number = max(now.next_number, number + 1)
        if now.resumed and added.status == "unchanged" and self._is_ours(now.job, added):
            added = replace(added, status="indexed")
        now.ended += 1
        self._recorder.put(now.job.id, Outcome(number, added, content_hash=file.content_hash if file else None))

    def _source_of(self, added: Added) -> str:
        return self._store.source_of(added.document_id) or f"member::{added.document}"

    def _is_ours(self, job: JobRecord, added: Added) -> bool:
        """Whether the live version was made since the job was: by a run that died before it could say so."""
        version = added.version or self._catalog.live_version(added.document_id)
        return version is not None and version.created_at >= job.created_at

    def _postpone(self, now: _Round, event: Postponed) -> None:
        file = now.feed.landed(event.source)
        if file is None:
            return
        now.postponed[file.ordinal] = event.reason
        if not event.counts:
            return
        self._store.count_try(now.job.id, file.ordinal)
        if file.attempts + 1 >= MOST_DEATHS:
            del now.postponed[file.ordinal]
            now.ended += 1
            self._recorder.put(now.job.id, self._failed(now.job, file, QUARANTINED, quarantined=True))

    def _failed(self, job: JobRecord, file: PendingFile, reason: str, *, quarantined: bool = False) -> Outcome:
        """The outcome of a file that is given up; it stands in the list of documents too."""
        space_id, _ = self._store.target(job.id)
        document_id = self._catalog.register(space_id, file.source, file.names)
        self._catalog.note([(document_id, "failed", reason)])
        record = self._catalog.document(document_id)
        name, chunks = (record.name, record.chunks) if record else (file.names[0], 0)
        added = Added(name, "failed", None, chunks, reason, document_id, job.space, source=file.source.key)
        return Outcome(file.ordinal, added, quarantined, file.content_hash)

    def _try_again(self, now: _Round, tries: int) -> Again | Literal["ended"]:
        problem = now.problem or next(iter(now.postponed.values()), "")
        if tries + 1 >= MOST_TRIES:
            self._give_up(now.job, problem)
            return "ended"
        self._store.set_state(now.job.id, "waiting", problem)
        self._say_why_it_waits(now.job.id, problem)
        return Again(min(LONGEST_WAIT, 4.0**tries), tries + 1)

    def _say_why_it_waits(self, job_id: str, problem: str) -> None:
        self.board.progress(job_id, Progress("", f"waiting for the next try: {problem}", 0, 1))

    def _give_up(self, job: JobRecord, problem: str) -> None:
        while files := self._store.pending(job.id):
            for file in files:
                self._recorder.put(job.id, self._failed(job, file, f"{problem} It was tried {MOST_TRIES} times."))
            self._recorder.drain(job.id)
        self._end(job.id, "done", problem)

    # What the recorder does

    def _write(self, job_id: str, outcomes: list[Outcome]) -> None:
        self._store.record(job_id, outcomes)
        self.board.finished(job_id, [one.ordinal for one in outcomes])
        done = {one.content_hash for one in outcomes if one.content_hash is not None}
        self.release(done)

    def release(self, hashes: Iterable[str]) -> None:
        """Remove kept contents that neither a version nor a job needs."""
        if wanted := sorted(hashes):
            self._indexer().release(wanted)


def _said(error: Exception) -> str:
    """An error in words for people: a database's own text goes to the log."""
    if isinstance(error, FootnoteError):
        return str(error)
    if isinstance(error, OSError) and error.errno == ENOSPC:
        return "The disk of the data folder is full. Make room on it."
    if isinstance(error, OSError):
        return f"The disk or a process failed: {error.strerror or error}."
    LOG.warning("The database failed", exc_info=error)
    return "The database did not answer, or refused a change."
