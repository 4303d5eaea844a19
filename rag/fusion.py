"""One ranking out of two: reciprocal rank fusion (RRF), the same for every engine.

Qdrant can fuse by itself, in the same formula, but its embedded, local and server engines put equal scores in
different orders, and equal scores are common: the same text in two spaces, or the second by vector and the first by
words. Fused here, with ties settled by id, all engines give the same list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Ranked = tuple[str, float]
"""The id of a point and its score; higher is better."""

RRF_K = 60
"""How flat the curve is. 60 is the value of Cormack, Clarke and Büttcher (SIGIR 2009). Tunable."""

DENSE_WEIGHT = 1.0
SPARSE_WEIGHT = 0.5
"""How much the vectors' and the words' rankings count. A weight stretches the ranks: at 0.5 the first by words
counts like the second by vector. Tunable."""

_DIGITS = 5
"""Scores are 32-bit floats; what differs behind the fifth decimal is taken for equal."""


def candidates(limit: int) -> int:
    """How many of each ranking are fused to give `limit` results."""
    return max(limit * 3, 60)


def in_order(ranking: Iterable[Ranked]) -> list[Ranked]:
    """The ranking by falling score, equal scores by id."""
    return sorted(ranking, key=lambda ranked: (-round(ranked[1], _DIGITS), ranked[0]))


def fuse(dense: Iterable[Ranked], sparse: Iterable[Ranked]) -> list[Ranked]:
    """Both rankings as one: a point scores the sum of `1 / (rank / weight + RRF_K - 1)`, ranks from 1.

    This is Qdrant's own weighted formula (`Rrf(k, weights)`), so that a weight of 1 gives `1 / (k + rank - 1)`.
    """
    scores: dict[str, float] = {}
    for ranking, weight in ((in_order(dense), DENSE_WEIGHT), (in_order(sparse), SPARSE_WEIGHT)):
        _add_ranks(scores, ranking, weight)
    return sorted(scores.items(), key=lambda ranked: (-ranked[1], ranked[0]))


def _add_ranks(scores: dict[str, float], ranking: Sequence[Ranked], weight: float) -> None:
    for rank, (point_id, _) in enumerate(ranking, start=1):
        scores[point_id] = scores.get(point_id, 0.0) + 1 / (rank / weight + RRF_K - 1)
