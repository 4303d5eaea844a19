"""`python -m bench NAME ...` runs a benchmark; without a name (`make bench`), those that take minutes at most."""

from __future__ import annotations

import importlib
import sys

BENCHES = {
    "samples": "the sample questions: does every answer cite the right place, and are the unanswerable refused",
    "adding": "adding a folder against the bare embedding of its chunks, peak memory, and adding it again",
    "retrieval": "page hit@1 and @5, document recall@5 over a set of shared/bench",
    "claims": "the check of sentences: planted errors caught, true sentences kept",
}
LONG = {
    "tutorial": "adding ten reports against the stack of the LlamaIndex tutorials",
    "searching": "the time of a search while a folder is being indexed, against the idle library",
    "small_files": "10,000 small files: what grows with their number",
    "embedding_worker": "embedding through the child process against embedding in the process",
    "ocr": "pages a second of the recognition of scans, and its memory",
    "hostile": "malformed and hostile files, mutations and bombs: every file ends in a state, the good ones are indexed",
    "torture": "SIGKILLs over nine points: nothing lost, torn or resurrected",
}
"""Run by name only."""


def main() -> None:
    """Run the named benchmark with the rest of the arguments, or all that need no argument."""
    if len(sys.argv) < 2:
        for name, what in BENCHES.items():
            print(f"== {name}: {what}")
            importlib.import_module(f"bench.{name}").main([])
        return
    name, *arguments = sys.argv[1:]
    if name not in BENCHES | LONG:
        sys.exit(f"There is no benchmark {name!r}; there are: {', '.join(BENCHES | LONG)}")
    importlib.import_module(f"bench.{name}").main(arguments)


if __name__ == "__main__":
    main()
