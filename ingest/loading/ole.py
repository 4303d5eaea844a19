"""Microsoft's older container (OLE): a little file system of storages and streams in one file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

DEEPEST = 12
"""Storages within storages that are read: six mails, each attached to the one before."""

MOST_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Storage:
    """A folder: its streams and its storages by name. What is broken is left out, and `broken` counts it."""

    streams: dict[str, bytes]
    storages: dict[str, Storage]
    broken: int = 0


def root_entries(data: bytes) -> set[str] | None:
    """The names at the root, or nothing for a container that is broken."""
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            return {entry.name for entry in ole.root.kids}
    except Exception:  # noqa: BLE001  a broken container makes it raise whatever there is
        return None


def read(data: bytes) -> Storage:
    """All that is in a container. Raises `ValueError` for one that is broken."""
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            return _Reader(ole, len(data)).storage(ole.root)
    except (OSError, IndexError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError("the container is broken") from error


@dataclass(slots=True)
class _Reader:
    """Reads storages. All streams together cannot hold more than the file does, whatever they claim."""

    ole: Any
    left: int
    entries: int = MOST_ENTRIES

    def storage(self, entry: Any, depth: int = 0) -> Storage:
        from olefile import STGTY_STORAGE

        streams: dict[str, bytes] = {}
        storages: dict[str, Storage] = {}
        broken = 0
        for kid in entry.kids:
            self.entries -= 1
            if self.entries < 0:
                return Storage(streams, storages, broken + 1)
            try:
                if kid.entry_type != STGTY_STORAGE:
                    streams[kid.name] = self._stream(kid)
                elif depth < DEEPEST:
                    storages[kid.name] = self.storage(kid, depth + 1)
                else:
                    broken += 1
            except (OSError, IndexError, TypeError):
                broken += 1
        return Storage(streams, storages, broken)

    def _stream(self, entry: Any) -> bytes:
        """A stream by its own place: by its name, it would be looked for among all others."""
        if entry.size > self.left:
            raise OSError("the stream claims more than there is")
        with self.ole._open(entry.isectStart, entry.size) as stream:
            data: bytes = stream.read()
        self.left -= len(data)
        return data
