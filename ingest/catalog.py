"""The catalog: documents and their versions; the truth about what can be found.

Nothing here touches the index. A version becomes visible by `flip`, in one transaction, and a document disappears by
`tombstone`, in one transaction; `ingest.indexing` writes points before the one and collects them after the other.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from ingest.records import DocumentRecord, VersionRecord
from ingest.schema import DOCUMENTS, SPACES, VERSIONS, is_live, now, open_engine
from ingest.spaces import Spaces
from rag.errors import AmbiguousName, UnknownName
from rag.types import Document, LiveDocument, State

_DOCUMENT = TypeAdapter(Document)

IDS_AT_A_TIME = 500
"""Ids in one `IN (...)`: SQLite takes 999 variables in its oldest builds."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a document is found by: its absolute path, or the name it was uploaded under."""

    key: str
    path: str | None

    @classmethod
    def of_path(cls, path: str) -> Source:
        """A file on disk."""
        return cls(f"path:{path}", path)

    @classmethod
    def of_upload(cls, name: str) -> Source:
        """An uploaded file."""
        return cls(f"upload:{name}", None)


class SqlCatalog:
    """The catalog over a SQL database. Every method is one transaction; threads may share it."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self.spaces = Spaces(self._engine)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # Documents

    def documents(self, space: str | None = None) -> list[DocumentRecord]:
        """The documents of a space, or of all, by space and name; those that could not be read among them."""
        query = _document_query().where(DOCUMENTS.c.removed.is_(False)).order_by(SPACES.c.name, DOCUMENTS.c.name)
        if space is not None:
            query = query.where(DOCUMENTS.c.space_id == self.spaces.named(space).id)
        with self._engine.connect() as connection:
            return [_document(row) for row in connection.execute(query)]

    def document(self, document_id: str) -> DocumentRecord | None:
        """The document of that id, unless it was removed."""
        query = _document_query().where(DOCUMENTS.c.id == document_id, DOCUMENTS.c.removed.is_(False))
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return _document(row) if row else None

    def find(self, space_id: str, source: Source) -> DocumentRecord | None:
        """The document that was added from that source before."""
        query = _document_query().where(
            DOCUMENTS.c.space_id == space_id, DOCUMENTS.c.source == source.key, DOCUMENTS.c.removed.is_(False)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return _document(row) if row else None

    def match(self, name: str, space: str | None = None) -> list[DocumentRecord]:
        """Documents by id, else by name, else by file name."""
        documents = self.documents(space)
        bare = file_name(name)
        return (
            [record for record in documents if record.id == name]
            or [record for record in documents if record.name == name]
            or [record for record in documents if file_name(record.name) == bare]
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

    def register(self, space_id: str, source: Source, names: Iterable[str]) -> str:
        """The id of the document of that source: the one known, else a new one under the first name not taken."""
        with self._engine.begin() as connection:
            same = sa.select(DOCUMENTS.c.id, DOCUMENTS.c.removed).where(
                DOCUMENTS.c.space_id == space_id, DOCUMENTS.c.source == source.key
            )
            known = connection.execute(same).first()
            if known and not known.removed:
                return str(known.id)
            taken = set(
                connection.scalars(
                    sa.select(DOCUMENTS.c.name).where(DOCUMENTS.c.space_id == space_id, DOCUMENTS.c.removed.is_(False))
                )
            )
            row = {
                "id": str(uuid.uuid4()), "space_id": space_id, "source": source.key, "path": source.path,
                "name": _first_free(names, taken), "state": "failed", "reason": "not read yet", "removed": False,
                "added_at": now(), "changed_at": now(),
            }  # fmt: skip
            if known:  # its tombstone has not been collected yet: make room for the new one
                connection.execute(
                    sa.update(DOCUMENTS).where(DOCUMENTS.c.id == known.id).values(source=f"removed:{known.id}")
                )
            connection.execute(sa.insert(DOCUMENTS).values(**row))
        return str(row["id"])

    def note_outcome(self, document_id: str, state: State, reason: str) -> None:
        """Keep what became of the last attempt; the live version, if there is one, stays live."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(DOCUMENTS).where(DOCUMENTS.c.id == document_id).values(state=state, reason=reason)
            )

    # Versions

    def next_version(self, document_id: str) -> int:
        """The number for a new version: one more than the highest there was."""
        with self._engine.connect() as connection:
            highest = sa.select(sa.func.max(VERSIONS.c.number)).where(VERSIONS.c.document_id == document_id)
            return int(connection.scalar(highest) or 0) + 1

    def stage(self, version: VersionRecord, document: Document) -> None:
        """Write a version that is not visible yet."""
        row = asdict(version) | {"warnings": list(version.warnings), "parsed": _pack(document)}
        with self._engine.begin() as connection:
            connection.execute(sa.insert(VERSIONS).values(**row))

    def flip(self, versions: Sequence[tuple[str, int]]) -> None:
        """Make these versions, `(document id, number)`, the live ones, all in one transaction."""
        with self._engine.begin() as connection:
            for document_id, number in versions:
                connection.execute(
                    sa.update(DOCUMENTS)
                    .where(DOCUMENTS.c.id == document_id, DOCUMENTS.c.removed.is_(False))
                    .values(live_version=number, state="indexed", reason="", changed_at=now())
                )

    def live_version(self, document_id: str) -> VersionRecord | None:
        """The version that can be found now."""
        query = (
            _version_query()
            .join(DOCUMENTS, sa.and_(DOCUMENTS.c.id == VERSIONS.c.document_id, is_live()))
            .where(VERSIONS.c.document_id == document_id, VERSIONS.c.number == DOCUMENTS.c.live_version)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return _version(row) if row else None

    def version(self, document_id: str, number: int) -> VersionRecord | None:
        """A version, live or not."""
        query = _version_query().where(VERSIONS.c.document_id == document_id, VERSIONS.c.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return _version(row) if row else None

    def parsed(self, document_id: str, number: int) -> Document | None:
        """The parsed document of a version, in which all offsets count."""
        query = sa.select(VERSIONS.c.parsed).where(VERSIONS.c.document_id == document_id, VERSIONS.c.number == number)
        with self._engine.connect() as connection:
            packed = connection.scalar(query)
        return _unpack(packed) if packed is not None else None

    def dead_versions(self) -> list[tuple[str, int]]:
        """Versions that nobody can find: retired, never flipped, or of a removed document."""
        dead = sa.or_(
            DOCUMENTS.c.removed.is_(True),
            DOCUMENTS.c.live_version.is_(None),
            DOCUMENTS.c.live_version != VERSIONS.c.number,
        )
        query = sa.select(VERSIONS.c.document_id, VERSIONS.c.number).join(DOCUMENTS).where(dead)
        with self._engine.connect() as connection:
            return [(row.document_id, row.number) for row in connection.execute(query)]

    def forget_version(self, document_id: str, number: int) -> str | None:
        """Drop a version's row. Returns its content hash if no other version has that content."""
        mine = sa.and_(VERSIONS.c.document_id == document_id, VERSIONS.c.number == number)
        with self._engine.begin() as connection:
            content_hash = connection.scalar(sa.select(VERSIONS.c.content_hash).where(mine))
            connection.execute(sa.delete(VERSIONS).where(mine))
            others = sa.select(sa.func.count()).where(VERSIONS.c.content_hash == content_hash)
            return None if connection.scalar(others) else content_hash

    def tombstone(self, document_ids: Sequence[str]) -> None:
        """Make these documents invisible, all in one transaction."""
        with self._engine.begin() as connection:
            for document_id in document_ids:
                connection.execute(sa.update(DOCUMENTS).where(DOCUMENTS.c.id == document_id).values(removed=True))

    def forget_removed(self) -> None:
        """Drop the rows of removed documents that have no version left."""
        with self._engine.begin() as connection:
            kept = sa.select(VERSIONS.c.document_id)
            connection.execute(sa.delete(DOCUMENTS).where(DOCUMENTS.c.removed.is_(True), DOCUMENTS.c.id.not_in(kept)))

    def live(self, document_ids: Iterable[str]) -> Mapping[str, LiveDocument]:
        """Those of the documents that can be found now, by id."""
        ids = list(dict.fromkeys(document_ids))
        found: dict[str, LiveDocument] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(ids), IDS_AT_A_TIME):
                query = _live_query().where(DOCUMENTS.c.id.in_(ids[start : start + IDS_AT_A_TIME]))
                found |= {row.id: LiveDocument(*row) for row in connection.execute(query)}
        return found

    def totals(self) -> tuple[int, int]:
        """How many documents and how many chunks can be found."""
        query = (
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(VERSIONS.c.chunks), 0))
            .select_from(DOCUMENTS)
            .join(VERSIONS, _of_live_version())
            .where(is_live())
        )
        with self._engine.connect() as connection:
            documents, chunks = connection.execute(query).one()
        return int(documents), int(chunks)


def _of_live_version() -> sa.ColumnElement[bool]:
    return sa.and_(VERSIONS.c.document_id == DOCUMENTS.c.id, VERSIONS.c.number == DOCUMENTS.c.live_version)


def _live_query() -> sa.Select[Any]:
    return (
        sa.select(DOCUMENTS.c.id, DOCUMENTS.c.live_version, DOCUMENTS.c.name, SPACES.c.name, VERSIONS.c.title)
        .join(SPACES, SPACES.c.id == DOCUMENTS.c.space_id)
        .join(VERSIONS, _of_live_version())
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
        )
        .join(SPACES, SPACES.c.id == DOCUMENTS.c.space_id)
        .outerjoin(VERSIONS, _of_live_version())
    )


def _version_query() -> sa.Select[Any]:
    return sa.select(*(column for column in VERSIONS.c if column.name != "parsed"))


def _document(row: Sequence[Any]) -> DocumentRecord:
    return DocumentRecord(*row)


def _version(row: Mapping[Any, Any]) -> VersionRecord:
    lists = ("warnings", "page_characters", "ocr_pages")
    return VersionRecord(**{**row, **{name: tuple(row[name]) for name in lists}})


def file_name(name: str) -> str:
    """The last part of a document's name."""
    return name.rsplit("/", 1)[-1]


def _first_free(names: Iterable[str], taken: set[str]) -> str:
    """The first name not taken; should all be, the last one with a number behind it."""
    last = "document"
    for name in names:
        if name not in taken:
            return name
        last = name
    return next(f"{last} ({n})" for n in range(2, len(taken) + 3) if f"{last} ({n})" not in taken)


def _pack(document: Document) -> bytes:
    return zlib.compress(_DOCUMENT.dump_json(document))


def _unpack(packed: bytes) -> Document:
    return _DOCUMENT.validate_json(zlib.decompress(packed))
