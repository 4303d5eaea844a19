"""Names for the files inside a file: harmless, and no two the same."""

from __future__ import annotations

from ingest.loading.archive import harmless
from ingest.loading.limits import Limits
from ingest.loading.parsed import Attachment, Refused
from rag.errors import FileRefused
from rag.types import State


class Inside:
    """Collects what is attached to a file. Raises `FileRefused` ("too large") where it is too many."""

    def __init__(self, name: str, limits: Limits) -> None:
        self._name = name
        self._most = limits.unzip_files
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self._attachments: list[Attachment] = []
        self._refused: list[Refused] = []

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """What was taken out."""
        return tuple(self._attachments)

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What could not be taken out."""
        return tuple(self._refused)

    def add(self, name: str, data: bytes) -> None:
        """Take a file under its name (not a path), or one like it."""
        self._attachments.append(Attachment(self._named(name), data))

    def refuse(self, name: str, state: State, reason: str) -> None:
        """Remember a file that cannot be taken out."""
        self._refused.append(Refused(self._named(name), state, reason))

    def _named(self, name: str) -> str:
        if len(self._attachments) + len(self._refused) >= self._most:
            raise FileRefused(
                "too large",
                f"{self._name} holds more than {self._most:,} files.",
                "Split it into smaller ones, or raise FOOTNOTE_UNZIP_FILES.",
            )
        wanted = name = harmless(name).replace("/", "_")
        while name in self._taken:
            self._counts[wanted] = count = self._counts.get(wanted, 1) + 1
            stem, dot, suffix = wanted.rpartition(".")
            name = f"{stem} ({count}).{suffix}" if dot and stem else f"{wanted} ({count})"
        self._taken.add(name)
        return name
