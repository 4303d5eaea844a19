"""What kind of thing a question asks for, and whether a piece of evidence has one. Pure.

A passage about the right subject that lacks what is asked for (a telephone number, an amount, a weight, a name) does
not answer the question, however close it is. Only kinds that can be told safely are expected; for all other questions
anything will do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rag.evidence import Unit
from rag.facts import find_facts, name_stems
from rag.units import CURRENCIES, UNITS

_MONEY = frozenset(CURRENCIES.values())
_TIMES = frozenset({"min", "month", "second"})
_PHONE = re.compile(r"(?<!\w)(?:\+|\(?0)[\d\s()/.-]{5,}\d")
_NAMED_THINGS = (
    "manufacturers? suppliers? compan(?:y|ies) firms? programs? programmes? softwares? products? brands? banks? insurers? "
    "providers? vendors? apps? applications? hotels? universit(?:y|ies) agenc(?:y|ies) airlines? carriers? makes? models?"
).replace(" ", "|")


@dataclass(frozen=True, slots=True)
class Expectation:
    """A kind of thing that the answer must hold, and how to see it in a unit of evidence."""

    kind: str
    met_by: Callable[[Unit], bool]


def expected_of(question: str) -> Expectation | None:
    """What the question asks for, or None where anything will do."""
    asked = " ".join(question.split())
    for pattern, make in _KINDS:
        if match := pattern.search(asked):
            return make(asked, match)
    return None


def _phone(_: str, __: re.Match[str]) -> Expectation:
    return Expectation("a telephone number", lambda unit: bool(_PHONE.search(unit.text)))


def _email(_: str, __: re.Match[str]) -> Expectation:
    return Expectation("an e-mail address", lambda unit: "@" in unit.text)


def _weight(_: str, __: re.Match[str]) -> Expectation:
    return Expectation(
        "a weight",
        lambda unit: any(one.unit in ("g", "lb") for one in unit.facts.quantities) or _headed(unit, "weight"),
    )


def _money(_: str, __: re.Match[str]) -> Expectation:
    return Expectation("an amount of money", _has_money)


def _name(question: str, _: re.Match[str]) -> Expectation:
    asked = {stem for name in find_facts(question).names for stem in name_stems(name)}
    return Expectation(
        "a name", lambda unit: any(not name_stems(name) <= asked for name in unit.facts.names if name.sure)
    )


def _count(_: str, match: re.Match[str]) -> Expectation | None:
    noun = match.group("noun").lower()
    if noun in UNITS:
        wanted = UNITS[noun][0]
        units = _TIMES if wanted in _TIMES else frozenset({wanted})
        return Expectation(
            f"a number of {noun}",
            lambda unit: any(one.unit in units for one in unit.facts.quantities) or _headed(unit, noun),
        )
    if noun in CURRENCIES or noun in ("percent", "much", "more", "times"):
        return None
    return Expectation("a number", lambda unit: any(not one.unit for one in unit.facts.quantities))


def _has_money(unit: Unit) -> bool:
    """An amount in a currency, a share, or a plain figure in a row of a table: prices stand there without a sign."""
    quantities = unit.facts.quantities
    return any(one.unit in _MONEY or one.unit == "%" or (unit.row and not one.unit) for one in quantities)


def _headed(unit: Unit, word: str) -> bool:
    """Whether a row stands under a header or heading of that word, with a figure in it."""
    return unit.row and word.rstrip("s") in unit.text.lower() and bool(unit.facts.quantities)


_KINDS: tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], Expectation | None]], ...] = (
    (re.compile(r"\b(?:tele)?phone number\b|\bwhat number (?:do|should|can) I (?:call|ring|dial)\b", re.I), _phone),
    (re.compile(r"\be-?mail address\b", re.I), _email),
    (re.compile(r"\bhow (?:much .{0,60}\bweighs?\b|heavy\b)|\bwhat .{0,60}\bweighs?\b", re.I), _weight),
    (re.compile(r"\bwhat (?:rent|price|salary|fee|fine|deposit)\b|\bwhat (?:do|does|did|will|would) .{1,80}\bcost\b|\bhow expensive\b", re.I), _money),
    (re.compile(rf"\bwhich (?:\w+ ){{0,3}}?(?:{_NAMED_THINGS})\b|\bwhat (?:are|is|was|were) .{{1,80}}\b(?:called|named)\b", re.I), _name),
    (re.compile(r"\bhow many (?:(?:more|other|different|additional|working|calendar|full|whole|extra|paid|unpaid) )*(?P<noun>[a-z]+)", re.I), _count),
)  # fmt: skip
"""Question patterns, the first that fits counts."""
