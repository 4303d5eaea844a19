"""Compares the facts of a claim with those of its evidence: every number, date and name must stand with what is said. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from rag.contrast import contrast
from rag.dates import Date, find_dates, same_date
from rag.evidence import Evidence, Unit
from rag.facts import Facts, Name, acronym, name_parts
from rag.polarity import reversal
from rag.quantities import Quantity, same_quantity
from rag.reckoning import reckon, swapped
from rag.types import ClaimStatus
from rag.words import stem


class Finding(NamedTuple):
    """One thing that a claim has wrong, or computes."""

    status: ClaimStatus
    reason: str


def match_facts(
    said: str, claim: Facts, chosen: Sequence[Unit], evidence: Evidence, cited: Sequence[int], question: str
) -> list[Finding]:
    """What the claim has wrong against the units chosen for it, or computes from them; empty where all agrees.

    `cited` are the passages it cites: a fact that stands elsewhere in them is `partly`, not `unsupported`.
    """
    found = [*_numbers(said, claim, chosen, evidence, cited), *_dates(claim, chosen, evidence, cited)]
    found += _names(claim, chosen, evidence, cited, question)
    read = [unit.facts for unit in chosen]
    turned = reversal(said, claim, read)
    if not turned and not found:
        turned = contrast(claim, [unit.facts for unit in chosen if not unit.row])
    if turned:
        found.append(Finding("unsupported", turned))
    if not found and (pair := swapped(said, claim, chosen, evidence)):
        found.append(Finding("partly", pair))
    return found


def _numbers(
    said: str, claim: Facts, chosen: Sequence[Unit], evidence: Evidence, cited: Sequence[int]
) -> list[Finding]:
    found = []
    for quantity in claim.quantities:
        if _given(quantity, chosen, evidence) or (not quantity.unit and _in_context(quantity.text, chosen, evidence)):
            continue
        numbers = [_scaled(q, unit, evidence) for unit in chosen for q in unit.facts.quantities]
        loose = next((u for u in chosen if u.row and any(_digits_match(quantity, e) for e in u.facts.quantities)), None)
        if loose is not None:
            found.append(Finding("partly", f"The passage gives {quantity.text} without saying in what unit."))
        elif sum_ := reckon(said, quantity, numbers):
            found.append(Finding("computed", f"{quantity.text} does not stand in the passage; it is {sum_}."))
        elif any(
            q.text.lower() == quantity.text.lower()
            for number in cited
            for u in evidence.units[number]
            for q in u.facts.quantities
        ):
            found.append(Finding("partly", f"{quantity.text} stands in the passage, but not with what is said here."))
        else:
            others = _others(quantity, claim, chosen)
            found.append(Finding("unsupported", f"The passage does not say {quantity.text}{others}."))
    return found


def _given(quantity: Quantity, units: Sequence[Unit], evidence: Evidence) -> bool:
    for unit in units:
        scale = evidence.scale(unit.passage) if unit.row else 1.0
        for other in unit.facts.quantities:
            if same_quantity(quantity, other, scale):
                return True
        if not quantity.unit and any(
            r[0] == quantity.value and r[1] is None for d in unit.facts.dates for r in d.readings
        ):
            return True
    return False


def _scaled(quantity: Quantity, unit: Unit, evidence: Evidence) -> Quantity:
    """A table's bare figure with the scale that the table names."""
    scale = evidence.scale(unit.passage) if unit.row and quantity.scale == 1.0 and not quantity.unit else 1.0
    return replace(quantity, value=quantity.value * scale, step=quantity.step * scale)


def _digits_match(quantity: Quantity, other: Quantity) -> bool:
    """A table's bare figure that has the claim's digits, where the claim adds the scale: 1,577 for $1,577 million."""
    bare = not other.unit and other.scale == 1.0 and quantity.scale != 1.0
    return bare and abs(abs(other.value) - abs(quantity.value) / quantity.scale) < 1e-6


def _in_context(written: str, chosen: Sequence[Unit], evidence: Evidence) -> bool:
    return any(re.search(rf"(?<![\d.,]){re.escape(written)}(?![\d.,]?\d)", evidence.context(unit)) for unit in chosen)


def _others(quantity: Quantity, claim: Facts, chosen: Sequence[Unit]) -> str:
    """`; it says 20`: what stands there instead, of the same unit and not said in the claim."""
    instead = [
        other.text
        for unit in chosen
        for other in unit.facts.quantities
        if (other.unit == quantity.unit or not quantity.unit)
        and not any(same_quantity(q, other) for q in claim.quantities)
    ]
    return f"; it says {' and '.join(dict.fromkeys(instead[:2]))}" if instead else ""


def _dates(claim: Facts, chosen: Sequence[Unit], evidence: Evidence, cited: Sequence[int]) -> list[Finding]:
    found = []
    near = [d for unit in chosen for d in _unit_dates(unit, evidence)]
    far = [d for number in cited for unit in evidence.units[number] for d in _unit_dates(unit, evidence)]
    for date in claim.dates:
        if any(same_date(date, other) for other in near) or _year_as_number(date, chosen):
            continue
        if _pieced_together(date, near, far):
            continue
        if any(same_date(date, other) for other in far):
            found.append(Finding("partly", f"{date.text} stands in the passage, but not with what is said here."))
        else:
            instead = [d.text for d in near if not any(same_date(c, d) for c in claim.dates)]
            tail = f"; it says {instead[0]}" if instead else ""
            found.append(Finding("unsupported", f"The passage does not say {date.text}{tail}."))
    return found


def _unit_dates(unit: Unit, evidence: Evidence) -> list[Date]:
    return [*unit.facts.dates, *find_dates(evidence.context(unit))]


def _year_as_number(date: Date, chosen: Sequence[Unit]) -> bool:
    year, month, _ = date.readings[0]
    return month is None and any(q.value == year and not q.unit for unit in chosen for q in unit.facts.quantities)


def _pieced_together(date: Date, near: Sequence[Date], far: Sequence[Date]) -> bool:
    """Whether day and month stand here without a year, and the year in the same passage: `31 March` under `2026`."""
    for year, month, day in date.readings:
        if year is None or month is None:
            continue
        undated = any((None, month, day) in other.readings for other in near)
        if undated and any(reading[0] == year for other in far for reading in other.readings):
            return True
    return False


def _names(
    claim: Facts, chosen: Sequence[Unit], evidence: Evidence, cited: Sequence[int], question: str
) -> list[Finding]:
    found = []
    near = _words_of(chosen, evidence)
    far = _words_of([unit for number in cited for unit in evidence.units[number]], evidence)
    back = _words_of([b for unit in chosen if unit.points_back for b in evidence.before(unit)], evidence)
    rivals = _rivals(claim, chosen)
    for name in claim.names:
        missing = _missing(name, near)
        if not missing or (not name.sure and not rivals):
            continue
        whole = _as_written(name, [evidence.passages[number].text for number in cited])
        if (len(missing) < len(name.parts) and whole) or not _missing(name, near | back):
            continue
        if not rivals and not _missing(name, near | frozenset(map(stem, name_parts(question)))):
            continue
        if not _missing(name, far):
            found.append(Finding("partly", f"{name.text} stands in the passage, but not with what is said here."))
        else:
            tail = f"; it names {rivals[0]}" if rivals else ""
            found.append(Finding("unsupported", f"The passage does not name {name.text} here{tail}."))
    return found


def _words_of(units: Sequence[Unit], evidence: Evidence) -> frozenset[str]:
    words: set[str] = set()
    for unit in units:
        text = f"{unit.text} ; {evidence.context(unit)}"
        words.update(map(stem, name_parts(text)))
        words.update(acronym(name.text) for name in unit.facts.names)
    return frozenset(words)


def _missing(name: Name, words: frozenset[str]) -> list[str]:
    if name.text.isupper() and len(name.parts) == 1 and name.parts[0] in words:
        return []
    letters = acronym(name.text)
    if len(letters) >= 2 and letters in words:
        return []
    return [part for part in name.parts if len(part) > 1 and stem(part) not in words and _identifies(part)]


def _identifies(part: str) -> bool:
    """Whether a part of a name has to be found again."""
    return not part.isdigit() and part not in ("the", "inc", "ltd", "mr", "mrs", "ms", "dr", "gen", "prof")


def _as_written(name: Name, texts: Sequence[str]) -> bool:
    pattern = r"[\W_]+".join(map(re.escape, name.parts))
    return any(re.search(pattern, text, re.I) for text in texts)


def _rivals(claim: Facts, chosen: Sequence[Unit]) -> list[str]:
    """Names in the evidence of which the claim says nothing."""
    said = frozenset(stem(token.text.lower()) for token in claim.words)
    return [
        name.text
        for unit in chosen
        for name in unit.facts.names
        if name.sure and not any(stem(part) in said for part in name.parts)
    ]
