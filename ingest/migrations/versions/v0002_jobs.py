"""Jobs and their files, attachments, the fuller report of a version, recognised pages, and which index is live."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_COLUMNS = (
    sa.Column("page_characters", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("ocr_pages", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("coverage", sa.Float, nullable=False, server_default="1.0"),
    sa.Column("embedder", sa.Text, nullable=False, server_default=""),
    sa.Column("attachments", sa.Integer, nullable=False, server_default="0"),
)


def upgrade() -> None:
    """Make the tables and columns."""
    op.add_column("documents", sa.Column("container_id", sa.String(36)))
    op.create_index("documents_by_name", "documents", ["space_id", "name"])
    op.create_index("documents_by_container", "documents", ["container_id"])
    for column in NEW_COLUMNS:
        op.add_column("versions", column)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("space_id", sa.String(36), nullable=False),
        sa.Column("space", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cancelling", sa.Boolean, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "job_files",
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("names", sa.JSON, nullable=False),
        sa.Column("path", sa.Text),
        sa.Column("content_hash", sa.String(64)),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("pages", sa.Integer),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("quarantined", sa.Boolean, nullable=False),
    )
    op.create_index("job_files_by_hash", "job_files", ["content_hash"])
    op.create_table(
        "ocr_pages",
        sa.Column("content_hash", sa.String(64), primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True),
        sa.Column("engine", sa.String(100), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("meta", "ocr_pages", "job_files", "jobs"):
        op.drop_table(table)
    for column in NEW_COLUMNS:
        op.drop_column("versions", column.name)
    op.drop_index("documents_by_name", "documents")
    op.drop_index("documents_by_container", "documents")
    op.drop_column("documents", "container_id")
