"""A library with small models in this process: its catalog, index, files and jobs are real."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from ingest.embedding_worker import InProcessWorker
from ingest.library import Library
from ingest.lock import LibraryLock
from ingest.ports import Parser, Recogniser, Worker
from ingest.records import Added, Where
from rag.ports import Embedder, Reranker
from tests.conftest import settings_for
from tests.fakes import InProcessParser, WordEmbedder


class SmallLibrary(Library):
    """A library whose embedder counts words."""

    def __init__(self, folder: Path, model: str = "words", **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lock = LibraryLock(folder)
        lock.acquire(5)
        self.model = model
        try:
            super().__init__(settings_for(folder, rerank=False, ocr="off", chunk_tokens=32, **changes), lock)
        except BaseException:
            lock.release()
            raise

    @cached_property
    def _embedder(self) -> Embedder:
        return WordEmbedder(self.model)

    @cached_property
    def _worker(self) -> Worker:
        return InProcessWorker(self._embedder)

    @cached_property
    def _parser(self) -> Parser:
        return InProcessParser()

    @cached_property
    def _recogniser(self) -> Recogniser | None:
        return None

    @cached_property
    def _reranker(self) -> Reranker | None:
        return None

    def outcomes(self, *paths: Path) -> dict[str, str]:
        """Add files; what became of each."""
        return {event.document: event.status for event in self.add(paths) if isinstance(event, Added)}

    def found(self, question: str) -> list[str]:
        """The documents whose passages come first for a question."""
        return [passage.document for passage in self.search(question, Where(), 5)]
