"""Alembic migrations of the catalog. `ingest.catalog` runs them when it opens a database."""
