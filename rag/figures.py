"""Reads the numbers and times of a text: digits, words, currencies, units, scales, ranges, limits. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.dates import Date, find_dates
from rag.quantities import Quantity
from rag.units import CURRENCIES, SCALES, UNITS, bound_before

_TIME = re.compile(
    r"(?<![\d.:])(?P<h>\d{1,2})(?:[:.](?P<min>\d{2}))?\s*(?P<ap>[ap]\.?m\b\.?|o['’]clock)|(?<![\d.:])(?P<h2>\d{1,2}):(?P<min2>\d{2})(?![\d:])"
    r"|\b(?P<word>noon|midday|midnight)\b",
    re.I,
)
_ADJECTIVES = r"(?:(?:working|business|calendar|full|consecutive|unused|paid|unpaid|additional|more|further|extra|whole|successive|or more|square|light)\s+)?"
_NUMBER = re.compile(
    r"(?:(?P<cur>US\$|[$€£¥₹]|\b(?:USD|EUR|GBP|CHF|JPY|INR)\b)\s{0,3})?(?P<sign>(?<![\w)])[-−](?=\d))?(?P<paren>\((?=[\d,.]+\)))?(?P<pre>[$€£])?"
    r"(?<!\d\.)(?<!\d)(?P<num>\d{1,3}(?:[,’' ]\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}|\d+(?:[.,]\d+)?|(?<!\d)\.\d+)"
    r"(?P<ord>st\b|nd\b|rd\b|th\b)?(?(paren)\)|)"
    r"(?:[\s-]*(?P<scale>thousands?|millions?|billions?|trillion|hundred|dozen|lakh|crore|mio|mn|bn|tn)\b|(?P<short>k|m|mm|b)\b(?![³²])|)"
    rf"(?:\s*-?\s*{_ADJECTIVES}(?P<unit>%|percent(?:age)?\b|per\s+cent\b|pct\b|US\s+dollars?\b|°\s?[CF]\b|[€$£]|[A-Za-z]+\b)['’]?|)",
    re.I,
)
_SMALL = {
    w: i
    for i, w in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    w: i * 10 for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_ORDINALS = {w: i for i, w in enumerate(
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"], 1)}  # fmt: skip
_FRACTIONS = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "thirds": 3,
    "quarter": 4,
    "quarters": 4,
    "fifth": 5,
    "fifths": 5,
    "tenth": 10,
    "tenths": 10,
}
_NUMBER_WORD = "|".join([*_SMALL, *_TENS])
_WORDS = re.compile(
    rf"\b(?:(?P<frac>one|two|three|a)[\s-]+(?P<part>halves|half|thirds?|quarters?|fifths?|tenths?)\b(?!-)"
    rf"|(?P<run>(?:{_NUMBER_WORD})(?:[\s-]+(?:and\s+)?(?:{_NUMBER_WORD}|hundred|thousand|million|billion))*)"
    rf"|(?P<many>a\s+(?:hundred|dozen|thousand|million))|(?P<nth>{'|'.join(_ORDINALS)})(?!-hand))\b"
    rf"(?:[\s-]+(?:\(\d+\)\s+)?{_ADJECTIVES}(?P<unit>percent\b|per\s+cent\b|[A-Za-z]+\b)|)",
    re.I,
)
_HEDGE = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.?|roughly|nearly|almost|circa|ca\.?|some|over|more than|just (?:over|under))|~|≈)\s*[$€£]?$",
    re.I,
)


def find_quantities(text: str, dates: Sequence[Date] | None = None) -> list[Quantity]:
    """The numbers and times of a text, in order, without those that are part of a date."""
    taken = [(d.start, d.end) for d in (find_dates(text) if dates is None else dates)]
    found: list[Quantity] = []
    for finder in (_times, _quarters, _figures, _number_words):
        for quantity in finder(text):
            core = quantity.start, quantity.start + max(1, len(quantity.text))
            if not any(core[0] < end and start < core[1] for start, end in taken):
                found.append(quantity)
                taken.append(core)
    found.sort(key=lambda q: q.start)
    return _share_units(text, found)


def _times(text: str) -> Iterator[Quantity]:
    for match in _TIME.finditer(text):
        if match.group("word"):
            minutes = 0 if match.group("word").lower() == "midnight" else 720
        else:
            hour, minute = (
                int(match.group("h") or match.group("h2")),
                int(match.group("min") or match.group("min2") or 0),
            )
            half = (match.group("ap") or "")[:1].lower()
            if hour > 24 or minute > 59:
                continue
            minutes = (
                (hour % 12 + (12 if half == "p" else 0)) * 60 + minute if half in ("a", "p") else hour * 60 + minute
            )
        yield Quantity(
            float(minutes), "clock", match.start(), match.end(), match.group(), bound=bound_before(text, match.start())
        )


def _quarters(text: str) -> Iterator[Quantity]:
    for match in re.finditer(r"\bQ([1-4])\b", text):
        yield Quantity(float(match.group(1)), "ordinal", match.start(), match.end(), match.group())


def _figures(text: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        start = match.start("num")
        glued = text[start - 1 : start]
        if (glued.isalpha() or glued == "_") and not match.group("cur") and not match.group("pre"):
            continue
        written = match.group("num")
        end = match.end("num")
        if re.match(r"\.\d|[A-Za-z]{1,3}\d|-[A-Z]\b", text[end:]) and not match.group("scale"):
            continue  # 4.2.1, 3D4 or 10-K: a name, not a number
        value, step = _value(written)
        scale = SCALES[match.group("scale").lower()] if match.group("scale") else 1.0
        currency = match.group("cur") or match.group("pre")
        unit, factor = _unit(match.group("unit"))
        if match.group("short"):
            short = match.group("short").lower()
            if currency or short == "k":
                scale = SCALES[short]
            elif not unit:
                unit, factor = UNITS.get(short, ("", 1.0))
        if currency and (match.group("unit") or "").lower() in ("m", "k", "b") and scale == 1.0:
            scale = SCALES[match.group("unit").lower()]
        if currency:
            unit, factor = CURRENCIES[currency.lower()], 1.0
        if match.group("ord"):
            unit, factor = "ordinal", 1.0
        negative = bool(match.group("sign")) or (bool(match.group("paren")) and "," in written)
        size = value * scale * factor
        head = match.start("cur") if match.group("cur") else start
        yield Quantity(-size if negative else size, unit, start, end, written, step * scale * factor, scale, bound_before(text, head),
                       bool(_HEDGE.search(text[max(0, head - 20) : head])))  # fmt: skip


def _value(written: str) -> tuple[float, float]:
    """The value of a written figure, and the worth of its last digit. `4,5` is a decimal comma, `1,234` is not."""
    digits = re.sub(r"(?<=\d)[,’' ](?=\d{3}(?:\D|$))", "", written)
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", digits):
        digits = digits.replace(".", "")
    digits = digits.replace(",", ".")
    decimals = len(digits.partition(".")[2])
    return float(digits), 10.0**-decimals


def _unit(word: str | None) -> tuple[str, float]:
    low = re.sub(r"\s+", " ", (word or "").lower())
    if low in ("per cent", "percentage"):
        return "%", 1.0
    if low.startswith("us dollar"):
        return "USD", 1.0
    if low in CURRENCIES:
        return CURRENCIES[low], 1.0
    if word in ("V", "W", "C", "F") or len(low) > 1 or low in ("%", "g", "l", "h", "m"):
        return UNITS.get(low.replace(" ", ""), ("", 1.0))
    return "", 1.0


def _number_word_matches(text: str) -> Iterator[re.Match[str]]:
    """The matches of `_WORDS`; after an ordinal the search goes on behind it, for `the first six months` has a six too."""
    match = _WORDS.search(text)
    while match:
        yield match
        match = _WORDS.search(text, match.end("nth") if match.group("nth") else max(match.end(), match.start() + 1))


def _number_words(text: str) -> Iterator[Quantity]:
    for match in _number_word_matches(text):
        unit, factor = _unit(match.group("unit"))
        written = match.group("frac") and match.group()[: match.end("part") - match.start()]
        if match.group("nth"):
            nth = match.group("nth")
            if re.match(r"\s*,", text[match.end("nth") :]) or (
                nth.lower() == "second" and re.search(r"\bper\s+$", text[: match.start()])
            ):
                continue
            value, unit, factor, written = float(_ORDINALS[nth.lower()]), "ordinal", 1.0, nth
        elif match.group("frac"):
            top = {"a": 1, "one": 1, "two": 2, "three": 3}[match.group("frac").lower()]
            value, unit, factor = top / _FRACTIONS[match.group("part").lower()], "", 1.0
        else:
            written = match.group("run") or match.group("many")
            parts = [w for w in re.split(r"[\s-]+", written.lower()) if w not in ("and", "a")]
            if parts == ["one"] and not unit:
                continue
            value = _read(parts)
        yield Quantity(value * factor, unit, match.start(), match.start() + len(written or ""), written or "", factor, 1.0, bound_before(text, match.start()),
                       bool(_HEDGE.search(text[max(0, match.start() - 20) : match.start()])))  # fmt: skip


def _read(words: Sequence[str]) -> float:
    total, current = 0.0, 0.0
    for word in words:
        if word in _SMALL:
            current += _SMALL[word]
        elif word in _TENS:
            current += _TENS[word]
        elif word in ("hundred", "dozen"):
            current = (current or 1) * SCALES[word]
        else:
            total += (current or 1) * SCALES[word]
            current = 0.0
    return total + current


def _share_units(text: str, found: list[Quantity]) -> list[Quantity]:
    """`10 to 15 days`: the first number takes the unit and scale of the second."""
    shared = list(found)
    for i in range(len(shared) - 2, -1, -1):
        left, right = shared[i], shared[i + 1]
        between = text[left.end : right.start].strip(" $€£")
        if (
            not left.unit
            and right.unit not in ("", "clock", "ordinal")
            and re.fullmatch(r"[-–—]+|to|or|and|%\s*(?:to|-)", between)
        ):
            factor = right.step / (_value(right.text)[1] if right.text[:1].isdigit() else 1.0) / (right.scale or 1.0)
            scale = right.scale if left.scale == 1.0 else 1.0
            shared[i] = replace(
                left,
                unit=right.unit,
                value=left.value * factor * scale,
                step=left.step * factor * scale,
                scale=left.scale * scale,
            )
    return shared
