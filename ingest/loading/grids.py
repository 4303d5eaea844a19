"""A sheet's or a CSV file's cells to text: what is a title stays a line, what is a table becomes Markdown with its header.

Rows come one after the other and are written in windows, so that a sheet of a million rows takes little memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from ingest.loading.cleaning import clean
from ingest.loading.tables import cell_text, markdown_table

Row = Mapping[int, str]
"""The cells of a row that hold something, by column."""

WINDOW_ROWS = 1000
"""Rows written at a time. A column that is empty in all of them is left out there."""

LOOK_AHEAD = 20
"""Rows that are looked at to tell a header from a row of words."""

SPARSE = 50
"""Where more than so many cells are empty for each that is not, a row is what it holds, without columns."""

MOST_HEADER = 120
"""Characters of the longest cell that a header has: what is longer is text."""

_VALUE = re.compile(
    r"[-+(]?\s*[^\w\s]{0,3}\s*\d[\d.,'’ ]*(e[-+]?\d+)?\s*[^\w\s]{0,3}\)?"  # a number, with a currency or per cent
    r"|[A-Z]{3}\s?[-+(]?\d[\d.,'’ ]*\)?|[-+(]?\d[\d.,'’ ]*\)?\s?(%|[A-Z]{3}|[kKmM])"
    r"|\d{1,4}[-./]\d{1,2}([-./]\d{1,4})?([T ]\d{1,2}:.*)?|\d{1,2}:\d{2}(:\d{2})?(\.\d+)?( ?[AaPp][Mm])?"
    r"|true|false|yes|no|n/a|#[A-Z/0!?]+|[-–—]+",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(FY ?)?(1[89]|20|21)\d{2}(/\d{2,4})?[AEF]?")


def text_of(rows: Iterable[tuple[int, Row]]) -> Iterator[str]:
    """The blocks of text that a grid makes, from its rows `(number, cells)` in order; each is to be a paragraph."""
    writer = _Writer()
    for window in _windows(rows):
        yield from writer.write(window)
    yield from writer.flush()


def _windows(rows: Iterable[tuple[int, Row]]) -> Iterator[list[Row]]:
    """Rows that follow one another without an empty one between, at most so many."""
    window: list[Row] = []
    before = 0
    for number, row in rows:
        filled = {column: text for column, text in row.items() if text and not text.isspace()}
        if window and (number > before + 1 or not filled or len(window) >= WINDOW_ROWS):
            yield window
            window = []
        if filled:
            window.append(filled)
            before = number
    if window:
        yield window


@dataclass(slots=True)
class _Writer:
    """Remembers the header: it counts for the rows below it, across empty rows and titles, until another one comes."""

    header: dict[int, str] = field(default_factory=dict)
    is_written: bool = True
    """Whether the header is in the text."""
    rows: list[Row] = field(default_factory=list)
    """Rows under the header that are not in the text yet."""
    goes_on: bool = False
    """Whether the window before was full, so that its table goes on in this one."""

    def write(self, window: list[Row]) -> Iterator[str]:
        """The blocks that are complete once this window is read."""
        rows = list(window)
        if not self.goes_on:
            yield from self._begin(rows)
        self.goes_on = len(window) >= WINDOW_ROWS
        self.rows += rows
        if not self.header or len(self.rows) >= WINDOW_ROWS:
            yield from self.flush()

    def flush(self) -> Iterator[str]:
        """What was held back: the rows under their header, or a header under which nothing stands."""
        if self.rows or not self.is_written:
            yield clean(self._table())
        self.rows, self.is_written = [], True

    def _begin(self, rows: list[Row]) -> Iterator[str]:
        """Take titles and a header from the top of a window."""
        titles = list(takewhile(lambda row: len(row) == 1 and not self._is_below(row), rows))
        del rows[: len(titles)]
        is_header = self._is_header(rows, after_title=bool(titles))
        if titles or is_header or not self._fits(rows):
            yield from self.flush()
        if titles:
            yield clean("\n".join(cell_text(text) for row in titles for text in row.values()))
        if is_header:
            self.header, self.is_written = dict(rows.pop(0)), False
            while self._is_more_header(rows):
                self.header = _joined(self.header, rows.pop(0))
        elif not self._fits(rows):
            self.header = {}

    def _table(self) -> str:
        columns = sorted(set(self.header).union(*self.rows))
        if len(columns) == 1:
            lines = [*self.header.values(), *(text for row in self.rows for text in row.values())]
            return "\n".join(map(cell_text, lines))
        if len(columns) * len(self.rows) > SPARSE * sum(map(len, self.rows)) + WINDOW_ROWS:
            return markdown_table([list(self.header.values()), *(list(row.values()) for row in self.rows)])
        cells = ([row.get(column, "") for column in columns] for row in self.rows)
        return markdown_table(cells, [self.header.get(column, "") for column in columns])

    def _is_below(self, row: Row) -> bool:
        """Whether a row with one cell is part of the table above: a value under its header."""
        return bool(self.header) and all(column in self.header and is_value(text) for column, text in row.items())

    def _fits(self, rows: list[Row]) -> bool:
        """Whether most cells stand in columns that the header names."""
        named = sum(column in self.header for row in rows for column in row)
        return 2 * named >= sum(map(len, rows))

    def _is_header(self, rows: list[Row], *, after_title: bool) -> bool:
        """Whether the first row names the columns: words over anything, or over values where a header counts already."""
        if not rows or len(rows[0]) < 2 or not _are_names(rows[0]):
            return False
        return not self.header or after_title or (rows[0] != self.header and _are_values(rows[1:]))

    def _is_more_header(self, rows: list[Row]) -> bool:
        """A further row of names over values: it names what the rows above group, or goes on with their names."""
        if len(rows) < 2 or not _are_names(rows[0]) or not _are_values(rows[1:]):
            return False
        return min(rows[0]) > min(self.header) or not set(rows[0]) <= set(self.header)


def is_value(text: str) -> bool:
    """Whether a cell holds a number, a date, a time, a truth or an error, and not words."""
    return len(text) < 40 and _VALUE.fullmatch(text.strip()) is not None


def _are_values(rows: list[Row]) -> bool:
    return any(is_value(text) for row in rows[:LOOK_AHEAD] for text in row.values())


def _are_names(row: Row) -> bool:
    named = [text for text in row.values() if not is_value(text) and len(text) <= MOST_HEADER]
    years = sum(_YEAR.fullmatch(text.strip()) is not None for text in row.values())
    return len(named) + years == len(row) and (bool(named) or years >= 2)


def _joined(upper: dict[int, str], lower: Row) -> dict[int, str]:
    """One header of two: a group's name goes before the names of the columns up to the next group."""
    group, joined = "", {}
    for column in sorted(set(upper) | set(lower)):
        group = upper.get(column, group)
        names = (group, lower.get(column, ""))
        joined[column] = group if names[0] == names[1] else " ".join(name for name in names if name)
    return joined
