"""A number of a spreadsheet as its cell shows it: dates as ISO dates, decimals, thousands, per cent, currency."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

GENERAL = "General"
MOST_DECIMALS = 30
"""As many as Excel shows."""

LONGEST_CODE = 255
"""As long as Excel allows."""

_CONTEXT = Context(prec=400, rounding=ROUND_HALF_UP)
_PIECE = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]|(?P<aside>\[[^\]]*\]|[_*].)'
    r"|(?P<digits>[#0?][#0?,.]*|\.[#0?]+)|(?P<general>General)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_SECTION_END = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)\]")
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
    "=": lambda value, limit: value == limit,
    "<>": lambda value, limit: value != limit,
}
_TIME = re.compile(r"[hs]|AM/PM", re.IGNORECASE)
_DAY = re.compile(r"[dy]", re.IGNORECASE)
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|[_*].')


def code_of(number: int, own: dict[int, str]) -> str:
    """The code of a number format: the workbook's own, else one of those that every Excel knows."""
    code = own.get(number) or BUILTIN_FORMATS.get(number) or GENERAL
    return code if len(code) <= LONGEST_CODE else GENERAL


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """The value as a cell of this format shows it; where the format is beyond us, the value itself."""
    if _is_date(code):
        return _moment(value, code, from_1904=from_1904)
    section = _section_for(value, code)
    if section is None or not section.is_simple:
        return general(value)
    return section.written(value)


def general(value: float) -> str:
    """A number without a format: at most 15 digits, as Excel computes, so that 0.1 + 0.2 is 0.3."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def _moment(value: float, code: str, *, from_1904: bool) -> str:
    if is_timedelta_format(code):
        seconds = round(abs(value) * 86400)
        return f"{'-' if value < 0 else ''}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    try:
        moment = from_excel(value, MAC_EPOCH if from_1904 else WINDOWS_EPOCH)
    except (OverflowError, ValueError):
        return general(value)  # Excel shows ####
    return iso(moment, code)


def iso(moment: datetime | date | time | timedelta, code: str = "") -> str:
    """A date or a time in ISO form: the day, the time, or both, as far as the format shows them."""
    plain = _LITERAL.sub("", code)
    if isinstance(moment, datetime):
        moment = (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
        if _TIME.search(plain) and not _DAY.search(plain):
            return _clock(moment.time())
        if moment.time() == time() or (plain and not _TIME.search(plain)):
            return moment.date().isoformat()
        return f"{moment.date().isoformat()} {_clock(moment.time())}"
    return _clock(moment) if isinstance(moment, time) else str(moment)


def _clock(moment: time) -> str:
    return moment.isoformat("seconds" if moment.second else "minutes")


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the up to four parts of a format: for positive numbers, negative ones, zero and text."""

    before: str
    digits: str
    after: str
    scale: int
    has_general: bool
    is_simple: bool
    keeps_sign: bool = True

    def written(self, value: float) -> str:
        sign = "-" if value < 0 and self.keeps_sign else ""
        if self.has_general:
            return f"{sign}{self.before}{general(abs(value))}{self.after}"
        if not self.digits:
            return f"{self.before}{self.after}".strip() or general(value)
        number = _digits(Decimal(f"{abs(value):.15g}").scaleb(self.scale, _CONTEXT), self.digits)
        return f"{sign}{self.before}{number}{self.after}".strip() or "0"


def _section_for(value: float, code: str) -> _Section | None:
    sections = _sections(code)
    for compare, limit, section in sections:
        if _COMPARED[compare](value, limit):
            return section
    return None


@lru_cache(1024)
def _is_date(code: str) -> bool:
    return bool(is_date_format(code))


@lru_cache(1024)
def _sections(code: str) -> tuple[tuple[str, float, _Section], ...]:
    """The sections of a format, each with the condition under which it counts."""
    texts = _SECTION_END.split(code)[:3] if code.strip(";") else []
    signs = [(">", 0.0), ("<", 0.0), ("=", 0.0)] if len(texts) > 2 else [(">=", 0.0), ("<", 0.0)]
    found = []
    for number, text in enumerate(texts):
        condition = _CONDITION.search(text)
        compare, limit = (condition[1], float(condition[2])) if condition else signs[min(number, len(signs) - 1)]
        if not condition and (len(texts) == 1 or any(_CONDITION.search(other) for other in texts)):
            compare, limit = "<>", float("inf")  # what no condition takes
        found.append((compare, limit, _parsed(text, keeps_sign=(compare, limit) != ("<", 0.0))))
    return tuple(found)


def _parsed(text: str, *, keeps_sign: bool) -> _Section:
    before: list[str] = []
    after: list[str] = []
    digits, scale, has_general, is_simple = "", 0, False, True
    for piece in _PIECE.finditer(text):
        literal = piece["quoted"] or piece["escaped"] or piece["currency"] or piece["other"] or ""
        if piece["digits"]:
            is_simple = is_simple and not digits  # telephone numbers, fractions
            digits = piece["digits"]
        elif piece["general"]:
            has_general = True
        elif literal:
            scale += 2 if piece["other"] == "%" else 0
            is_simple = is_simple and piece["other"] not in ("E", "e", "/", "@")
            (after if digits or has_general else before).append(literal)
    scale -= 3 * (len(digits) - len(digits.rstrip(",")))
    return _Section("".join(before), digits.rstrip(","), "".join(after), scale, has_general, is_simple, keeps_sign)


def _digits(number: Decimal, pattern: str) -> str:
    """Digits by a pattern as `#,##0.00#`; none for zero where the pattern asks for none."""
    whole, _, fraction = pattern.partition(".")
    decimals = min(len(fraction), MOST_DECIMALS)
    needed = len(fraction[:decimals].rstrip("#?"))
    rounded = number.quantize(Decimal(1).scaleb(-decimals), context=_CONTEXT)
    left, _, right = f"{rounded:f}".partition(".")
    while len(right) > needed and right.endswith("0"):
        right = right[:-1]
    least = whole.count("0")
    left = left.lstrip("0").rjust(least, "0")
    if "," in whole and left:
        left = f"{int(left):,}".rjust(least, "0")
    point = "." if right else ""
    return f"{left}{point}{right}"
