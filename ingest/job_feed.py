"""The files of a job on their way to the indexer: read one at a time, when their turn comes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from ingest.files import Incoming, read_whole
from ingest.job_rows import PendingFile
from ingest.job_store import JobStore
from ingest.originals import Originals
from ingest.records import Added
from rag.errors import FileRefused


class JobFeed:
    """The pending files of a job, in order. Those that were handed out and have no outcome yet are in flight."""

    def __init__(self, store: JobStore, originals: Originals, job_id: str, space: str, max_bytes: int) -> None:
        self._store = store
        self._originals = originals
        self._job_id = job_id
        self._space = space
        self._max_bytes = max_bytes
        self._in_flight: dict[str, deque[PendingFile]] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Incoming | Added]:
        last = -1
        while True:
            drops = self._store.drops
            page = self._store.pending(self._job_id, last)
            if not page:
                return
            for file in page:
                if drops != self._store.drops:
                    break  # a document was removed meanwhile: what follows may not be wanted any more
                last = file.ordinal
                with self._lock:
                    self._in_flight.setdefault(file.source.key, deque()).append(file)
                yield self._read(file)

    def landed(self, source: str) -> PendingFile | None:
        """The file of that source that was handed out first, which is not in flight any more; None where there is none."""
        with self._lock:
            files = self._in_flight.get(source)
            if files is None:
                return None
            file = files.popleft()
            if not files:
                del self._in_flight[source]
            return file

    def _read(self, file: PendingFile) -> Incoming | Added:
        name = file.names[0]
        try:
            return Incoming(file.source, file.names, self._bytes(file))
        except FileRefused as refused:
            return Added(name, refused.state, reason=str(refused), space=self._space, source=file.source.key)
        except OSError as error:
            why = error.strerror or str(error)
            reason = f"{name} could not be read: {why}. Check that it is there and may be read, then add it again."
            return Added(name, "failed", reason=reason, space=self._space, source=file.source.key)

    def _bytes(self, file: PendingFile) -> bytes:
        if file.content_hash is not None:
            return self._originals.get(file.content_hash)
        if file.source.path is None:
            raise FileRefused("failed", f"What {file.names[0]} was read from is not kept.", "Add it again.")
        return read_whole(file.source.path, file.names[0], self._max_bytes)
