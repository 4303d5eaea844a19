"""Spaces: the named collections that documents are kept in."""

from __future__ import annotations

import uuid

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
            raise UsageError(f"There is a space named {clean!r} already.", "Choose another name.")
        space = Space(str(uuid.uuid4()), clean)
        with self._engine.begin() as connection:
            connection.execute(sa.insert(SPACES).values(id=space.id, name=clean, created_at=now()))
        return space

    def rename(self, name: str, new_name: str) -> Space:
        """Give a space another name. Raises `UsageError`."""
        clean = _check_space_name(new_name)
        space = self.named(name)
        if name == DEFAULT_SPACE:
            raise UsageError("The space 'default' keeps its name.", "Make a new space and add the documents there.")
        if self.find(clean):
            raise UsageError(f"There is a space named {clean!r} already.", "Choose another name.")
        with self._engine.begin() as connection:
            connection.execute(sa.update(SPACES).where(SPACES.c.id == space.id).values(name=clean))
        return Space(space.id, clean, space.documents)

    def remove(self, name: str) -> None:
        """Remove a space that has no documents left. `default` stays. Raises `UsageError`."""
        space = self.named(name)
        if name == DEFAULT_SPACE:
            return
        with self._engine.begin() as connection:
            rows = connection.scalar(sa.select(sa.func.count()).where(DOCUMENTS.c.space_id == space.id))
            if rows:
                raise UsageError(f"The space {name!r} still has documents.", "Remove them first.")
            connection.execute(sa.delete(SPACES).where(SPACES.c.id == space.id))


def _check_space_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or not clean.isprintable() or len(clean) > 100:
        raise UsageError(f"{name!r} cannot be the name of a space.", "Use 1 to 100 printable characters.")
    return clean
