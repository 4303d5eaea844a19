"""The rows of a worksheet, read one at a time: what each cell shows, whatever size the sheet claims to have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ingest.loading.grids import Row
from ingest.loading.number_formats import GENERAL, code_of, general, shown
from ingest.loading.ooxml import Package, forget
from ingest.loading.paging import TextBudget

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_CELL, _ROW = f"{S}c", f"{S}row"
_VALUE, _FORMULA, _INLINE, _PHONETIC = f"{S}v", f"{S}f", f"{S}is", f"{S}rPh"

MOST_MERGED = 50_000
"""Merged ranges that are looked at in one sheet."""

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TRUTH = {"1": "TRUE", "0": "FALSE"}
_ISO_MIDNIGHT = re.compile(r"T00:00:00(\.0+)?Z?$")


@dataclass(slots=True)
class Book:
    """What all sheets share: texts, formats, the first day; and what was found that the reader must know."""

    package: Package
    budget: TextBudget
    texts: list[str]
    formats: list[str]
    from_1904: bool = False
    unreadable: int = 0
    without_result: int = 0

    def rows(self, path: str) -> Iterator[tuple[int, Row]]:
        """Rows that hold something, with their numbers. A cell merged downwards is repeated, so that a row can be read alone."""
        merged = _Merged(self._ranges(path))
        cells: dict[int, str] = {}
        number, column = 0, 0
        for _, element in self.package.events(path, (_CELL, _ROW)):
            if element.tag == _CELL:
                column = _column(element.get("r")) or column + 1
                if text := self._text(element):
                    cells[column] = self.budget.spend(text)
            else:
                number, column = _number(element.get("r"), number + 1), 0
                if cells:
                    yield number, merged.filled(number, cells)
                    cells = {}
            forget(element)

    def _ranges(self, path: str) -> dict[tuple[int, int], int]:
        """The last row of each range that is merged downwards, by its first cell `(row, column)`: listed behind the cells."""
        found: dict[tuple[int, int], int] = {}
        for first, top, bottom in islice(self.package.search(path, _MERGED), MOST_MERGED):
            if int(top) < int(bottom):
                found[int(top), _letters(first.decode())] = int(bottom)
        return found

    def _text(self, cell: Any) -> str:
        kind = cell.get("t") or "n"
        if kind == "inlineStr":
            inline = cell.find(_INLINE)
            return "" if inline is None else rich_text(inline)
        value: str | None = cell.findtext(_VALUE)
        if value is None:
            self.without_result += cell.find(_FORMULA) is not None
            return ""
        if kind == "n":
            return self._number(value, cell.get("s"))
        if kind == "s":
            return self._shared(value)
        if kind == "b":
            return _TRUTH.get(value, value)
        return _ISO_MIDNIGHT.sub("", value) if kind == "d" else unescaped(value)

    def _shared(self, value: str) -> str:
        place = _number(value, -1)
        if 0 <= place < len(self.texts):
            return self.texts[place]
        self.unreadable += 1
        return ""

    def _number(self, value: str, style: str | None) -> str:
        place = _number(style, 0)
        code = self.formats[place] if 0 <= place < len(self.formats) else GENERAL
        try:
            number = float(value)
            return general(number) if code == GENERAL else shown(number, code, from_1904=self.from_1904)
        except (ValueError, OverflowError):
            return value


@dataclass(slots=True)
class _Merged:
    """Carries the text of a merged cell down the rows it covers."""

    last_row: dict[tuple[int, int], int]
    open: dict[int, tuple[int, str]] = field(default_factory=dict)

    def filled(self, number: int, cells: dict[int, str]) -> dict[int, str]:
        """The cells of a row with those merged into it from above."""
        if not self.last_row:
            return cells
        for column, (last, text) in list(self.open.items()):
            if number > last:
                del self.open[column]
            else:
                cells.setdefault(column, text)
        for column, text in cells.items():
            if until := self.last_row.get((number, column)):
                self.open[column] = (until, text)
        return cells


def shared_texts(package: Package, path: str, budget: TextBudget) -> list[str]:
    """The texts that cells point to by number."""
    texts = []
    for _, element in package.events(path, (f"{S}si",)):
        texts.append(budget.spend(rich_text(element)))
        forget(element)
    return texts


def formats_of(styles: Any | None) -> list[str]:
    """The number format of each cell style."""
    if styles is None:
        return []
    own = {_number(each.get("numFmtId"), -1): each.get("formatCode") or "" for each in styles.iter(f"{S}numFmt")}
    return [code_of(_number(each.get("numFmtId"), 0), own) for each in styles.iterfind(f"{S}cellXfs/{S}xf")]


def rich_text(element: Any) -> str:
    """The text of a string in pieces, without the pronunciation that Japanese files add."""
    pieces = (text for text in element.iter(f"{S}t") if not any(up.tag == _PHONETIC for up in text.iterancestors()))
    return unescaped("".join(piece.text or "" for piece in pieces))


def unescaped(text: str) -> str:
    """Characters that XML cannot hold are written `_x000D_`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _column(reference: str | None) -> int:
    found = _REFERENCE.fullmatch(reference) if reference else None
    return _letters(found[1]) if found else 0


def _letters(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise
