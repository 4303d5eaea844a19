"""How well the check in code tells true sentences from planted wrong ones.

    FOOTNOTE_SHARED=DIR python -m bench claims [--misses 20 [--kind name]]

True sentences are the sentences of the gold answers of the answerable questions, checked against their passage. Wrong ones are
made from them with a fixed seed: a number, date or name swapped, a negation added or removed, a sentence from another answer.
Swaps take the new value from the same passage where it has one of the kind (the hard case), else from another.
A wrong sentence is caught when it is not `supported`; a true one that is not `supported` or `computed` is a false alarm.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rag.checking import Check, check_claim
from rag.facts import find_facts
from rag.sentences import split_sentences
from rag.types import Passage

SEED = 20260301
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|has|have|had|can|may|must|should|will|would|does|do|did|could)\b(?! not\b)(?!n't)"
)
_DENIAL = re.compile(r"\b(is|are|was|were|has|have|had|can|may|must|should|will|would|does|do|did|could)\s+not\b")


class Case(NamedTuple):
    """A sentence, the passage it is checked against, and how it was made (`true` for the gold ones)."""

    kind: str
    sentence: str
    passage: Passage
    question: str
    original: str


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", type=int, default=0, help="print so many wrong verdicts of each kind")
    parser.add_argument("--kind", default="", help="only this kind")
    options = parser.parse_args(arguments)
    shared = os.environ.get("FOOTNOTE_SHARED")
    if not shared:
        print("Set FOOTNOTE_SHARED to the folder that holds bench/clapnq/questions.jsonl.")
        return
    rows = [json.loads(line) for line in (Path(shared) / "bench/clapnq/questions.jsonl").read_text().splitlines()]
    cases = list(make_cases([row for row in rows if row["answerable"]]))
    checked = [(case, check_claim(case.sentence, [case.passage], case.question)) for case in cases]
    report(checked)
    for kind in sorted({case.kind for case in cases}):
        if options.misses and options.kind in ("", kind):
            show_misses(kind, checked, options.misses)


def make_cases(rows: list[dict[str, object]]) -> Iterator[Case]:
    """The true sentences and, after each, the wrong ones made from it."""
    dice = random.Random(SEED)
    answers = [(row, [str(row["answer"])[a:b] for a, b in split_sentences(str(row["answer"]))]) for row in rows]
    texts = [str(row["passage"]["text"]) for row in rows]  # type: ignore[index]
    pool = [find_facts(text) for text in dice.sample(texts, 40)]
    names = [n.text for facts in pool for n in facts.names if n.sure and len(n.parts) <= 3]
    for i, (row, sentences) in enumerate(answers):
        passage = _passage(row)
        for sentence in sentences:
            if len(sentence.split()) < 5:
                continue
            other = answers[(i + dice.randrange(1, len(answers))) % len(answers)][1]
            for kind, changed in [
                ("true", sentence),
                *_changes(sentence, passage.text, names, dice),
                ("foreign", dice.choice(other)),
            ]:
                yield Case(kind, changed, passage, str(row["question"]), sentence)


def _passage(row: dict[str, object]) -> Passage:
    value = row["passage"]
    assert isinstance(value, dict)
    text = str(value["text"])
    return Passage(str(row["id"]), 1, str(value["title"]), "clapnq", text, 0, len(text), 1.0)


def _changes(sentence: str, passage: str, names: list[str], dice: random.Random) -> Iterator[tuple[str, str]]:
    facts, around = find_facts(sentence), find_facts(passage)
    figures = [q for q in facts.quantities if re.fullmatch(r"[\d,.]+", q.text)]
    if figures:
        old = dice.choice(figures)
        near = sorted(
            {
                q.text
                for q in around.quantities
                if q.unit == old.unit and q.value != old.value and re.fullmatch(r"[\d,.]+", q.text)
            }
        )
        near = [text for text in near if not any(q.text == text for q in figures)]
        new = dice.choice(near) if near and dice.random() < 0.5 else _other_number(old.text, dice)
        yield "number", sentence[: old.start] + new + sentence[old.start + len(old.text) :]
    if facts.dates:
        date = dice.choice(facts.dates)
        years = re.search(r"\d{4}", date.text)
        if years:
            year = str(int(years.group()) + dice.choice([-9, -3, -2, -1, 1, 2, 3, 11]))
            changed = date.text.replace(years.group(), year)
            yield "date", sentence[: date.start] + changed + sentence[date.end :]
    proper = [n for n in facts.names if n.sure and not n.text.isdigit()]
    if proper:
        name = dice.choice(proper)
        inside = [
            n.text for n in around.names if n.sure and not set(n.parts) & {p for m in facts.names for p in m.parts}
        ]
        new = dice.choice(inside) if inside and dice.random() < 0.5 else dice.choice(names)
        if not set(new.lower().split()) & set(name.parts):
            yield "name", sentence[: name.start] + new + sentence[name.end :]
    if _DENIAL.search(sentence):
        yield "not removed", _DENIAL.sub(r"\1", sentence, count=1)
    elif _AUXILIARY.search(sentence):
        yield "not added", _AUXILIARY.sub(r"\1 not", sentence, count=1)


def _other_number(text: str, dice: random.Random) -> str:
    digits = [i for i, c in enumerate(text) if c.isdigit()]
    at = dice.choice(digits[:2])
    changed = dice.choice([d for d in "123456789" if d != text[at]])
    return text[:at] + changed + text[at + 1 :]


def report(checked: list[tuple[Case, Check]]) -> None:
    """A row a kind: how many, the statuses, the share judged rightly."""
    print(f"{'kind':12} {'n':>4}  supported computed partly unsupported   right")
    caught = total = 0
    for kind in dict.fromkeys(["true", *(case.kind for case, _ in checked)]):
        counts = Counter(check.status for case, check in checked if case.kind == kind)
        n = sum(counts.values())
        right = counts["supported"] + counts["computed"] if kind == "true" else n - counts["supported"]
        caught, total = (caught, total) if kind == "true" else (caught + right, total + n)
        print(
            f"{kind:12} {n:4}  {counts['supported']:9} {counts['computed']:8} {counts['partly']:6} {counts['unsupported']:11}  {right / n:6.1%}"
        )
    print(f"planted wrong sentences caught: {caught}/{total} = {caught / total:.1%}")


def show_misses(kind: str, checked: list[tuple[Case, Check]], count: int) -> None:
    """The first wrong verdicts of a kind."""
    for case, check in checked:
        wrong = check.status not in ("supported", "computed") if kind == "true" else check.status == "supported"
        if case.kind == kind and wrong and count:
            count -= 1
            quotes = " // ".join(case.passage.text[p.start : p.end] for p in check.places)
            print(f"\n[{kind}] {case.sentence}\n  {check.status} {check.coverage:.2f} {check.reason}\n  < {quotes}")
            if kind != "true":
                print(f"  = {case.original}")


if __name__ == "__main__":
    main(sys.argv[1:])
