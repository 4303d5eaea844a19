"""The library: the one object that every face uses. `open_library` is the composition root."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Self

from ingest.care import Care
from ingest.files import find_files
from ingest.job_desk import Upload, label_of
from ingest.lock import WAIT_SECONDS, LibraryLock
from ingest.records import (
    Added,
    DocumentRecord,
    JobFile,
    JobRecord,
    Progress,
    Removed,
    Space,
    Started,
    Status,
    VersionRecord,
    Where,
)
from ingest.spaces import DEFAULT_SPACE
from rag.answering import Answering, answer_question
from rag.chat import check_ready, choose_model, warm_up
from rag.compose import index_name
from rag.errors import FootnoteError, UnknownName, UsageError
from rag.model_files import RERANKER
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.types import Document, Event, Passage, Scope

LOG = logging.getLogger(__name__)


class Library(Care):
    """Documents in, passages and answers out. Threads may share it: reading never waits for writing.

    Models, index and the queue of jobs are opened when they are first needed, so that listing documents costs nothing of it.
    """

    def __init__(self, settings: Settings, lock: LibraryLock) -> None:
        super().__init__(settings, lock)
        self._searched = False
        try:
            self._recover()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self) -> None:
        """See that questions can be searched for. Raises what is missing. Costs next to nothing once it has worked."""
        if self._searched:
            self.catalog.totals()
            return
        with self._opening:
            self._retriever.retrieve("warm up", Scope(), 1)
        self._searched = True

    def warm_up(self) -> None:
        """Open models and index now, and run each once. Raises what is missing."""
        self.check()
        try:
            warm_up(choose_model(self.settings), self.settings)
        except FootnoteError as error:
            LOG.warning("The chat model is not ready: %s", error)

    # Documents

    def add(self, paths: Sequence[Path], space: str = DEFAULT_SPACE) -> Iterator[Started | Progress | Added]:
        """Index every regular file under the paths: the job, progress, and one outcome a file. Makes the space.

        The job does not end where nobody listens any more.
        """
        yield from self.follow(self.submit(paths, space))

    def upload(self, name: str, data: bytes, space: str = DEFAULT_SPACE) -> Iterator[Started | Progress | Added]:
        """Index one uploaded file, known by its name in the space."""
        yield from self.follow(self.submit_uploads([(name, data)], space))

    def submit(self, paths: Sequence[Path], space: str = DEFAULT_SPACE) -> str:
        """Make a job of every regular file under the paths; its id. Raises `UsageError`, `NotReady`."""
        files = find_files(paths)
        self.start()
        return self._desk.submit(files, self._space_for(space), label_of(paths))

    def submit_uploads(self, files: Iterable[Upload], space: str = DEFAULT_SPACE) -> str:
        """Make a job of uploaded files, `(name, bytes)` each, taken one at a time; its id. They are safe when it returns."""
        self.start()
        return self._desk.submit_uploads(files, self._space_for(space))

    def documents(self, space: str | None = None) -> list[DocumentRecord]:
        """All documents, or those of a space."""
        return self.catalog.documents(space)

    def document(self, name: str, space: str | None = None) -> tuple[DocumentRecord, VersionRecord | None]:
        """A document by id, name or file name, and the report of its live version."""
        record = self.catalog.resolve(name, space)
        return record, self.catalog.live_version(record.id)

    def remove(self, names: Sequence[str], space: str | None = None) -> list[Removed]:
        """Remove documents: invisible at once, points and originals right after. All names must be known."""
        records = [self.catalog.resolve(name, space) for name in names]
        self._remove([record.id for record in records])
        return [Removed(record.name, record.space) for record in records]

    def _remove(self, ids: Sequence[str]) -> None:
        if ids:
            self._desk.drop_documents(ids)
            self._indexer.remove(ids)

    def parsed(self, document_id: str, version: int) -> Document:
        """The parsed text of a version, in which offsets count. Raises `UnknownName`."""
        found = self.catalog.parsed(document_id, version)
        if found is None:
            raise UnknownName("That version of the document is not kept any more.", "Ask again.")
        return found

    def original(self, document_id: str, version: int) -> bytes:
        """The file as it came. Raises `UnknownName`."""
        record = self.catalog.version(document_id, version)
        try:
            if record is not None:
                return self._originals.get(record.content_hash)
        except FileNotFoundError:
            pass
        raise UnknownName("That version of the document is not kept any more.", "Ask again, or add the file again.")

    def page_picture(self, document_id: str, version: int, page: int, start: int, end: int) -> bytes:
        """A PNG of a PDF's page with the text from `start` to `end` marked; a recognised page has no boxes, and so no mark.

        Raises `UnknownName`, `FileRefused`.
        """
        from ingest.page_image import render_page

        place = next((p for p in self.parsed(document_id, version).pages if p.number == page), None)
        if place is None:
            raise UnknownName(f"The document has no page {page}.", "Ask again.")
        marks = None if place.ocr else (max(0, start - place.start), max(0, min(end, place.end) - place.start))
        return render_page(self.original(document_id, version), page, marks, cut=place.cut)

    # Jobs

    def start(self) -> None:
        """Go on with the jobs that the last process left, and be ready for new ones. Raises `NotReady`."""
        if self._desk.started:
            return
        with self._opening, ThreadPoolExecutor(1) as beside:
            imported = beside.submit(import_module, "ingest.jobs")  # takes as long as the embedder's child to start
            _ = self._indexer  # what is missing is said now, not by a job that waits for it
            imported.result()
            self._desk.start()

    def follow(self, job: str) -> Iterator[Started | Progress | Added]:
        """A job's outcomes so far, then all that happens, until it ends. Raises `UnknownName`, `NotReady`."""
        if self._desk.waits(job):
            self.start()
        return self._desk.follow(job)

    def jobs(self, limit: int = 50) -> list[JobRecord]:
        """The newest jobs, newest first."""
        return self._desk.jobs(limit)

    def job(self, job: str) -> tuple[JobRecord, list[JobFile]]:
        """A job and its files. Raises `UnknownName`."""
        return self._desk.job(job)

    def cancel_job(self, job: str) -> JobRecord:
        """End a job: what was finished stays, old versions stay as they were. Raises `UnknownName`."""
        return self._desk.cancel(job)

    def retry_job(self, job: str) -> JobRecord:
        """Try the files of an ended job again that failed, were cancelled or set aside. Raises `UnknownName`, `UsageError`."""
        self.start()
        return self._desk.retry(job)

    # Spaces

    def spaces(self) -> list[Space]:
        """All spaces, each with how many documents can be found in it."""
        return self.catalog.spaces.all()

    def add_space(self, name: str) -> Space:
        """Make a space. Raises `UsageError`."""
        return self.catalog.spaces.add(name)

    def rename_space(self, name: str, new_name: str) -> Space:
        """Rename a space. Raises `UsageError`."""
        return self.catalog.spaces.rename(name, new_name)

    def remove_space(self, name: str) -> int:
        """Remove a space and all its documents; how many those were. The space `default` itself stays."""
        self._desk.drop_space(self.catalog.spaces.named(name).id)
        return self._indexer.remove_space(name)

    def _space_for(self, name: str) -> Space:
        return self.catalog.spaces.find(name) or self.catalog.spaces.add(name)

    # Questions

    def search(self, question: str, where: Where, limit: int = 10) -> list[Passage]:
        """The best passages for a question, best first. Raises `UsageError`, `NotReady`."""
        if limit < 1:
            raise UsageError("The number of passages must be 1 or more.", "Use -k 10, for instance.")
        return self._open_retriever().retrieve(question, self._scope(where), limit)

    def ask(self, question: str, where: Where, model: str = "") -> Iterator[Event]:
        """Answer a question as a stream of events, the last of which is `Finished`. Raises `UsageError`, `NotReady`."""
        parts = Answering(self._open_retriever(), self.settings)
        return answer_question(parts, question, self._scope(where), model)

    def _scope(self, where: Where) -> Scope:
        """The ids behind the names. Raises `UnknownName`, `AmbiguousName`, unless any match is good enough."""
        spaces = frozenset(self.catalog.spaces.named(name).id for name in where.spaces) if where.spaces else None
        if where.any_match:
            found = (record for name in where.documents for record in self.catalog.match(name))
            ids = frozenset(record.id for record in found if spaces is None or record.space_id in spaces)
            return Scope(spaces, ids)
        only = where.spaces[0] if len(where.spaces) == 1 else None
        documents = frozenset(self.catalog.resolve(name, only).id for name in where.documents)
        return Scope(spaces, documents or None)

    def _open_retriever(self) -> Retriever:
        with self._opening:
            return self._retriever

    def status(self) -> Status:
        """Counts of what can be found, and which models and index serve."""
        documents, chunks = self.catalog.totals()
        try:
            chosen = choose_model(self.settings)
            model, error = str(chosen), ""
            check_ready(chosen, self.settings)
        except FootnoteError as problem:
            model, error = self.settings.model, str(problem)
        return Status(
            documents=documents,
            chunks=chunks,
            spaces=len(self.spaces()),
            embedder=self.settings.embedder,
            reranker=RERANKER.folder if self.settings.rerank else "off",
            index=index_name(self.settings),
            model=model,
            model_error=error,
            data=str(self._folder),
            jobs=self._desk.unfinished(),
            remote=tuple(sorted(self.settings.allowed_hosts)),
        )


def open_library(
    settings: Settings, wait: float = WAIT_SECONDS, give_up: Callable[[], bool] = lambda: False
) -> Library | None:
    """Open the library in the settings' data folder, which is made if need be. None where `give_up` said so.

    Raises `LibraryHeld` when another process has it for longer than `wait` seconds, and `NotReady` where the folder
    cannot be made.
    """
    folder = settings.data_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The data folder {folder} cannot be made: {error.strerror}.", "Set FOOTNOTE_DATA.") from error
    lock = LibraryLock(folder)
    if not lock.acquire(wait, give_up):
        return None
    try:
        return Library(settings, lock)
    except BaseException:
        lock.release()
        raise
