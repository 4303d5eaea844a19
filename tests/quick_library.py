"""A real library over edge, SQLite and DBOS, whose parser and embedder are small and in this process. As a program: one that is killed.

`python -m tests.quick_library DATA [PAPERS]` adds the papers, goes on with the jobs that are there, follows all to their end, and
says each outcome on stdout, a JSON list a line.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from ingest.loading.parsed import Parsed
from ingest.ports import Parser
from ingest.records import Added
from rag.errors import ParserDied
from tests.fakes import InProcessParser
from tests.small_library import SmallLibrary


class TouchyParser:
    """Reads as the real one does, after `delay` seconds; dies on files in which `deadly` stands."""

    def __init__(self, delay: float) -> None:
        self._parser = InProcessParser()
        self.delay = delay
        self.parsed: list[str] = []

    def parse(self, name: str, data: bytes, recognised: Mapping[int, str] | None = None) -> Parsed:
        self.parsed.append(name)
        time.sleep(self.delay)
        if b"deadly" in data:
            raise ParserDied(f"The process that read {name} ended.")
        return self._parser.parse(name, data, recognised)


class QuickLibrary(SmallLibrary):
    """A small library with a touchy parser."""

    delay = 0.0

    @cached_property
    def _parser(self) -> Parser:
        return TouchyParser(self.delay)


def open_quick(folder: Path, delay: float = 0.0) -> QuickLibrary:
    """A quick library in a data folder."""
    library = QuickLibrary(folder)
    library.delay = delay
    return library


def main() -> None:
    """Live until killed, or until all jobs have ended."""
    data, *papers = map(Path, sys.argv[1:])
    with open_quick(data, delay=0.3) as library:  # groups are published every two seconds
        library.start()
        for paper in papers:
            library.submit([paper])
        say(["started", len(library.jobs())])
        for job in library.jobs():
            for event in library.follow(job.id):
                if isinstance(event, Added):
                    say([event.document, event.status])
    say(["ended"])


def say(line: list[object]) -> None:
    """A line on stdout, at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
