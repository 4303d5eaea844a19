"""200 seeded SIGKILLs over nine points, and what was lost, torn or came back: nothing may.

`python -m bench torture [--kills 200] [--seed 0]`. With FOOTNOTE_TEST_QDRANT_URL over that server instead of edge.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.torture import torture


def main(arguments: Sequence[str]) -> None:
    """Torture, and print how it went. Exit code 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="bench torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    server = os.environ.get("FOOTNOTE_TEST_QDRANT_URL", "")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        result = torture(
            Path(scratch), chosen.kills, chosen.seed, lambda line: print(line, file=sys.stderr, flush=True), server
        )
    for point, count in result.kills.items():
        print(f"{count:4} killed: {point}")
    print(f"{result.missed} lives ended before their point; the slowest doctor took {result.slowest_doctor:.2f} s")
    print(f"{result.killed} kills, {len(result.wrong)} wrong, in {time.monotonic() - started:.0f} s")
    if result.wrong:
        sys.exit("\n".join(result.wrong))
