"""The catalog's tables, and how a database is opened and brought up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ingest.database import parsed_url
from rag.errors import NotReady

METADATA = sa.MetaData()

IN_WORDS = {
    "disk is full": ("The disk of the data folder is full.", "Make room on it."),
    "database is locked": ("The catalog is locked by another program.", "End what else has catalog.sqlite open."),
}
"""What SQLite cannot do for the moment, as people are told. Nothing was changed then; trying again may help."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL or UTF-8 cannot hold: NUL and lone surrogates. Its length stays, so offsets hold."""
    return _UNSTORABLE.sub("\ufffd", text)


class _Text(sa.types.TypeDecorator[str]):
    """Text that is made storable on its way in."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


SPACES = sa.Table(
    "spaces",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", _Text, nullable=False, unique=True),
    sa.Column("created_at", sa.String(32), nullable=False),
)

DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("space_id", sa.String(36), sa.ForeignKey("spaces.id"), nullable=False),
    sa.Column("source", _Text, nullable=False),  # "path:/abs/file" or "upload:name": what it is found by
    sa.Column("name", _Text, nullable=False),
    sa.Column("path", _Text),
    sa.Column("container_id", sa.String(36)),  # of an attachment or a zip's member
    sa.Column("live_version", sa.Integer),  # null: nothing of it can be found
    sa.Column("state", sa.String(32), nullable=False),  # of the last time it was added; empty: none has ended yet
    sa.Column("reason", _Text, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),  # a tombstone: invisible, its points not yet collected
    sa.Column("added_at", sa.String(32), nullable=False),
    sa.Column("changed_at", sa.String(32), nullable=False),
    sa.UniqueConstraint("space_id", "source", name="documents_by_source"),
    sa.Index("documents_by_name", "space_id", "name"),
    sa.Index("documents_by_container", "container_id"),
)

VERSIONS = sa.Table(
    "versions",
    METADATA,
    sa.Column("document_id", sa.String(36), sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("parser", _Text, nullable=False),
    sa.Column("chunking", _Text, nullable=False),
    sa.Column("title", _Text, nullable=False),
    sa.Column("pages", sa.Integer),
    sa.Column("characters", sa.Integer, nullable=False),
    sa.Column("chunks", sa.Integer, nullable=False),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("parsed", sa.LargeBinary, nullable=False),  # the Document as compressed JSON: what offsets count in
    sa.Column("page_characters", sa.JSON, nullable=False),
    sa.Column("ocr_pages", sa.JSON, nullable=False),
    sa.Column("coverage", sa.Float, nullable=False),
    sa.Column("embedder", _Text, nullable=False),
    sa.Column("attachments", sa.Integer, nullable=False),
    sa.Index("versions_by_hash", "content_hash"),
)

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("space_id", sa.String(36), nullable=False),
    sa.Column("space", _Text, nullable=False),  # its name then: a job outlives a space
    sa.Column("label", _Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("cancelling", sa.Boolean, nullable=False),
    sa.Column("problem", _Text, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32), nullable=False),  # empty: it has not ended
)

JOB_FILES = sa.Table(
    "job_files",
    METADATA,
    sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("source", _Text, nullable=False),
    sa.Column("names", sa.JSON, nullable=False),
    sa.Column("path", _Text),  # where to read it
    sa.Column("content_hash", sa.String(64)),  # or which stored content it is: an upload
    sa.Column("document", _Text, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),  # empty: no outcome yet
    sa.Column("reason", _Text, nullable=False),
    sa.Column("pages", sa.Integer),
    sa.Column("chunks", sa.Integer, nullable=False),
    sa.Column("document_id", sa.String(36), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("quarantined", sa.Boolean, nullable=False),
    sa.Index("job_files_by_hash", "content_hash"),
)

OCR_PAGES = sa.Table(
    "ocr_pages",
    METADATA,
    sa.Column("content_hash", sa.String(64), primary_key=True),
    sa.Column("page", sa.Integer, primary_key=True),
    sa.Column("engine", sa.String(100), primary_key=True),
    sa.Column("text", _Text, nullable=False),
)

META = sa.Table(
    "meta",
    METADATA,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", _Text, nullable=False),  # "index": which generation of the index is live
)


def is_live() -> sa.ColumnElement[bool]:
    """The condition on `DOCUMENTS` that something of it can be found."""
    return sa.and_(DOCUMENTS.c.removed.is_(False), DOCUMENTS.c.live_version.is_not(None))


def held_by_jobs() -> sa.Select[Any]:
    """The hashes of contents that a job still needs: its file has no outcome yet, or one that another try can change."""
    again = JOB_FILES.c.status.in_(("", "failed", "cancelled"))
    return sa.select(JOB_FILES.c.content_hash).where(JOB_FILES.c.content_hash.is_not(None), again)


def now() -> str:
    """The time as the catalog keeps it: ISO 8601 in UTC, to the millisecond, so that text sorts as time does."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class _SqliteEngine(sa.Engine):
    """`begin` takes the write lock at once; `connect` reads one state of the database, and waits for nobody.

    What reads first and writes then would else fail in the middle where another was faster.
    """

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        with self.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection


def open_engine(url: str) -> sa.Engine:
    """An engine whose tables are up to date. SQLite runs in WAL mode and waits for the disk at each commit.

    What writes goes through `begin`, what only reads through `connect`. Raises `NotReady` where the database does not answer.
    """
    address = parsed_url(url)
    engine = sa.create_engine(address, pool_pre_ping=address.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite":
        engine = _SqliteEngine(engine.pool, engine.dialect, engine.url)
        sa.event.listen(engine, "connect", _set_up)
        sa.event.listen(engine, "begin", _begin)
        sa.event.listen(engine, "handle_error", _say_in_words)
    try:
        migrate(engine)
    except sa.exc.DatabaseError as error:
        raise NotReady(
            f"The catalog's database ({address}) cannot be opened: {str(error.orig).strip()}.",
            "See that it is running and may be read and written, or correct FOOTNOTE_DATABASE_URL.",
        ) from error
    return engine


def migrate(engine: sa.Engine) -> None:
    """Run the migrations that the database has not seen."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # another process may be at it
            connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('footnote migrations'))"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # `_begin` begins, not the driver, which waits until the first write
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _say_in_words(context: sa.engine.ExceptionContext) -> None:
    for words, (message, remedy) in IN_WORDS.items():
        if words in str(context.original_exception):
            raise NotReady(message, remedy) from context.original_exception
