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
    sa.Index("versions_by_hash", "content_hash"),
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
