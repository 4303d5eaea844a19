"""What every face needs from the library. The library itself has these methods, and so has its remote twin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ingest.records import (
    Added,
    DocumentRecord,
    Finding,
    JobFile,
    JobRecord,
    Progress,
    Rebuilt,
    Removed,
    Space,
    Started,
    Status,
    VersionRecord,
    Where,
)
from rag.types import Event, Passage


class Face(Protocol):
    """The library as the command line uses it: opened in this process, or reached through the server that has it."""

    def add(self, paths: Sequence[Path], space: str) -> Iterator[Started | Progress | Added]:
        """Index files and folders, and follow the job that does it."""

    def submit(self, paths: Sequence[Path], space: str) -> str:
        """Make a job that indexes files and folders; its id."""

    def follow(self, job: str) -> Iterator[Started | Progress | Added]:
        """The outcomes of a job so far, then all that happens until it ends."""

    def jobs(self, limit: int) -> list[JobRecord]:
        """The newest jobs, newest first."""

    def job(self, job: str) -> tuple[JobRecord, list[JobFile]]:
        """One job and its files."""

    def cancel_job(self, job: str) -> JobRecord:
        """End a job; what was finished stays."""

    def retry_job(self, job: str) -> JobRecord:
        """Try what failed or was cancelled in an ended job again."""

    def documents(self, space: str | None) -> list[DocumentRecord]:
        """List documents."""

    def document(self, name: str, space: str | None) -> tuple[DocumentRecord, VersionRecord | None]:
        """One document and the report of its live version."""

    def remove(self, names: Sequence[str], space: str | None) -> list[Removed]:
        """Remove documents."""

    def spaces(self) -> list[Space]:
        """List spaces."""

    def add_space(self, name: str) -> Space:
        """Make a space."""

    def rename_space(self, name: str, new_name: str) -> Space:
        """Rename a space."""

    def remove_space(self, name: str) -> int:
        """Remove a space and its documents; how many those were."""

    def search(self, question: str, where: Where, limit: int) -> list[Passage]:
        """Find passages."""

    def ask(self, question: str, where: Where, model: str) -> Iterator[Event]:
        """Answer a question."""

    def status(self) -> Status:
        """Counts and parts."""

    def doctor(self, repair: bool) -> list[Finding]:  # noqa: FBT001 - it travels by position
        """What catalog, index and stored files do not agree on; and mend it."""

    def rebuild(self) -> Iterator[Progress | Rebuilt]:
        """Make the whole index anew from the stored files."""

    def close(self) -> None:
        """Let go of the library."""
