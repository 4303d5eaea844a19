"""The real app in a process of its own, as `footnote serve` starts it: for tests that need a server."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.embedding_worker import EmbeddingWorker
from ingest.records import JobRecord
from rag.ports import Vector
from rag.settings import Settings
from tests.conftest import REPOSITORY

SECONDS_TO_START = 120

HOLD = "FOOTNOTE_TEST_HOLD"
"""Where this names a file, the server embeds one batch and no more as long as that is there: a job held in the middle."""

_PROGRAM = """
import json, os, sys
from pathlib import Path
from ingest.library import open_library
from rag.settings import Settings
from tests.app_server import HOLD, HeldWorker, held_cancel
from ui.server import serve
settings = Settings(_env_file=None, **json.loads(sys.argv[1]))
library = open_library(settings)
if hold := os.environ.get(HOLD):
    library._worker = HeldWorker(settings, Path(hold))
    library.cancel_job = held_cancel(library.cancel_job, Path(hold))
with library:
    for path in sys.argv[2:]:
        for _ in library.add([Path(path)], "default"):
            pass
    serve(library, settings, on_ready=lambda address: print(address, flush=True))
"""


class HeldWorker(EmbeddingWorker):
    """The real worker, but it waits with every batch after the first as long as a file is there."""

    def __init__(self, settings: Settings, hold: Path) -> None:
        super().__init__(settings)
        self._hold = hold
        self._begun = False

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        while self._begun and self._hold.exists():
            time.sleep(0.02)
        self._begun = True
        return super().embed_passages(texts)


def cancel_hold(hold: Path) -> Path:
    """The file that holds up every cancelling as long as it is there."""
    return hold.with_name(f"{hold.name}-cancel")


def held_cancel(cancel: Callable[[str], JobRecord], hold: Path) -> Callable[[str], JobRecord]:
    """The real cancelling, but it begins only when its file is gone."""

    def held(job: str) -> JobRecord:
        while cancel_hold(hold).exists():
            time.sleep(0.02)
        return cancel(job)

    return held


@dataclass(frozen=True)
class Running:
    """A server: its address, its process, and where its stderr goes."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def authority(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]


RUNNING: list[Running] = []
"""The servers that there are now, and those that a test failed with: what they said belongs to the report of a test that fails."""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_app(
    data: Path, *documents: Path, env: Mapping[str, str] | None = None, cwd: Path = REPOSITORY, **settings: object
) -> Iterator[Running]:
    """The app on a free port over the library in `data`, with the documents added first."""
    given = {"data": str(data), "port": free_port(), "model": "quotes", **settings}
    log = data.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, json.dumps(given), *map(str, documents)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1", **(env or {})},
        )
        try:
            running = Running(_first_line(process, log), process, log)
            RUNNING.append(running)
            yield running
            RUNNING.remove(running)  # after a failure it stays: the report comes later
        finally:
            stop(process)


def stop(process: subprocess.Popen[str], with_signal: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
    """Ask the process to end and wait; its exit status."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()
    return process.returncode


def _first_line(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 0.5)[0] and (line := process.stdout.readline().strip()):
            return line
    raise AssertionError(f"the app did not start: {log.read_text()}")
