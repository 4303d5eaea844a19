"""Malformed and hostile files, mutations of good ones, and bombs, in one batch with good files: what became of all of them.

`python -m bench hostile [--mutations 500] [--seed 0] [--seconds 60] [--no-bombs] [--show]`. The sandbox and its limits are the real ones, as are
jobs, catalog and index; the child that embeds is real, its model counts words. Exit code 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bombs import all_bombs
from tests.conftest import shared_folder
from tests.hostile import Verdict, open_hostile, try_batch, write_files
from tests.mutations import good_files, mutations


def main(arguments: Sequence[str]) -> None:
    """Make the batch, add it, and print what became of it."""
    parser = argparse.ArgumentParser(prog="bench hostile", description=__doc__)
    parser.add_argument("--mutations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0, help="what reading one file may take")
    parser.add_argument("--bombs", action=argparse.BooleanOptionalAction, default=True, help="bombs, too")
    parser.add_argument("--show", action="store_true", help="print each outcome")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        batch = Path(scratch) / "batch"
        shutil.copytree(shared_folder() / "hostile", batch / "shared")
        counts = [
            write_files(batch / "bombs", all_bombs() if chosen.bombs else ()),
            write_files(batch / "mutations", mutations(chosen.seed, chosen.mutations)),
            write_files(batch, _good(chosen.seed)),
        ]
        print("{} bombs, {} mutations, {} good files, and shared/hostile".format(*counts), flush=True)
        with open_hostile(Path(scratch) / "data", parse_seconds=chosen.seconds) as library:
            say = (lambda line: print(line, file=sys.stderr, flush=True)) if chosen.show else (lambda _: None)
            verdict = try_batch(batch, library, say)
    _print(verdict, chosen.seconds)
    if verdict.wrong:
        sys.exit(1)


def _good(seed: int) -> Iterator[tuple[str, bytes]]:
    """Good files of every format among the bad: before, between and behind them."""
    for place in ("a-first", "bombs", "mutations", "shared", "shared/pdf-fuzz", "z-last"):
        for name, data in good_files(f"{place.rpartition('/')[2]}{seed}"):
            yield f"{place}/{name}", data


def _print(verdict: Verdict, seconds: float) -> None:
    print(f"{verdict.files} files, {verdict.documents} documents with those inside them, in {verdict.seconds:.0f} s")
    for state, count in verdict.states.most_common():
        print(f"{count:6} {state}")
    print(f"{verdict.good_indexed} good files indexed of {verdict.good}")
    print(
        "slowest: " + ", ".join(f"{name} {took:.1f} s" for took, name in verdict.slowest[:5]) + f"; limit {seconds:g} s"
    )
    print(f"a reader took {verdict.peak_mib:.0f} MiB at most, this process {verdict.own_mib:.0f} MiB")
    print(f"readers died for good on {len(verdict.died)}: {', '.join(verdict.died) or 'none'}")
    print(f"wrong: {len(verdict.wrong)}")
    for problem in verdict.wrong:
        print(f"  {problem}")
