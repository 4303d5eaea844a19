"""Which files of a run are taken next; those that are in the library as they are go no further."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from ingest.catalog import SqlCatalog
from ingest.claims import Claims
from ingest.files import Incoming
from ingest.judging import Judge
from ingest.records import Added, Postponed, Space
from ingest.work import Bundle, Work, new_bundle
from rag.types import State


class Intake:
    """The files of one run, `files`, on their way in. It has claimed the source of every file that it hands out."""

    def __init__(
        self,
        files: Iterable[Incoming | Added | Postponed],
        space: Space,
        catalog: SqlCatalog,
        claims: Claims,
        judge: Judge,
    ) -> None:
        self._files = iter(files)
        self._space = space
        self._catalog = catalog
        self._claims = claims
        self._judge = judge
        self._blocked: deque[Incoming] = deque()
        self.exhausted = False

    @property
    def blocked(self) -> Sequence[Incoming]:
        """Files that were read, and whose source somebody is working on: they are looked at again when that is done."""
        return self._blocked

    def take(self, files: int, size: int) -> Iterator[Bundle | Added | Postponed]:
        """Files that were blocked and are free now, and about so many new ones, of so many bytes: to be read, or with an outcome."""
        claimed: list[Incoming] = []
        for item in self._next(files, size):
            if not isinstance(item, Incoming):
                yield item
            elif self._claims.take(self._key(item), self):
                claimed.append(item)
            else:
                self._blocked.append(item)
        known = self._catalog.known(self._space.id, [file.source.key for file in claimed]) if claimed else {}
        notes: list[tuple[str, State, str]] = []
        for file in claimed:
            found = known.get(file.source.key)
            outcomes = self._judge.outcomes(found, file.content_hash) if found else None
            if found is None or outcomes is None:
                yield new_bundle(file, self._space, found)
                continue
            self._claims.release(self._key(file))
            if found.state != "indexed":
                notes.append((found.id, "indexed", ""))
            yield from outcomes
        self._catalog.note(notes)

    def release(self, work: Work) -> None:
        """Let go of the source of a file that was handed out."""
        self._claims.release((work.entry.space_id, work.entry.source.key))

    def release_all(self) -> None:
        """Let go of all sources."""
        self._claims.release_all(self)

    def wait(self, seconds: float) -> None:
        """Wait until somebody lets go of a source, at most so long."""
        self._claims.wait(seconds)

    def _key(self, file: Incoming) -> tuple[str, str]:
        return self._space.id, file.source.key

    def _next(self, files: int, size: int) -> Iterator[Incoming | Added | Postponed]:
        """Files that were blocked, each once, then new ones."""
        for _ in range(len(self._blocked)):
            yield self._blocked.popleft()
        while files > 0 and size > 0 and not self.exhausted:
            try:
                item = next(self._files)
            except StopIteration:
                self.exhausted = True
                return
            files -= 1
            size -= len(item.data) if isinstance(item, Incoming) else 0
            yield item
