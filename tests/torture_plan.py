"""What the torture does to a library: a plan made from a seed, and texts that can be told apart to the last paragraph."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

POINTS = (
    "stored",
    "parsed",
    "embedding",
    "upserting",
    "before the flip",
    "after the flip",
    "collecting",
    "deleting",
    "rebuilding",
)
NAMES = tuple(f"paper{n:02}.txt" for n in range(14))

MOST_PASSES = {"stored": 12, "parsed": 12, "embedding": 6, "upserting": 6, "collecting": 8, "rebuilding": 4}
"""A kill happens at a random pass through its point, up to this one; the others are passed less often."""


def token(name: str, revision: int, paragraph: int) -> str:
    """A word that stands in one paragraph of one revision of one paper, and nowhere else."""
    return f"tok{name.removesuffix('.txt')}r{revision}p{paragraph}"


def text_of(name: str, revision: int) -> str:
    """A paper: its length depends on its name and revision, so that old and new differ in their number of chunks."""
    random = Random(f"{name}/{revision}")
    words = [f"word{random.randrange(500)}" for _ in range(40)]
    paragraphs = [
        f"{token(name, revision, index)} {' '.join(random.choices(words, k=30))}."
        for index in range(random.randrange(1, 40))
    ]
    return f"revision {revision} of {name}\n\n" + "\n\n".join(paragraphs) + "\n"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to do: add or upload papers at a revision each, remove papers, or rebuild the index."""

    kind: Literal["add", "upload", "remove", "rebuild"]
    papers: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What the victim is told."""
        return {"kind": self.kind, "papers": self.papers}


@dataclass(frozen=True, slots=True)
class Attack:
    """A life of the victim: what it does, and at which pass through which point it is killed."""

    seed: int
    point: str
    nth: int
    operations: tuple[Operation, ...]


def plan(seed: int, revisions: dict[str, int]) -> Attack:
    """The attack of a seed. `revisions` are the highest used so far; they are counted on."""
    random = Random(seed)
    point = POINTS[seed % len(POINTS)]
    operations: list[Operation] = []
    for _ in range(4):
        kind = random.choice(["add", "add", "upload"])
        papers = {name: _next(revisions, name) for name in _names(random, kind)}
        operations.append(Operation(kind, papers))  # type: ignore[arg-type]
        if point in ("deleting", "collecting") or random.random() < 0.3:
            operations.append(Operation("remove", dict.fromkeys(random.sample(NAMES, 3), 0)))
        if point == "rebuilding" or random.random() < 0.1:
            operations.append(Operation("rebuild"))
    return Attack(seed, point, random.randrange(1, MOST_PASSES.get(point, 3) + 1), tuple(operations))


def _names(random: Random, kind: str) -> list[str]:
    """Papers that are added from disk and those that are uploaded are different ones: each is found by where it came from."""
    mine = [name for index, name in enumerate(NAMES) if (index % 3 == 0) == (kind == "upload")]
    return random.sample(mine, random.randrange(2, len(mine) + 1))


def _next(revisions: dict[str, int], name: str) -> int:
    revisions[name] = revisions.get(name, 0) + 1
    return revisions[name]
