"""A file on its way to being found, with the files inside it: what is known of it so far, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from ingest.catalog import Family, Refusal, Staged
from ingest.catalog_queries import Known
from ingest.catalog_rows import Entry
from ingest.files import Incoming
from ingest.records import Added, Space, VersionRecord
from rag.types import State


@dataclass(slots=True, eq=False)
class Work:
    """One document on its way. `ended` is its outcome where that is not to be indexed anew."""

    entry: Entry
    data: bytes
    content_hash: str
    bundle: Bundle
    depth: int = 0
    known: Known | None = None
    tries: int = 0
    staged: Staged | None = None
    version: VersionRecord | None = None
    stored: Future[str] | None = None
    embedded: int = 0
    seconds: float = 0.0
    ended: Added | None = None

    @property
    def name(self) -> str:
        """What it is called, as far as is known."""
        return self.staged.name if self.staged else self.known.name if self.known else self.entry.names[0]

    @property
    def document_id(self) -> str:
        """Its id, if it has one yet."""
        return self.staged.document_id if self.staged else self.known.id if self.known else ""

    @property
    def at(self) -> tuple[str, int] | None:
        """The version that was staged of it."""
        return (self.staged.document_id, self.staged.number) if self.staged else None

    @property
    def is_whole(self) -> bool:
        """Whether all of its chunks are in the index."""
        return self.version is not None and self.embedded == self.version.chunks

    def end(self, status: State, reason: str) -> None:
        """It will not be indexed."""
        kept = self.known.live if self.known else None
        self.data = b""
        self.ended = Added(
            self.name, status, None, kept.chunks if kept else 0, reason, self.document_id, self.bundle.space.name,
            source=self.entry.source.key,
        )  # fmt: skip

    def outcome(self) -> Added:
        """What became of it, once it can be found."""
        if self.ended:
            return self.ended
        assert self.version
        return Added(
            self.name, "indexed", self.version.pages, self.version.chunks, "", self.document_id,
            self.bundle.space.name, replace(self.version, seconds=self.seconds), self.entry.source.key,
        )  # fmt: skip


@dataclass(slots=True, eq=False)
class Bundle:
    """A file and the files inside it, which change what can be found in one step. The file itself is the first of `works`.

    `unpacked` is how many bytes came out of it, at all depths.
    """

    space: Space
    works: list[Work] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    passed: list[Added] = field(default_factory=list)
    unfinished: int = 1
    unpacked: int = 0

    @property
    def top(self) -> Work:
        """The file itself."""
        return self.works[0]

    @property
    def versions(self) -> list[tuple[str, int]]:
        """The versions that were staged of it."""
        return [work.at for work in self.works if work.at]

    def family(self) -> Family:
        """What changes in the catalog when it is published."""
        live = [work for work in self.works if work.at and not work.ended]
        ended = [work for work in self.works if work.ended and work.ended.status != "cancelled"]
        return Family(
            tuple(work.at for work in live if work.at),
            tuple(Refusal(work.entry, one.status, one.reason) for work in ended if (one := work.ended)),
            frozenset(self.kept),
            {work.document_id: work.seconds for work in live},
        )

    def outcomes(self) -> Iterator[Added]:
        """What became of all of it, the container first."""
        yield from (work.outcome() for work in self.works)
        yield from self.passed


def new_bundle(file: Incoming, space: Space, known: Known | None) -> Bundle:
    """A file that comes in."""
    bundle = Bundle(space)
    entry = Entry(space.id, file.source, file.names, None, known.id if known else None)
    bundle.works.append(Work(entry, file.data, file.content_hash, bundle, known=known))
    return bundle
