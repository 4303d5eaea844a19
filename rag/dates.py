"""Dates in a text, brought into one form: 1 March 2026, March 1, 2026, 01.03.2026 and 2026-03-01 are the same day. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.units import CURRENCIES, SCALES, UNITS, Bound, bound_before


@dataclass(frozen=True, slots=True)
class Date:
    """A date, perhaps in part: year, month and day or `None` for what is not said; two readings where 03/04 leaves a choice."""

    readings: tuple[tuple[int | None, int | None, int | None], ...]
    start: int
    end: int
    text: str
    bound: Bound = ""


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?)"
_YEAR = r"(?P<year>(?:1[0-9]|20)\d{2})(?!\d|[.,]\d|\s*%)"
_DATES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"(?<![\d.])(?P<year>\d{4})-(?P<m>\d{2})-(?P<day>\d{2})(?!\d)",
        r"(?<![\d.,])(?P<day>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<year>\d{4})(?!\d)",
        r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>\d{4}|\d{2})(?![\d/])",
        rf"(?<![\d.,])(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?(?:\s+of)?\s+{_MONTH}(?:\s*,?\s*{_YEAR})?",
        rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[.,:]\d|\s*%)(?:\s*,?\s*{_YEAR})?",
        rf"\b{_MONTH}\s*,?\s+(?:of\s+)?{_YEAR}",
        r"\b(?:FY|fiscal(?:\s+year)?)\s*['’]?(?P<year>\d{4}|\d{2})\b",
        rf"\b{_YEAR}\s*[/–-]+\s*(?P<year2>\d{{4}}|\d{{2}})(?![\d%])",
        rf"(?<![\d.,$€£/-])\b{_YEAR}\b",
    )
)
_BARE_MONTH = re.compile(rf"\b{_MONTH}", re.I)
_IN_MONTH = re.compile(
    r"\b(?:in|by|until|till|since|from|of|to|before|after|during|next|last|early|late|mid|and|through|every)[\s-]+$",
    re.I,
)


def find_dates(text: str) -> list[Date]:
    """The dates of a text, in order; a year alone (1000 to 2099 without a unit) is a date too."""
    taken: list[Date] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if not any(match.start() < d.end and d.start < match.end() for d in taken):
                taken += _date(text, match)
    for match in _BARE_MONTH.finditer(text):
        free = not any(match.start() < d.end and d.start < match.end() for d in taken)
        plain = match.group("month").lower() not in ("may", "march", "mar", "sep", "dec", "oct", "jan")
        if free and match.group()[0].isupper() and (plain or _IN_MONTH.search(text[: match.start()])):
            taken += _date(text, match)
    return sorted(taken, key=lambda d: d.start)


def _date(text: str, match: re.Match[str]) -> list[Date]:
    found = match.groupdict()
    options: list[tuple[int | None, int | None, int | None]]
    year = _full_year(found.get("year"))
    if found.get("a"):
        a, b = int(found["a"] or 0), int(found["b"] or 0)
        options = [(year, m, d) for m, d in {(a, b), (b, a)} if 1 <= m <= 12 and 1 <= d <= 31]
    elif found.get("year2"):
        second = found["year2"] or ""
        other = int(second) if len(second) == 4 else (year or 0) // 100 * 100 + int(second)
        if other <= (year or 0):
            return []
        return [Date(((y, None, None),), match.start(), match.end(), match.group()) for y in (year, other)]
    else:
        month = int(found["m"] or 0) if found.get("m") else _month(found.get("month"))
        day = int(found["day"] or 0) if found.get("day") else None
        if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
            return []
        options = [(year, month, day)]
        if options == [(year, None, None)] and _counts_something(text, match):
            return []
    if not options:
        return []
    return [
        Date(
            tuple(sorted(options, key=str)),
            match.start(),
            match.end(),
            match.group(),
            bound_before(text, match.start()),
        )
    ]


def _counts_something(text: str, match: re.Match[str]) -> bool:
    """Whether what looks like a year is a number with a unit or currency, as in `2000 euros` or `USD 1577`."""
    after = re.match(r"\s*-?\s*([A-Za-z]+)", text[match.end() :])
    before = re.search(r"([A-Za-z]+)\s*$", text[: match.start()])
    unit = after.group(1).lower() if after else ""
    counted = (unit in UNITS and len(unit) > 1) or unit in CURRENCIES or (unit in SCALES and len(unit) > 1)
    return counted or bool(before and before.group(1).lower() in CURRENCIES)


def _full_year(year: str | None) -> int | None:
    if not year:
        return None
    number = int(year)
    return number if len(year) == 4 else number + (1900 if number > 60 else 2000)


def _month(name: str | None) -> int | None:
    if not name:
        return None
    return next(i for i, month in enumerate(_MONTHS, 1) if month == name[:3].lower())


def same_date(claim: Date, evidence: Date) -> bool:
    """Whether the evidence says all that the claim says of the date; it may say more."""
    return any(
        all(c is None or c == e for c, e in zip(mine, theirs, strict=True))
        for mine in claim.readings
        for theirs in evidence.readings
    )
