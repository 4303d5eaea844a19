"""Lays a claim beside its evidence word by word and finds what was put in another's place. Pure.

Answers keep much of their sources' wording. Where the words before and after are the same, a different name, number or date
between them is a swap, though it may stand elsewhere in the same sentence, and a lone *not* is an addition or an omission.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from rag.dates import Date, same_date
from rag.facts import Facts, Name, acronym, name_parts
from rag.quantities import Quantity, same_quantity
from rag.words import NEGATIVE_WORDS, NEGATORS, Token, stem

LONGEST = 7
"""Words that a replacement may have on either side; longer ones are other statements, not swaps."""

ALIKE = 0.4
"""Below this likeness (`difflib`) the claim is worded on its own, and what stands where says nothing."""

_TURNING = NEGATORS | frozenset(("n't", "cannot"))


class _Change(NamedTuple):
    """Words of the claim that stand where the evidence has others, between words that are the same or the ends."""

    mine: Sequence[Token]
    theirs: Sequence[Token]


def contrast(claim: Facts, evidence: Sequence[Facts]) -> str:
    """What the claim swaps, adds or omits against a piece of the evidence, in plain words; empty where nothing.

    What another piece of the evidence gives is no swap: a claim may join two sentences.
    """
    for i, one in enumerate(evidence):
        others = [*evidence[:i], *evidence[i + 1 :]]
        for change in _changes(claim.words, one.words):
            found = _figure(change, claim, one, others) or _name(change, claim, one, others) or _denial(change)
            if found:
                return found
    return ""


def _changes(mine: Sequence[Token], theirs: Sequence[Token]) -> Iterator[_Change]:
    matcher = SequenceMatcher(None, [t.stem for t in mine], [t.stem for t in theirs], autojunk=False)
    if matcher.ratio() < ALIKE:
        return
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag != "equal" and a2 - a1 <= LONGEST and b2 - b1 <= LONGEST:
            yield _Change(mine[a1:a2], theirs[b1:b2])


def _within(start: int, end: int, words: Sequence[Token]) -> bool:
    return bool(words) and words[0].start < end and start < words[-1].end


def _figure(change: _Change, claim: Facts, evidence: Facts, rest: Sequence[Facts]) -> str:
    """A number or date in the place of another of its kind."""
    for q in claim.quantities:
        if any(same_quantity(q, o) for facts in rest for o in facts.quantities):
            continue
        if not _within(q.start, q.start + len(q.text), change.mine):
            continue
        others = [o for o in evidence.quantities if _within(o.start, o.start + len(o.text), change.theirs)]
        if others and all(_differs(q, o) for o in others):
            return f"The passage says {others[0].text} here, not {q.text}."
    for d in claim.dates:
        if any(same_date(d, o) for facts in rest for o in facts.dates):
            continue
        if not _within(d.start, d.end, change.mine):
            continue
        days = [o for o in evidence.dates if _within(o.start, o.end, change.theirs)]
        if days and not any(same_date(d, o) or _parts(d) & _parts(o) == _parts(d) for o in days):
            return f"The passage says {days[0].text} here, not {d.text}."
    return ""


def _differs(one: Quantity, other: Quantity) -> bool:
    return not same_quantity(one, other) and (one.unit == other.unit or not one.unit or not other.unit)


def _parts(date: Date) -> set[int]:
    return {part for reading in date.readings for part in reading if part is not None}


def _name(change: _Change, claim: Facts, evidence: Facts, rest: Sequence[Facts]) -> str:
    """A name in the place of another one, with no word in common."""
    elsewhere = {token.stem for facts in rest for token in facts.words}
    mine = [n for n in claim.names if _covers(n, change.mine) and not all(stem(part) in elsewhere for part in n.parts)]
    theirs = [n for n in evidence.names if n.sure and _covers(n, change.theirs)]
    if not mine or not theirs:
        return ""
    said = {stem(part) for name in mine for part in name.parts} | {acronym(name.text) for name in mine}
    there = {stem(part) for name in theirs for part in name.parts} | {acronym(name.text) for name in theirs}
    there |= {stem(part) for token in change.theirs for part in name_parts(token.text)}
    if said & there:
        return ""
    return f"The passage says {theirs[0].text} here, not {mine[0].text}."


def _covers(name: Name, words: Sequence[Token]) -> bool:
    """Whether all meaningful words of the name lie in this stretch."""
    return bool(words) and words[0].start <= name.start and name.end <= words[-1].end + 1


def _denial(change: _Change) -> str:
    """A `not` that stands alone between the same words on one side only."""
    mine = [t.text for t in change.mine if t.text.lower() in _TURNING]
    theirs = [t.text for t in change.theirs if t.text.lower() in _TURNING]
    if bool(mine) == bool(theirs) or max(len(change.mine), len(change.theirs)) > 2:
        return ""
    if any(t.text.lower() in NEGATIVE_WORDS for t in [*change.mine, *change.theirs]):
        return ""
    return f"The passage does not say “{mine[0]}” here." if mine else f"The passage says “{theirs[0]}” here."
