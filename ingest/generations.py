"""Which generation of the index is live. A rebuild makes a new one beside it; one transaction swaps them.

The names of generations that must go, half made ones and those that were live, stand in the catalog until they are gone, so
that a crash at any moment leaves nothing behind.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from ingest.schema import DOCUMENTS, META, is_live

_LIVE = "index"
_LEFTOVER = "index leftovers"


class Generations:
    """The generations that the catalog knows. Every method is one transaction; threads may share it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._building: set[str] = set()

    def live(self) -> str:
        """The generation that questions go to. The first one of a library may have no name."""
        with self._engine.connect() as connection:
            return _get(connection, _LIVE)

    def name_first(self) -> None:
        """Give the first generation of a library in which nothing ever was a name of its own.

        On a server it is the name of a collection, which two libraries must not share.
        """
        with self._engine.begin() as connection:
            documents = connection.scalar(sa.select(sa.exists().where(DOCUMENTS.c.id.is_not(None))))
            if not documents and not _get(connection, _LIVE):
                _put(connection, _LIVE, _new_name())

    def leftovers(self) -> list[str]:
        """The generations that must go: half made ones that nobody makes any more, and those that were live before."""
        with self._engine.connect() as connection:
            return [name for name in _leftovers(connection) if name not in self._building]

    def move(self, versions: Sequence[tuple[str, int]]) -> None:
        """Make these versions, `(document id, number)`, the live ones; the generation stays, and all else that is noted."""
        with self._engine.begin() as connection:
            _flip(connection, versions)

    @property
    def building(self) -> frozenset[str]:
        """The generations that this process is making."""
        return frozenset(self._building)

    def begin(self) -> str:
        """The name of a new generation, which is a leftover until it is swapped in, for others and after a crash."""
        name = _new_name()
        self._building.add(name)
        with self._engine.begin() as connection:
            _put(connection, _LEFTOVER, json.dumps([*_leftovers(connection), name]))
        return name

    def swap(self, generation: str, versions: Sequence[tuple[str, int]]) -> list[str]:
        """Make the generation live, and in it these versions, `(document id, number)`: all in one transaction.

        Nothing is changed where a live document is not among them in its newest state; the ids of such are returned.
        """
        with self._engine.begin() as connection:
            behind = _behind(connection, versions)
            if behind:
                return behind
            _flip(connection, versions)
            others = [name for name in _leftovers(connection) if name != generation]
            _put(connection, _LEFTOVER, json.dumps([*others, _get(connection, _LIVE)]))
            _put(connection, _LIVE, generation)
        return []

    def end(self, generation: str) -> None:
        """Making the generation has ended: it is live now, or a leftover."""
        self._building.discard(generation)

    def forget(self, generation: str) -> None:
        """The generation is gone for good."""
        with self._engine.begin() as connection:
            _put(connection, _LEFTOVER, json.dumps([name for name in _leftovers(connection) if name != generation]))


def forget_other_generations(generations: Generations, drop: Callable[[str], None]) -> None:
    """Remove what rebuilding left behind. To be called when the library is opened, and after a swap."""
    for name in generations.leftovers():
        if name != generations.live():
            drop(name)
        generations.forget(name)


def _behind(connection: sa.Connection, versions: Sequence[tuple[str, int]]) -> list[str]:
    """The live documents whose live version is newer than the one staged of it, or of which none is staged."""
    staged = dict(versions)
    rows = connection.execute(sa.select(DOCUMENTS.c.id, DOCUMENTS.c.live_version).where(is_live()))
    return [row.id for row in rows if staged.get(row.id, 0) < row.live_version]


def _flip(connection: sa.Connection, versions: Sequence[tuple[str, int]]) -> None:
    """Make versions live, but for documents that were removed and such of which a newer one is live."""
    if versions:
        older = sa.and_(is_live(), DOCUMENTS.c.live_version < sa.bindparam("number"))
        flip = sa.update(DOCUMENTS).where(DOCUMENTS.c.id == sa.bindparam("document"), older)
        rows = [{"document": document_id, "number": number} for document_id, number in versions]
        connection.execute(flip.values(live_version=sa.bindparam("number")), rows)


def _new_name() -> str:
    return uuid.uuid4().hex[:12]


def _get(connection: sa.Connection, key: str) -> str:
    return connection.scalar(sa.select(META.c.value).where(META.c.key == key)) or ""


def _leftovers(connection: sa.Connection) -> list[str]:
    return list(json.loads(_get(connection, _LEFTOVER) or "[]"))


def _put(connection: sa.Connection, key: str, value: str) -> None:
    connection.execute(sa.delete(META).where(META.c.key == key))
    connection.execute(sa.insert(META).values(key=key, value=value))
