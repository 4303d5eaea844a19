"""What the catalog says at one moment, and what in it contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import sqlalchemy as sa

from ingest.catalog_queries import NO_OUTCOME
from ingest.job_rows import UNFINISHED
from ingest.schema import DOCUMENTS, JOB_FILES, JOBS, OCR_PAGES, VERSIONS, held_by_jobs

VersionKey = tuple[str, int]
"""A document's id and a version's number."""

Action = Literal[
    "delete points", "delete file", "restore file", "forget versions", "forget pages", "forget generation", "give up file",
    "remove document", "collect", "reindex", "drop version",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mending:
    """Something that mends a problem: what is done, and to what."""

    action: Action
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding before it is told, with what would mend it, in order; nothing where it cannot be mended."""

    kind: Literal["missing", "extra", "orphaned", "torn", "wrong count", "unreadable"]
    subject: str
    detail: str
    mendings: tuple[Mending, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What two looks must agree on for it to be a problem, and not something that is just being changed."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document."""

    id: str
    name: str
    space_id: str
    live_version: int | None
    state: str
    removed: bool
    path: str | None
    container_id: str | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a document."""

    document_id: str
    number: int
    content_hash: str
    chunks: int
    characters: int


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file of a job that has no outcome yet, and whose content is to be among the originals."""

    job_id: str
    ordinal: int
    document: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Books:
    """All of the catalog that is held against index and files."""

    documents: Mapping[str, DocumentRow]
    versions: Mapping[VersionKey, VersionRow]
    held: frozenset[str]
    pending: tuple[PendingFile, ...]
    jobs_wait: bool
    recognised: frozenset[str]

    def name(self, document_id: str) -> str:
        """What the document is called, or its id where it is not known."""
        document = self.documents.get(document_id)
        return document.name if document else f"document {document_id}"

    def live(self) -> Iterator[tuple[DocumentRow, VersionRow]]:
        """The documents that can be found, each with its live version."""
        for document in self.documents.values():
            if not document.removed and document.live_version is not None:
                version = self.versions.get((document.id, document.live_version))
                if version is not None:
                    yield document, version

    def dead(self) -> set[VersionKey]:
        """The versions of known documents that nobody can find."""
        alive = {(version.document_id, version.number) for _, version in self.live()}
        return {key for key in self.versions.keys() - alive if key[0] in self.documents}

    def needed(self) -> frozenset[str]:
        """The contents that a version has or a job still needs."""
        return self.held.union(version.content_hash for version in self.versions.values())


def read_books(engine: sa.Engine) -> Books:
    """Read the catalog, but for the parsed texts."""
    with engine.connect() as connection:
        documents = connection.execute(_columns(DOCUMENTS, DocumentRow)).all()
        versions = connection.execute(_columns(VERSIONS, VersionRow)).all()
        waiting = JOB_FILES.c.status == ""
        pending = (
            _columns(JOB_FILES, PendingFile)
            .join(JOBS)
            .where(waiting, JOB_FILES.c.content_hash.is_not(None), JOBS.c.state.in_(UNFINISHED))
        )
        return Books(
            documents={row.id: DocumentRow(*row) for row in documents},
            versions={(row.document_id, row.number): VersionRow(*row) for row in versions},
            held=frozenset(connection.scalars(held_by_jobs())),
            pending=tuple(PendingFile(*row) for row in connection.execute(pending)),
            jobs_wait=bool(connection.scalar(sa.select(sa.exists().where(waiting)))),
            recognised=frozenset(connection.scalars(sa.select(OCR_PAGES.c.content_hash).distinct())),
        )


def check_books(books: Books, in_flight: Iterable[VersionKey]) -> Iterator[Problem]:
    """What in the catalog contradicts itself."""
    for document_id, number in sorted(books.dead() - set(in_flight)):
        if not books.documents[document_id].removed:
            about = f"{books.name(document_id)}, version {number}"
            yield Problem("orphaned", about, "Nobody can find it, and it was not collected.", (Mending("collect"),))
    begun = {document_id for document_id, _ in books.versions}
    for document in books.documents.values():
        yield from _check_document(document, books)
        if document.state == NO_OUTCOME and document.id not in begun and not document.removed:
            yield Problem("orphaned", document.name, "It was begun, and nothing came of it.", (Mending("collect"),))
    lost = sorted(key for key in books.versions if key[0] not in books.documents)
    for document_id, number in lost:
        forget = Mending("forget versions", (document_id, str(number)))
        yield Problem("orphaned", f"{books.name(document_id)}, version {number}", "Its document is gone.", (forget,))
    if not books.jobs_wait:
        for content in sorted(books.recognised - books.needed()):
            forget = Mending("forget pages", (content,))
            yield Problem("orphaned", f"text recognised in {content[:12]}…", "Nothing has that content.", (forget,))


def _check_document(document: DocumentRow, books: Books) -> Iterator[Problem]:
    if document.removed:
        yield Problem("orphaned", document.name, "It was removed, and traces of it are left.", (Mending("collect"),))
        return
    if document.live_version is not None and (document.id, document.live_version) not in books.versions:
        detail = f"The catalog has nothing of its version {document.live_version}, which is to be found."
        yield Problem("missing", document.name, detail, (Mending("drop version", (document.id,)),))
    if document.container_id is not None:
        container = books.documents.get(document.container_id)
        if container is None or container.removed:
            detail = "The file that it was taken out of is gone."
            yield Problem("orphaned", document.name, detail, (Mending("remove document", (document.id,)),))


def _columns(table: sa.Table, row: type[Any]) -> sa.Select[Any]:
    return sa.select(*(table.c[field.name] for field in fields(row)))
