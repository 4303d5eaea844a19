"""Whether a file must be read, or is in the library as it would be indexed now."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.catalog import SqlCatalog
from ingest.catalog_queries import Known
from ingest.loading import parsers
from ingest.preparing import OCR_FOUND_NOTHING, UNREAD
from ingest.records import Added, Space, VersionRecord
from rag.types import State

FINAL = ("indexed", "no text (scanned)", "password-protected", "damaged", "too large", "unsupported")
"""States of a file inside another one that reading it again would not change."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows how a file would be read, cut and embedded now: `chunking` names the latter two."""

    catalog: SqlCatalog
    space: Space
    chunking: str
    has_ocr: bool

    def outcomes(self, known: Known, content_hash: str, *, inside: bool = False) -> list[Added] | None:
        """The outcomes of a file that need not be read, with those of the files inside it; None where it must be read."""
        live = known.live
        if live is None or live.content_hash != content_hash or not self._is_current(live):
            return None
        members = self.catalog.members(known.id) if live.attachments else []
        if not all(map(self._is_final, members)) or (inside and not self._is_final(known)):
            return None
        mine = as_before(known, self.space) if inside else unchanged(known, self.space)
        return [mine, *(as_before(member, self.space) for member in members)]

    def _is_current(self, version: VersionRecord) -> bool:
        unread = self.has_ocr and any(warning.startswith(UNREAD) for warning in version.warnings)
        return version.parser in parsers() and version.chunking == self.chunking and not unread

    def _is_final(self, known: Known) -> bool:
        if known.live is not None and not self._is_current(known.live):
            return False
        scanned = self.has_ocr and known.state == "no text (scanned)" and OCR_FOUND_NOTHING not in known.reason
        return known.state in FINAL and not scanned


def unchanged(known: Known, space: Space) -> Added:
    """The outcome of a file that is in the library as it is."""
    live = known.live
    assert live
    return Added(known.name, "unchanged", live.pages, live.chunks, "", known.id, space.name, live, known.source)


def as_before(known: Known, space: Space) -> Added:
    """The outcome of a file inside an unchanged one: what it was when that was indexed."""
    if known.live and known.state == "indexed":
        return unchanged(known, space)
    status: State = known.state  # type: ignore[assignment]
    kept = known.live.chunks if known.live else 0
    return Added(known.name, status, None, kept, known.reason, known.id, space.name, None, known.source)
