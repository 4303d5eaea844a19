"""10,000 small files in one job: files a second, what grows with their number, and how long the status takes meanwhile.

`python -m bench small_files [--files 10000]`
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import psutil

from bench.measured import tree_mib
from ingest.library import Library, open_library
from ingest.records import Added, Where
from rag.settings import Settings

WORDS = (
    "report",
    "budget",
    "meeting",
    "contract",
    "holiday",
    "notice",
    "supplier",
    "invoice",
    "travel",
    "safety",
    "garden",
)


def main(arguments: Sequence[str]) -> None:
    """Write the files, add them, and print what is measured on the way."""
    parser = argparse.ArgumentParser(prog="bench small_files", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = _write(Path(scratch) / "notes", chosen.files)
        library = open_library(Settings(data=Path(scratch) / "data", model="quotes"))
        assert library is not None
        with library:
            _add(library, folder, chosen.files)
            started = time.monotonic()
            again = sum(
                1 for event in library.add([folder]) if isinstance(event, Added) and event.status == "unchanged"
            )
            print(f"again: {again} unchanged in {time.monotonic() - started:.1f} s")
            started = time.monotonic()
            library.remove([record.id for record in library.documents(None)], None)
            print(f"removing all of them: {time.monotonic() - started:.1f} s")


def _write(folder: Path, count: int) -> Path:
    random = Random(1)
    for number in range(count):
        inside = folder / f"{number // 1000:02}"
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"note{number:05}.txt").write_text(f"Note {number}.\n\n{' '.join(random.choices(WORDS, k=40))}.\n")
    return folder


def _add(library: Library, folder: Path, count: int) -> None:
    me = psutil.Process()
    latencies: list[float] = []
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(library, latencies, ended))
    watcher.start()
    started, done = time.monotonic(), 0
    for event in library.add([folder]):
        if isinstance(event, Added):
            done += 1
            if done in (1, *range(count // 10, count + 1, count // 10)):
                seconds = time.monotonic() - started
                print(
                    f"{done:6} files, {seconds:6.1f} s, {done / seconds:5.0f} a second; {me.num_fds()} open files, "
                    f"{me.memory_info().rss / 1024**2:.0f} MiB here, {tree_mib(me.pid):.0f} MiB with children",
                    flush=True,
                )
    ended.set()
    watcher.join()
    latencies.sort()
    print(f"status, jobs and a search meanwhile: p95 {latencies[int(len(latencies) * 0.95)] * 1000:.0f} ms")


def _watch(library: Library, latencies: list[float], ended: threading.Event) -> None:
    while not ended.wait(0.5):
        started = time.monotonic()
        library.status()
        library.jobs()
        library.search("Which supplier sent the invoice?", Where(), 5)
        latencies.append(time.monotonic() - started)
