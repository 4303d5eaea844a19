"""BM25 as sparse vectors, computed here for every index, so that all rank words alike.

A document's vector holds the saturated frequencies of its stemmed words, a question's holds 1 for each word; the
index multiplies in how rare each word is (Qdrant's IDF modifier).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from qdrant_edge import Bm25


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Word numbers and their weights, of equal length. Empty where a text has nothing but stop words."""

    indices: list[int]
    values: list[float]


@cache
def _model() -> Bm25:
    """English stemming and stop words, k=1.2, b=0.75 and an average length of 256 words: Qdrant's defaults."""
    return Bm25()


def embed_passage(text: str) -> SparseVector:
    """The weights of a passage's words."""
    vector = _model().embed_document(text)
    return SparseVector(vector.indices, vector.values)


def embed_query(text: str) -> SparseVector:
    """The words that a question looks for, each with weight 1."""
    vector = _model().embed_query(text)
    return SparseVector(vector.indices, vector.values)
