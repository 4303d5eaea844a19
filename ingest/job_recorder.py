"""Outcomes on their way into the database: written as they come, many in one transaction where they come fast."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from ingest.job_rows import Outcome

Write = Callable[[str, list[Outcome]], None]


class Recorder:
    """One thread that writes. What comes while it waits for the disk is written together, next."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._waiting: dict[str, list[Outcome]] = {}
        self._left: Counter[str] = Counter()
        """How many outcomes of a job are not written."""
        self._errors: dict[str, Exception] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, job_id: str, outcome: Outcome) -> None:
        """Have an outcome written soon."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="footnote-outcomes", daemon=True)
                self._thread.start()
            self._waiting.setdefault(job_id, []).append(outcome)
            self._left[job_id] += 1
            self._changed.notify_all()

    def drain(self, job_id: str) -> None:
        """Wait until the job's outcomes are written. Raises what kept one of them from it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._left[job_id])
            del self._left[job_id]
            error = self._errors.pop(job_id, None)
        if error is not None:
            raise error

    def close(self) -> None:
        """Write what is left, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while batch := self._next():
            for job_id, outcomes in batch.items():
                try:
                    self._write(job_id, outcomes)
                except Exception as error:  # noqa: BLE001 - the thread must live on; `drain` raises it for that job
                    with self._changed:
                        self._errors[job_id] = error
                with self._changed:
                    self._left[job_id] -= len(outcomes)
                    self._changed.notify_all()

    def _next(self) -> dict[str, list[Outcome]]:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._closed)
            batch, self._waiting = self._waiting, {}
            return batch
