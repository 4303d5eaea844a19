"""What every face needs from the library. The library itself has these methods, and so has its remote twin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ingest.records import Added, DocumentRecord, Progress, Removed, Space, Status, VersionRecord, Where
from rag.types import Event, Passage


class Face(Protocol):
    """The library as the command line uses it: opened in this process, or reached through the server that has it."""

    def add(self, paths: Sequence[Path], space: str) -> Iterator[Progress | Added]:
        """Index files and folders."""

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

    def close(self) -> None:
        """Let go of the library."""
