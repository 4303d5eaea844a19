"""The catalog: documents and their versions; the truth about what can be found.

Nothing here touches the index. A version becomes visible by `flip`, in one transaction, and a document disappears by
`tombstone`, in one transaction; `ingest.publishing` writes points before the one and collects them after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from ingest.catalog_queries import NO_OUTCOME, CatalogQueries, batches, file_name, needed, pack
from ingest.catalog_rows import Entry, Source, enter
from ingest.records import VersionRecord
from ingest.schema import DOCUMENTS, JOB_FILES, OCR_PAGES, VERSIONS, now, open_engine
from rag.types import Document, State

__all__ = ["Draft", "Family", "Flipped", "Refusal", "Source", "SqlCatalog", "Staged", "file_name"]

TRIES = 5
"""How often a transaction is tried that another process was in the way of."""

Version = tuple[str, int]
"""A version by the id of its document and its number."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to be staged, of a document that is known or new: id and number are filled in by `stage_all`."""

    entry: Entry
    version: VersionRecord
    document: Document


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged version: of which document, what that is called, and its number."""

    document_id: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document of which nothing new can be found, and why."""

    entry: Entry
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Family:
    """What changes in one step: the versions of a file, first, and of the files inside it, and those that were refused.

    Documents inside that are neither among these nor in `kept` are removed in the same step. `seconds` says how long
    reading and embedding a version took, by document.
    """

    versions: tuple[Version, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    kept: frozenset[str] = frozenset()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Flipped:
    """What a flip did: which documents were removed before it could, what can be collected now, and who was refused."""

    removed: set[str] = field(default_factory=set)
    superseded: list[Version] = field(default_factory=list)
    refused: dict[Entry, tuple[str, str]] = field(default_factory=dict)  # to id and name


class SqlCatalog(CatalogQueries):
    """The catalog over a SQL database. Every method is one transaction; threads may share it."""

    def __init__(self, url: str) -> None:
        super().__init__(open_engine(url))
        self.in_flight: set[Version] = set()
        """Versions that this process is writing: nobody else collects them."""

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    # From staged to live

    def register(self, space_id: str, source: Source, names: Iterable[str]) -> str:
        """The id of the document of that source: the one known, else a new one under the first name not taken."""
        entry = Entry(space_id, source, tuple(names))
        with self.engine.begin() as connection:
            return enter(connection, [entry])[entry][0]

    def stage(self, version: VersionRecord, document: Document) -> None:
        """Write a version that is not visible yet."""
        with self.engine.begin() as connection:
            connection.execute(sa.insert(VERSIONS), [_version_row(version, document)])

    def stage_all(self, drafts: Sequence[Draft]) -> list[Staged | None]:
        """Write versions that are not visible yet, and their documents where these are new.

        None where the space or the document was removed meanwhile.
        """
        for _ in range(TRIES - 1):
            try:
                return self._stage_all(drafts)
            except sa.exc.IntegrityError:  # another process entered the same document
                continue
        return self._stage_all(drafts)

    def _stage_all(self, drafts: Sequence[Draft]) -> list[Staged | None]:
        with self.engine.begin() as connection:
            known = enter(connection, [draft.entry for draft in drafts])
            numbers = _highest_numbers(connection, [document_id for document_id, _ in known.values()])
            staged: list[Staged | None] = []
            rows = []
            for draft in drafts:
                if draft.entry not in known:
                    staged.append(None)
                    continue
                document_id, name = known[draft.entry]
                one = Staged(document_id, name, numbers.get(document_id, 0) + 1)
                staged.append(one)
                version = replace(draft.version, document_id=document_id, number=one.number)
                rows.append(_version_row(version, draft.document))
            if rows:
                connection.execute(sa.insert(VERSIONS), rows)
        return staged

    def flip(self, families: Sequence[Family]) -> Flipped:
        """Make the families' versions the live ones, and note the refusals, all in one transaction.

        A document that was removed meanwhile stays removed, and with it the documents inside it.
        """
        flipped = Flipped()
        with self.engine.begin() as connection:
            live = _rows_of(connection, [version[0] for family in families for version in family.versions])
            for document_id, _ in (version for family in families for version in family.versions):
                if document_id not in live or live[document_id].container_id in flipped.removed:
                    flipped.removed.add(document_id)  # and so what is inside, which comes behind it
            _note_refusals(connection, [refusal for family in families for refusal in family.refusals], flipped)
            for family in families:
                _flip_family(connection, family, live, flipped)
        return flipped

    def note(self, outcomes: Iterable[tuple[str, State, str]]) -> None:
        """Keep what became of the last attempts, `(document id, state, reason)`; what is live stays live."""
        rows = [{"of": document_id, "state": state, "reason": reason} for document_id, state, reason in outcomes]
        if rows:
            with self.engine.begin() as connection:
                connection.execute(sa.update(DOCUMENTS).where(DOCUMENTS.c.id == sa.bindparam("of")), rows)

    # Removing

    def tombstone(self, document_ids: Sequence[str]) -> list[str]:
        """Make these documents, and all inside them, invisible in one transaction; the ids of all of them."""
        with self.engine.begin() as connection:
            return _tombstone(connection, document_ids)

    def forget_versions(self, versions: Sequence[Version]) -> list[str]:
        """Drop the rows of versions, and of documents of which nothing is left then.

        The hashes of the contents that nothing needs any more; what was recognised in their pictures goes too.
        """
        if not versions:
            return []
        mine = sa.and_(VERSIONS.c.document_id == sa.bindparam("of"), VERSIONS.c.number == sa.bindparam("at"))
        rows = [{"of": document_id, "at": number} for document_id, number in versions]
        with self.engine.begin() as connection:
            hashes = _hashes_of(connection, versions)
            connection.execute(sa.delete(VERSIONS).where(mine), rows)
            _forget_empty(connection, [document_id for document_id, _ in versions])
            orphans = sorted(hashes - needed(connection, hashes))
            for some in batches(orphans):
                connection.execute(sa.delete(OCR_PAGES).where(OCR_PAGES.c.content_hash.in_(some)))
        return orphans

    def forget_removed(self) -> None:
        """Drop the rows of removed documents that have no version left."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(DOCUMENTS).where(DOCUMENTS.c.removed.is_(True), ~_has_version()))

    def forget_unseen(self) -> None:
        """Drop the rows of documents that have no outcome and no version, and the texts of recognised pages that nothing needs.

        Nothing may be on its way; a job that is to go on keeps the pages.
        """
        needed_pages = sa.or_(
            sa.exists().where(VERSIONS.c.content_hash == OCR_PAGES.c.content_hash),
            sa.exists().where(JOB_FILES.c.status == NO_OUTCOME),
        )
        with self.engine.begin() as connection:
            connection.execute(sa.delete(DOCUMENTS).where(DOCUMENTS.c.state == NO_OUTCOME, ~_has_version()))
            connection.execute(sa.delete(OCR_PAGES).where(~needed_pages))


def _version_row(version: VersionRecord, document: Document) -> dict[str, object]:
    lists = {name: list(getattr(version, name)) for name in ("warnings", "page_characters", "ocr_pages")}
    return asdict(version) | lists | {"parsed": pack(document)}


def _highest_numbers(connection: sa.Connection, document_ids: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for ids in batches(document_ids):
        query = sa.select(VERSIONS.c.document_id, sa.func.max(VERSIONS.c.number).label("number"))
        query = query.where(VERSIONS.c.document_id.in_(ids)).group_by(VERSIONS.c.document_id)
        found |= {row.document_id: int(row.number) for row in connection.execute(query)}
    return found


def _hashes_of(connection: sa.Connection, versions: Iterable[Version]) -> set[str]:
    found: set[str] = set()
    wanted = set(versions)
    for ids in batches(document_id for document_id, _ in wanted):
        query = sa.select(VERSIONS.c.document_id, VERSIONS.c.number, VERSIONS.c.content_hash)
        rows = connection.execute(query.where(VERSIONS.c.document_id.in_(ids)))
        found |= {row.content_hash for row in rows if (row.document_id, row.number) in wanted}
    return found


def _rows_of(connection: sa.Connection, document_ids: Iterable[str]) -> dict[str, Any]:
    """The live versions, and the containers, of those of the documents that were not removed."""
    found: dict[str, Any] = {}
    for ids in batches(document_ids):
        query = sa.select(DOCUMENTS.c.id, DOCUMENTS.c.live_version, DOCUMENTS.c.container_id)
        rows = connection.execute(query.where(DOCUMENTS.c.id.in_(ids), DOCUMENTS.c.removed.is_(False)))
        found |= {row.id: row for row in rows}
    return found


def _flip_family(connection: sa.Connection, family: Family, live: Mapping[str, Any], flipped: Flipped) -> None:
    versions = [version for version in family.versions if version[0] not in flipped.removed]
    if not versions:
        return
    connection.execute(
        sa.update(DOCUMENTS)
        .where(DOCUMENTS.c.id == sa.bindparam("of"), DOCUMENTS.c.removed.is_(False))
        .values(live_version=sa.bindparam("to"), state="indexed", reason="", changed_at=now()),
        [{"of": document_id, "to": number} for document_id, number in versions],
    )
    if took := [{"of": of, "at": n, "took": family.seconds[of]} for of, n in versions if of in family.seconds]:
        mine = sa.and_(VERSIONS.c.document_id == sa.bindparam("of"), VERSIONS.c.number == sa.bindparam("at"))
        connection.execute(sa.update(VERSIONS).where(mine).values(seconds=sa.bindparam("took")), took)
    olds = ((document_id, live[document_id].live_version, number) for document_id, number in versions)
    flipped.superseded += [(document_id, old) for document_id, old, number in olds if old not in (None, number)]
    refused = {flipped.refused[one.entry][0] for one in family.refusals if one.entry in flipped.refused}
    ids = [document_id for document_id, _ in versions]
    _remove_missing(connection, ids, {*ids, *refused, *family.kept}, flipped)


def _remove_missing(
    connection: sa.Connection, containers: Iterable[str], kept: Collection[str], flipped: Flipped
) -> None:
    """Remove the documents inside these that are not kept: the new version of their container does not have them."""
    missing: list[str] = []
    for ids in batches(containers):
        inside = sa.select(DOCUMENTS.c.id).where(DOCUMENTS.c.container_id.in_(ids), DOCUMENTS.c.removed.is_(False))
        missing += [one for one in connection.scalars(inside) if one not in kept]
    gone = _tombstone(connection, missing)
    _forget_empty(connection, gone)
    for ids in batches(gone):
        query = sa.select(VERSIONS.c.document_id, VERSIONS.c.number).where(VERSIONS.c.document_id.in_(ids))
        flipped.superseded += [(row.document_id, row.number) for row in connection.execute(query)]


def _tombstone(connection: sa.Connection, document_ids: Iterable[str]) -> list[str]:
    found: list[str] = []
    below = list(dict.fromkeys(document_ids))
    while below:
        found += below
        inside: list[str] = []
        for ids in batches(below):
            connection.execute(sa.update(DOCUMENTS).where(DOCUMENTS.c.id.in_(ids)).values(removed=True))
            members = sa.select(DOCUMENTS.c.id).where(DOCUMENTS.c.container_id.in_(ids))
            inside += connection.scalars(members.where(DOCUMENTS.c.removed.is_(False)))
        below = inside
    return found


def _note_refusals(connection: sa.Connection, refusals: Sequence[Refusal], flipped: Flipped) -> None:
    possible = [refusal for refusal in refusals if refusal.entry.container_id not in flipped.removed]
    flipped.refused |= enter(connection, [refusal.entry for refusal in possible])
    if noted := [refusal for refusal in possible if refusal.entry in flipped.refused]:
        connection.execute(
            sa.update(DOCUMENTS).where(DOCUMENTS.c.id == sa.bindparam("of")),
            [{"of": flipped.refused[one.entry][0], "state": one.state, "reason": one.reason} for one in noted],
        )


def _forget_empty(connection: sa.Connection, document_ids: Iterable[str]) -> None:
    """Drop the rows of those of the documents that nobody sees and that have no version left."""
    unseen = sa.or_(DOCUMENTS.c.removed.is_(True), DOCUMENTS.c.state == NO_OUTCOME)
    for ids in batches(document_ids):
        connection.execute(sa.delete(DOCUMENTS).where(unseen, ~_has_version(), DOCUMENTS.c.id.in_(ids)))


def _has_version() -> sa.ColumnElement[bool]:
    return sa.exists().where(VERSIONS.c.document_id == DOCUMENTS.c.id)
