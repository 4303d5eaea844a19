"""The sample questions, answered over the sample papers: right place cited, unanswerable refused.

`python -m bench samples [--model MODEL] [--rerank off]`
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.library import Library, open_library
from ingest.records import Where
from rag.settings import Settings
from rag.types import Answer, Finished

SAMPLES = Path(__file__).parent.parent / "data" / "samples"


@dataclass(frozen=True, slots=True)
class Judged:
    """A question, its answer, and whether that is right: the gold place cited, or refused where it must be."""

    question: dict[str, Any]
    answer: Answer
    right: bool
    first: bool
    seconds: float


def read_questions(path: Path = SAMPLES / "questions.jsonl") -> list[dict[str, Any]]:
    """The questions with their gold documents and pages."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def judge(library: Library, questions: Sequence[dict[str, Any]], model: str) -> Iterator[Judged]:
    """Answer each question and compare with the gold."""
    for question in questions:
        started = time.monotonic()
        *_, last = library.ask(question["question"], Where(), model)
        assert isinstance(last, Finished)
        answer = last.answer
        hits = [
            note.document in question["documents"] and (not question["pages"] or note.page in question["pages"])
            for note in answer.citations
        ]
        right = any(hits) if question["answerable"] else answer.refused
        yield Judged(question, answer, right, bool(hits) and hits[0], time.monotonic() - started)


def main(arguments: Sequence[str]) -> None:
    """Index the sample papers into a fresh folder, ask everything, print what is wrong and the totals."""
    parser = argparse.ArgumentParser(prog="bench samples", description=__doc__)
    parser.add_argument("--model", default="quotes")
    parser.add_argument("--rerank", choices=("on", "off"), default="on")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), model=chosen.model, rerank=chosen.rerank == "on")
        library = open_library(settings)
        assert library is not None
        with library:
            list(library.add([SAMPLES / "documents"]))
            judged = list(judge(library, read_questions(), chosen.model))
    for one in judged:
        if not one.right:
            given = "refused" if one.answer.refused else [(c.document, c.page) for c in one.answer.citations]
            print(f"  {one.question['id']} {one.question['kind']:12} {one.question['question']}  -> {given}")
    for kind in dict.fromkeys(one.question["kind"] for one in judged):
        group = [one for one in judged if one.question["kind"] == kind]
        first = f", first footnote {sum(one.first for one in group)}" if kind != "unanswerable" else ""
        print(f"{kind:14} {sum(one.right for one in group):3} of {len(group)}{first}")
    seconds = sorted(one.seconds for one in judged)
    print(f"seconds a question: median {seconds[len(seconds) // 2]:.2f}, p95 {seconds[int(len(seconds) * 0.95)]:.2f}")
