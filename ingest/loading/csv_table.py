"""CSV and TSV: what a table program would show, as Markdown rows under their header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from ingest.loading.cleaning import clean
from ingest.loading.grids import Row, text_of
from ingest.loading.limits import Limits
from ingest.loading.paging import TextBudget
from ingest.loading.parsed import Parsed
from ingest.loading.sections import title_from
from ingest.loading.text import decode
from rag.types import Document

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 200
"""Rows that are looked at to find the delimiter."""

AGREEING = 0.7
"""Share of the rows that have as many cells as most have, for it to be a table."""

MOST_COLUMNS = 16_384
"""As many as Excel has."""

LONGEST_CELL = 32_767
"""As long as Excel allows. A longer one began with a quote that is never closed, and swallows the rows behind it."""

_DECLARED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_ENDS = re.compile(r"\r\n?")


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """Read a table of separated values. What is none, whatever its name says, is read as plain text."""
    text, warnings = decode(name, data)
    text = _ENDS.sub("\n", text.replace("\x00", ""))
    declared = _DECLARED.match(text)
    body = text[declared.end() :] if declared else text
    delimiter = declared[1] if declared else _delimiter(body)
    read = _table(name, body, delimiter, limits) if delimiter else None
    return Parsed(
        Document(title=title_from(name), text=clean(text) if read is None else read, parser="", warnings=warnings)
    )


def _table(name: str, body: str, delimiter: str, limits: Limits) -> str | None:
    """The table as text, or nothing where its rows and quotes are not those of one."""
    budget = TextBudget(name, limits)
    try:
        return "\n\n".join(budget.spend(block) for block in text_of(_cells(body, delimiter)) if block)
    except csv.Error:
        return None


def _cells(body: str, delimiter: str) -> Iterator[tuple[int, Row]]:
    for number, row in enumerate(_rows(body, delimiter), 1):
        if len(row) > MOST_COLUMNS or max(map(len, row), default=0) > LONGEST_CELL:
            raise csv.Error
        yield number, {column: cell.strip() for column, cell in enumerate(row)}


def _rows(body: str, delimiter: str) -> Iterator[list[str]]:
    """Rows as Python's reader sees them: a quoted cell may go over several lines."""
    csv.field_size_limit(max(len(body), 1))
    return csv.reader(body.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=delimiter != "\t")


def _delimiter(body: str) -> str:
    """What separates the cells: with it, most rows have the same number of cells; nothing where no character does."""
    found = [(_agreement(body, each), each) for each in DELIMITERS if each in body]
    (agreement, _), best = max(found, default=((0.0, 0), ""), key=lambda each: each[0])
    return best if agreement >= AGREEING else ""


def _agreement(body: str, delimiter: str) -> tuple[float, int]:
    """The share of rows that have as many cells as most of them, and that number; none for rows of one cell."""
    try:
        counts = Counter(len(row) for row in islice(_rows(body, delimiter), SAMPLE_ROWS) if any(row))
    except csv.Error:
        return 0.0, 0
    many = [(count, cells) for cells, count in counts.items() if cells > 1]
    if not many:
        return 0.0, 0
    most, cells = max(many)
    return most / counts.total(), cells
