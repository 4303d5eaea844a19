"""What the doctor does about what it found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from ingest.catalog import SqlCatalog
from ingest.doctor_books import Action, Mending
from ingest.originals import Originals
from ingest.schema import DOCUMENTS, JOB_FILES, OCR_PAGES
from rag.errors import FootnoteError, NotReady
from rag.ports import IndexWriter

LOST = "Its stored file and what was read of it were lost. Add the file again."


@dataclass(frozen=True, slots=True)
class Tools:
    """What mending needs.

    `collect` removes versions that nobody can find, `forget_generation` an index that is not in use. `reindex` makes
    documents findable anew, by their ids, out of their stored files or else of their texts; of those that it could not, it
    gives the reasons.
    """

    catalog: SqlCatalog
    originals: Originals
    index: Callable[[], IndexWriter | None]
    collect: Callable[[], None]
    reindex: Callable[[Sequence[str]], Mapping[str, str]]
    forget_generation: Callable[[str], None]


@dataclass(slots=True)
class Repair:
    """Mends problems one after the other, and at the end, in `finish`, what is done for all of them at once."""

    tools: Tools
    unable: dict[str, str] = field(default_factory=dict)
    _reindex: list[str] = field(default_factory=list)
    _files: list[Path] = field(default_factory=list)
    _given_up: set[str] = field(default_factory=set)

    def mend(self, mendings: Sequence[Mending]) -> str:
        """Do it, and say what was done. The last of several says it for all."""
        said = "It was mended with the others."
        for mending in mendings:
            try:
                said = ACTIONS[mending.action](self, mending.of)
            except OSError as error:
                self.unable[mending.of[0]] = f"It could not be mended: {error.strerror or error}."
        return said

    def finish(self) -> None:
        """Collect, index anew, and remove files that still nobody needs. `unable` says what failed, and of what."""
        try:
            if (index := self.tools.index()) is not None:
                index.flush()
                self.tools.collect()
        except NotReady:  # told among the findings
            pass
        if self._reindex:
            wanted = [document_id for document_id in dict.fromkeys(self._reindex) if document_id not in self._given_up]
            try:
                self.unable |= self.tools.reindex(wanted)
            except FootnoteError as error:
                self.unable |= dict.fromkeys(wanted, str(error))
        with self.tools.originals.lock:
            needed = self.tools.catalog.contents()
            for path in self._files:
                if path.name not in needed:
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def _delete_points(self, of: tuple[str, ...]) -> str:
        index = self.tools.index()
        if index is not None:
            index.delete_points(of)
        return "They were deleted."

    def _forget_version(self, of: tuple[str, ...]) -> str:
        document_id, number = of[0], int(of[1])
        index = self.tools.index()
        if index is not None:
            index.delete(document_id, number)
        for orphan in self.tools.catalog.forget_versions([(document_id, number)]):
            self.tools.originals.delete(orphan)
        return "It was deleted."

    def _forget_pages(self, of: tuple[str, ...]) -> str:
        with self.tools.catalog.engine.begin() as connection:
            connection.execute(sa.delete(OCR_PAGES).where(OCR_PAGES.c.content_hash == of[0]))
        return "It was deleted."

    def _forget_generation(self, of: tuple[str, ...]) -> str:
        self.tools.forget_generation(of[0])
        return "It was deleted."

    def _give_up_file(self, of: tuple[str, ...]) -> str:
        file = sa.and_(JOB_FILES.c.job_id == of[0], JOB_FILES.c.ordinal == int(of[1]), JOB_FILES.c.status == "")
        with self.tools.catalog.engine.begin() as connection:
            connection.execute(sa.update(JOB_FILES).where(file).values(status="failed", reason=LOST, content_hash=None))
        return "It counts as failed now."

    def _restore_file(self, of: tuple[str, ...]) -> str:
        content, path = of
        data = Path(path).read_bytes()
        self.tools.originals.delete(content)  # storing trusts a file of the right size
        self.tools.originals.put(data)
        return f"It was stored again from {path}."

    def _remove_document(self, of: tuple[str, ...]) -> str:
        self.tools.catalog.tombstone(of)
        return "It was removed."

    def _drop_version(self, of: tuple[str, ...]) -> str:
        document = DOCUMENTS.c.id == of[0]
        self._given_up.update(of)
        with self.tools.catalog.engine.begin() as connection:
            connection.execute(
                sa.update(DOCUMENTS).where(document).values(live_version=None, state="failed", reason=LOST)
            )
        return "It cannot be found any more, and counts as failed."

    def _index_anew(self, of: tuple[str, ...]) -> str:
        self._reindex += of
        return "It was indexed anew."

    def _delete_file(self, of: tuple[str, ...]) -> str:
        self._files.append(Path(of[0]))
        return "It was deleted."

    def _collect(self, of: tuple[str, ...]) -> str:  # noqa: ARG002 - `finish` collects all at once
        return "It was collected."


ACTIONS: Mapping[Action, Callable[[Repair, tuple[str, ...]], str]] = {
    "delete points": Repair._delete_points,
    "delete file": Repair._delete_file,
    "restore file": Repair._restore_file,
    "forget versions": Repair._forget_version,
    "forget pages": Repair._forget_pages,
    "forget generation": Repair._forget_generation,
    "give up file": Repair._give_up_file,
    "remove document": Repair._remove_document,
    "collect": Repair._collect,
    "reindex": Repair._index_anew,
    "drop version": Repair._drop_version,
}
