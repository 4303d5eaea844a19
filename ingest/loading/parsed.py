"""What a loader hands back: the document, what was attached to it, and the pages that need their text recognised."""

from __future__ import annotations

from dataclasses import dataclass

from rag.types import Document, State


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file (of a mail, of a zip): its path inside, and its bytes. It becomes a document of its own."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A file inside a file that could not be taken out: its path inside, the state that it ends in, and why."""

    name: str
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file as it was read.

    `document.text` may be empty where there are attachments, or where `needs_ocr` names the pages (from 1) that have no
    text layer or a garbled one. `refused` are attachments that could not be taken out.
    """

    document: Document
    attachments: tuple[Attachment, ...] = ()
    needs_ocr: tuple[int, ...] = ()
    refused: tuple[Refused, ...] = ()
