"""What every index stores beside a vector, in which fields, and how it is read back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rag.errors import FingerprintMismatch
from rag.types import Chunk, Fingerprint, Hit, Point, PointKey, Scope

DENSE = "dense"
BM25 = "bm25"
"""The names of the two vectors of a point."""

SPACE = "space"
DOCUMENT = "document_id"
VERSION = "version"
"""The payload fields that searches, counts and deletions filter by; each has a payload index."""

Where = Mapping[str, list[str] | list[int]]
"""A filter: for each field the values it may have. Every field must match; an empty filter matches all."""

_KINDS: Mapping[str, type] = {
    DOCUMENT: str, VERSION: int, SPACE: str, "ordinal": int, "start": int, "end": int, "text": str, "section": str,
}  # fmt: skip
"""The fields without which a payload is torn, and what they hold."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The text with lone surrogates, which are not valid JSON, as U+FFFD. Its length stays, so offsets hold."""
    return _SURROGATE.sub("\ufffd", text)


def passage_text(point: Point) -> str:
    """What BM25 reads of a point: its context, such as title and section, and its text."""
    return clean(f"{point.context}\n{point.chunk.text}")


def payload_of(point: Point) -> dict[str, Any]:
    """All of a point but its id and vector, as JSON."""
    fields = {
        DOCUMENT: point.document_id,
        VERSION: point.version,
        SPACE: point.space,
        "context": point.context,
        **asdict(point.chunk),
    }
    return {name: clean(value) if isinstance(value, str) else value for name, value in fields.items()}


def hit_of(payload: Mapping[str, Any], score: float) -> Hit:
    """The hit that a payload describes."""
    return Hit(
        document_id=payload[DOCUMENT],
        version=payload[VERSION],
        space=payload[SPACE],
        chunk=Chunk(
            ordinal=payload["ordinal"],
            start=payload["start"],
            end=payload["end"],
            text=payload["text"],
            section=payload["section"],
            page=payload.get("page"),
            page_label=payload.get("page_label"),
        ),
        score=score,
    )


def key_of(point_id: str, payload: Mapping[str, Any] | None) -> PointKey:
    """Which chunk a point is; of a payload that is missing, or lacks what a hit is made of, the id alone."""
    whole = payload is not None and all(isinstance(payload.get(field), kind) for field, kind in _KINDS.items())
    if payload is None or not whole or len(payload["text"]) != payload["end"] - payload["start"]:
        return PointKey(point_id)
    return PointKey(point_id, payload[DOCUMENT], payload[VERSION], payload["ordinal"], payload[SPACE], payload["end"])


def where_scope(scope: Scope) -> Where | None:
    """The filter of a scope; `None` where it allows nothing."""
    where: dict[str, list[str] | list[int]] = {}
    for field, allowed in ((SPACE, scope.spaces), (DOCUMENT, scope.documents)):
        if allowed is not None:
            where[field] = sorted(clean(value) for value in allowed)
    return None if any(not values for values in where.values()) else where


def where_document(document_id: str | None, version: int | None) -> Where:
    """The filter of a document, of one of its versions, or of everything."""
    where: dict[str, list[str] | list[int]] = {}
    if document_id is not None:
        where[DOCUMENT] = [clean(document_id)]
    if version is not None:
        where[VERSION] = [version]
    return where


def fingerprint_from(stored: object) -> Fingerprint | None:
    """The fingerprint that `dataclasses.asdict` was stored of; `None` where it is something else."""
    if not isinstance(stored, dict):
        return None
    try:
        return Fingerprint(**stored)
    except TypeError:
        return None


def mismatch(where: str, stored: Fingerprint | None, wanted: Fingerprint) -> FingerprintMismatch:
    """The error for an index made by another embedder. `where` names the index."""
    if stored is None:
        return FingerprintMismatch(
            f"{where} does not say which embedder made it, so its vectors cannot be compared with those of "
            f"{_describe(wanted)}.",
            "`footnote rebuild` makes the index anew from the stored documents.",
        )
    if stored.model != wanted.model:
        go_back = f"Set FOOTNOTE_EMBEDDER back to {stored.model}"
    else:
        go_back = "Put the earlier files of the model back"
    return FingerprintMismatch(
        f"{where} was made with {_describe(stored)}, but the embedder now is {_describe(wanted)}: "
        "their vectors cannot be compared.",
        f"{go_back}, or let `footnote rebuild` make the index anew from the stored documents.",
    )


def _describe(fingerprint: Fingerprint) -> str:
    prefix = f", prefix {fingerprint.prefix!r}" if fingerprint.prefix else ""
    return (
        f"{fingerprint.model} (revision {fingerprint.revision[:12]}, {fingerprint.dimension} dimensions, "
        f"{fingerprint.pooling} pooling{prefix})"
    )
