"""Passages as evidence: units that a claim can rest on, and the choice of those that a claim does rest on. Pure.

A unit is a sentence, an item of a list together with the line that introduces it, or a row of a table joined with its
header. Headings are no evidence of their own: they are context of what stands below them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rag.dates import same_date
from rag.facts import Facts, content_stems, find_facts, name_stems
from rag.quantities import same_quantity
from rag.sentences import Span, is_heading_line, is_row, split_sentences, trailing_figures
from rag.types import Passage
from rag.words import PRONOUNS

MOST_UNITS = 3
"""How many units one claim may rest on."""

PAYS_SHARE = 0.12
"""A further unit must newly cover this share of the claim's meaning, by two or more words that are not names: else a name or
number from an unrelated sentence would be taken for evidence."""

_RULE = re.compile(r"\|?[\s:|-]*-{2,}[\s:|-]*\|?")
_YEARS = re.compile(r"(?:1[89]|20)\d{2}")
_SCALE = re.compile(
    r"\(\s*(thousands|millions|billions)\b|\b(?:in|of|,|USD|EUR|\$|€)\s*(?:US\s+)?(?:dollars\s+in\s+)?(thousands|millions|billions)\b|\b(?:USD|EUR|\$|€)\s?(m|mn|bn|k)\b",
    re.I,
)
_SCALES = {"thousands": 1e3, "k": 1e3, "millions": 1e6, "m": 1e6, "mn": 1e6, "billions": 1e9, "bn": 1e9}
_ITEM = re.compile(r"\s*(?:[-*+•‣◦▪–]|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)])\s+")


@dataclass(frozen=True)
class Unit:
    """A piece of a passage: `passage.text[start:end]`, and `text`, what the check reads (a row with its header).

    `intro` is where the header of a row or the introducing line of a list item stands.
    """

    passage: int
    order: int
    start: int
    end: int
    text: str
    heading: str = ""
    row: bool = False
    intro: Span | None = None

    @cached_property
    def facts(self) -> Facts:
        """What the unit says."""
        return find_facts(self.text)

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of its meaningful words."""
        return self.facts.content

    @cached_property
    def points_back(self) -> bool:
        """Whether it speaks of something named before: `He founded ...`, `this allowance`."""
        return bool(self.facts.all_words & PRONOUNS)


@dataclass(frozen=True)
class Evidence:
    """Passages read once for all claims of an answer."""

    passages: tuple[Passage, ...]
    units: tuple[tuple[Unit, ...], ...]
    frequency: Mapping[str, int] = field(repr=False)
    total: int = 0

    def weight(self, stem: str) -> float:
        """How much a word tells: rare words more, common ones less; between 1 and about 4."""
        return 1.0 + math.log((self.total + 1) / (self.frequency.get(stem, 0) + 1))

    def context(self, unit: Unit) -> str:
        """What surrounds the unit: document, section and heading."""
        passage = self.passages[unit.passage]
        name = re.sub(r"[_\-./\\]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", passage.document))
        return f"{name} ; {passage.section} ; {unit.heading}"

    def before(self, unit: Unit, count: int = 2) -> tuple[Unit, ...]:
        """The units just before, in the same passage."""
        return self.units[unit.passage][max(0, unit.order - count) : unit.order]

    def scale(self, passage: int) -> float:
        """What the passage says of the figures in its tables: 1e6 for `in millions`, 1 where it says nothing."""
        one = self.passages[passage]
        found = _SCALE.search(f"{one.section} {one.text}")
        return _SCALES[next(filter(None, found.groups())).lower()] if found else 1.0


def read_evidence(passages: Sequence[Passage]) -> Evidence:
    """Read the passages into units."""
    units = tuple(tuple(read_units(passage.text, number)) for number, passage in enumerate(passages))
    frequency = Counter(stem for group in units for unit in group for stem in unit.stems)
    return Evidence(tuple(passages), units, frequency, sum(map(len, units)))


def read_units(text: str, passage: int = 0) -> list[Unit]:
    """The units of a text, in order."""
    units: list[Unit] = []
    heading = ""
    lead: Span | None = None
    header: Span | None = None
    previous_row = False
    for span in split_sentences(text):
        piece = text[span.start : span.end]
        row = "\n" not in piece and is_row(piece)
        if row:
            # The header of a table of figures holds on below the headings between its rows; one of years opens a new table.
            header = header if previous_row or "|" not in piece else None
            if _is_header(piece) and (header is None or "|" not in piece):
                header = span
            elif not _RULE.fullmatch(piece):
                joined = _join(text[header.start : header.end], piece) if header else piece
                units.append(Unit(passage, len(units), *span, joined, heading, row=True, intro=header))
        elif _is_heading(piece):
            heading, lead = piece.lstrip("# "), None
        else:
            item = bool(_ITEM.match(piece))
            intro = lead if item else None
            said = f"{text[intro.start : intro.end]} {_ITEM.sub('', piece, count=1)}" if intro else piece
            units.append(Unit(passage, len(units), *span, said, heading, intro=intro))
            lead = span if piece.endswith(":") else intro
            header = None
        previous_row = row
    return units


def _is_heading(piece: str) -> bool:
    return piece.startswith("#") or ("\n" not in piece and is_heading_line(piece) and not _ITEM.match(piece))


def _is_header(row: str) -> bool:
    """Whether a first row names the columns: it has no figures but years."""
    cells = _cells(row)
    return not any(re.search(r"\d", cell) and not _YEARS.search(cell) for cell in cells[1:] or cells)


def _cells(row: str) -> list[str]:
    bare = row.strip()
    if "|" in bare:
        return [cell.strip() for cell in bare.strip("|").split("|")]
    if "\t" in bare:
        return [cell.strip() for cell in bare.split("\t")]
    figures = trailing_figures(bare)
    label = bare[: bare.find(figures[0])].strip(" $€£") if figures else bare
    return [label, *figures]


def _join(header: str, row: str) -> str:
    """A row as a sentence: `Country: Germany; Meals per day: 60 EUR`."""
    names, values = _cells(header), _cells(row)
    if len(names) == len(values) - 1:
        names = ["", *names]
    if len(names) != len(values):
        return f"{' ; '.join(names)} ; {' ; '.join(values)}"
    return " ; ".join(
        f"{name}: {value}" if name and value else value or name for name, value in zip(names, values, strict=True)
    )


def choose_units(
    claim: Facts, evidence: Evidence, cited: Sequence[int], hints: frozenset[str] = frozenset()
) -> list[Unit]:
    """The units of the cited passages that the claim rests on, best first; none where no word is shared.

    Numbers decide only between units that fit equally well: a swapped number must not lead to the row it was taken from.
    `hints` (words of the question, of a list's first line) weigh little.
    """
    terms = {stem: evidence.weight(stem) for stem in claim.content}
    named = frozenset(stem for name in claim.names for stem in name_stems(name))
    total = sum(terms.values()) or 1.0
    chosen: list[Unit] = []
    covered: frozenset[str] = frozenset()
    pool = [unit for passage in cited for unit in evidence.units[passage]]
    while pool and len(chosen) < MOST_UNITS:
        best = max(
            pool,
            key=lambda unit: (
                _gain(unit, terms, covered) + _tie(unit, claim, hints, total),
                -unit.passage,
                -unit.order,
            ),
        )
        new = (best.stems & terms.keys()) - covered
        if chosen:
            plain = new - named
            gained = sum(terms[stem] for stem in plain)
            if len(plain) < (1 if _brings(best, claim, chosen) else 2) or gained < PAYS_SHARE * total / 2:
                break
        elif not new and not any(same_quantity(q, e) for q in claim.quantities for e in best.facts.quantities):
            break
        chosen.append(best)
        covered |= best.stems
        pool.remove(best)
    return chosen


def _brings(unit: Unit, claim: Facts, chosen: Sequence[Unit]) -> bool:
    """Whether the unit gives a number or date of the claim that those chosen before do not give."""
    numbers = [q for q in claim.quantities if not any(same_quantity(q, e) for u in chosen for e in u.facts.quantities)]
    days = [d for d in claim.dates if not any(same_date(d, e) for u in chosen for e in u.facts.dates)]
    given = any(same_quantity(q, e) for q in numbers for e in unit.facts.quantities)
    return given or any(same_date(d, e) for d in days for e in unit.facts.dates)


def _gain(unit: Unit, terms: Mapping[str, float], covered: frozenset[str]) -> float:
    return sum(weight for stem, weight in terms.items() if stem in unit.stems and stem not in covered)


def _tie(unit: Unit, claim: Facts, hints: frozenset[str], total: float) -> float:
    figures = sum(any(same_quantity(q, e) for e in unit.facts.quantities) for q in claim.quantities)
    figures += sum(any(same_date(d, e) for e in unit.facts.dates) for d in claim.dates)
    asked = sum(1 for stem in hints if stem in unit.stems)
    headed = len(content_stems(unit.heading) & claim.content) if unit.heading else 0
    return total * (0.02 * min(figures, 3) + 0.03 * min(asked, 4) + 0.02 * min(headed, 3))
