"""The index port over any Qdrant engine: what is asked, in which order results come, what is stored.

An engine adds six small methods. Everything that decides a ranking is here, so that engines agree.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rag import bm25
from rag.bm25 import SparseVector
from rag.fusion import Ranked, candidates, fuse, in_order
from rag.index_payload import BM25, DENSE, Where, clean, hit_of, key_of, where_document, where_scope
from rag.ports import Vector
from rag.types import Hit, Point, PointKey, Scope

Queries = Mapping[str, list[float] | SparseVector]
"""What to look for, by the name of the vector to compare with."""

BATCH = 256
"""Points that are written at once. The embedded engine holds the GIL meanwhile: about 25 ms."""

RANKINGS = 3
"""How often points are ranked where some were deleted before they could be read: others move up into their places."""

PAGE = 1000
"""Points that are listed at once: 4 ms in the embedded engine."""


class QdrantIndex(ABC):
    """`rag.ports.IndexWriter` over an engine. Safe to use from several threads."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension

    def query(self, vector: Vector | None, text: str | None, scope: Scope, limit: int) -> list[Hit]:
        """The best `limit` hits, best first: by cosine (vector alone), BM25 (text alone), or both fused.

        Equal scores come in the order of their ids. Raises `IndexUnavailable`, and `ValueError` when there is
        neither a vector nor a text.
        """
        if vector is None and text is None:
            raise ValueError("A query needs a vector, a text, or both.")
        where = where_scope(scope)
        if where is None or limit < 1:
            return []
        hits: list[Hit] = []
        for _ in range(RANKINGS):
            ranking = self._ranking(vector, text, where, limit)
            hits = self._read(ranking)
            if len(hits) == len(ranking):
                break
        return hits

    def _ranking(self, vector: Vector | None, text: str | None, where: Where, limit: int) -> list[Ranked]:
        queries = _queries(vector, text)
        found = dict(zip(queries, self._rank(queries, where, candidates(limit)), strict=True)) if queries else {}
        if vector is not None and text is not None:
            return fuse(found.get(DENSE, ()), found.get(BM25, ()))[:limit]
        return in_order(found.get(BM25 if vector is None else DENSE, ()))[:limit]

    def count(self, document_id: str | None = None, version: int | None = None) -> int:
        """How many points there are, exactly: of all documents or of one, of all its versions or of one."""
        return self._count(where_document(document_id, version))

    def upsert(self, points: Sequence[Point]) -> None:
        """Store the points, replacing those with the same ids.

        Raises `IndexUnavailable`, and `ValueError` before anything is written when a vector has another dimension.
        """
        for point in points:
            if len(point.vector) != self._dimension:
                raise ValueError(f"A vector of {len(point.vector)} dimensions, where {self._dimension} are stored.")
        for first in range(0, len(points), BATCH):
            self._store(points[first : first + BATCH])

    def delete(self, document_id: str, version: int | None = None) -> None:
        """Remove the points of a document, of one version or of all. Raises `IndexUnavailable`."""
        self._delete(where_document(document_id, version))

    def inventory(self) -> Iterator[PointKey]:
        """Every stored point, in no order; one whose payload is missing or torn has its id alone.

        What is written meanwhile may be listed or not. Raises `IndexUnavailable`.
        """
        for point_id, payload in self._scroll(PAGE):
            yield key_of(point_id, payload)

    def delete_points(self, ids: Sequence[str]) -> None:
        """Remove points by their ids; one that is not there is no error. Raises `IndexUnavailable`."""
        for first in range(0, len(ids), BATCH):
            self._delete_ids(ids[first : first + BATCH])

    def _read(self, ranking: Sequence[Ranked]) -> list[Hit]:
        """The hits of a ranking. A point that was deleted since it was ranked is left out."""
        if not ranking:
            return []
        payloads = dict(self._payloads([point_id for point_id, _ in ranking]))
        return [hit_of(payloads[point_id], score) for point_id, score in ranking if point_id in payloads]

    @abstractmethod
    def flush(self) -> None:
        """Return when all that was written is on disk."""

    @abstractmethod
    def close(self) -> None:
        """Write what is pending and let go of files and connections. May be called again."""

    @abstractmethod
    def _rank(self, queries: Queries, where: Where, depth: int) -> list[list[Ranked]]:
        """For each query, in order, the best `depth` points that match the filter."""

    @abstractmethod
    def _payloads(self, ids: Sequence[str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """The ids, of those that are there, with their payloads."""

    @abstractmethod
    def _store(self, points: Sequence[Point]) -> None:
        """Write one batch."""

    @abstractmethod
    def _delete(self, where: Where) -> None:
        """Delete all points that match."""

    @abstractmethod
    def _delete_ids(self, ids: Sequence[str]) -> None:
        """Delete one batch of points, those that are there."""

    @abstractmethod
    def _scroll(self, page: int) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """The ids and payloads of all points, read `page` at a time."""

    @abstractmethod
    def _count(self, where: Where) -> int:
        """Count all points that match, exactly."""


def _queries(vector: Vector | None, text: str | None) -> Queries:
    """The queries to ask. A text without a single word to look for asks nothing."""
    queries: dict[str, list[float] | SparseVector] = {}
    if vector is not None:
        queries[DENSE] = vector.tolist()
    if text is not None:
        words = bm25.embed_query(clean(text))
        if words.indices:
            queries[BM25] = words
    return queries
