"""Values as the JSON that the command line and the REST interface promise (DESIGN.md, the contract)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ingest.records import Added, DocumentRecord, Space, Status, VersionRecord
from rag.types import Answer, Citation, Passage

Json = dict[str, Any]


def added(outcome: Added) -> Json:
    """One document of `add`; `reason` only where there is one."""
    shown: Json = {
        "document": outcome.document,
        "status": outcome.status,
        "pages": outcome.pages,
        "chunks": outcome.chunks,
    }
    return shown | ({"reason": outcome.reason} if outcome.reason else {})


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


def report(record: DocumentRecord, version: VersionRecord | None) -> Json:
    """A document with the report of its live version."""
    shown = document(record)
    if version is not None:
        shown["report"] = {
            "sha256": version.content_hash,
            "parser": version.parser,
            "chunking": version.chunking,
            "characters": version.characters,
            "warnings": list(version.warnings),
            "seconds": round(version.seconds, 3),
            "read": version.created_at,
        }
    return shown


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
