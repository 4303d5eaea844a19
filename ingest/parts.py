"""What a library is made of. Every part is opened when it is first needed, and all are closed in order."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from ingest.catalog import SqlCatalog
from ingest.database import database_url
from ingest.generations import Generations
from ingest.indexing import Indexer
from ingest.job_desk import JobDesk
from ingest.job_runner import JobRunner
from ingest.job_store import JobStore
from ingest.lock import LibraryLock
from ingest.originals import Originals
from ingest.ports import Parser, Recogniser, Worker
from rag.compose import open_embedder, open_index, open_reranker
from rag.ports import Embedder, IndexWriter, Reranker
from rag.settings import Settings
from rag.switching import SteadyRetriever, SwitchableIndex

if TYPE_CHECKING:
    from ingest.jobs import Jobs
    from ingest.sandbox import Sandbox

LEAVE_SECONDS = 1.0
"""How long closing waits for jobs to leave by themselves, before the children that they wait for are ended."""

END_SECONDS = 10.0
"""How long it waits for them then."""


class Parts:
    """The parts of a library. `_opening` is held while one is opened that threads may ask for at the same time."""

    def __init__(self, settings: Settings, lock: LibraryLock) -> None:
        self.settings = settings
        self._lock = lock
        self._opening = threading.RLock()
        folder = settings.data_folder
        self._folder = folder
        self._database = database_url(settings)
        self.catalog = SqlCatalog(self._database)
        self._originals = Originals(folder / "originals")
        self._generations = Generations(self.catalog.engine)
        store, most = JobStore(self.catalog.engine), settings.max_file_mb * 1_000_000
        self._runner = JobRunner(store, self.catalog, self._originals, lambda: self._indexer, most)
        self._desk = JobDesk(store, self._runner, self.catalog, self._originals, lambda: self._jobs, most)

    def stop(self) -> None:
        """Begin to let go of jobs, which go on at the next start. Nothing else is closed yet."""
        self._runner.stop()

    def close(self) -> None:
        """Let go of jobs, then of index, models and lock: in seconds, whatever runs. More than once is no error."""
        self.stop()
        self._runner.gate.empty(LEAVE_SECONDS)
        self._close("_sandbox", "_worker")
        self._runner.gate.empty(END_SECONDS)
        with self._opening:
            self._runner.close()
            self._close("_jobs", "_indexer", "_index")
            self.catalog.close()
            self._lock.release()

    def _close(self, *names: str) -> None:
        """Close those of the parts that were opened."""
        for name in names:
            part = self.__dict__.get(name)
            if part is not None and hasattr(part, "close"):
                part.close()

    # For questions

    @cached_property
    def _embedder(self) -> Embedder:
        return open_embedder(self.settings)

    @cached_property
    def _index(self) -> SwitchableIndex:
        return SwitchableIndex(self._open_index(self._generations.live()))

    def _open_index(self, generation: str) -> IndexWriter:
        """A generation of the index, for the embedder that is there: the one in this process, if it was opened, else the child's."""
        embedder = self._worker if "_worker" in self.__dict__ and "_embedder" not in self.__dict__ else self._embedder
        return open_index(self.settings, self._folder / "index", embedder.fingerprint, generation)

    @cached_property
    def _reranker(self) -> Reranker | None:
        return open_reranker(self.settings)

    @cached_property
    def _retriever(self) -> SteadyRetriever:
        return SteadyRetriever(self._index, self._embedder, self.catalog, self._reranker)

    # For files

    @cached_property
    def _sandbox(self) -> Sandbox:
        from ingest.sandbox import open_sandbox

        return open_sandbox(self.settings)

    @cached_property
    def _parser(self) -> Parser:
        return self._sandbox

    @cached_property
    def _recogniser(self) -> Recogniser | None:
        from ingest.ocr import open_recogniser

        return open_recogniser(self.settings, self._sandbox)

    @cached_property
    def _worker(self) -> Worker:
        from ingest.embedding_worker import EmbeddingWorker

        return EmbeddingWorker(self.settings)

    @cached_property
    def _indexer(self) -> Indexer:
        worker = self._worker  # before the index, which then need not open an embedder in this process
        return Indexer(
            self.catalog,
            self._index,
            worker,
            self._parser,
            self._originals,
            self.settings.chunk_tokens,
            self._recogniser,
            parsers=self.settings.parse_workers,
            ocr_off=self.settings.ocr == "off",
        )

    @cached_property
    def _jobs(self) -> Jobs:
        from ingest.jobs import Jobs

        return Jobs(self._runner, self._database, self._folder)
