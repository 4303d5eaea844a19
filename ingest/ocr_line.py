"""Files whose pages are being recognised: one page at a time, beside everything else, each page kept as soon as it is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Protocol

from ingest.ports import Recogniser
from ingest.preparing import Recognised
from ingest.work import Work
from rag.errors import FileRefused, ParserDied

TRIES = 3
"""How often a page is tried whose reader dies."""


class PageTexts(Protocol):
    """Keeps the texts of recognised pages, so that none is recognised twice."""

    def texts(self, content_hash: str, engine: str) -> Mapping[int, str]:
        """The pages of a content that an engine has recognised."""

    def keep(self, content_hash: str, engine: str, page: int, text: str) -> None:
        """Keep what an engine recognised on a page."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What came of a page: its text, or none where that failed."""

    text: str | None
    died: bool = False


@dataclass(slots=True, eq=False)
class _Task:
    work: Work
    left: deque[int]
    total: int
    texts: dict[int, str] = field(default_factory=dict)
    failed: list[int] = field(default_factory=list)
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was recognised: of which file, how many of its pages are done, and all of it where that was the last."""

    work: Work
    done: int
    total: int
    all: Recognised | None


class OcrLine:
    """The files of one run. `executor` serves all runs in the order in which they ask, a page at a time."""

    def __init__(self, recogniser: Recogniser, store: PageTexts, executor: Executor) -> None:
        self._recogniser = recogniser
        self._store = store
        self._executor = executor
        self._tasks: deque[_Task] = deque()
        self._flying: Future[_Seen] | None = None

    def add(self, work: Work, pages: Sequence[int]) -> None:
        """Put a file in the line."""
        task = _Task(work, deque(pages), len(pages))
        known = self._store.texts(work.content_hash, self._recogniser.engine)
        task.texts = {page: known[page] for page in pages if page in known}
        task.left = deque(page for page in pages if page not in known)
        self._tasks.append(task)

    @property
    def held(self) -> int:
        """The bytes of the files in the line."""
        return sum(len(task.work.data) for task in self._tasks)

    @property
    def futures(self) -> Sequence[Future[_Seen]]:
        """The page that is being recognised now."""
        return [self._flying] if self._flying else []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self._tasks

    def advance(self) -> Iterator[Page]:
        """Take in the page that is done, and hand out the next. Yields what was done."""
        if self._flying and self._flying.done():
            self._take(self._tasks[0], self._flying)
            self._flying = None
            yield self._page(self._tasks[0])
        while self._tasks and not self._flying:
            task = self._tasks[0]
            if task.left and not task.work.ended:
                self._flying = self._executor.submit(self._recognise, task.work, task.left[0])
                return
            self._tasks.popleft()
            if not task.work.ended:
                yield Page(task.work, task.total, task.total, Recognised(task.texts, tuple(task.failed)))

    def stop(self) -> None:
        """Take back what was not begun."""
        if self._flying:
            self._flying.cancel()
        self._tasks.clear()

    def _page(self, task: _Task) -> Page:
        return Page(task.work, task.total - len(task.left), task.total, None)

    def _take(self, task: _Task, flown: Future[_Seen]) -> None:
        seen = flown.result()
        task.tries += 1
        if seen.died and task.tries < TRIES:
            return
        page, task.tries = task.left.popleft(), 0
        if seen.text is None:
            task.failed.append(page)
        else:
            task.texts[page] = seen.text

    def _recognise(self, work: Work, page: int) -> _Seen:
        try:
            text = self._recogniser.recognise(work.name, work.data, page)
        except ParserDied:
            return _Seen(None, died=True)
        except FileRefused:
            return _Seen(None)
        self._store.keep(work.content_hash, self._recogniser.engine, page, text)
        return _Seen(text)
