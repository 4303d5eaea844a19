"""`python -m bench` lists the benchmarks, `python -m bench NAME ...` runs one, `make bench` runs those that take minutes."""

from __future__ import annotations

import importlib
import sys

BENCHES = {
    "samples": "the sample questions: does every answer cite the right place, and are the unanswerable refused",
    "adding": "adding a folder: seconds, peak memory, pages, chunks, and the time of a search after it",
    "retrieval": "page hit@1 and @5, document recall@5 over a set of shared/bench",
    "claims": "the check of sentences: planted errors caught, true sentences kept",
}


def main() -> None:
    """Run the named benchmark with the rest of the arguments, or all that need no argument."""
    if len(sys.argv) < 2:
        for name, what in BENCHES.items():
            print(f"== {name}: {what}")
            importlib.import_module(f"bench.{name}").main([])
        return
    name, *arguments = sys.argv[1:]
    if name not in BENCHES:
        sys.exit(f"There is no benchmark {name!r}; there are: {', '.join(BENCHES)}")
    importlib.import_module(f"bench.{name}").main(arguments)


if __name__ == "__main__":
    main()
