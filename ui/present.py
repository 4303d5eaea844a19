"""Values as the JSON that the command line and the REST interface promise (DESIGN.md, the contract)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ingest.records import (
    Added,
    DocumentRecord,
    Finding,
    JobFile,
    JobRecord,
    Space,
    Status,
    VersionRecord,
)
from rag.types import Answer, Citation, Passage

Json = dict[str, Any]


def added(outcome: Added) -> Json:
    """One document of `add`; `reason` and `report` only where there is one."""
    shown: Json = {
        "document": outcome.document,
        "status": outcome.status,
        "pages": outcome.pages,
        "chunks": outcome.chunks,
    }
    if outcome.reason:
        shown["reason"] = outcome.reason
    if outcome.version is not None:
        shown["report"] = version(outcome.version)
    return shown


def document(record: DocumentRecord) -> Json:
    """One line of `list`."""
    shown: Json = {
        "id": record.id,
        "document": record.name,
        "space": record.space,
        "status": record.state,
        "searchable": record.live_version is not None,
        "version": record.live_version,
        "pages": record.pages,
        "chunks": record.chunks,
        "title": record.title,
        "path": record.path,
        "bytes": record.size,
        "added": record.added_at,
        "changed": record.changed_at,
    }
    return shown | ({"reason": record.reason} if record.reason else {})


def report(record: DocumentRecord, live: VersionRecord | None, members: Sequence[DocumentRecord] = ()) -> Json:
    """A document with the report of its live version, and the documents that came out of it (attachments, a zip's files)."""
    shown = document(record)
    if live is not None:
        shown["report"] = version(live)
    if members:
        shown["members"] = [
            {"id": one.id, "document": one.name, "status": one.state} | ({"reason": one.reason} if one.reason else {})
            for one in members
        ]
    return shown


def version(read: VersionRecord) -> Json:
    """The report of one content: how it was read, what came out, and how much of it is in chunks (`coverage`, 1.0: all)."""
    return {
        "version": read.number,
        "sha256": read.content_hash,
        "parser": read.parser,
        "chunking": read.chunking,
        "embedder": read.embedder,
        "characters": read.characters,
        "page_characters": list(read.page_characters),
        "ocr_pages": list(read.ocr_pages),
        "coverage": read.coverage,
        "warnings": list(read.warnings),
        "attachments": read.attachments,
        "seconds": round(read.seconds, 3),
        "read": read.created_at,
    }


def job(one: JobRecord) -> Json:
    """One line of `jobs list`; `problem` and `current` only where there is one."""
    shown: Json = {
        "job": one.id,
        "label": one.label,
        "space": one.space,
        "state": one.state,
        "files": one.files,
        "done": one.done,
        "failed": one.failed,
        "created": one.created_at,
        "ended": one.ended_at,
    }
    if one.problem:
        shown["problem"] = one.problem
    if one.current is not None:
        shown["current"] = asdict(one.current)
    return shown


def job_file(one: JobFile) -> Json:
    """One file of a job; `status` is empty as long as there is no outcome."""
    shown: Json = {
        "document": one.document,
        "status": one.status,
        "pages": one.pages,
        "chunks": one.chunks,
        "id": one.document_id,
        "attempts": one.attempts,
        "quarantined": one.quarantined,
    }
    return shown | ({"reason": one.reason} if one.reason else {})


def finding(one: Finding) -> Json:
    """One thing that the doctor found."""
    return asdict(one)


def passage(found: Passage) -> Json:
    """One passage of `search`."""
    return {
        "document": found.document,
        "page": found.page,
        "text": found.text,
        "score": round(found.score, 4),
        "label": found.page_label,
        "section": found.section,
        "space": found.space,
        "document_id": found.document_id,
        "version": found.version,
        "start": found.start,
        "end": found.end,
    }


def citation(note: Citation) -> Json:
    """One footnote of `ask`."""
    return {
        "n": note.n,
        "document": note.document,
        "page": note.page,
        "quote": note.quote,
        "score": round(note.score, 4),
        "label": note.page_label,
        "section": note.section,
        "space": note.space,
        "document_id": note.document_id,
        "version": note.version,
        "start": note.start,
        "end": note.end,
    }


def answer(given: Answer) -> Json:
    """An answer: the refusal has empty claims and citations and lists the closest passages."""
    shown: Json = {
        "question": given.question,
        "answer": given.text,
        "refused": given.refused,
        "model": given.model,
        "claims": [
            {"text": claim.text, "citations": list(claim.citations), "status": claim.status}
            | ({"reason": claim.reason} if claim.reason else {})
            for claim in given.claims
        ],
        "citations": [citation(note) for note in given.citations],
        "seconds": round(given.seconds, 3),
    }
    if given.refused:
        shown["closest"] = [passage(near) for near in given.closest]
    if given.error:
        shown["error"] = given.error
    if given.notes:
        shown["notes"] = list(given.notes)
    return shown


def space(one: Space) -> Json:
    """One line of `spaces list`."""
    return {"space": one.name, "documents": one.documents}


def status(now: Status) -> Json:
    """The state of the library."""
    return asdict(now) | {"remote": list(now.remote)}
