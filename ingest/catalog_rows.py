"""How a document gets its row in the catalog: found by its source, or entered under the first name that is not taken."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingest.catalog_queries import NO_OUTCOME, batches
from ingest.schema import DOCUMENTS, SPACES, now, storable


@dataclass(frozen=True, slots=True)
class Source:
    """What a document is found by: its absolute path, the name it was uploaded under, or its container and path inside."""

    key: str
    path: str | None

    @classmethod
    def of_path(cls, path: str) -> Source:
        """A file on disk. A path that is not valid Unicode is written out, so that no two paths are one source."""
        try:
            path.encode()
        except UnicodeEncodeError:
            return cls(f"path-bytes:{path.encode('utf-8', 'surrogateescape').hex()}", path)
        return cls(f"path:{path}", path)

    @classmethod
    def of_upload(cls, name: str) -> Source:
        """An uploaded file."""
        return cls(f"upload:{name}", None)

    @classmethod
    def of_member(cls, container_id: str, inner: str) -> Source:
        """A file inside a document."""
        return cls(f"member:{container_id}:{inner}", None)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a document's row is made of. Of `names`, all that it may have, it gets the first that is not taken.

    `document_id` is what it was known by: once that document is removed, there is no entry any more.
    """

    space_id: str
    source: Source
    names: tuple[str, ...]
    container_id: str | None = None
    document_id: str | None = None


def enter(connection: sa.Connection, entries: Sequence[Entry]) -> dict[Entry, tuple[str, str]]:
    """The ids and names of the entries' documents: those known, else new ones, which have no outcome yet.

    An entry whose document, container or space was removed is left out.
    """
    found: dict[Entry, tuple[str, str]] = {}
    spaces = _existing(connection, SPACES.c.id, {entry.space_id for entry in entries})
    containers = {entry.container_id for entry in entries if entry.container_id}
    there = {None, *_existing(connection, DOCUMENTS.c.id, containers, DOCUMENTS.c.removed.is_(False))}
    entries = [entry for entry in entries if entry.space_id in spaces and entry.container_id in there]
    for space_id in sorted({entry.space_id for entry in entries}):
        found |= _enter(connection, space_id, [entry for entry in entries if entry.space_id == space_id])
    return found


def _existing(
    connection: sa.Connection, column: sa.Column[str], ids: Collection[str], *conditions: sa.ColumnElement[bool]
) -> set[str]:
    queries = (sa.select(column).where(column.in_(some), *conditions) for some in batches(ids))
    return {one for query in queries for one in connection.scalars(query)}


def _enter(connection: sa.Connection, space_id: str, entries: Sequence[Entry]) -> dict[Entry, tuple[str, str]]:
    one_at_a_time = sa.select(SPACES.c.id).where(SPACES.c.id == space_id).with_for_update()
    connection.execute(one_at_a_time)  # in PostgreSQL; SQLite's writers wait for each other anyway
    known = _known(connection, space_id, [storable(entry.source.key) for entry in entries])
    taken: set[str] | None = None
    found, rows = {}, []
    for entry in entries:
        key = storable(entry.source.key)
        if entry.document_id and known.get(key, ("", ""))[0] != entry.document_id:
            continue
        if key not in known:
            taken = _taken(connection, space_id, entries) if taken is None else taken
            row = _row(entry, _first_free(connection, entry, taken))
            rows.append(row)
            taken.add(row["name"])
            known[key] = row["id"], row["name"]
        found[entry] = known[key]
    if rows:
        connection.execute(sa.insert(DOCUMENTS), rows)
    return found


def _known(connection: sa.Connection, space_id: str, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The documents of these sources. One that was removed but not collected yet makes room for its successor."""
    found: dict[str, tuple[str, str]] = {}
    gone: list[str] = []
    for some in batches(keys):
        query = sa.select(DOCUMENTS.c.id, DOCUMENTS.c.name, DOCUMENTS.c.source, DOCUMENTS.c.removed)
        for row in connection.execute(query.where(DOCUMENTS.c.space_id == space_id, DOCUMENTS.c.source.in_(some))):
            if row.removed:
                gone.append(row.id)
            else:
                found[row.source] = row.id, row.name
    for ids in batches(gone):
        moved = {"source": sa.literal("removed:") + DOCUMENTS.c.id}
        connection.execute(sa.update(DOCUMENTS).where(DOCUMENTS.c.id.in_(ids)).values(moved))
    return found


def _row(entry: Entry, name: str) -> dict[str, Any]:
    at = now()
    return {
        "id": str(uuid.uuid4()), "space_id": entry.space_id, "source": entry.source.key, "path": entry.source.path,
        "container_id": entry.container_id, "name": name, "state": NO_OUTCOME, "reason": "", "removed": False,
        "added_at": at, "changed_at": at,
    }  # fmt: skip


def _taken(connection: sa.Connection, space_id: str, entries: Sequence[Entry]) -> set[str]:
    """Those of the names that the entries may have that other documents of the space have."""
    taken: set[str] = set()
    for names in batches(storable(name) for entry in entries for name in entry.names):
        query = sa.select(DOCUMENTS.c.name).where(DOCUMENTS.c.space_id == space_id, DOCUMENTS.c.name.in_(names))
        taken |= set(connection.scalars(query.where(DOCUMENTS.c.removed.is_(False))))
    return taken


def _first_free(connection: sa.Connection, entry: Entry, taken: set[str]) -> str:
    """The first name not taken; should all be, the last one with a number behind it."""
    names = [storable(name) for name in entry.names] or ["document"]
    for name in names:
        if name not in taken:
            return name
    numbered = sa.select(DOCUMENTS.c.name).where(
        DOCUMENTS.c.space_id == entry.space_id, DOCUMENTS.c.name.startswith(f"{names[-1]} (", autoescape=True)
    )
    taken |= set(connection.scalars(numbered.where(DOCUMENTS.c.removed.is_(False))))
    return next(f"{names[-1]} ({n})" for n in range(2, len(taken) + 3) if f"{names[-1]} ({n})" not in taken)
