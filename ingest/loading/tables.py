"""Tables as Markdown rows, the header repeated often enough that every chunk of a long table can be read alone.

Chunks are cut later, at paragraphs first and then at rows (`ingest/chunking.py`). So a long table is written as several
little ones, each with the header and small enough for a chunk of the usual size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

BLOCK_TOKENS = 170
"""How much of a table stands under one header, as `weight` counts: what a chunk of 256 tokens holds, with room to spare."""

_TOKEN = re.compile(r"\d{1,3}|[^\W\d]{1,7}|[^\w\s]")
"""About what the tokenizer of an embedder makes of a table: numbers fall into many pieces."""


def markdown_table(rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> str:
    r"""The rows under the header, as wide as it or as the widest row; with no header, rows alone.

    Cells are plain text: white space becomes single blanks, `|` is written `\|`. Rows without any text are left out.
    """
    lines = [[cell_text(cell) for cell in row] for row in rows]
    lines = [line for line in lines if any(line)]
    heads = [cell_text(cell) for cell in header]
    if not any(heads):
        return "\n\n".join(_blocks([], lines, max(map(len, lines), default=0)))
    width = max(len(heads), *map(len, lines), 0) if lines else len(heads)
    return "\n\n".join(_blocks([_line(heads, width), "|" + " --- |" * width], lines, width))


def _blocks(head: list[str], rows: list[list[str]], width: int) -> Iterator[str]:
    """Little tables: the header may take half of one, never more, however wide it is."""
    block, size = list(head), 0
    room = max(BLOCK_TOKENS - sum(map(weight, head)), BLOCK_TOKENS // 2, sum(map(weight, head)))
    for row in rows:
        line = _line(row, width)
        added = weight(line)
        if size and size + added > room:
            yield "\n".join(block)
            block, size = list(head), 0
        block.append(line)
        size += added
    if block:
        yield "\n".join(block)


def cell_text(cell: str) -> str:
    """A cell on one line; what would end it is escaped."""
    return " ".join(cell.split()).replace("|", "\\|")


def weight(line: str) -> int:
    """About how many tokens a line of a table has."""
    return sum(1 for _ in _TOKEN.finditer(line))


def _line(cells: list[str], width: int) -> str:
    return f"| {' | '.join(cells + [''] * (width - len(cells)))} |"
