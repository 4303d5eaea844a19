"""Chunks waiting to be embedded, and batches on their way: the embedder, the slowest of all, must never wait.

Chunks of several documents share a batch. Batches are made of a larger window, sorted by length, so that little of a batch
is padding. Of each run only few batches wait for the embedder at a time, so that a small job beside a huge one is soon done.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ingest.points import embedded_text
from ingest.work import Work
from rag.ports import Vector
from rag.types import Chunk

BATCH = 64
"""Texts that are embedded, and points that are written, at once: the embedded engine holds the GIL 6 ms for so many."""

WINDOW = 8 * BATCH
"""Chunks that are sorted by length together."""

AHEAD = 2
"""Batches that are handed to the embedder: one that it works on, and one for when that is done."""


class Embeddable(Protocol):
    """A chunk, and what stands before it where it is embedded."""

    @property
    def chunk(self) -> Chunk:
        """A range of the document's text."""

    @property
    def context(self) -> str:
        """The heading that is embedded with it."""


AnyPiece = TypeVar("AnyPiece", bound=Embeddable)


def batches(pieces: Sequence[AnyPiece]) -> Iterator[list[AnyPiece]]:
    """Batches of texts of about the same length, so that little of a batch is padding; sorted within each window."""
    for start in range(0, len(pieces), WINDOW):
        window = sorted(pieces[start : start + WINDOW], key=lambda piece: len(piece.context) + len(piece.chunk.text))
        yield from (window[first : first + BATCH] for first in range(0, len(window), BATCH))


def texts(pieces: Sequence[Embeddable]) -> list[str]:
    """What the embedder sees of them."""
    return [embedded_text(piece.context, piece.chunk) for piece in pieces]


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of a work, and what stands before it where it is embedded."""

    work: Work
    chunk: Chunk
    context: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """A batch with its vectors, and how long that took."""

    pieces: Sequence[Piece]
    vectors: Vector
    seconds: float


class EmbeddingLine:
    """The chunks of one run. `executor` has one thread, which serves all runs in the order in which they ask."""

    def __init__(self, embed: Callable[[Sequence[str]], Vector], executor: Executor) -> None:
        self._embed = embed
        self._executor = executor
        self._pending: deque[Piece] = deque()
        self._ready: deque[list[Piece]] = deque()
        self._flying: deque[Future[Embedded]] = deque()

    def add(self, pieces: Sequence[Piece]) -> None:
        """Put the chunks of a document in the line."""
        self._pending.extend(pieces)

    @property
    def waiting(self) -> int:
        """How many chunks were not handed to the embedder yet."""
        return len(self._pending) + sum(len(batch) for batch in self._ready)

    @property
    def futures(self) -> Sequence[Future[Embedded]]:
        """What is being embedded now."""
        return self._flying

    def feed(self, *, more: bool) -> None:
        """Hand batches to the embedder. With `more` to come soon, a window waits until it is full, unless nothing else is there."""
        while len(self._flying) < AHEAD:
            if not self._ready:
                if not self._pending or (more and self._flying and len(self._pending) < WINDOW):
                    return
                self._open_window()
            if batch := [piece for piece in self._ready.popleft() if not piece.work.ended]:
                self._flying.append(self._executor.submit(self._run, batch))

    def landed(self) -> Embedded | None:
        """The next batch that is done, if there is one. Raises what embedding raised."""
        return self._flying.popleft().result() if self._flying and self._flying[0].done() else None

    def stop(self) -> None:
        """Take back what the embedder has not begun with."""
        for future in self._flying:
            future.cancel()
        self._pending.clear()
        self._ready.clear()

    def _open_window(self) -> None:
        self._ready.extend(batches([self._pending.popleft() for _ in range(min(WINDOW, len(self._pending)))]))

    def _run(self, pieces: Sequence[Piece]) -> Embedded:
        started = time.monotonic()
        vectors = self._embed(texts(pieces))
        return Embedded(pieces, vectors, time.monotonic() - started)
