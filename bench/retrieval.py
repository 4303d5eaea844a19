"""Page hit@1 and @5 and document recall@5, over one index of all documents (shared) and over the right ones (single).

`python -m bench retrieval [financebench|mmlongbench|samples] [--data DATA] [--limit N]`; sets lie under FOOTNOTE_SHARED.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.samples import SAMPLES
from ingest.library import Library, open_library
from ingest.records import Where
from rag.settings import Settings

DEPTH = 40
"""Passages asked for, so that five distinct pages are among them."""


def main(arguments: Sequence[str]) -> None:
    """Index the set, unless `--data` holds it already, and print a line for shared and one for single."""
    parser = argparse.ArgumentParser(prog="bench retrieval", description=__doc__)
    parser.add_argument("set", nargs="?", default="samples", choices=("financebench", "mmlongbench", "samples"))
    parser.add_argument("--data", type=Path, help="a data folder that keeps the index between runs")
    parser.add_argument("--limit", type=int, default=10_000)
    chosen = parser.parse_args(arguments)
    shared = Path(os.environ.get("FOOTNOTE_SHARED") or "../shared")
    folder = SAMPLES if chosen.set == "samples" else shared / "bench" / chosen.set
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    questions = [row for row in rows if row["answerable"] and row.get("text_layer", True)][: chosen.limit]
    with tempfile.TemporaryDirectory() as scratch:
        library = open_library(Settings(data=chosen.data or Path(scratch), model="quotes"))
        assert library is not None
        with library:
            list(library.add([folder / "documents"]))
            for single in (False, True):
                _print_line(library, chosen.set, questions, single=single)


def _print_line(library: Library, name: str, questions: Sequence[dict[str, Any]], *, single: bool) -> None:
    ranks = [_ranks(library, question, single=single) for question in questions]
    at_1, at_5 = (sum(page is not None and page < k for page, _ in ranks) / len(ranks) for k in (1, 5))
    recall = sum(document is not None and document < 5 for _, document in ranks) / len(ranks)
    where = "single" if single else "shared"
    print(
        f"{name} {where}: {len(ranks)} questions, page hit@1 {at_1:.3f}, hit@5 {at_5:.3f}, document recall@5 {recall:.3f}"
    )


def _ranks(library: Library, question: dict[str, Any], *, single: bool) -> tuple[int | None, int | None]:
    """At which place, from 0, the first gold page stands among distinct pages, and the first gold document among documents."""
    where = Where(documents=tuple(question["documents"]), any_match=True) if single else Where()
    found = library.search(question["question"], where, DEPTH)
    pages = list(dict.fromkeys((one.document.rsplit("/", 1)[-1], one.page) for one in found))
    documents = list(dict.fromkeys(document for document, _ in pages))
    gold = question["pages"]
    page = next(
        (i for i, (doc, no) in enumerate(pages) if doc in question["documents"] and (not gold or no in gold)), None
    )
    return page, next((i for i, doc in enumerate(documents) if doc in question["documents"]), None)
