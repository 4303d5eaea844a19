"""Adding a folder: seconds, peak memory of the process tree, pages, chunks; then the time of a search, warm.

`python -m bench adding [FOLDER] [--keep DATA]`; the folder is FinanceBench's documents unless named.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ingest.library import open_library
from ingest.records import Added, Where
from rag.settings import Settings

QUESTIONS = (
    "What was the capital expenditure of 3M in 2018?",
    "Which segment grew fastest?",
    "How many employees does the company have?",
    "What drove the change in gross margin?",
    "Who audits the financial statements?",
)


def main(arguments: Sequence[str]) -> None:
    """Add the folder to a fresh library and print the figures."""
    shared = Path(os.environ.get("FOOTNOTE_SHARED") or "../shared")
    parser = argparse.ArgumentParser(prog="bench adding", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=shared / "bench" / "financebench" / "documents")
    parser.add_argument("--keep", type=Path, help="keep the library in this data folder")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        library = open_library(Settings(data=chosen.keep or Path(scratch), model="quotes"))
        assert library is not None
        with library:
            started = time.monotonic()
            outcomes = [event for event in library.add([chosen.folder]) if isinstance(event, Added)]
            seconds = time.monotonic() - started
            pages, chunks = sum(one.pages or 0 for one in outcomes), sum(one.chunks for one in outcomes)
            print(f"{len(outcomes)} files, {pages} pages, {chunks} chunks in {seconds:.1f} s")
            print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
            started = time.monotonic()
            list(library.add([chosen.folder]))
            print(f"adding all of it again, unchanged: {time.monotonic() - started:.2f} s")
            times = sorted(_search_seconds(library, question) for question in QUESTIONS * 6)
            print(
                f"search, warm: median {times[len(times) // 2] * 1000:.0f} ms, p95 {times[int(len(times) * 0.95)] * 1000:.0f} ms"
            )


def _search_seconds(library: object, question: str) -> float:
    from ingest.library import Library

    assert isinstance(library, Library)
    started = time.monotonic()
    library.search(question, Where())
    return time.monotonic() - started
