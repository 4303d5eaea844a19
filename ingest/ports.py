"""What indexing needs of the processes around it, as protocols. The real ones are children; tests run them in process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ingest.loading.parsed import Parsed
from rag.ports import Vector
from rag.types import Chunk, Document, Fingerprint


class Parser(Protocol):
    """Reads a file within limits. Threads may share it."""

    def parse(self, name: str, data: bytes, recognised: Mapping[int, str] | None = None) -> Parsed:
        """Read a file; `recognised` gives the text of pages (from 1) that were read from their pictures.

        Raises `FileRefused`, which is final, and `ParserDied`, after which another try may help.
        """


class Recogniser(Protocol):
    """Reads the text in the picture of a PDF's page (OCR). Threads may share it."""

    @property
    def engine(self) -> str:
        """The program and its version: what it reads is kept under this name."""

    def recognise(self, name: str, data: bytes, page: int) -> str:
        """The text of a page (from 1), empty where there is none. Raises `FileRefused`, `ParserDied`."""


class Worker(Protocol):
    """Chunks documents and embeds chunks, beside the process that answers questions. Threads may share it."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What makes its vectors comparable with others."""

    @property
    def max_tokens(self) -> int:
        """Tokens the embedder reads of one text; what is longer is cut."""

    def chunk(self, document: Document, chunk_tokens: int) -> list[Chunk]:
        """The document's chunks (`ingest.chunking.chunk`)."""

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        """Vectors of shape `(len(texts), dimension)`, each of length 1."""
