"""Values that the catalog and the library hand out. Frozen, and they know no storage."""

from __future__ import annotations

from dataclasses import dataclass

from rag.types import State


@dataclass(frozen=True, slots=True)
class Space:
    """A named collection of documents, and how many of them can be found."""

    id: str
    name: str
    documents: int = 0


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document as the catalog lists it. `state` and `reason` are of the last time it was added."""

    id: str
    name: str
    space: str
    space_id: str
    state: State
    reason: str
    live_version: int | None
    pages: int | None
    chunks: int
    title: str
    path: str | None
    size: int
    added_at: str
    changed_at: str


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What was read from one content of a document: the report."""

    document_id: str
    number: int
    content_hash: str
    size: int
    parser: str
    chunking: str
    title: str
    pages: int | None
    characters: int
    chunks: int
    warnings: tuple[str, ...]
    seconds: float
    created_at: str


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one file: the outcome that `add` answers with."""

    document: str
    status: State
    pages: int | None = None
    chunks: int = 0
    reason: str = ""
    document_id: str = ""
    space: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is being done to which file: `done` of `total` of what `step` counts in."""

    document: str
    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Removed:
    """A document that was removed."""

    document: str
    space: str


@dataclass(frozen=True, slots=True)
class Where:
    """Where to look, by name; nothing named means everywhere.

    With `any_match`, all documents that match any of the names count, and where none does nothing is found;
    without it each name must fit exactly one document.
    """

    spaces: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    any_match: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the library at a glance. Counts are of what can be found."""

    documents: int
    chunks: int
    spaces: int
    embedder: str
    reranker: str
    index: str
    model: str
    model_error: str
    data: str
    jobs: int = 0
    remote: tuple[str, ...] = ()
