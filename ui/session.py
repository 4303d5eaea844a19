"""The only reader and writer of `st.session_state`: what one browser tab has on its pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import streamlit as st

from ingest.records import JobFile, JobRecord
from rag.types import Answer, Citation, Passage

_KEY = "footnote"


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that was opened: the range of a document's version, and where that is."""

    document_id: str
    version: int
    document: str
    start: int
    end: int
    page: int | None
    label: str

    @classmethod
    def of(cls, source: Citation | Passage, label: str) -> Opened:
        """The place that a footnote or passage names."""
        return cls(source.document_id, source.version, source.document, source.start, source.end, source.page, label)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a job: those of its files that are shown, how many more there are, and how many can be tried again."""

    job: JobRecord
    files: tuple[JobFile, ...]
    more: int
    again: int


@dataclass(slots=True)
class Watched:
    """The jobs that a tab has seen running, and those of them that have ended since, the newest first.

    How far a job is stands in the library, not here: this only remembers what to show the result of.
    """

    running: set[str] = field(default_factory=set)
    cancelling: set[str] = field(default_factory=set)
    ended: list[str] = field(default_factory=list)
    results: dict[str, Ended] = field(default_factory=dict)

    def note(self, running: set[str]) -> bool:
        """Note which jobs run now; whether one that ran has ended."""
        gone = self.running - running
        self.ended = [*gone, *(job for job in self.ended if job not in gone and job not in running)]
        self.running = running
        self.cancelling &= running
        for job in running:
            self.results.pop(job, None)
        return bool(gone)

    def forget(self, job: str) -> None:
        """Show the result of that job no more."""
        self.ended = [one for one in self.ended if one != job]
        self.results.pop(job, None)


@dataclass(slots=True)
class Session:
    """A tab's state. Widgets keep their own."""

    answers: list[Answer] = field(default_factory=list)
    jobs: Watched = field(default_factory=Watched)
    uploads: int = 0
    selections: int = 0
    dialog: bool = False  # one is open: drawing the whole page anew would close it
    stale: bool = False  # the whole page should be drawn anew as soon as that closes none


def session() -> Session:
    """This tab's state; made when first asked for."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Session()
    return cast(Session, st.session_state[_KEY])
