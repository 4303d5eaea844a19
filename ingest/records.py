"""Values that the catalog and the library hand out. Frozen, and they know no storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

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
    container_id: str | None = None  # of an attachment or a zip's member


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What was read from one content of a document: the report.

    `page_characters` counts each page's characters, in order; `ocr_pages` are the numbers of those that were recognised in
    pictures; `coverage` is the share of the text, white space aside, that is in chunks; `attachments` is how many
    documents of their own came out of it.
    """

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
    page_characters: tuple[int, ...] = ()
    ocr_pages: tuple[int, ...] = ()
    coverage: float = 1.0
    embedder: str = ""
    attachments: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """The job that was made for an `add`: always the first thing it says."""

    job: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """A file to be tried again. `counts` says that the try counts against it: the process that read it died."""

    source: str
    reason: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one file: the outcome that `add` answers with. `version` is the report of what was read, where it was."""

    document: str
    status: State
    pages: int | None = None
    chunks: int = 0
    reason: str = ""
    document_id: str = ""
    space: str = ""
    version: VersionRecord | None = field(default=None, compare=False)
    source: str = field(default="", compare=False)  # the key of its Source: which file of a job this is


@dataclass(frozen=True, slots=True)
class Progress:
    """What is being done to which file: `done` of `total` of what `step` counts in."""

    document: str
    step: str
    done: int
    total: int


JobState = Literal["queued", "running", "waiting", "done", "cancelled"]
"""`waiting`: for the next try of a file. A job is `done` whatever became of its files: each has an outcome of its own."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job: files on their way into a space. `current` is what is being done now, where it runs; `problem` why it waits.

    `done` counts files with an outcome, `failed` those among them that did not become findable.
    """

    id: str
    label: str
    space: str
    state: JobState
    files: int
    done: int
    failed: int
    created_at: str
    ended_at: str
    problem: str = ""
    current: Progress | None = None


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job. `status` is empty as long as it has no outcome; `quarantined`: no further try until it is added again."""

    document: str
    status: State | Literal[""]
    reason: str
    pages: int | None
    chunks: int
    document_id: str
    attempts: int
    quarantined: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that catalog, index and stored files do not agree on: its kind, what it is about, and what was done.

    `repaired` is empty where nothing was done; `repairable` says whether `--repair` can.
    """

    kind: Literal["missing", "extra", "orphaned", "torn", "wrong count", "unreadable"]
    subject: str
    detail: str
    repairable: bool
    repaired: str = ""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The index was made anew: how many documents and chunks are in it, and which documents kept what they had, and why."""

    documents: int
    chunks: int
    kept: tuple[str, ...] = ()


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
