"""Files waiting to be read and cut into chunks, and those that are being read: a few at a time of each run."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future

from ingest.preparing import Prepared, Preparer, Recognised
from ingest.work import Work
from rag.errors import FootnoteError, NotReady

LOG = logging.getLogger(__name__)


class ReadingLine:
    """The files of one run. `executor` is shared by all runs; each hands it at most `ahead` files, so that none waits long."""

    def __init__(self, preparer: Preparer, executor: Executor, ahead: int) -> None:
        self._preparer = preparer
        self._executor = executor
        self._ahead = ahead
        self._waiting: deque[tuple[Work, int, Recognised | None]] = deque()
        self._flying: dict[Future[Prepared], tuple[Work, int]] = {}
        self._held = 0

    def add(self, work: Work) -> None:
        """Put a file in the line."""
        self._waiting.append(self._entered(work, None))

    def add_first(self, works: Sequence[Work], recognised: Recognised | None = None) -> None:
        """Put files before all others: those inside a file that is waiting for them, or one that waited for OCR."""
        self._waiting.extendleft(self._entered(work, recognised) for work in reversed(works))

    def _entered(self, work: Work, recognised: Recognised | None) -> tuple[Work, int, Recognised | None]:
        self._held += len(work.data)
        return work, len(work.data), recognised  # a work that is given up loses its data

    @property
    def files(self) -> int:
        """How many files are in the line."""
        return len(self._waiting) + len(self._flying)

    @property
    def held(self) -> int:
        """The bytes of the files in the line."""
        return self._held

    @property
    def futures(self) -> Sequence[Future[Prepared]]:
        """What is being read now."""
        return list(self._flying)

    def feed(self) -> Iterator[Work]:
        """Begin with the next files. Yields them."""
        while self._waiting and len(self._flying) < self._ahead:
            work, size, recognised = self._waiting.popleft()
            if work.ended:
                self._held -= size
                continue
            args = (work.name, work.data, work.content_hash, recognised)
            self._flying[self._executor.submit(self._preparer.prepare, *args)] = work, size
            yield work

    def landed(self) -> Iterator[tuple[Work, Prepared | FootnoteError]]:
        """What came of the files that are done. Raises what is no fault of a file."""
        for future in [future for future in self._flying if future.done()]:
            work, size = self._flying.pop(future)
            self._held -= size
            try:
                result: Prepared | FootnoteError = future.result()
            except NotReady:
                raise
            except FootnoteError as error:
                result = error
            if not work.ended:
                yield work, result

    def stop(self) -> None:
        """Take back what was not begun."""
        for future in self._flying:
            future.cancel()
        self._waiting.clear()
