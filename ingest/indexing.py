"""How a file becomes findable: the indexer, which everything that adds or removes documents goes through.

A run reads files ahead (`intake`, `reading_line`, `ocr_line`), stages each as a new version, embeds all the time
(`embedding_line`), and publishes in groups (`group`, `publishing`): flush, count, flip. Files inside a file (`members`) change
together with it. `pipeline` is the run itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from ingest.catalog import SqlCatalog
from ingest.claims import Claims
from ingest.embedding_line import EmbeddingLine
from ingest.files import Incoming
from ingest.intake import Intake
from ingest.judging import Judge
from ingest.ocr import OcrStore
from ingest.ocr_line import OcrLine
from ingest.originals import Originals
from ingest.pipeline import Lines, Run
from ingest.ports import Parser, Recogniser, Worker
from ingest.preparing import Preparer
from ingest.publishing import Publisher
from ingest.reading_line import ReadingLine
from ingest.records import Added, Postponed, Progress, Space
from rag.ports import IndexWriter

STORING_THREADS = 2
"""Threads that write originals, each waiting for the disk."""


class Indexer:
    """Writes documents into the index and the catalog. Threads may share it: any number of runs may go on at a time."""

    def __init__(
        self,
        catalog: SqlCatalog,
        index: IndexWriter,
        worker: Worker,
        parser: Parser,
        originals: Originals,
        chunk_tokens: int,
        recogniser: Recogniser | None = None,
        *,
        parsers: int = 2,
        ocr_off: bool = False,
    ) -> None:
        """`parsers` is how many files are read at once. `ocr_off`: there is no recogniser because nobody wants one."""
        self._catalog = catalog
        self._worker = worker
        self._parser = parser
        self._chunk_tokens = chunk_tokens
        self._recogniser = recogniser
        self._parsers = parsers
        self._ocr_off = ocr_off
        self._publisher = Publisher(catalog, index, originals)
        self._claims = Claims()
        self._opening = threading.Lock()
        self._preparer: Preparer | None = None
        self._reading, self._recognising, self._embedding, self._storing = (
            ThreadPoolExecutor(threads, f"footnote-{name}")
            for name, threads in (("reading", parsers), ("ocr", 1), ("embedding", 1), ("storing", STORING_THREADS))
        )

    def run(
        self,
        files: Iterable[Incoming | Added | Postponed],
        space: Space,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generator[Progress | Added | Postponed, None, None]:
        """Index the files, yielding progress, and for each file one outcome as soon as it can be found.

        Outcomes come in the order in which they are reached; those of files inside a file come right behind it. An `Added` or
        `Postponed` among the files was decided before and is passed on. Where `cancelled` says so (it is asked at least once
        for each batch that is embedded and each page that is recognised), what is not visible yet ends as `cancelled`, and the
        rest of `files` is not taken. Whatever is raised, old versions stay live and nothing half done stays: `NotReady` where
        index, parser or embedder do not work, `OSError` where the disk is full, and what the database raises.
        """
        yield from Run(self._lines(files, space), cancelled).events()

    def remove(self, document_ids: Sequence[str]) -> None:
        """Make documents, and those inside them, invisible at once, then remove their points, texts and originals."""
        self._publisher.remove(document_ids)

    def remove_space(self, name: str) -> int:
        """Remove a space with all its documents, invisible at once; how many those were. `default` itself stays."""
        return self._publisher.remove_space(name)

    def collect(self) -> None:
        """Remove the points of versions that nobody can find and no run is writing, then their rows and originals."""
        self._publisher.collect()

    def recover(self) -> None:
        """Mend what a crash left. To be called when the library is opened; later calls do nothing."""
        self._publisher.recover()

    def release(self, hashes: Collection[str]) -> None:
        """Delete those of the stored contents that no version and no job needs."""
        self._publisher.release(hashes)

    def close(self) -> None:
        """Let go of the threads. Runs must have ended."""
        for executor in (self._reading, self._recognising, self._embedding, self._storing):
            executor.shutdown(wait=False, cancel_futures=True)

    def _lines(self, files: Iterable[Incoming | Added | Postponed], space: Space) -> Lines:
        preparer = self._open_preparer()
        judge = Judge(self._catalog, space, preparer.chunking, self._recogniser is not None)
        return Lines(
            Intake(files, space, self._catalog, self._claims, judge),
            judge,
            ReadingLine(preparer, self._reading, self._parsers + 1),
            self._ocr_line(self._recognising),
            EmbeddingLine(self._worker.embed_passages, self._embedding),
            self._publisher,
            self._storing,
        )

    def _ocr_line(self, executor: Executor) -> OcrLine | None:
        if self._recogniser is None:
            return None
        return OcrLine(self._recogniser, OcrStore(self._catalog.engine), executor)

    def _open_preparer(self) -> Preparer:
        with self._opening:
            if self._preparer is None:
                has_ocr = self._recogniser is not None
                self._preparer = Preparer(
                    self._parser, self._worker, self._chunk_tokens, has_ocr=has_ocr, ocr_off=self._ocr_off
                )
            return self._preparer
