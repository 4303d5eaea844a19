"""A few children that are kept warm between tasks, started when they are needed and replaced when they are spent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition

from ingest.children import Child, Closing

IDLE_SECONDS = 240.0
"""A child that had nothing to do for so long is ended. It ends itself a little later, if nobody asks."""


@dataclass(eq=False, slots=True)
class Lease:
    """A child in use. Set `spent` when it must not serve another task."""

    child: Child
    ready: bool = False
    tasks: int = 0
    spent: bool = False
    since: float = field(default=0.0)


class Pool:
    """At most `size` children; who wants one waits for it. Threads share it."""

    def __init__(self, start: Callable[[], Child], size: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self._start = start
        self._size = size
        self._idle_seconds = idle_seconds
        self._changed = Condition()
        self._idle: list[Lease] = []
        self._busy: set[Lease] = set()
        self._starting = 0
        self._closed = False

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """A child for one task; it comes back unless it is spent or an error passes. Raises `Closing`."""
        lease = self._take()
        try:
            yield lease
        except BaseException as error:
            lease.spent = True
            if self._closed and isinstance(error, Exception):
                raise Closing from error
            raise
        finally:
            self._give_back(lease)

    def pids(self) -> list[int]:
        """The processes that there are now."""
        with self._changed:
            return [lease.child.pid for lease in (*self._idle, *self._busy)]

    def close(self) -> None:
        """End all children, busy ones too, and wake who waits."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            for lease in self._busy:
                lease.child.kill()
            self._changed.notify_all()
        for lease in idle:
            lease.child.end()

    def _take(self) -> Lease:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._idle or self._has_room())
            if self._closed:
                raise Closing
            stale = self._stale()
            lease = self._idle.pop() if self._idle else None
            if lease:
                self._busy.add(lease)
            else:
                self._starting += 1
        for old in stale:
            old.child.end()
        return lease or self._started()

    def _started(self) -> Lease:
        lease = None
        try:
            lease = Lease(self._start())
        finally:
            with self._changed:
                self._starting -= 1
                if lease and not self._closed:
                    self._busy.add(lease)
                else:
                    self._changed.notify()
        if lease not in self._busy:
            lease.child.end()
            raise Closing
        return lease

    def _stale(self) -> list[Lease]:
        """Take out the idle ones that have waited for long; the list is in the order of their last use."""
        cut = time.monotonic() - self._idle_seconds
        stale = [lease for lease in self._idle if lease.since < cut]
        self._idle = self._idle[len(stale) :]
        return stale

    def _has_room(self) -> bool:
        return len(self._idle) + len(self._busy) + self._starting < self._size

    def _give_back(self, lease: Lease) -> None:
        lease.tasks += 1
        lease.since = time.monotonic()
        with self._changed:
            self._busy.discard(lease)
            kept = not (lease.spent or self._closed)
            if kept:
                self._idle.append(lease)
            self._changed.notify()
        if not kept:
            lease.child.end()
