"""Recognised pieces of a page in the order in which people read them: columns from left to right, lines from the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEAST_PIECES = 4
"""Fewer pieces are no column."""

COLUMN_WIDTH = 8.0
"""Least typical width of a column's pieces, in heights of a line: narrower ones are cells of a table, read row by row."""

MOST_ACROSS = 0.25
"""Share of the pieces that may lie across the gap between two columns: headings, and lines under them."""

SAME_LINE = 0.5
"""Share of the lower one's height that two pieces must have in common to stand on one line."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of text, or a part of one, and where it is. Units do not matter; `top` is smaller than `bottom`."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """How high it is."""
        return self.bottom - self.top


def in_reading_order(pieces: Sequence[Piece]) -> str:
    """The text, a line for each line of a column; parts of a line are separated by a blank."""
    if not pieces:
        return ""
    gap = _gap(pieces)
    if gap is None:
        return "\n".join(" ".join(piece.text for piece in line) for line in _lines(pieces))
    return "\n".join(in_reading_order(part) for part in _parts(pieces, gap))


def _gap(pieces: Sequence[Piece]) -> float | None:
    """Where the page falls into two columns of running text, if it does."""
    if len(pieces) < 2 * LEAST_PIECES:
        return None
    height = median(piece.height for piece in pieces)
    places = sorted({piece.right for piece in pieces})
    best: tuple[int, float] | None = None
    for place in (right + height / 4 for right in places):
        across = sum(piece.left < place < piece.right for piece in pieces)
        sides = [piece for piece in pieces if piece.right <= place], [piece for piece in pieces if piece.left >= place]
        if across <= MOST_ACROSS * len(pieces) and all(_is_column(side, height) for side in sides):
            best = min(best or (across, place), (across, place))
    return best[1] if best else None


def _is_column(pieces: Sequence[Piece], height: float) -> bool:
    return len(pieces) >= LEAST_PIECES and median(piece.right - piece.left for piece in pieces) >= COLUMN_WIDTH * height


def _parts(pieces: Sequence[Piece], gap: float) -> list[list[Piece]]:
    """What lies across the gap, and between two of these the left column, then the right one."""
    parts: list[list[Piece]] = []
    left: list[Piece] = []
    right: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.top):
        if piece.left < gap < piece.right:
            parts += (left, right, [piece])
            left, right = [], []
        elif piece.right <= gap:
            left.append(piece)
        else:
            right.append(piece)
    return [part for part in (*parts, left, right) if part]


def _lines(pieces: Sequence[Piece]) -> list[list[Piece]]:
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.top + piece.bottom):
        if lines and _beside(lines[-1][-1], piece):
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return [sorted(line, key=lambda piece: piece.left) for line in lines]


def _beside(one: Piece, other: Piece) -> bool:
    level = min(one.bottom, other.bottom) - max(one.top, other.top)
    return level > SAME_LINE * min(one.height, other.height)
