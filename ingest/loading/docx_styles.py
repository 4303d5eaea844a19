"""What Word keeps beside a paragraph: the level of a heading, and the number that Word itself prints before it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

BULLET = "- "
DEEPEST_LEVEL = 8
"""Word's lists and outlines have nine levels, counted from 0."""

LONGEST_CHAIN = 20
"""Styles that rest on one another; more are a circle."""

MOST_ROMAN = 3999

_HEADING = re.compile(r"heading ([1-9])$", re.IGNORECASE)
_PLACE = re.compile(r"%([1-9])")
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
    (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


def value(element: Any, path: str) -> str:
    """The `w:val` of what is at `path` below the element (`pPr/pStyle`), or nothing."""
    found = element.find(_qualified(path))
    return "" if found is None else str(found.get(W + "val") or "")


@cache
def _qualified(path: str) -> str:
    return "/".join(W + part for part in path.split("/"))


def number(text: str, otherwise: int = 0) -> int:
    """A number that Word wrote, else another."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


class Styles:
    """The paragraph styles, each with what it inherits."""

    def __init__(self, root: Any | None) -> None:
        styles = [] if root is None else root.findall(W + "style")
        self._styles = {str(style.get(W + "styleId")): style for style in styles}

    def name(self, paragraph: Any) -> str:
        """The style's name in lower case. Names of built-in styles are English in every Word."""
        style = self._styles.get(value(paragraph, "pPr/pStyle"))
        return "" if style is None else value(style, "name").lower()

    def heading_level(self, paragraph: Any) -> int:
        """1 to 9, or 0 for what is no heading: by the style's name or by the outline level."""
        if heading := _HEADING.match(self.name(paragraph)):
            return int(heading[1])
        level = self.inherited(paragraph, "pPr/outlineLvl")
        return number(level) + 1 if level and number(level, 9) <= DEEPEST_LEVEL else 0

    def inherited(self, paragraph: Any, path: str) -> str:
        """A property of the paragraph, else of its style, else of the styles that one rests on."""
        element = paragraph
        for _ in range(LONGEST_CHAIN):
            if found := value(element, path):
                return found
            style = self._styles.get(value(element, "pPr/pStyle" if element is paragraph else "basedOn"))
            if style is None:
                break
            element = style
        return ""


@dataclass(slots=True)
class _List:
    """A list: the format, text and start of each level, and how far it has been counted."""

    levels: dict[int, tuple[str, str, int]]
    counts: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Counts as Word does, paragraph by paragraph in the order of the document."""

    def __init__(self, root: Any | None, styles: Styles) -> None:
        self._styles = styles
        self._lists: dict[str, _List] = {}
        if root is None:
            return
        abstract = {str(one.get(W + "abstractNumId")): one for one in root.findall(W + "abstractNum")}
        shared: dict[str, _List] = {}
        for num in root.findall(W + "num"):
            key = value(num, "abstractNumId")
            if key not in abstract:
                continue
            own = num.find(W + "lvlOverride") is not None  # counts for itself
            found = _levels(abstract[key])
            self._lists[str(num.get(W + "numId"))] = _List(found) if own else shared.setdefault(key, _List(found))

    def label(self, paragraph: Any) -> str:
        """`4.2 ` or `- ` or nothing: what stands before the paragraph's own text."""
        counted = self._lists.get(self._styles.inherited(paragraph, "pPr/numPr/numId"))
        if counted is None:
            return BULLET if self._styles.name(paragraph).startswith("list bullet") else ""
        level = min(number(self._styles.inherited(paragraph, "pPr/numPr/ilvl")), DEEPEST_LEVEL)
        form, text, start = counted.levels.get(level, ("bullet", "", 1))
        counted.counts[level] = counted.counts.get(level, start - 1) + 1
        counted.counts = {depth: count for depth, count in counted.counts.items() if depth <= level}
        if form == "bullet":
            return BULLET
        label = _PLACE.sub(lambda place: _part(counted, int(place[1]) - 1), text).strip()
        return f"{label} " if label and form != "none" else ""


def _levels(abstract: Any) -> dict[int, tuple[str, str, int]]:
    return {
        number(str(level.get(W + "ilvl"))): (
            value(level, "numFmt"),
            value(level, "lvlText"),
            number(value(level, "start"), 1),
        )
        for level in abstract.findall(W + "lvl")
    }


def _part(counted: _List, level: int) -> str:
    form, _, start = counted.levels.get(level, ("decimal", "", 1))
    return _written(counted.counts.get(level, start), form)


def _written(count: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter") and count > 0:
        letters = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 9)  # z is followed by aa, then bb
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and 0 < count <= MOST_ROMAN:
        roman = _roman(count)
        return roman.upper() if form == "upperRoman" else roman
    return f"{count:02}" if form == "decimalZero" else str(count)


def _roman(count: int) -> str:
    written = ""
    for size, letters in _ROMAN:
        times, count = divmod(count, size)
        written += letters * times
    return written
