"""Frozen values that every part of Footnote speaks in. They know no storage and no library.

Offsets are character positions in `Document.text`, half open: `text[start:end]`. Pages count from 1 by physical
position; formats without pages have `None`, and the section says where.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ClaimStatus = Literal["supported", "partly", "computed", "unsupported", "uncited"]
"""What the check in code says of one sentence of an answer."""

State = Literal[
    "indexed",
    "unchanged",
    "no text (scanned)",
    "password-protected",
    "damaged",
    "too large",
    "unsupported",
    "failed",
    "cancelled",
]
"""What became of a file that was added."""


@dataclass(frozen=True, slots=True)
class Page:
    """A physical page: its number from 1, the label printed on it (a sheet's or slide's name), and the range of the text it holds.

    `cut` are the ranges of the page's own characters, before anything was mended, that are not part of the text: running
    headers and footers. `ocr` says that the text was recognised in the page's picture.
    """

    number: int
    start: int
    end: int
    label: str | None = None
    cut: tuple[tuple[int, int], ...] = ()
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, as the path that leads to it (`Leave > Parental leave`), and where its text begins."""

    start: int
    path: str


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document: one text, and the pages and sections that are ranges of it.

    `pages` is empty for formats without pages. `parser` names the code and version that read the file.
    """

    title: str
    text: str
    parser: str
    pages: tuple[Page, ...] = ()
    sections: tuple[Section, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document that is embedded as one: `document.text[start:end] == text`, within one page."""

    ordinal: int
    start: int
    end: int
    text: str
    section: str = ""
    page: int | None = None
    page_label: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: ids of spaces and of documents. `None` means no limit; an empty set means nowhere."""

    spaces: frozenset[str] | None = None
    documents: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class LiveDocument:
    """What the catalog says of a document that can be found now."""

    id: str
    version: int
    name: str
    space: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was retrieved, with the name of its document and how well it fits (higher is better)."""

    document_id: str
    version: int
    document: str
    space: str
    text: str
    start: int
    end: int
    score: float
    section: str = ""
    page: int | None = None
    page_label: str | None = None
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class Citation:
    """A footnote: number `n`, the place, the sentences quoted, and their exact range in the document's text."""

    n: int
    document_id: str
    version: int
    document: str
    space: str
    quote: str
    start: int
    end: int
    score: float
    section: str = ""
    page: int | None = None
    page_label: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, the footnotes it carries, and what the check says of it."""

    text: str
    citations: tuple[int, ...]
    status: ClaimStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its footnotes, or a refusal with the closest passages.

    `model` names the writer. `error` is set where the chosen model failed: the quotes are given instead,
    or what it wrote until then. `notes` are things the reader must know (evidence left out, truncation).
    """

    question: str
    text: str
    refused: bool
    model: str
    claims: tuple[Claim, ...] = ()
    citations: tuple[Citation, ...] = ()
    closest: tuple[Passage, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of a conversation: the question and the answer given."""

    question: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Found:
    """Event: the passages that the answer will be written from, and who will write it."""

    passages: tuple[Passage, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Token:
    """Event: a piece of the answer as the model writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """Event: a sentence is complete and has been checked."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Finished:
    """Event: the whole answer. Always the last one."""

    answer: Answer


Event = Found | Token | Checked | Finished


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What makes vectors comparable. Two embedders of the same dimension are not the same embedder."""

    model: str
    revision: str
    dimension: int
    pooling: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A chunk as the index stores it: a UUID, its dense vector, and the payload."""

    id: str
    document_id: str
    version: int
    space: str
    chunk: Chunk
    vector: tuple[float, ...] = field(repr=False)
    context: str = ""


@dataclass(frozen=True, slots=True)
class PointKey:
    """Which chunk a stored point is: what the doctor compares with the catalog. `end` is where its text ends."""

    id: str
    document_id: str = ""
    version: int = 0
    ordinal: int = -1
    space: str = ""
    end: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A point that the index found. `score` is a cosine, a BM25 weight or a fused rank, by the query."""

    document_id: str
    version: int
    space: str
    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a chat model."""

    role: Literal["system", "user", "assistant"]
    content: str
