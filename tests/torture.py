"""Kill a library again and again, and look each time whether anything was lost, torn, or came back.

Each life of the victim (`tests.torture_victim`) is a process over the same data folder: it says what it finds, goes on with what was
unfinished, then works on a plan until SIGKILL stops it. This side keeps a plain model of what must be there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.torture_plan import Attack, plan

DOCTOR_SECONDS = 30.0
LIFE_SECONDS = 300


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
class Result:
    """How a torture ended."""

    kills: Counter[str]
    missed: int
    wrong: list[str]
    documents: int
    slowest_doctor: float


def torture(
    folder: Path, kills: int, first_seed: int = 0, tell: Callable[[str], None] = lambda _: None, qdrant_url: str = ""
) -> Result:
    """Kill a victim `kills` times over the library in `folder`. A life whose point is never passed is not counted."""
    model, revisions = Model(), dict[str, int]()
    happened: Counter[str] = Counter()
    wrong: list[str] = []
    missed, slowest, documents, seed = 0, 0.0, 0, first_seed
    while sum(happened.values()) < kills:
        attack = plan(seed, revisions)
        killed, events, stderr = _live(folder, attack, qdrant_url)
        for event, value in events:
            wrong += [f"life {seed} ({attack.point}): {each}" for each in model.see(event, value, attack)]
            if event in ("found", "recovered"):
                slowest, documents = max(slowest, value["doctor_seconds"]), len(value["visible"])
        if killed:
            happened[attack.point] += 1
        else:
            missed += 1
            if ("done", None) not in events:
                wrong.append(f"life {seed} ({attack.point}) ended by itself:\n{stderr[-3000:]}")
        tell(
            f"{sum(happened.values())} of {kills}: {attack.point}{'' if killed else ' (not reached)'}, {documents} papers"
        )
        if wrong:
            break
        seed += 1
    if not wrong:
        wrong += _last_look(folder, model, qdrant_url)
    return Result(happened, missed, wrong, documents, slowest)


def _last_look(folder: Path, model: Model, qdrant_url: str) -> list[str]:
    """One more life, in which nothing happens."""
    quiet = Attack(-1, "", 0, ())
    _, events, stderr = _live(folder, quiet, qdrant_url)
    wrong = [each for event, value in events for each in model.see(event, value, quiet)]
    return wrong if ("done", None) in events else [*wrong, f"the last life ended by itself:\n{stderr[-3000:]}"]


def _live(folder: Path, attack: Attack, qdrant_url: str) -> tuple[bool, list[tuple[str, Any]], str]:
    """One life: whether it ended by SIGKILL, what was said, and its stderr."""
    told = {
        "folder": str(folder), "point": attack.point, "nth": attack.nth, "seed": attack.seed, "qdrant_url": qdrant_url,
        "operations": [operation.as_json() for operation in attack.operations],
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.torture_victim", json.dumps(told)]
    started = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=LIFE_SECONDS)
    events = [tuple(json.loads(line)) for line in result.stdout.splitlines() if line.endswith("]")]
    assert time.monotonic() - started < LIFE_SECONDS
    return result.returncode == -9, events, result.stderr
