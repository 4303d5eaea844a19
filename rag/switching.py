"""An index that can be exchanged for another while questions go on."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rag.errors import NotReady
from rag.ports import IndexWriter, Vector
from rag.retrieval import Retriever
from rag.types import Hit, Passage, Point, PointKey, Scope

LOG = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that the old index is kept open at most for those who still read in it."""


class SwitchableIndex:
    """The index of the moment, as `rag.ports.IndexWriter`. Threads may share it.

    What is read over several calls, of the index and of the catalog that says what in it is live, goes through `steadily`.
    """

    def __init__(self, index: IndexWriter) -> None:
        self._index = index
        self._switching = threading.Lock()
        self._switches = 0
        self._using = threading.Condition()
        self._users: Counter[int] = Counter()  # of each index, by the switches before it

    def switch(self, index: IndexWriter, commit: Callable[[], bool]) -> bool:
        """Take another index from now on, if `commit`, which makes it the live one, says so; whether it did.

        Nobody reads in the old one any more then, and it is closed.
        """
        with self._switching:
            if not commit():
                return False
            with self._using:
                old, self._index = self._index, index
                gone, self._switches = self._switches, self._switches + 1
                self._using.wait_for(lambda: not self._users[gone], PATIENCE)
                del self._users[gone]
            try:
                old.close()
            except NotReady as error:  # nobody needs it any more
                LOG.warning("the index that was in use cannot be closed: %s", error)
        return True

    def steadily(self, read: Callable[[], T]) -> T:
        """What `read` gives; it is asked again where the index was switched meanwhile."""
        while True:
            with self._switching:  # not while it is being switched
                before = self._switches
            try:
                result = read()
            except Exception:
                if self._same(before):
                    raise
            else:
                if self._same(before):
                    return result

    def _same(self, before: int) -> bool:
        with self._switching:
            return self._switches == before

    @contextmanager
    def _current(self) -> Iterator[IndexWriter]:
        """The index of now, which is not closed meanwhile."""
        with self._using:
            index, mine = self._index, self._switches
            self._users[mine] += 1
        try:
            yield index
        finally:
            with self._using:
                self._users[mine] -= 1
                self._using.notify_all()

    # The port

    def query(self, vector: Vector | None, text: str | None, scope: Scope, limit: int) -> list[Hit]:
        """See `rag.ports.Index`."""
        with self._current() as index:
            return index.query(vector, text, scope, limit)

    def count(self, document_id: str | None = None, version: int | None = None) -> int:
        """See `rag.ports.Index`."""
        with self._current() as index:
            return index.count(document_id, version)

    def close(self) -> None:
        """See `rag.ports.Index`."""
        self._index.close()

    def upsert(self, points: Sequence[Point]) -> None:
        """See `rag.ports.IndexWriter`."""
        with self._current() as index:
            index.upsert(points)

    def delete(self, document_id: str, version: int | None = None) -> None:
        """See `rag.ports.IndexWriter`."""
        with self._current() as index:
            index.delete(document_id, version)

    def flush(self) -> None:
        """See `rag.ports.IndexWriter`."""
        with self._current() as index:
            index.flush()

    def inventory(self) -> Iterator[PointKey]:
        """See `rag.ports.IndexWriter`."""
        with self._current() as index:
            yield from index.inventory()

    def delete_points(self, ids: Sequence[str]) -> None:
        """See `rag.ports.IndexWriter`."""
        with self._current() as index:
            index.delete_points(ids)


class SteadyRetriever(Retriever):
    """Retrieves over an index that may be switched: a search that a switch fell into is done again."""

    __slots__ = ()

    def retrieve(self, question: str, scope: Scope, limit: int) -> list[Passage]:
        """The best `limit` passages in scope, best first, each on one page."""
        search = super().retrieve
        if isinstance(self.index, SwitchableIndex):
            return self.index.steadily(lambda: search(question, scope, limit))
        return search(question, scope, limit)
