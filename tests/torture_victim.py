"""The process that the torture kills: a real library over edge and SQLite, with a trap at one of its points.

A life comes as JSON (`tests.torture`), and says on stdout, a JSON list a line, what it found and what it did. Lives are
forked off a nursery, a process that has imported everything and does nothing else: importing takes longer than a life.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from ingest.embedding_worker import InProcessWorker
from ingest.library import Library
from ingest.ports import Parser, Worker
from ingest.records import Added, Started, Where
from rag.ports import IndexWriter
from rag.types import Point
from tests.fakes import InProcessParser
from tests.small_library import SmallLibrary
from tests.torture_plan import NAMES, text_of, token

REVISIONS_LOOKED_FOR = 6
"""How many of a paper's last revisions are searched for: none but the live one may be found."""

PRELOADED = ("ingest.jobs", "rag.index_edge", "llama_index.core.node_parser")

LIFE_SECONDS = 300
"""A life that takes longer hangs: where, is said on stderr."""

PASSAGES = 300
"""How many passages a search looks through: the toy embedder ranks badly."""


class Trap:
    """Kills this process at the n-th pass through a point."""

    def __init__(self, point: str, nth: int, random: Random) -> None:
        self._point, self._left, self._random = point, nth, random
        self.armed = False

    def at(self, point: str) -> bool:
        """Whether this is the pass that must not be survived."""
        if not self.armed or point != self._point:
            return False
        self._left -= 1
        return self._left == 0

    def spring(self, point: str) -> None:
        """Die, if this is the pass."""
        if self.at(point):
            die()

    def spring_within(self, point: str) -> None:
        """Die in a moment, in the middle of what comes next: the engine holds the GIL, so another process does it."""
        if self.at(point):
            delay, victim = self._random.random() * 0.02, os.getpid()
            if os.fork() == 0:
                time.sleep(delay)
                if os.getppid() == victim:
                    os.kill(victim, signal.SIGKILL)
                os._exit(0)


def die() -> None:
    """SIGKILL: nothing is written, closed or said any more."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def tap(target: object, method: str, before: Callable[[], object] = int, after: Callable[[], object] = int) -> None:
    """Do something before and after each call of a method."""
    inner = getattr(target, method)

    def tapped(*arguments: Any, **named: Any) -> Any:
        before()
        result = inner(*arguments, **named)
        after()
        return result

    setattr(target, method, tapped)


class Victim(SmallLibrary):
    """The small library with traps at its points."""

    def __init__(self, folder: Path, trap: Trap, qdrant_url: str = "") -> None:
        self.trap = trap
        super().__init__(folder, qdrant_url=qdrant_url)
        tap(self.catalog, "flip", lambda: trap.spring("before the flip"), lambda: trap.spring("after the flip"))
        tap(self.catalog, "tombstone", after=lambda: trap.spring("deleting"))
        tap(self.catalog, "forget_versions", lambda: trap.spring("collecting"), lambda: trap.spring("collecting"))
        tap(self._originals, "put", after=lambda: trap.spring("stored"))

    @cached_property
    def _worker(self) -> Worker:
        worker = InProcessWorker(self._embedder)
        tap(worker, "embed_passages", lambda: self.trap.spring("embedding"), lambda: self.trap.spring("embedding"))
        return worker

    @cached_property
    def _parser(self) -> Parser:
        parser = InProcessParser()
        tap(parser, "parse", after=lambda: self.trap.spring("parsed"))
        return parser

    def _open_index(self, generation: str) -> IndexWriter:
        index = super()._open_index(generation)
        self._set_traps(index, "upserting" if generation == self._generations.live() else "rebuilding")
        return index

    def _set_traps(self, index: IndexWriter, point: str) -> None:
        """Let it die with half of a batch written, or in the middle of writing or flushing one."""
        write = index.upsert

        def upsert(points: Sequence[Point]) -> None:
            if self.trap.at(point):
                write(points[: len(points) // 2])
                die()
            self.trap.spring_within(point)
            write(points)

        index.upsert = upsert  # type: ignore[method-assign]
        tap(index, "flush", before=lambda: self.trap.spring_within(point))


def main() -> None:
    """Let a victim live for each line on stdin, one after the other, and say how each ended."""
    for module in PRELOADED:
        importlib.import_module(module)
    for line in sys.stdin:
        if (victim := os.fork()) == 0:
            live_and_leave(json.loads(line))
        _, status = os.waitpid(victim, 0)
        say("ended", os.waitstatus_to_exitcode(status))


def live_and_leave(told: dict[str, Any]) -> NoReturn:
    """Live, and end the process without tidying up. What goes to stderr is kept in the folder."""
    code = 1
    try:
        errors = os.open(Path(told["folder"]) / "stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(errors, sys.stderr.fileno())
        faulthandler.dump_traceback_later(LIFE_SECONDS, exit=True)
        live(told)
        code = 0
    except BaseException:  # noqa: BLE001 - it has no other way out
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def live(told: dict[str, Any]) -> None:
    """See what the last life left, go on with it, and carry out what is told."""
    papers = Path(told["folder"]) / "papers"
    papers.mkdir(exist_ok=True)
    trap = Trap(told["point"], told["nth"], Random(told["seed"]))
    with Victim(Path(told["folder"]) / "data", trap, told["qdrant_url"]) as library:
        say("found", look(library))
        trap.armed = told["seed"] % 3 == 0  # then recovering is not spared
        library.start()
        for job in library.jobs():
            for _ in library.follow(job.id):
                pass
        trap.armed, was_armed = False, trap.armed
        say("recovered", look(library))
        trap.armed = was_armed or told["seed"] >= 0
        for number, operation in enumerate(told["operations"]):
            say("begin", number)
            carry_out(library, papers, number, operation)
        trap.armed = False
    say("done", None)


def carry_out(library: Library, papers: Path, number: int, operation: dict[str, Any]) -> None:
    """Do one operation of the plan."""
    revisions: dict[str, int] = operation["papers"]
    match operation["kind"]:
        case "add":
            for name, revision in revisions.items():
                (papers / name).write_text(text_of(name, revision))
            follow(library, library.submit([papers / name for name in revisions], "default"), number, revisions)
        case "upload":
            files = [(name, text_of(name, revision).encode()) for name, revision in revisions.items()]
            follow(library, library.submit_uploads(files, "default"), number, revisions)
        case "remove":
            there = {record.name for record in library.documents(None)}
            if gone := [name for name in revisions if name in there]:
                library.remove(gone, None)
            say("removed", list(revisions))
        case "rebuild":
            for _ in library.rebuild():
                pass


def follow(library: Library, job: str, number: int, revisions: dict[str, int]) -> None:
    """Say each outcome as it comes: from then on it must never be lost."""
    for event in library.follow(job):
        if isinstance(event, Started):
            say("queued", number)
        elif isinstance(event, Added):
            assert event.status == "indexed", event
            say("acknowledged", {"name": event.document, "revision": revisions[event.document]})


def look(library: Library) -> dict[str, Any]:
    """What can be found, and what is wrong with it."""
    problems: list[str] = []
    visible: dict[str, int] = {}
    for record in library.documents(None):
        if record.live_version is None:
            continue
        text = library.parsed(record.id, record.live_version).text
        revision = int(text.split()[1])
        visible[record.name] = revision
        whole = text_of(record.name, revision)
        if text.split() != whole.split():
            problems.append(f"the text of {record.name} is not that of revision {revision}")
        if library.original(record.id, record.live_version) != whole.encode():
            problems.append(f"the original of {record.name} is not that of revision {revision}")
    problems += stale(library, visible)
    started = time.monotonic()
    problems += [f"doctor: {finding}" for finding in library.doctor(repair=False)]
    return {"visible": visible, "problems": problems, "doctor_seconds": time.monotonic() - started}


def stale(library: Library, visible: dict[str, int]) -> list[str]:
    """What a search finds that it must not, and what it does not find though it must."""
    problems = []
    for name in NAMES:
        live = visible.get(name)
        newest = max(live or 0, 1)
        for revision in range(max(1, newest - REVISIONS_LOOKED_FOR), newest + 3):
            word = token(name, revision, 0)
            found = any(word in passage.text for passage in library.search(word, Where(), PASSAGES))
            if found != (revision == live):
                problems.append(f"{word} is {'' if found else 'not '}found, revision {live} is live")
    return problems


def say(event: str, value: Any) -> None:
    """Tell the torturer, at once."""
    sys.stdout.write(json.dumps([event, value]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
