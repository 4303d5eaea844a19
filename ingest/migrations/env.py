"""Where Alembic meets our connection: `ingest.schema.migrate` hands it over in the configuration's attributes."""

from __future__ import annotations

from alembic import context

from ingest.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
