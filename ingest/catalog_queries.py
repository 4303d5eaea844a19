"""What the catalog can be asked: which documents there are, what is live, and what was read from them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from ingest.records import DocumentRecord, VersionRecord
from ingest.schema import DOCUMENTS, SPACES, VERSIONS, held_by_jobs, is_live, storable
from ingest.spaces import Spaces
from rag.errors import AmbiguousName, UnknownName
from rag.types import Document, LiveDocument

_DOCUMENT = TypeAdapter(Document)

IDS_AT_A_TIME = 500
"""Values in one `IN (...)`: SQLite takes 999 variables in its oldest builds."""

NO_OUTCOME = ""
"""The state of a document that was staged for the first time, and of which nothing is known yet: nobody sees it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A document that is in the catalog, seen or not, and the version of it that can be found."""

    id: str
    name: str
    source: str
    state: str
    reason: str
    live: VersionRecord | None


class CatalogQueries:
    """The reading half of the catalog. Every method sees one state of the database; threads may share it."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.spaces = Spaces(engine)

    # Documents

    def documents(self, space: str | None = None) -> list[DocumentRecord]:
        """The documents of a space, or of all, by space and name; those that could not be read among them."""
        query = _document_query().order_by(SPACES.c.name, DOCUMENTS.c.name)
        if space is not None:
            query = query.where(DOCUMENTS.c.space_id == self.spaces.named(space).id)
        return self._documents(query)

    def document(self, document_id: str) -> DocumentRecord | None:
        """The document of that id, unless it was removed."""
        return next(iter(self._documents(_document_query().where(DOCUMENTS.c.id == storable(document_id)))), None)

    def match(self, name: str, space: str | None = None) -> list[DocumentRecord]:
        """Documents by id, else by name, else by file name, by space and name."""
        query = _document_query().order_by(SPACES.c.name, DOCUMENTS.c.name)
        if space is not None:
            query = query.where(DOCUMENTS.c.space_id == self.spaces.named(space).id)
        bare = file_name(storable(name))
        ending = self._documents(query.where(DOCUMENTS.c.name.endswith(bare, autoescape=True)))
        return (
            self._documents(query.where(DOCUMENTS.c.id == storable(name)))
            or [record for record in ending if record.name == storable(name)]
            or [record for record in ending if file_name(record.name) == bare]
        )

    def resolve(self, name: str, space: str | None = None) -> DocumentRecord:
        """The one document of that name. Raises `UnknownName`, or `AmbiguousName` listing those that fit."""
        found = self.match(name, space)
        if not found:
            where = f" in the space {space!r}" if space else ""
            raise UnknownName(f"There is no document named {name!r}{where}.", "`footnote list` shows the names.")
        if len(found) > 1:
            names = ", ".join(f"{d.name} (in {d.space})" for d in found)
            raise AmbiguousName(f"{name!r} fits several documents: {names}.", "Say the whole name, or add --space.")
        return found[0]

    def known(self, space_id: str, sources: Iterable[str]) -> dict[str, Known]:
        """The documents of a space that were added from these sources (keys of `Source`) before, by source."""
        found: dict[str, Known] = {}
        with self.engine.connect() as connection:
            for keys in batches(sources):
                query = _known_query().where(DOCUMENTS.c.space_id == space_id, DOCUMENTS.c.source.in_(keys))
                found |= {row["source"]: _known(row) for row in connection.execute(query).mappings()}
        return found

    def members(self, document_id: str) -> list[Known]:
        """The documents that came out of a document, those inside of them included, each behind its container."""
        found: list[Known] = []
        with self.engine.connect() as connection:
            containers = [document_id]
            while containers:
                query = _known_query().where(DOCUMENTS.c.container_id.in_(containers[:IDS_AT_A_TIME]))
                rows = [_known(row) for row in connection.execute(query.order_by(DOCUMENTS.c.name)).mappings()]
                containers = containers[IDS_AT_A_TIME:] + [row.id for row in rows]
                found += rows
        return found

    # Versions

    def live_version(self, document_id: str) -> VersionRecord | None:
        """The version that can be found now."""
        query = _version_query().join(DOCUMENTS, sa.and_(of_live_version(), is_live()))
        return self._version(query.where(VERSIONS.c.document_id == document_id))

    def live_versions(self, document_ids: Iterable[str]) -> dict[str, VersionRecord]:
        """The versions of documents that can be found now, by document."""
        live = _version_query().join(DOCUMENTS, sa.and_(of_live_version(), is_live()))
        found: dict[str, VersionRecord] = {}
        with self.engine.connect() as connection:
            for ids in batches(document_ids):
                rows = connection.execute(live.where(VERSIONS.c.document_id.in_(ids))).mappings()
                found |= {row["document_id"]: version_of(row) for row in rows}
        return found

    def version(self, document_id: str, number: int) -> VersionRecord | None:
        """A version, live or not."""
        mine = sa.and_(VERSIONS.c.document_id == document_id, VERSIONS.c.number == number)
        return self._version(_version_query().where(mine))

    def parsed(self, document_id: str, number: int) -> Document | None:
        """The parsed document of a version, in which all offsets count."""
        query = sa.select(VERSIONS.c.parsed).where(VERSIONS.c.document_id == document_id, VERSIONS.c.number == number)
        with self.engine.connect() as connection:
            packed = connection.scalar(query)
        return unpack(packed) if packed is not None else None

    def dead_versions(self) -> list[tuple[str, int]]:
        """Versions that nobody can find: retired, never flipped, or of a removed document."""
        dead = sa.or_(
            DOCUMENTS.c.removed.is_(True),
            DOCUMENTS.c.live_version.is_(None),
            DOCUMENTS.c.live_version != VERSIONS.c.number,
        )
        query = sa.select(VERSIONS.c.document_id, VERSIONS.c.number).join(DOCUMENTS).where(dead)
        with self.engine.connect() as connection:
            return [(row.document_id, row.number) for row in connection.execute(query)]

    def contents(self) -> set[str]:
        """The hashes of all contents that a version or a job needs."""
        with self.engine.connect() as connection:
            versions = set(connection.scalars(sa.select(VERSIONS.c.content_hash).distinct()))
            return versions | set(connection.scalars(held_by_jobs()))

    def needed(self, hashes: Iterable[str]) -> set[str]:
        """Those of the contents that a version or a job needs."""
        with self.engine.connect() as connection:
            return needed(connection, hashes)

    # What can be found

    def live(self, document_ids: Iterable[str]) -> Mapping[str, LiveDocument]:
        """Those of the documents that can be found now, by id."""
        found: dict[str, LiveDocument] = {}
        with self.engine.connect() as connection:
            for ids in batches(document_ids):
                query = _live_query().where(DOCUMENTS.c.id.in_(ids))
                found |= {row.id: LiveDocument(*row) for row in connection.execute(query)}
        return found

    def totals(self) -> tuple[int, int]:
        """How many documents and how many chunks can be found."""
        query = (
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(VERSIONS.c.chunks), 0))
            .select_from(DOCUMENTS)
            .join(VERSIONS, of_live_version())
            .where(is_live())
        )
        with self.engine.connect() as connection:
            documents, chunks = connection.execute(query).one()
        return int(documents), int(chunks)

    def _documents(self, query: sa.Select[Any]) -> list[DocumentRecord]:
        with self.engine.connect() as connection:
            return [DocumentRecord(*row) for row in connection.execute(query)]

    def _version(self, query: sa.Select[Any]) -> VersionRecord | None:
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return version_of(row) if row else None


def batches(values: Iterable[str]) -> Iterable[list[str]]:
    """The values, each once, a few at a time."""
    distinct = iter(dict.fromkeys(values))
    while batch := list(islice(distinct, IDS_AT_A_TIME)):
        yield batch


def needed(connection: sa.Connection, hashes: Iterable[str]) -> set[str]:
    """Those of the contents that a version or a job needs."""
    found: set[str] = set()
    for some in batches(hashes):
        versions = sa.select(VERSIONS.c.content_hash).where(VERSIONS.c.content_hash.in_(some))
        found |= set(connection.scalars(versions.distinct()))
        jobs = held_by_jobs().subquery()
        found |= set(connection.scalars(sa.select(jobs.c.content_hash).where(jobs.c.content_hash.in_(some)).distinct()))
    return found


def of_live_version() -> sa.ColumnElement[bool]:
    """The condition that joins a document with its live version."""
    return sa.and_(VERSIONS.c.document_id == DOCUMENTS.c.id, VERSIONS.c.number == DOCUMENTS.c.live_version)


def version_of(row: Mapping[Any, Any]) -> VersionRecord:
    """The version that a row describes."""
    lists = {name: tuple(row[name]) for name in ("warnings", "page_characters", "ocr_pages")}
    return VersionRecord(**{column.name: row[column.name] for column in _REPORT} | lists)


def file_name(name: str) -> str:
    """The last part of a document's name."""
    return name.rsplit("/", 1)[-1]


def pack(document: Document) -> bytes:
    """A parsed document as it is stored."""
    return zlib.compress(_DOCUMENT.dump_json(document))


def unpack(packed: bytes) -> Document:
    """A stored document."""
    return _DOCUMENT.validate_json(zlib.decompress(packed))


_REPORT = tuple(column for column in VERSIONS.c if column.name != "parsed")


def _live_query() -> sa.Select[Any]:
    return (
        sa.select(DOCUMENTS.c.id, DOCUMENTS.c.live_version, DOCUMENTS.c.name, SPACES.c.name, VERSIONS.c.title)
        .join(SPACES, SPACES.c.id == DOCUMENTS.c.space_id)
        .join(VERSIONS, of_live_version())
        .where(is_live())
    )


def _document_query() -> sa.Select[Any]:
    return (
        sa.select(
            DOCUMENTS.c.id,
            DOCUMENTS.c.name,
            SPACES.c.name,
            DOCUMENTS.c.space_id,
            DOCUMENTS.c.state,
            DOCUMENTS.c.reason,
            DOCUMENTS.c.live_version,
            VERSIONS.c.pages,
            sa.func.coalesce(VERSIONS.c.chunks, 0),
            sa.func.coalesce(VERSIONS.c.title, ""),
            DOCUMENTS.c.path,
            sa.func.coalesce(VERSIONS.c.size, 0),
            DOCUMENTS.c.added_at,
            DOCUMENTS.c.changed_at,
            DOCUMENTS.c.container_id,
        )
        .join(SPACES, SPACES.c.id == DOCUMENTS.c.space_id)
        .outerjoin(VERSIONS, of_live_version())
        .where(DOCUMENTS.c.removed.is_(False), DOCUMENTS.c.state != NO_OUTCOME)
    )


def _version_query() -> sa.Select[Any]:
    return sa.select(*_REPORT)


def _known_query() -> sa.Select[Any]:
    about = (DOCUMENTS.c[name] for name in ("id", "name", "source", "state", "reason"))
    return sa.select(*about, *_REPORT).outerjoin(VERSIONS, of_live_version()).where(DOCUMENTS.c.removed.is_(False))


def _known(row: Mapping[Any, Any]) -> Known:
    live = version_of(row) if row["number"] is not None else None
    return Known(row["id"], row["name"], row["source"], row["state"], row["reason"], live)
