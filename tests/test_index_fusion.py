"""Fusion by hand, and against the engine's own."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import qdrant_edge as edge
from hypothesis import given
from hypothesis import strategies as st

from rag.fusion import DENSE_WEIGHT, RRF_K, SPARSE_WEIGHT, candidates, fuse, in_order


def test_a_point_in_both_rankings_gets_both_shares() -> None:
    fused = fuse([("a", 0.9), ("b", 0.8)], [("b", 7.0), ("c", 6.0)])
    assert [name for name, _ in fused] == ["b", "a", "c"]
    assert [score for _, score in fused] == pytest.approx([1 / (2 + 59) + 1 / (2 + 59), 1 / (1 + 59), 1 / (4 + 59)])


def test_equal_scores_come_by_id_whatever_order_the_engine_gave() -> None:
    assert in_order([("b", 0.5), ("c", 0.7), ("a", 0.5000001)]) == [("c", 0.7), ("a", 0.5000001), ("b", 0.5)]
    # second by vector and first by words weigh the same
    assert [name for name, _ in fuse([("x", 0.9), ("b", 0.8)], [("a", 3.0)])] == ["x", "a", "b"]
    assert fuse([("b", 0.5), ("a", 0.5)], [("a", 1.0), ("b", 1.0)])[0][0] == "a"


def test_one_empty_ranking_leaves_the_order_of_the_other() -> None:
    ranking = [("a", 3.0), ("b", 2.0), ("c", 1.0)]
    assert [name for name, _ in fuse([], ranking)] == [name for name, _ in fuse(ranking, [])] == ["a", "b", "c"]
    assert fuse([], []) == []


def test_enough_candidates_for_the_limit() -> None:
    assert (candidates(1), candidates(10), candidates(32)) == (60, 60, 96)


IDS = st.integers(1, 12)


@given(dense=st.lists(IDS, unique=True), sparse=st.lists(IDS, unique=True))
def test_all_candidates_are_kept_once_and_scores_fall(dense: list[int], sparse: list[int]) -> None:
    fused = fuse([(f"{n:02}", -n) for n in dense], [(f"{n:02}", -n) for n in sparse])
    assert sorted(name for name, _ in fused) == sorted({f"{n:02}" for n in dense + sparse})
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)


def test_the_formula_is_the_engines_own(tmp_path: Path) -> None:
    config = edge.EdgeConfig(vectors={name: edge.EdgeVectorParams(1, edge.Distance.Dot) for name in ("one", "two")})
    shard = edge.EdgeShard.create(str(tmp_path / "shard"), config)
    numbers = {str(uuid.UUID(int=n)): (10.0 - n, float(n * 7 % 10)) for n in range(1, 10)}
    points = [edge.Point(name, {"one": [one], "two": [two]}) for name, (one, two) in numbers.items()]
    shard.update(edge.UpdateOperation.upsert_points(points))
    answer = shard.query(
        edge.QueryRequest(
            limit=20,
            query=edge.Fusion.Rrf(k=RRF_K, weights=[DENSE_WEIGHT, SPARSE_WEIGHT]),  # type: ignore[arg-type]
            prefetches=[
                edge.Prefetch(limit=6, query=edge.Query.Nearest([1.0], using="one")),
                edge.Prefetch(limit=6, query=edge.Query.Nearest([1.0], using="two")),
            ],
        )
    )
    shard.close()
    best = [sorted(numbers, key=lambda name, axis=axis: -numbers[name][axis])[:6] for axis in (0, 1)]  # type: ignore[misc]
    fused = fuse(*[[(name, numbers[name][axis]) for name in best[axis]] for axis in (0, 1)])
    assert {str(point.id): pytest.approx(point.score) for point in answer} == dict(fused)
