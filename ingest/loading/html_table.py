"""A table of an HTML page: its cells, merged ones spread over what they cover, as Markdown rows under their header."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.loading.grids import text_of
from ingest.loading.tables import markdown_table

MOST_COLUMNS = 1000
MOST_HEADED = 50
MOST_CARRIED = 100_000
"""Cells that are repeated downwards in a table; a page may claim millions."""


@dataclass(slots=True)
class Table:
    """Takes the cells as they come."""

    caption: str = ""
    rows: list[dict[int, str]] = field(default_factory=list)
    heads: list[bool] = field(default_factory=list)
    """Of each row, whether all its cells are headings."""
    _spans: dict[int, tuple[str, int]] = field(default_factory=dict)
    """By column, what a merged cell above says and for how many more rows."""
    _carried: int = 0
    _column: int = 0

    def row(self) -> None:
        """A new row begins. What a cell above says of it is repeated, so that each row can be read alone."""
        carried = {column: text for column, (text, _) in self._spans.items()}
        self._spans = {column: (text, left - 1) for column, (text, left) in self._spans.items() if left > 1}
        self._carried += len(carried)
        if self._carried > MOST_CARRIED:
            self._spans.clear()
        self.rows.append(carried)
        self.heads.append(True)
        self._column = 0

    def cell(self, text: str, columns: str | None, rows: str | None, *, heads: bool) -> None:
        """Take a cell: its text, clean and on one line, and the numbers of columns and rows it claims to cover."""
        if not self.rows:
            self.row()
        row = self.rows[-1]
        while self._column in row:
            self._column += 1
        if self._column >= MOST_COLUMNS:
            row[MOST_COLUMNS - 1] = f"{row.get(MOST_COLUMNS - 1, '')} {text}"
            return
        row[self._column] = text
        if (below := _number(rows) - 1) > 0:
            self._spans[self._column] = (row[self._column], below)
        wide = _number(columns)
        if heads:  # what heads several columns is part of the header of each
            row.update(dict.fromkeys(range(self._column, self._column + min(wide, MOST_HEADED)), text))
        self._column += wide
        self.heads[-1] &= heads or not text

    def blocks(self) -> Iterator[str]:
        """The table as text: the rows that are headings above, or else the header that its first rows look like."""
        top = next((at for at, heads in enumerate(self.heads) if not heads), len(self.rows))
        columns = sorted({column for row in self.rows for column, text in row.items() if text})
        if not 0 < top < len(self.rows):
            yield from text_of(enumerate(self.rows, 1))
            return
        header = [" ".join(dict.fromkeys(row[each] for row in self.rows[:top] if row.get(each))) for each in columns]
        yield markdown_table(([row.get(each, "") for each in columns] for row in self.rows[top:]), header)


def _number(claimed: str | None) -> int:
    """A span: from 1, and not more than there can be."""
    return min(max(int(claimed), 1), MOST_COLUMNS) if claimed and claimed.isdecimal() and len(claimed) < 6 else 1
