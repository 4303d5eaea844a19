"""The time of a search while a folder is being indexed, against the same searches on the idle library, in one run.

`python -m bench searching [--first 8] [--rounds 8]`. The first reports are indexed, the searches timed, then the others are added
while the same searches go on.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.library import Library, open_library
from ingest.records import Added, Where
from rag.settings import Settings

QUESTIONS = (
    "What was the capital expenditure of 3M in 2018?",
    "Which segment grew fastest?",
    "How many employees does the company have?",
    "What drove the change in gross margin?",
    "Who audits the financial statements?",
)
PAUSE_SECONDS = 0.3
"""Between two searches: people read what they find."""


def main(arguments: Sequence[str]) -> None:
    """Time both, with the cross-encoder and without."""
    shared = Path(os.environ.get("FOOTNOTE_SHARED") or "../shared")
    parser = argparse.ArgumentParser(prog="bench searching", description=__doc__)
    parser.add_argument("--documents", type=Path, default=shared / "bench" / "financebench" / "documents")
    parser.add_argument("--first", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=12)
    chosen = parser.parse_args(arguments)
    files = sorted(chosen.documents.glob("*.pdf"))
    for rerank in (True, False):
        with tempfile.TemporaryDirectory() as scratch:
            library = open_library(Settings(data=Path(scratch), model="quotes", rerank=rerank))
            assert library is not None
            with library:
                _compare(library, files, chosen.first, chosen.rounds, "with the cross-encoder" if rerank else "without")


def _compare(library: Library, files: list[Path], first: int, rounds: int, how: str) -> None:
    _add(library, files[:first])
    _times(library, len(QUESTIONS), lambda: True)
    idle = _times(library, rounds * len(QUESTIONS), lambda: True)
    adding = threading.Thread(target=_add, args=(library, files[first:]))
    adding.start()
    time.sleep(3)
    busy = _times(library, 4 * rounds * len(QUESTIONS), adding.is_alive)
    still = adding.is_alive()
    for job in library.jobs():
        if not job.ended_at:
            library.cancel_job(job.id)
    adding.join()
    print(
        f"{how}: idle median {_at(idle, 0.5):.0f} ms, p95 {_at(idle, 0.95):.0f} ms; while adding ({len(busy)} searches"
        f"{', all during it' if still else ''}) median {_at(busy, 0.5):.0f} ms, p95 {_at(busy, 0.95):.0f} ms; "
        f"p95 {_at(busy, 0.95) / _at(idle, 0.95):.2f} times idle"
    )


def _add(library: Library, files: Sequence[Path]) -> None:
    for event in library.add(files):
        if isinstance(event, Added) and event.status not in ("indexed", "cancelled"):
            print(f"{event.document}: {event.status} {event.reason}")


def _times(library: Library, most: int, go_on: Callable[[], bool]) -> list[float]:
    """Milliseconds of each search, sorted."""
    times: list[float] = []
    for question in itertools.islice(itertools.cycle(QUESTIONS), most):
        if not go_on():
            break
        started = time.monotonic()
        library.search(question, Where())
        times.append((time.monotonic() - started) * 1000)
        time.sleep(PAUSE_SECONDS)
    return sorted(times)


def _at(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]
