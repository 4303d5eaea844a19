"""What a row of a job's file holds, as values: a new file, one that waits, and what became of one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.catalog_rows import Source
from ingest.records import Added, JobState
from ingest.schema import JOB_FILES

UNFINISHED: tuple[JobState, ...] = ("queued", "running", "waiting")
FINDABLE = ("indexed", "unchanged")
RETRIED = ("failed", "cancelled")
"""Outcomes that another try can change; the others are properties of the file."""

MEMBER = "member:"
"""How the source of a file inside a file begins: `member:CONTAINER:PATH`, the container by its document id."""

_HEX = "hex:"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file of a new job: read from its source's path when its turn comes, or kept as `content_hash`; or `refused` at once."""

    source: Source
    names: tuple[str, ...]
    content_hash: str | None = None
    refused: Added | None = None


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file of a job that has no outcome yet."""

    ordinal: int
    source: Source
    names: tuple[str, ...]
    content_hash: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the file of that number in its job. `content_hash` is the kept content that it was read from."""

    ordinal: int
    added: Added
    quarantined: bool = False
    content_hash: str | None = None


PENDING = tuple(JOB_FILES.c[name] for name in ("ordinal", "source", "names", "path", "content_hash", "attempts"))
SHOWN = tuple(
    JOB_FILES.c[name]
    for name in ("document", "status", "reason", "pages", "chunks", "document_id", "attempts", "quarantined")
)


def new_row(job_id: str, ordinal: int, file: NewFile) -> dict[str, Any]:
    """The row of a new file. A path that is not valid Unicode is kept in hexadecimal."""
    row = {
        "job_id": job_id, "ordinal": ordinal, "source": file.source.key, "names": list(file.names),
        "path": _pack_path(file.source.path), "content_hash": file.content_hash, "document": file.names[0],
        "status": "", "reason": "", "pages": None, "chunks": 0, "document_id": "", "attempts": 0, "quarantined": False,
    }  # fmt: skip
    return row if file.refused is None else row | result(Outcome(ordinal, file.refused))


def result(outcome: Outcome) -> dict[str, Any]:
    """The columns that an outcome fills."""
    added = outcome.added
    return {
        "document": added.document, "status": added.status, "reason": added.reason, "pages": added.pages,
        "chunks": added.chunks, "document_id": added.document_id, "quarantined": outcome.quarantined,
    }  # fmt: skip


def pending_file(row: Any) -> PendingFile:
    """A file that waits, of a row of `PENDING`."""
    ordinal, key, names, path, content_hash, attempts = row
    source = Source(key, None) if path is None else Source.of_path(_unpack_path(path))
    return PendingFile(ordinal, source, tuple(names), content_hash, attempts)


def outcome_of(row: Mapping[Any, Any]) -> Added:
    """The outcome that a row holds."""
    fields = ("document", "status", "pages", "chunks", "reason", "document_id", "space", "source")
    return Added(**{name: row[name] for name in fields})


def _pack_path(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        path.encode()
    except UnicodeEncodeError:
        return _HEX + os.fsencode(path).hex()
    return path


def _unpack_path(kept: str) -> str:
    """The path again; a real one is absolute and never begins as one in hexadecimal does."""
    return os.fsdecode(bytes.fromhex(kept.removeprefix(_HEX))) if kept.startswith(_HEX) else kept
