"""Chunks and embeds in one child of low priority, so that the process that answers questions keeps its speed."""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ingest import embedding_child
from ingest.children import END_SECONDS, Child, Closing, trusted_environment
from ingest.chunking import chunk
from ingest.codec import pack_document, unpack_chunks, unpack_error
from ingest.frames import Blob, Garbled, Gone, Late, Oversized
from rag.errors import NotReady
from rag.ports import Embedder, Vector
from rag.settings import Settings
from rag.types import Chunk, Document, Fingerprint

LOG = logging.getLogger(__name__)

OPENER = "rag.embedding:open_embedder"
OPEN_SECONDS = 300.0
"""How long the model may take to be opened: a second for the fetched one, minutes for a large one from a slow disk."""

TRIES = 2

Answer = tuple[dict[str, Any], list[bytes]]


class InProcessWorker:
    """Chunks and embeds in this process."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def fingerprint(self) -> Fingerprint:
        """What makes its vectors comparable with others."""
        return self._embedder.fingerprint

    @property
    def max_tokens(self) -> int:
        """Tokens the embedder reads of one text; what is longer is cut."""
        return self._embedder.max_tokens

    def chunk(self, document: Document, chunk_tokens: int) -> list[Chunk]:
        """The document's chunks."""
        return chunk(document, self._embedder.tokenize, chunk_tokens)

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        """Vectors of shape `(len(texts), dimension)`, each of length 1."""
        return self._embedder.embed_passages(texts)

    def close(self) -> None:
        """Nothing to let go of."""


class EmbeddingWorker:
    """Chunks and embeds in a child that is started at the first call. Threads share it; who asks first is served first.

    Chunking runs beside embedding. A child that dies is replaced, and what it was asked is asked once more. Every method raises
    what opening the embedder raises (`ModelFilesMissing`), `NotReady` where the child does not live, `Closing` at the end.
    `opener` names the function that makes the embedder from the settings.
    """

    def __init__(self, settings: Settings, opener: str = OPENER) -> None:
        self._options = {
            "opener": opener,
            "settings": {"embedder": settings.embedder, "models": str(settings.models_folder)},
        }
        self._opening = threading.Lock()
        self._session: _Session | None = None
        self._known: _Known | None = None
        self._closed = threading.Event()

    @property
    def fingerprint(self) -> Fingerprint:
        """What makes its vectors comparable with others. Known from the first child on."""
        return (self._known or self._open().known).fingerprint

    @property
    def max_tokens(self) -> int:
        """Tokens the embedder reads of one text; what is longer is cut."""
        return (self._known or self._open().known).max_tokens

    def chunk(self, document: Document, chunk_tokens: int) -> list[Chunk]:
        """The document's chunks (`ingest.chunking.chunk`)."""
        _, [said] = self._ask({"do": "chunk", "tokens": chunk_tokens}, pack_document(document))
        return unpack_chunks(said, document.text)

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        """Vectors of shape `(len(texts), dimension)`, each of length 1."""
        header, [raw] = self._ask({"do": "embed"}, [json.dumps(list(texts)).encode()])
        return np.frombuffer(raw, dtype=np.float32).reshape(header["shape"]).copy()

    def pids(self) -> list[int]:
        """The child, if there is one now."""
        session = self._session
        return [session.child.pid] if session and not session.dead else []

    def close(self) -> None:
        """End the child. Calls that wait raise `Closing`."""
        self._closed.set()
        if session := self._session:
            session.child.kill()
        with self._opening:
            session, self._session = self._session, None
        if session:
            session.close()

    def _ask(self, header: Mapping[str, Any], blobs: Sequence[Blob]) -> Answer:
        for _ in range(TRIES):
            session = self._open()
            try:
                return session.ask(header, blobs)
            except Gone:
                LOG.info("the embedding process has ended")
        if self._closed.is_set():
            raise Closing
        raise NotReady(
            "The process that embeds ended twice in the middle of its work.",
            "See whether memory is free; FOOTNOTE_LOG_LEVEL=DEBUG shows what it says.",
        )

    def _open(self) -> _Session:
        """The child that lives, or a new one."""
        with self._opening:
            if self._closed.is_set():
                raise Closing
            if self._session is None or self._session.dead:
                self._session = _Session()
                try:
                    self._known = self._session.open(self._options)
                except BaseException as error:
                    self._session.close()
                    self._session = None
                    if self._closed.is_set() and isinstance(error, Exception):
                        raise Closing from error
                    raise
            return self._session


class _Known(NamedTuple):
    fingerprint: Fingerprint
    max_tokens: int


class _Session:
    """One child, and what it was asked and has not yet answered."""

    def __init__(self) -> None:
        try:
            folder = Path.cwd()  # the embedder may be named by a relative path
            self.child = Child(embedding_child.__name__, trusted_environment(), folder, watched=False)
        except OSError as error:
            raise _not_started() from error
        self.dead = False
        self._numbers = itertools.count()
        self._pending: dict[int, Future[Answer]] = {}
        self._sending = threading.Lock()
        self._reader: threading.Thread | None = None

    def open(self, options: Mapping[str, Any]) -> _Known:
        """Let the child open the embedder, and say what it is."""
        try:
            self.child.channel.send({**options, "verbose": LOG.isEnabledFor(logging.DEBUG)})
            said, _ = self.child.channel.receive(deadline=time.monotonic() + OPEN_SECONDS)
        except (Gone, Late, Garbled, Oversized) as error:
            raise _not_started() from error
        header = json.loads(said)
        if "error" in header:
            raise unpack_error(header["error"])
        self.known = _Known(Fingerprint(**header["fingerprint"]), int(header["max_tokens"]))
        self._reader = threading.Thread(target=self._read, name="footnote-embedding", daemon=True)
        self._reader.start()
        return self.known

    def ask(self, header: Mapping[str, Any], blobs: Sequence[Blob]) -> Answer:
        """Send a request and wait for its answer. Raises `Gone` when the child dies before."""
        future: Future[Answer] = Future()
        with self._sending:
            if self.dead:
                raise Gone
            number = next(self._numbers)
            self._pending[number] = future
            self.child.channel.send({"id": number, **header}, blobs)
        answer, found = future.result()
        if "error" in answer:
            raise unpack_error(answer["error"])
        return answer, found

    def close(self) -> None:
        """End the child, and let those who wait know."""
        self.child.kill()
        if self._reader:
            self._reader.join()
        else:
            self._let_go()

    def _read(self) -> None:
        try:
            while True:
                said, blobs = self.child.channel.receive()
                header = json.loads(said)
                self._pending.pop(header["id"]).set_result((header, blobs))
        except (Gone, Garbled, Oversized, ValueError, KeyError):
            self._let_go()

    def _let_go(self) -> None:
        self.child.kill()  # who is sending now gets `Gone`
        with self._sending:
            self.dead = True
            self.child.end(END_SECONDS)
        for future in self._pending.values():
            future.set_exception(Gone())


def _not_started() -> NotReady:
    return NotReady(
        "The process that embeds could not be started.",
        "See whether memory is free; FOOTNOTE_LOG_LEVEL=DEBUG shows what it says.",
    )
