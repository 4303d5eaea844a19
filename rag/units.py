"""Units, scales and currencies as they are written, and the words that make a number a limit. Tables, no logic."""

from __future__ import annotations

import re
from typing import Literal

Bound = Literal["", "least", "most"]

SCALES = {
    "thousand": 1e3, "thousands": 1e3, "k": 1e3, "million": 1e6, "millions": 1e6, "mn": 1e6, "mio": 1e6, "m": 1e6, "mm": 1e6, "billion": 1e9,
    "billions": 1e9, "bn": 1e9, "b": 1e9, "trillion": 1e12, "tn": 1e12, "lakh": 1e5, "crore": 1e7, "hundred": 1e2, "dozen": 12.0,
}  # fmt: skip
CURRENCIES = {
    "$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR",
    "£": "GBP", "gbp": "GBP", "pound": "GBP", "pounds": "GBP", "¥": "JPY", "yen": "JPY", "chf": "CHF", "cents": "cent", "cent": "cent",
    "₹": "INR", "inr": "INR", "rupees": "INR",
}  # fmt: skip
UNITS: dict[str, tuple[str, float]] = {
    word: (unit, factor)
    for unit, factor, words in (
        ("%", 1, "% percent pct percentage"), ("bp", 1, "bp bps"),
        ("min", 1, "minute minutes min mins"), ("min", 60, "hour hours hr hrs h"), ("min", 1440, "day days night nights"),
        ("min", 10080, "week weeks"), ("second", 1, "seconds"), ("month", 1, "month months"), ("month", 12, "year years yr yrs"),
        ("month", 3, "quarters"), ("month", 120, "decades"), ("month", 1200, "century centuries"),
        ("m", 1000, "km kilometre kilometres kilometer kilometers"), ("m", 1, "m metre metres meter meters"),
        ("m", 0.01, "cm centimetre centimetres centimeter centimeters"), ("m", 0.001, "mm millimetre millimetres millimeter millimeters"),
        ("m", 1609.344, "mile miles mi"), ("foot", 1, "ft feet foot"), ("inch", 1, "inch inches"), ("acre", 1, "acre acres"),
        ("g", 1, "g gram grams"), ("g", 1000, "kg kilogram kilograms kilos"), ("g", 0.001, "mg milligram milligrams"),
        ("g", 1e6, "tonne tonnes"), ("lb", 1, "lb lbs"), ("l", 1, "l litre litres liter liters"), ("l", 0.001, "ml"),
        ("W", 1, "w watt watts"), ("W", 1e3, "kw kilowatts"), ("W", 1e6, "mw megawatts"), ("W", 1e9, "gw"), ("Wh", 1e3, "kwh"), ("Wh", 1e6, "mwh"),
        ("B", 1e6, "mb"), ("B", 1e9, "gb"), ("B", 1e12, "tb"), ("C", 1, "°c celsius"), ("F", 1, "°f fahrenheit"), ("V", 1, "volts v"),
        ("Hz", 1, "hz"), ("Hz", 1e6, "mhz"), ("Hz", 1e9, "ghz"),
    )
    for word in words.split()
}  # fmt: skip
_LEAST = r"at least|no(?:t)? (?:less|fewer|earlier) than|minimum(?: of)?|more than|over|exceed(?:s|ing)?|above|greater than|longer than|not before|after|since"
_MOST = (r"at most|up to|no(?:t)? (?:more|later|longer) than|no longer than|not exceed(?:ing)?|maximum(?: of)?|less than|fewer than|under|below|within"
         r"|by no more than|before|until|not after|no later than|limited to")  # fmt: skip
_BOUND = re.compile(rf"\b(?:(?P<most>{_MOST})|(?P<least>{_LEAST}))\s+(?:the\s+|a\s+total\s+of\s+|of\s+)?$", re.I)


def bound_before(text: str, start: int) -> Bound:
    """Whether the words before a number or date make it a least or a most: `at least`, `up to`, `before`."""
    match = _BOUND.search(text[max(0, start - 40) : start])
    if match is None:
        return ""
    return "most" if match.group("most") else "least"
