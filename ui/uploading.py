"""A batch of uploaded files, indexed by a thread of its own: leaving the page does not stop it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.records import Added, Progress
from rag.errors import FootnoteError

LOG = logging.getLogger(__name__)


class Uploader(Protocol):
    """What a batch needs of the library."""

    def upload(self, name: str, data: bytes, space: str) -> Iterator[Progress | Added]:
        """Index one file."""


class File(Protocol):
    """An uploaded file, in Streamlit's memory until it is read."""

    @property
    def name(self) -> str:
        """What it is called."""

    def getvalue(self) -> bytes:
        """What is in it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a batch is: outcomes so far, of how many files, the file at hand and how far that is (0 to 1)."""

    outcomes: tuple[Added, ...]
    total: int
    current: str
    step: str
    share: float
    running: bool


class Batch:
    """Files on their way into a space. Any thread may ask how far they are."""

    def __init__(self, library: Uploader, files: Sequence[File], space: str, stopping: threading.Event) -> None:
        self.space = space
        self._library = library
        self._files = list(files)
        self._total = len(files)
        self._stopping = stopping
        self._lock = threading.Lock()
        self._outcomes: list[Added] = []
        self._progress = Progress("", "", 0, 1)
        self._running = True
        threading.Thread(target=self._work, name="footnote-upload", daemon=True).start()

    def snapshot(self) -> Snapshot:
        """How far it is now."""
        with self._lock:
            at = self._progress
            share = at.done / at.total if at.total else 0.0
            done = tuple(self._outcomes)
            return Snapshot(done, self._total, at.document, at.step, min(1.0, share), self._running)

    def _work(self) -> None:
        try:
            while self._files:
                outcome = self._index(self._files.pop(0))  # popped, so that its memory is given back
                with self._lock:
                    self._outcomes.append(outcome)
        finally:
            with self._lock:
                self._running = False

    def _index(self, file: File) -> Added:
        if self._stopping.is_set():
            return Added(file.name, "cancelled", reason="Footnote was stopped. Add the file again.", space=self.space)
        self._note(Progress(file.name, "read", 0, 1))
        try:
            for item in self._library.upload(file.name, file.getvalue(), self.space):
                if isinstance(item, Added):
                    return item
                self._note(item)
        except FootnoteError as error:
            return Added(file.name, "failed", reason=str(error), space=self.space)
        except Exception:
            LOG.exception("indexing %s failed", file.name)
        return Added(file.name, "failed", reason="Something went wrong inside Footnote.", space=self.space)

    def _note(self, progress: Progress) -> None:
        with self._lock:
            self._progress = progress
