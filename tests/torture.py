"""Kill a library again and again, and look each time whether anything was lost, torn, or came back.

Each life of the victim (`tests.torture_victim`) is a process over the same data folder: it says what it finds, goes on with what was
unfinished, then works on a plan until SIGKILL stops it. This side keeps a plain model of what must be there.
"""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.conftest import REPOSITORY
from tests.torture_plan import Attack, plan

DOCTOR_SECONDS = 30.0


@dataclass(slots=True)
class Model:
    """What may be found: for each paper its possible revisions, None standing for nothing at all."""

    possible: dict[str, set[int | None]] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)

    def see(self, event: str, value: Any, attack: Attack) -> list[str]:
        """Take in what the victim says; what is wrong with it, in words."""
        match event:
            case "begin":
                operation = attack.operations[value]
                for name, revision in operation.papers.items():
                    allowed = self.possible.setdefault(name, {None})
                    if operation.kind == "remove":
                        allowed.add(None)
                    else:
                        allowed.add(revision)
                if operation.kind == "remove":
                    for name in operation.papers:
                        self.pending.pop(name, None)
            case "queued":  # the job is durable: whatever happens, all of it will be there
                self.pending.update(attack.operations[value].papers)
            case "acknowledged":
                self.possible[value["name"]] = {value["revision"]}
                self.pending.pop(value["name"], None)
            case "removed":
                for name in value:
                    self.possible[name] = {None}
                    self.pending.pop(name, None)
            case "found" | "recovered":
                return self._compare(value, recovered=event == "recovered")
        return []

    def _compare(self, found: dict[str, Any], *, recovered: bool) -> list[str]:
        """Hold what is visible against what may be. After recovery there is no doubt left: what is seen is what must stay."""
        wrong = [str(problem) for problem in found["problems"]]
        if found["doctor_seconds"] > DOCTOR_SECONDS:
            wrong.append(f"the doctor took {found['doctor_seconds']:.1f} s")
        visible: dict[str, int] = found["visible"]
        for name, allowed in self.possible.items():
            seen = visible.get(name)
            if seen not in allowed:
                wrong.append(f"{name}: revision {seen} is visible, where {sorted(map(str, allowed))} may be")
            if recovered and name in self.pending and seen != self.pending[name]:
                wrong.append(f"{name}: revision {self.pending[name]} was queued, {seen} is visible after recovery")
        wrong += [f"{name} is visible and was never added" for name in visible.keys() - self.possible.keys()]
        if recovered:
            self.possible = {name: {visible.get(name)} for name in self.possible}
            self.pending.clear()
        return wrong


@dataclass(frozen=True, slots=True)
class Life:
    """How a victim lived: whether SIGKILL ended it, what it said, and the end of its stderr."""

    killed: bool
    events: list[tuple[str, Any]]
    errors: str


@dataclass(slots=True)
class Result:
    """How a torture goes: the kills at each point, and how many lives ended before their point was passed."""

    kills: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    wrong: list[str] = field(default_factory=list)
    documents: int = 0
    slowest_doctor: float = 0.0

    @property
    def killed(self) -> int:
        """How many were killed."""
        return self.kills.total()


class Nursery:
    """Where the victims come from (`tests.torture_victim`). To be closed."""

    def __init__(self, folder: Path, qdrant_url: str = "") -> None:
        self._folder, self._qdrant_url = folder, qdrant_url
        command = [sys.executable, "-m", "tests.torture_victim"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def live(self, attack: Attack) -> Life:
        """Have one victim live until it ends."""
        told = {
            "folder": str(self._folder), "point": attack.point, "nth": attack.nth, "seed": attack.seed,
            "qdrant_url": self._qdrant_url, "operations": [operation.as_json() for operation in attack.operations],
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        events: list[tuple[str, Any]] = []
        for line in self._process.stdout:
            event, value = json.loads(line)
            if event == "ended":
                errors = (self._folder / "stderr.txt").read_text(errors="replace")
                return Life(value == -signal.SIGKILL, events, errors[-3000:])
            events.append((event, value))
        raise AssertionError("the nursery ended")


def torture(
    folder: Path, kills: int, first_seed: int = 0, tell: Callable[[str], None] = lambda _: None, qdrant_url: str = ""
) -> Result:
    """Kill a victim `kills` times over the library in `folder`. A life whose point is never passed is not counted."""
    model, revisions = Model(), dict[str, int]()
    result = Result()
    with Nursery(folder, qdrant_url) as nursery:
        for seed in itertools.count(first_seed):
            attack = plan(seed, revisions)
            _take(result, model, attack, nursery.live(attack))
            tell(f"{result.killed} of {kills} killed, {attack.point}: {result.documents} papers")
            if result.wrong:
                return result
            if result.killed == kills:
                break
        quiet = Attack(-1, "", 0, ())  # one more life, in which nothing happens
        _take(result, model, quiet, nursery.live(quiet))
    return result


def _take(result: Result, model: Model, attack: Attack, life: Life) -> None:
    """Hold a life against the model."""
    for event, value in life.events:
        result.wrong += [f"life {attack.seed} ({attack.point}): {each}" for each in model.see(event, value, attack)]
        if event in ("found", "recovered"):
            result.slowest_doctor = max(result.slowest_doctor, value["doctor_seconds"])
            result.documents = len(value["visible"])
    if life.killed:
        result.kills[attack.point] += 1
    elif ("done", None) not in life.events:
        result.wrong.append(f"life {attack.seed} ({attack.point}) ended by itself:\n{life.errors}")
    elif attack.seed >= 0:
        result.missed += 1
