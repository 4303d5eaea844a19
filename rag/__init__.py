"""The answering core: from a question to a cited answer. Imports neither `ingest` nor `ui`."""
