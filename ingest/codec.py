"""Documents and what loaders hand back, as bytes between processes: JSON, and blobs for texts and attachments.

Unpacking raises `ValueError` for everything that is not as it must be: the sender may be a process that a file has taken over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ingest.frames import Blob
from ingest.loading.parsed import Attachment, Parsed, Refused
from rag import errors
from rag.errors import FileRefused, FootnoteError
from rag.types import Chunk, Document, Page, Section

MOST_SAID = 2000
"""Characters of a message that are passed on."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    document: Document
    attachments: tuple[str, ...]
    needs_ocr: tuple[int, ...]
    refused: tuple[Refused, ...]


def to_json(value: Any) -> bytes:
    """JSON of frozen values, as UTF-8. Half a surrogate pair, which is no character, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, default=_fields).encode("utf-8", "replace")


def pack_parsed(parsed: Parsed) -> tuple[bytes, list[Blob]]:
    """JSON, and blobs: the text, then each attachment."""
    document = parsed.document
    names = tuple(each.name for each in parsed.attachments)
    said = _Parsed(replace(document, text=""), names, parsed.needs_ocr, parsed.refused)
    return to_json(said), [_utf8(document.text), *(each.data for each in parsed.attachments)]


def unpack_parsed(said: bytes, blobs: Sequence[Blob]) -> Parsed:
    """What `pack_parsed` packed, checked: every range lies in the text."""
    found: _Parsed = _reader(_Parsed).validate_json(said)
    if len(blobs) != 1 + len(found.attachments):
        raise ValueError("the attachments are not all there")
    if any(page < 1 for page in found.needs_ocr):
        raise ValueError("pages count from 1")
    return Parsed(
        document=_with_text(found.document, blobs[0]),
        attachments=tuple(
            Attachment(name, bytes(data)) for name, data in zip(found.attachments, blobs[1:], strict=True)
        ),
        needs_ocr=found.needs_ocr,
        refused=found.refused,
    )


def pack_document(document: Document) -> tuple[bytes, Blob]:
    """JSON without the text, and the text."""
    return to_json(replace(document, text="")), _utf8(document.text)


def unpack_document(said: bytes, text: Blob) -> Document:
    """What `pack_document` packed."""
    fields = json.loads(said)
    fields |= {
        "pages": tuple(Page(**page) for page in fields["pages"]),
        "sections": tuple(Section(**section) for section in fields["sections"]),
        "warnings": tuple(fields["warnings"]),
    }
    return _with_text(Document(**fields), text)


def pack_chunks(chunks: Iterable[Chunk]) -> bytes:
    """JSON of chunks without their texts, which are ranges of the document's."""
    return to_json([(one.start, one.end, one.section, one.page, one.page_label) for one in chunks])


def unpack_chunks(said: bytes, text: str) -> list[Chunk]:
    """What `pack_chunks` packed, with their texts."""
    return [
        Chunk(ordinal, start, end, text[start:end], section, page, label)
        for ordinal, (start, end, section, page, label) in enumerate(json.loads(said))
    ]


def pack_error(error: FootnoteError) -> dict[str, str]:
    """An error's class and what it says, cut where it is endless."""
    return {"type": type(error).__name__, "message": error.message[:MOST_SAID], "remedy": error.remedy[:MOST_SAID]}


def unpack_error(said: Mapping[str, str]) -> FootnoteError:
    """The same error on this side; of the root's class where the class is none that has just these two."""
    named = getattr(errors, said["type"], None)
    known = isinstance(named, type) and issubclass(named, FootnoteError) and not issubclass(named, FileRefused)
    return (named if named and known else FootnoteError)(said["message"], said["remedy"])


def _with_text(document: Document, data: Blob) -> Document:
    text = bytes(data).decode()
    ends = [0, *(bound for page in document.pages for bound in (page.start, page.end)), len(text)]
    starts = [0, *(section.start for section in document.sections), len(text)]
    if ends != sorted(ends) or starts != sorted(starts):
        raise ValueError("pages and sections must be ranges of the text, in order")
    return replace(document, text=text)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a character for a character: offsets stay true


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


@cache
def _reader(kind: Any) -> Any:
    from pydantic import TypeAdapter  # only the parent needs it, and it is a third of a child's memory

    return TypeAdapter(kind)
