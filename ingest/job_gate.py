"""Who may work on jobs now: runs come and go, a pause waits until none is left, and the end stops all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(BaseException):
    """The process lets go of its jobs: they go on at the next start. Not an `Exception`, so that nobody takes it for a failure."""


class Gate:
    """Lets runs in unless it is paused or closed. Threads may share it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: set[str] = set()
        self._pauses = 0
        self._pausing = threading.Lock()  # one pause at a time
        self.closed = False

    @property
    def wanted(self) -> bool:
        """Whether those inside should leave soon."""
        return self._pauses > 0 or self.closed

    @contextmanager
    def inside(self, job_id: str) -> Iterator[bool]:
        """Be inside for a job, after any pause; False where another run has the job. Raises `Stopped` when it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or not self._pauses)
            if self.closed:
                raise Stopped
            mine = job_id not in self._inside
            self._inside.add(job_id)
        try:
            yield mine
        finally:
            if mine:
                with self._changed:
                    self._inside.discard(job_id)
                    self._changed.notify_all()

    @contextmanager
    def unless_inside(self, job_id: str) -> Iterator[bool]:
        """True, and no run can begin meanwhile, where none has the job; else False."""
        with self._changed:
            yield job_id not in self._inside

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Wait until nobody is inside, and let nobody in meanwhile."""
        with self._changed:
            self._pauses += 1
        try:
            with self._pausing:
                with self._changed:
                    self._changed.wait_for(lambda: not self._inside)
                yield
        finally:
            with self._changed:
                self._pauses -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in any more, and ask those inside to leave."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def empty(self, seconds: float) -> bool:
        """Wait until nobody is inside; False where that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._inside, seconds)
