"""Where catalog, index and originals change together: stage, write, verify, flip, collect. The only writer of the index.

A version is staged: its row in the catalog first, then its content and its points. When these are on disk and counted, one
transaction makes it live; only then are the old version's points collected. A crash at any moment leaves the old version
live and at most dead versions behind, which the next start collects.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from itertools import count, islice

from ingest.catalog import Draft, Family, Flipped, SqlCatalog, Staged, Version
from ingest.originals import Originals
from rag.errors import IndexUnavailable, NotReady
from rag.ports import IndexWriter
from rag.types import Point

LOG = logging.getLogger(__name__)

LEAST_FREE = 64_000_000
"""Bytes that stay free on the disk: the embedded engine writes into mapped files, and a page that finds no room there kills the
whole process (SIGBUS)."""

FORGOTTEN_AT_A_TIME = 500
"""Versions whose rows go in one transaction, so that nobody waits long for the database."""


class Publisher:
    """Shared by all runs; threads may call everything at any time.

    A version is in flight from its staging until it is live or dropped: until then nobody else collects it.
    """

    def __init__(self, catalog: SqlCatalog, index: IndexWriter, originals: Originals) -> None:
        self.catalog = catalog
        self._index = index
        self._originals = originals
        self._rows = originals.lock
        self._in_flight = catalog.in_flight
        self._removed: set[str] = set()
        self._runs = 0
        self._recovered = False
        self._flushing = threading.Lock()
        self._clock = count(1)
        self._flushed_at = 0
        self._retired: list[Version] = []
        self.flush_seconds = 0.0
        """How long the last flush took. The embedded engine holds the GIL meanwhile."""

    # Runs

    def begin(self) -> None:
        """A run begins."""
        with self._rows:
            self._runs += 1

    def end(self) -> None:
        """A run has ended."""
        with self._rows:
            self._runs -= 1
            if not self._runs:
                self._removed.clear()

    @property
    def any_removed(self) -> bool:
        """Whether any document was removed while some run was going on."""
        return bool(self._removed)

    def was_removed(self, document_id: str) -> bool:
        """Whether the document was removed while some run was going on: then there is no use in going on with it."""
        return document_id in self._removed

    # From staged to live

    def stage(self, drafts: Sequence[Draft]) -> list[Staged | None]:
        """Write the rows of new versions, which are in flight from now on. None where space or document were removed."""
        self._require_room()
        with self._rows:
            staged = self.catalog.stage_all(drafts)
            self._in_flight.update((one.document_id, one.number) for one in staged if one)
        return staged

    def store(self, data: bytes, content_hash: str) -> str:
        """Keep the content of a staged version."""
        return self._originals.put(data, content_hash)

    def write(self, points: Sequence[Point]) -> None:
        """Write points of staged versions."""
        self._require_room()
        self._index.upsert(points)

    def torn(self, versions: Iterable[tuple[Version, int]]) -> set[Version]:
        """Flush, and count what is in the index of each version: those that have not as many points as they should."""
        self._flush(next(self._clock))
        return {version for version, chunks in versions if self._index.count(*version) != chunks}

    def flip(self, families: Sequence[Family]) -> Flipped:
        """Make versions live in one step. What they supersede is to be given to `retire`."""
        with self._rows:
            flipped = self.catalog.flip(families)
            for family in families:
                self._in_flight.difference_update(v for v in family.versions if v[0] not in flipped.removed)
        return flipped

    # Collecting

    def retire(self, versions: Sequence[Version]) -> None:
        """Remove the points of versions that nobody can find; their rows go when that is on disk."""
        self._erase(versions)
        with self._rows:
            self._retired += versions

    def settle(self) -> None:
        """Let the rows of all go that was retired."""
        if self._retired:
            self._flush(next(self._clock))

    def drop(self, versions: Sequence[Version]) -> None:
        """Undo what was staged. Should that fail, it is dead, and collected like everything dead."""
        try:
            self._collect(versions)
        finally:
            with self._rows:
                self._in_flight.difference_update(versions)

    def give_up(self, versions: Sequence[Version]) -> None:
        """Leave what was staged and could not be dropped to whoever collects next."""
        with self._rows:
            self._in_flight.difference_update(versions)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Make documents, and all inside them, invisible at once, then remove all that there is of them."""
        with self._rows:
            gone = self.catalog.tombstone(document_ids)
            self._note_removed(gone)
        self.collect_removed(gone)

    def remove_space(self, name: str) -> int:
        """Remove a space with all its documents, invisible at once, then all that there is of these; how many there were."""
        visible = len(self.catalog.documents(name))
        with self._rows:
            gone = self.catalog.spaces.remove(name)
            self._note_removed(gone)
        self.collect_removed(gone)
        return visible

    def collect_removed(self, document_ids: Sequence[str]) -> None:
        """Remove all that there is of removed documents, and all else that is dead. What a run is writing, that run drops."""
        if not document_ids:
            return
        dead, in_flight = self._dead()
        self._collect(dead)
        for document_id in set(document_ids) - {one for one, _ in in_flight}:
            self._erase_all(document_id)
        self.catalog.forget_removed()

    def collect(self) -> None:
        """Remove the points of all versions that nobody can find and no run is writing, then their rows and contents."""
        self._collect(self._dead()[0])
        self.catalog.forget_removed()

    def recover(self) -> None:
        """Mend what a crash left: dead versions, half-written originals and such that nothing needs. Done once, at the start."""
        with self._rows:
            if self._recovered:
                return
            self._recovered = True
            self.catalog.forget_unseen()
            self._originals.sweep(self.catalog.contents())
        self.collect()

    def release(self, hashes: Collection[str]) -> None:
        """Delete those of the contents that nothing needs."""
        with self._rows:
            for name in set(hashes) - self.catalog.needed(hashes):
                self._originals.delete(name)

    # Helpers

    def _require_room(self) -> None:
        if (free := self._originals.free()) < LEAST_FREE:
            raise NotReady(
                f"The disk of the data folder is full: {free // 1_000_000} MB are free, {LEAST_FREE // 1_000_000} must stay so.",
                "Make room on it.",
            )

    def _note_removed(self, document_ids: Iterable[str]) -> None:
        if self._runs:
            self._removed.update(document_ids)

    def _dead(self) -> tuple[list[Version], set[Version]]:
        """Versions that nobody can find, without and with those in flight."""
        with self._rows:
            dead = self.catalog.dead_versions()
            in_flight = self._in_flight.intersection(dead)
        return [version for version in dead if version not in in_flight], in_flight

    def _collect(self, versions: Sequence[Version]) -> None:
        if versions:
            self._erase(versions)
            self._flush(next(self._clock))
            self._forget(versions)

    def _erase(self, versions: Sequence[Version]) -> None:
        """Delete the points of versions, until a count says that there are none."""
        for document_id, number in versions:
            self._index.delete(document_id, number)
            if self._index.count(document_id, number):
                self._index.delete(document_id, number)
                _require_none(self._index.count(document_id, number))

    def _erase_all(self, document_id: str) -> None:
        if self._index.count(document_id):
            self._index.delete(document_id)
            _require_none(self._index.count(document_id))
            self._flush(next(self._clock))

    def _forget(self, versions: Sequence[Version]) -> None:
        some = iter(versions)
        while batch := list(islice(some, FORGOTTEN_AT_A_TIME)):
            with self._rows:
                for orphan in self.catalog.forget_versions(batch):
                    self._originals.delete(orphan)

    def _flush(self, asked_at: int) -> None:
        """Return when all that was written before is on disk. Runs that ask while another flushes share the next one."""
        with self._flushing:
            if self._flushed_at > asked_at:
                return
            begun_at = next(self._clock)
            with self._rows:
                retired, self._retired = self._retired, []
            started = time.monotonic()
            self._index.flush()
            self.flush_seconds = time.monotonic() - started
            self._flushed_at = begun_at
        self._forget(retired)


def _require_none(points: int) -> None:
    if points:
        raise IndexUnavailable(
            f"The index still holds {points} passages of a document after they were deleted.",
            "Nobody can find them. `footnote doctor --repair` tries again.",
        )
