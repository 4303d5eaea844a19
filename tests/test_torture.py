"""The torture, in small; and that it can fail: a model that sees what must not be says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.torture import Model, torture
from tests.torture_plan import POINTS, Attack, Operation, plan

KILLS = 20

ADD = Attack(0, "", 0, (Operation("add", {"a.txt": 1, "b.txt": 1}), Operation("add", {"a.txt": 2})))
REMOVE = Attack(1, "", 0, (Operation("remove", {"a.txt": 0}),))


def sight(*problems: str, seconds: float = 0.1, **visible: int) -> dict[str, Any]:
    """What a victim finds; `a=1` is the first revision of a.txt."""
    papers = {f"{name}.txt": revision for name, revision in visible.items()}
    return {"visible": papers, "problems": list(problems), "doctor_seconds": seconds}


def model_of(*events: tuple[str, Any, Attack]) -> Model:
    """A model that has seen these events, none of which was wrong."""
    model = Model()
    for event, value, attack in events:
        assert model.see(event, value, attack) == []
    return model


BEGUN = ("begin", 0, ADD)
ACKNOWLEDGED = ("acknowledged", {"name": "a.txt", "revision": 1}, ADD)


@pytest.mark.slow
def test_nothing_is_lost_or_torn_or_comes_back_in_twenty_kills(tmp_path: Path) -> None:
    result = torture(tmp_path, KILLS, first_seed=1)
    assert result.wrong == []
    assert result.killed == KILLS
    assert set(result.kills) == set(POINTS)


def test_what_is_going_on_may_be_there_or_not() -> None:
    for visible in ({}, {"a": 1}, {"a": 1, "b": 1}):
        assert model_of(BEGUN).see("found", sight(**visible), ADD) == []


def test_a_lost_paper_is_noticed() -> None:
    model = model_of(BEGUN, ACKNOWLEDGED)
    assert model.see("found", sight(a=1), ADD) == []
    assert model.see("found", sight(), ADD) == ["a.txt: revision None is visible, where ['1'] may be"]


def test_a_lost_new_revision_is_noticed() -> None:
    model = model_of(BEGUN, ACKNOWLEDGED, ("begin", 1, ADD), ("acknowledged", {"name": "a.txt", "revision": 2}, ADD))
    assert model.see("found", sight(a=1), ADD) == ["a.txt: revision 1 is visible, where ['2'] may be"]


def test_an_old_revision_that_goes_before_the_new_one_is_there_is_noticed() -> None:
    model = model_of(BEGUN, ACKNOWLEDGED, ("begin", 1, ADD))
    assert model.see("found", sight(a=1), ADD) == model.see("found", sight(a=2), ADD) == []
    assert model.see("found", sight(), ADD) != []


def test_a_paper_that_comes_back_is_noticed() -> None:
    model = model_of(BEGUN, ACKNOWLEDGED, ("begin", 0, REMOVE))
    assert model.see("found", sight(a=1), REMOVE) == []  # it is still being removed
    assert model.see("removed", ["a.txt"], REMOVE) == []
    assert model.see("found", sight(a=1), REMOVE) == ["a.txt: revision 1 is visible, where ['None'] may be"]


def test_a_paper_that_nobody_added_is_noticed() -> None:
    assert model_of(BEGUN).see("found", sight(c=1), ADD) == ["c.txt is visible and was never added"]


def test_a_queued_paper_that_is_not_there_after_recovery_is_noticed() -> None:
    model = model_of(BEGUN, ("queued", 0, ADD))
    assert model.see("found", sight(a=1), ADD) == []  # not yet recovered
    assert model.see("recovered", sight(a=1), ADD) == ["b.txt: revision 1 was queued, None is visible after recovery"]


def test_after_recovery_there_is_no_doubt_left() -> None:
    model = model_of(BEGUN, ("recovered", sight(a=1), ADD))
    assert model.see("found", sight(), ADD) != []
    assert model.see("found", sight(a=1, b=1), ADD) != []


def test_half_a_document_a_finding_and_a_slow_doctor_are_noticed() -> None:
    assert model_of(BEGUN).see("found", sight("the text of a.txt is not that of revision 1", a=1), ADD) != []
    assert model_of(BEGUN).see("found", sight(seconds=31.0, a=1), ADD) == ["the doctor took 31.0 s"]


def test_a_plan_is_the_same_for_the_same_seed() -> None:
    assert plan(7, {}) == plan(7, {})
    assert plan(7, {}) != plan(16, {})
    assert {plan(seed, {}).point for seed in range(len(POINTS))} == set(POINTS)
