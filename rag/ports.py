"""What the answering core needs from the outside, as protocols of a few methods each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.types import Fingerprint, Hit, LiveDocument, Point, PointKey, Scope

Vector = NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors. Queries and passages differ, so that a prefix cannot be forgotten."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What makes its vectors comparable with others."""

    @property
    def max_tokens(self) -> int:
        """Tokens it reads of one text; what is longer is cut."""

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        """Vectors of shape `(len(texts), dimension)`, each of length 1."""

    def embed_query(self, text: str) -> Vector:
        """One vector of shape `(dimension,)` and length 1."""

    def tokenize(self, text: str) -> list[str]:
        """The model's own tokens, without special ones: what chunk sizes are counted in."""


class Index(Protocol):
    """Finds chunks. Reading side of the index."""

    def query(self, vector: Vector | None, text: str | None, scope: Scope, limit: int) -> list[Hit]:
        """The best `limit` hits, best first: by cosine (vector alone), BM25 (text alone), or both fused.

        Raises `IndexUnavailable`.
        """

    def count(self, document_id: str | None = None, version: int | None = None) -> int:
        """How many points there are, of all documents or of one, of all its versions or of one."""

    def close(self) -> None:
        """Write what is pending and let go of files and connections."""


class IndexWriter(Index, Protocol):
    """The writing side: `ingest.indexing` alone holds it."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Store the points, replacing those with the same ids."""

    def delete(self, document_id: str, version: int | None = None) -> None:
        """Remove the points of a document, of one version or of all."""

    def flush(self) -> None:
        """Return when all that was written is on disk."""

    def inventory(self) -> Iterator[PointKey]:
        """Every stored point, in no order; one whose payload is missing or torn has its id alone."""

    def delete_points(self, ids: Sequence[str]) -> None:
        """Remove points by their ids; one that is not there is no error."""


class Reranker(Protocol):
    """Reads question and text together and says how well the text answers."""

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """A score from 0 to 1 for each text (the model's logit through a sigmoid)."""


class Catalog(Protocol):
    """The truth about what can be found now."""

    def live(self, document_ids: Iterable[str]) -> Mapping[str, LiveDocument]:
        """Those of the documents that are live, by id."""
