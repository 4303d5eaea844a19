"""Adding a folder in a process of its own, as a user does: seconds, pages, chunks, and the peak memory of the process tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from rag.settings import Settings

SAMPLE_SECONDS = 1.0
"""Adding the memory up takes the system 25 ms: four times a second cost a tenth of a core, which the measured would lack."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What adding took. `peak_mib` is the largest sum of the proportional set sizes of all its processes at one time."""

    seconds: float
    documents: int
    pages: int
    chunks: int
    peak_mib: float


def add_folder(folder: Path, settings: Settings) -> Measured:
    """Run `footnote add FOLDER --json` on the settings' data folder. Start of the program included."""
    env = {
        **os.environ, "FOOTNOTE_DATA": str(settings.data_folder), "FOOTNOTE_MODELS": str(settings.models_folder),
        "FOOTNOTE_MODEL": "quotes",
    }  # fmt: skip
    command = [sys.executable, "-c", "from ui.cli import main; main()", "add", str(folder), "--json"]
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as problems:
        process = subprocess.Popen(command, stdout=out, stderr=problems, env=env)
        peak = _follow(process)
        seconds = time.monotonic() - started
        out.seek(0)
        problems.seek(0)
        if process.returncode not in (0, 3):
            sys.exit(f"footnote add failed: {problems.read()[-2000:]}")
        documents = json.load(out)["documents"]
    return Measured(
        seconds=seconds,
        documents=len(documents),
        pages=sum(one["pages"] or 0 for one in documents),
        chunks=sum(one["chunks"] for one in documents),
        peak_mib=peak,
    )


def _follow(process: subprocess.Popen[bytes]) -> float:
    """The peak of the tree's memory, until the process ends."""
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, tree_mib(process.pid))
        time.sleep(SAMPLE_SECONDS)
    return peak


def tree_mib(pid: int) -> float:
    """The memory of a process and all below it in MiB: what they share is counted once (PSS)."""
    total = 0
    try:
        root = psutil.Process(pid)
        for one in (root, *root.children(recursive=True)):
            try:
                total += one.memory_full_info().pss
            except psutil.Error:
                continue
    except psutil.Error:
        return 0.0
    return total / 1024**2
