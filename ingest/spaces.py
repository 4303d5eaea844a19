"""Spaces: the named collections that documents are kept in."""

from __future__ import annotations

import uuid
from contextlib import suppress

import sqlalchemy as sa

from ingest.records import Space
from ingest.schema import DOCUMENTS, SPACES, is_live, now
from rag.errors import UnknownName, UsageError

DEFAULT_SPACE = "default"


class Spaces:
    """The spaces of a catalog. Every method is one transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        if self.find(DEFAULT_SPACE) is None:
            with suppress(UsageError):  # another process was faster
                self.add(DEFAULT_SPACE)

    def all(self) -> list[Space]:
        """All spaces by name, each with how many live documents it has."""
        live = sa.func.count(DOCUMENTS.c.id).filter(is_live())
        query = (
            sa.select(SPACES.c.id, SPACES.c.name, live)
            .outerjoin(DOCUMENTS, DOCUMENTS.c.space_id == SPACES.c.id)
            .group_by(SPACES.c.id, SPACES.c.name)
            .order_by(SPACES.c.name)
        )
        with self._engine.connect() as connection:
            return [Space(*row) for row in connection.execute(query)]

    def find(self, name: str) -> Space | None:
        """The space of that name."""
        return next((space for space in self.all() if space.name == name), None)

    def named(self, name: str) -> Space:
        """The space of that name. Raises `UnknownName`."""
        if found := self.find(name):
            return found
        names = ", ".join(space.name for space in self.all())
        raise UnknownName(f"There is no space named {name!r}.", f"There are: {names}. `footnote spaces add` makes one.")

    def add(self, name: str) -> Space:
        """Make a space. Raises `UsageError` where the name is empty or taken."""
        clean = _check_space_name(name)
        if self.find(clean):
            raise _taken(clean)
        space = Space(str(uuid.uuid4()), clean)
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(SPACES).values(id=space.id, name=clean, created_at=now()))
        except sa.exc.IntegrityError as error:  # another thread or process was faster
            raise _taken(clean) from error
        return space

    def rename(self, name: str, new_name: str) -> Space:
        """Give a space another name. Raises `UsageError`."""
        clean = _check_space_name(new_name)
        space = self.named(name)
        if name == DEFAULT_SPACE:
            raise UsageError("The space 'default' keeps its name.", "Make a new space and add the documents there.")
        if self.find(clean):
            raise _taken(clean)
        with self._engine.begin() as connection:
            connection.execute(sa.update(SPACES).where(SPACES.c.id == space.id).values(name=clean))
        return Space(space.id, clean, space.documents)

    def remove(self, name: str) -> list[str]:
        """Remove a space with all its documents, in one step; the ids of these. `default` itself stays.

        What is left of the documents until it is collected moves to `default`, as something that nobody can find.
        """
        space, default = self.named(name), self.named(DEFAULT_SPACE)
        mine = DOCUMENTS.c.space_id == space.id
        with self._engine.begin() as connection:
            ids = connection.scalars(sa.select(DOCUMENTS.c.id).where(mine, DOCUMENTS.c.removed.is_(False))).all()
            connection.execute(sa.update(DOCUMENTS).where(mine).values(removed=True))
            if name != DEFAULT_SPACE:
                gone = {"space_id": default.id, "source": sa.literal("removed:") + DOCUMENTS.c.id}
                connection.execute(sa.update(DOCUMENTS).where(mine).values(gone))
                connection.execute(sa.delete(SPACES).where(SPACES.c.id == space.id))
        return [str(one) for one in ids]


def _taken(name: str) -> UsageError:
    return UsageError(f"There is a space named {name!r} already.", "Choose another name.")


def _check_space_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or not clean.isprintable() or len(clean) > 100:
        raise UsageError(f"{name!r} cannot be the name of a space.", "Use 1 to 100 printable characters.")
    return clean
