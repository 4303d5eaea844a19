"""Figures that a claim computes from its evidence, and figures that it puts in each other's place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import permutations

from rag.dates import Date, same_date
from rag.evidence import Evidence, Unit
from rag.facts import Facts
from rag.quantities import Quantity, same_quantity
from rag.words import is_content, tokens, word_set

MOST_OPERANDS = 12
"""With more figures than this, some pair gives nearly any number by chance."""

MARGIN = 1.6
"""By how much the words around another figure must fit better before two figures count as swapped (in word weights)."""

Figure = Quantity | Date
"""What has a place in a sentence and can be put into another's."""

_CUES = re.compile(
    r"\b(?:increas|decreas|differ|total|sum\b|altogether|combined|together|more|less|fewer|higher|lower|compar|grew|grow|rose|rise|fell|fall|declin"
    r"|drop|change|ratio|average|mean\b|twice|double|half|percent|per cent|margin|growth|gap|times|overall|up by|down by|by\b|remain|left)",
    re.I,
)  # fmt: skip
_BREAK = re.compile(r"[;|()]|,(?!\d)|\b(?:and|while|whereas|but|compared|versus|or)\b", re.I)
_DIRECTIONS = word_set("from to until till by before after between since up down")


def reckon(said: str, quantity: Quantity, given: Sequence[Quantity]) -> str:
    """How the number follows from two of the numbers given (`8.4 − 7.9`), or an empty text."""
    operands = [q for q in given if q.unit not in ("ordinal", "clock")]
    if not _CUES.search(said) or quantity.unit in ("ordinal", "clock") or len(operands) > MOST_OPERANDS:
        return ""
    for one, two in permutations(operands, 2):
        for value, unit, how in _results(one, two):
            fits = not quantity.unit or not unit or unit == quantity.unit
            if (
                fits
                and value > 0
                and abs(value - abs(quantity.value)) <= quantity.step * 0.5000001
                and value != abs(one.value)
            ):
                return how
    return ""


def _results(one: Quantity, two: Quantity) -> Iterator[tuple[float, str, str]]:
    a, b = abs(one.value), abs(two.value)
    if one.unit == two.unit:
        yield a - b, one.unit, f"{one.text} − {two.text}"
        if one.start < two.start:
            yield a + b, one.unit, f"{one.text} + {two.text}"
        if b:
            yield a / b, "", f"{one.text} ÷ {two.text}"
            yield a / b * 100, "%", f"{one.text} ÷ {two.text} in percent"
            yield abs(a - b) / b * 100, "%", f"the change from {two.text} to {one.text} in percent"
    elif one.unit != "%" or two.unit != "%":
        percent = {one.unit, two.unit} == {"%", two.unit} and one.unit == "%"
        yield (
            (a * b / 100, two.unit, f"{one.text} % of {two.text}")
            if percent
            else (a * b, "", f"{one.text} × {two.text}")
        )


def swapped(said: str, claim: Facts, chosen: Sequence[Unit], evidence: Evidence) -> str:
    """Whether the words around a figure of the claim fit another figure of the evidence clearly better; why, or empty."""
    numbers = [(unit, q) for unit in chosen for q in unit.facts.quantities if q.unit != "ordinal"]
    days = [(unit, d) for unit in chosen for d in unit.facts.dates]
    for quantity in claim.quantities:
        own = [(u, q) for u, q in numbers if same_quantity(quantity, q, evidence.scale(u.passage) if u.row else 1.0)]
        kin = [(u, q) for u, q in numbers if q.unit == quantity.unit or (u.row and not q.unit)]
        rivals = [place for place in kin if place not in own]
        if rival := _better(said, quantity, claim.quantities, own, rivals, evidence):
            return f"The passage says this of {rival}, not of {quantity.text}."
    for date in claim.dates:
        same = [(u, d) for u, d in days if same_date(date, d)]
        others = [(u, d) for u, d in days if (u, d) not in same]
        if rival := _better(said, date, claim.dates, same, others, evidence):
            return f"The passage says this of {rival}, not of {date.text}."
    return ""


def _better(
    said: str,
    figure: Figure,
    beside: Sequence[Figure],
    own: Sequence[tuple[Unit, Figure]],
    rivals: Sequence[tuple[Unit, Figure]],
    evidence: Evidence,
) -> str:
    """The rival whose surroundings fit those of the figure better than its own place does, by more than `MARGIN`."""
    if not own or not rivals:
        return ""
    around = _around(said, figure, beside)

    def fit(place: tuple[Unit, Figure]) -> float:
        unit, other = place
        kin: Sequence[Figure] = unit.facts.dates if isinstance(other, Date) else unit.facts.quantities
        theirs = _around(unit.text, other, kin)
        return sum(2.0 if word in _DIRECTIONS else evidence.weight(word) for word in around & theirs)

    best = max(rivals, key=fit)
    return best[1].text if fit(best) > max(map(fit, own)) + MARGIN else ""


def _around(text: str, figure: Figure, kin: Sequence[Figure]) -> frozenset[str]:
    """The words that belong to a figure: back to the break or figure before it, on to the one after it."""
    left = text[max((k.end for k in kin if k.end <= figure.start), default=0) : figure.start]
    right = text[figure.end : min((k.start for k in kin if k.start >= figure.end), default=len(text))]
    before, after = tokens(_BREAK.split(left.rstrip("( $€£"))[-1])[-6:], tokens(_BREAK.split(right)[0])[:4]
    words = {t.stem for t in [*before, *after] if is_content(t) or re.fullmatch(r"\d{4}", t.text)}
    return frozenset(words | {t.text.lower() for t in before[-2:] if t.text.lower() in _DIRECTIONS})
