"""The catalog's tables, and how a database is opened and brought up to date."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

METADATA = sa.MetaData()

SPACES = sa.Table(
    "spaces",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", sa.String(32), nullable=False),
)

DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("space_id", sa.String(36), sa.ForeignKey("spaces.id"), nullable=False),
    sa.Column("source", sa.Text, nullable=False),  # "path:/abs/file" or "upload:name": what it is found by
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("path", sa.Text),
    sa.Column("container_id", sa.String(36)),  # of an attachment or a zip's member
    sa.Column("live_version", sa.Integer),  # null: nothing of it can be found
    sa.Column("state", sa.String(32), nullable=False),  # of the last time it was added
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),  # a tombstone: invisible, its points not yet collected
    sa.Column("added_at", sa.String(32), nullable=False),
    sa.Column("changed_at", sa.String(32), nullable=False),
    sa.UniqueConstraint("space_id", "source", name="documents_by_source"),
)

VERSIONS = sa.Table(
    "versions",
    METADATA,
    sa.Column("document_id", sa.String(36), sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("parser", sa.Text, nullable=False),
    sa.Column("chunking", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
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
    sa.Column("embedder", sa.Text, nullable=False),
    sa.Column("attachments", sa.Integer, nullable=False),
    sa.Index("versions_by_hash", "content_hash"),
)

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("space_id", sa.String(36), nullable=False),
    sa.Column("space", sa.Text, nullable=False),  # its name then: a job outlives a space
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("cancelling", sa.Boolean, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32), nullable=False),  # empty: it has not ended
)

JOB_FILES = sa.Table(
    "job_files",
    METADATA,
    sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("names", sa.JSON, nullable=False),
    sa.Column("path", sa.Text),  # where to read it
    sa.Column("content_hash", sa.String(64)),  # or which stored content it is: an upload
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),  # empty: no outcome yet
    sa.Column("reason", sa.Text, nullable=False),
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
    sa.Column("text", sa.Text, nullable=False),
)

META = sa.Table(
    "meta",
    METADATA,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),  # "index": which generation of the index is live
)


def is_live() -> sa.ColumnElement[bool]:
    """The condition on `DOCUMENTS` that something of it can be found."""
    return sa.and_(DOCUMENTS.c.removed.is_(False), DOCUMENTS.c.live_version.is_not(None))


def now() -> str:
    """The time as the catalog keeps it: ISO 8601 in UTC, to the millisecond, so that text sorts as time does."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def open_engine(url: str) -> sa.Engine:
    """An engine whose tables are up to date. SQLite runs in WAL mode and waits for the disk at each commit."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_pragmas)
    migrate(engine)
    return engine


def migrate(engine: sa.Engine) -> None:
    """Run the migrations that the database has not seen."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _set_pragmas(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")
