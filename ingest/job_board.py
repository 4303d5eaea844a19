"""How far the jobs of this process are, in memory: any number of followers wait here, and are woken at once.

What became of a file is not kept here but read from the database; a job's watch holds the order in which its files ended.
"""

from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass

from ingest.records import Progress


@dataclass(slots=True, eq=False)
class Watch:
    """One job: the numbers of its finished files in the order they ended, and what is being done now."""

    finished: array[int]
    total: int
    progress: Progress | None = None
    changes: int = 0
    """How often the progress has changed."""
    ended: bool = False
    abandoned: bool = False
    """The process lets go of the job before its end: it goes on at the next start."""
    cancelling: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What a follower has not seen: the numbers of finished files, the latest progress, and whether that was all."""

    finished: array[int]
    progress: Progress | None
    changes: int
    total: int
    ended: bool
    abandoned: bool


class Board:
    """The watches of all jobs that this process has to do with. Threads may share it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: dict[str, Watch] = {}
        self._abandoned = False

    def open(self, job_id: str, finished: array[int], total: int) -> Watch:
        """Watch a job; one that is watched already stays as it is."""
        with self._changed:
            return self._watches.setdefault(job_id, Watch(finished, total, abandoned=self._abandoned))

    def watch(self, job_id: str) -> Watch | None:
        """The watch of a job that has not ended in this process."""
        with self._changed:
            return self._watches.get(job_id)

    def current(self, job_id: str) -> Progress | None:
        """What is being done for a job now."""
        with self._changed:
            watch = self._watches.get(job_id)
            return watch.progress if watch else None

    def progress(self, job_id: str, progress: Progress | None) -> None:
        """Something is being done now, or nothing."""
        with self._changed:
            if watch := self._watches.get(job_id):
                watch.progress = progress
                watch.changes += 1
                self._changed.notify_all()

    def finished(self, job_id: str, ordinals: list[int]) -> None:
        """These files have their outcome in the database. Numbers beyond the total are of files inside others."""
        with self._changed:
            if watch := self._watches.get(job_id):
                watch.finished.extend(ordinals)
                watch.total = max(watch.total, max(ordinals, default=-1) + 1)
                self._changed.notify_all()

    def cancel(self, job_id: str) -> None:
        """Somebody wants the job to end."""
        with self._changed:
            if watch := self._watches.get(job_id):
                watch.cancelling = True
                self._changed.notify_all()

    def end(self, job_id: str) -> None:
        """The job has ended: its followers get what they have not seen, and end too."""
        with self._changed:
            if watch := self._watches.pop(job_id, None):
                watch.ended = True
                self._changed.notify_all()

    def abandon(self) -> None:
        """This process lets go of all jobs: those who follow them are told, and those who begin to."""
        with self._changed:
            self._abandoned = True
            for watch in self._watches.values():
                watch.abandoned = True
            self._changed.notify_all()

    def wait(self, watch: Watch, seen: int, changes: int) -> News:
        """Wait until there is more than `seen` finished files and `changes` of the progress, or the job has ended."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(watch.finished) > seen or watch.changes != changes or watch.ended or watch.abandoned
            )
            new = watch.finished[seen:]
            return News(new, watch.progress, watch.changes, watch.total, watch.ended, watch.abandoned)

    def wait_for_end(self, job_id: str, seconds: float) -> bool:
        """Wait until the job has ended; False where it does not within that time."""
        with self._changed:
            return self._changed.wait_for(lambda: job_id not in self._watches, seconds)
