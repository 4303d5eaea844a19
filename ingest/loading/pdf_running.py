"""Running headers and footers: lines at the edges of a PDF's pages that stand on nearly every one of them.

Page numbers are compared as numbers: a line counts as the same on the next page where a number in it has grown by one.
What is not certain stays: a title on the first page, the heading that a section begins with, the header of a table that
goes on over several pages (it stands as close to the rows as these stand to one another).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ingest.loading.cleaning import one_line
from ingest.loading.pdfium import LARGE_PICTURE, Line, PageText

Cut = tuple[tuple[int, int], ...]

LEAST_PAGES = 5
OUTER_LINES = 3
"""Lines at the beginning and at the end of a page's text that may be running ones."""

SHARE = 0.6
SHARE_OF_A_SIDE = 0.75
"""On how many pages with text, or of the left or the right ones, a line must stand."""

SHARE_NUMBERED = 0.5
"""The same for lines with the page's number, which can be nothing else."""

MARGIN = 0.12
"""Share of the page's height, above and below, in which a line without the page's number must stand."""

SAME_PLACE = 0.02
GAP = 0.5
"""Least distance to the text beside it, in heights of the line."""

WIDER = 1.2
"""How much wider that distance must be than the next one: the rows of a table stand at equal distances."""

FARTHEST_ROW = 3.0
"""Heights of a line from which on two lines are no neighbouring rows."""

NEAR_PAGES = 2
LONGEST_NUMBER = 6

_DIGITS = re.compile(r"\d+")
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")


@dataclass(frozen=True, slots=True)
class _Spot:
    """A line at an edge of a page: `numbers` are those in it, `key` is what it says beside them."""

    page: int
    line: Line
    key: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Running lines with the same words. `numbered` ones carry the page's number."""

    spots: list[_Spot]
    numbered: bool


def running_lines(pages: Sequence[PageText], headings: Mapping[int, Collection[str]]) -> list[Cut]:
    """For each page the ranges of raw characters, line ends included, that running headers and footers take.

    `headings` are the titles in the outline that lead to a page, by its index from 0: on that page they are kept.
    """
    with_text = [index for index, page in enumerate(pages) if page.rows]
    if len(with_text) < LEAST_PAGES:
        return [()] * len(pages)
    same: dict[str, list[_Spot]] = defaultdict(list)
    for index in with_text:
        for spot in _spots(index, pages[index]):
            same[spot.key].append(spot)
    titles = {index: {_bare(title) for title in found} for index, found in headings.items()}
    lines: dict[int, list[Line]] = defaultdict(list)
    for kind in _apart(pages, [kind for spots in same.values() if (kind := _running(spots, pages, with_text)).spots]):
        for spot in kind.spots:
            if spot.page != with_text[0] and _bare(spot.key) not in titles.get(spot.page, ()):
                lines[spot.page].append(spot.line)
    return [_ranges(page.raw, lines[index]) if _leaves(page, lines[index]) else () for index, page in enumerate(pages)]


def _spots(index: int, page: PageText) -> list[_Spot]:
    spots = []
    for line in page.edges:
        if min(line.row, page.rows - 1 - line.row) < OUTER_LINES:
            text = one_line(page.raw[line.start : line.end])
            spots.append(_Spot(index, line, _DIGITS.sub("#", text), tuple(_DIGITS.findall(text))))
    return [spot for spot in spots if spot.key]


def _running(spots: list[_Spot], pages: Sequence[PageText], with_text: list[int]) -> _Kind:
    """Those of the lines with the same words that are running lines, or none."""
    numbered = _numbered(spots)
    if len(numbered) > len(spots) / 2:
        found = [spot for spot in numbered if _in_margin(spot.line) or _outermost(spot, pages[spot.page])]
        return _Kind(found if _often(found, with_text, SHARE_NUMBERED) else [], numbered=True)
    usual = [Counter(numbers).most_common(1)[0][0] for numbers in zip(*(spot.numbers for spot in spots), strict=True)]
    place = median(spot.line.top for spot in spots)
    found = [
        spot
        for spot in spots
        if list(spot.numbers) == usual and _in_margin(spot.line) and abs(spot.line.top - place) < SAME_PLACE
    ]
    return _Kind(found if _often(found, with_text, SHARE) else [], numbered=False)


def _numbered(spots: list[_Spot]) -> list[_Spot]:
    """The lines in which a number grows with the pages: on some pages, one of them nearby, it has the same difference."""
    pages: dict[tuple[int, int], set[int]] = defaultdict(set)
    for spot in spots:
        for offset in _offsets(spot):
            pages[offset].add(spot.page)
    near = [distance for distance in range(-NEAR_PAGES, NEAR_PAGES + 1) if distance]
    return [
        spot
        for spot in spots
        if any(
            len(pages[offset]) >= LEAST_PAGES - 1 and any(spot.page + distance in pages[offset] for distance in near)
            for offset in _offsets(spot)
        )
    ]


def _offsets(spot: _Spot) -> list[tuple[int, int]]:
    """For each number in a line its place among them, and how far it is ahead of the page's own."""
    return [
        (place, int(number) - spot.page)
        for place, number in enumerate(spot.numbers)
        if len(number) <= LONGEST_NUMBER and number.isascii()
    ]


def _often(spots: list[_Spot], with_text: list[int], share: float) -> bool:
    found = {spot.page for spot in spots}
    if len(found) >= max(share * len(with_text), LEAST_PAGES - 1):
        return True
    sides = ([index for index in with_text if index % 2 == side] for side in (0, 1))
    return any(
        len(side) >= LEAST_PAGES and len(found.intersection(side)) >= SHARE_OF_A_SIDE * len(side) for side in sides
    )


def _in_margin(line: Line) -> bool:
    return line.top < MARGIN or line.bottom > 1 - MARGIN


def _outermost(spot: _Spot, page: PageText) -> bool:
    return spot.line.row in (0, page.rows - 1)


def _apart(pages: Sequence[PageText], kinds: list[_Kind]) -> list[_Kind]:
    """Those that stand apart from the text beside them; a line with the page's number may stand close to it."""
    while True:
        taken = {(spot.page, spot.line.row) for kind in kinds for spot in kind.spots}
        apart = [kind for kind in kinds if kind.numbered or _stands_apart(kind, pages, taken)]
        if len(apart) == len(kinds):
            return kinds
        kinds = apart


def _stands_apart(kind: _Kind, pages: Sequence[PageText], taken: set[tuple[int, int]]) -> bool:
    gaps = [_gaps(spot, pages[spot.page], taken) for spot in kind.spots]
    beside, beyond = (median(values) for values in zip(*gaps, strict=True))
    return bool(beside >= max(GAP, WIDER * beyond if beyond < FARTHEST_ROW else 0))


def _gaps(spot: _Spot, page: PageText, taken: set[tuple[int, int]]) -> tuple[float, float]:
    """Distance to the next line inwards that is no running line, and from that to the next, in heights of the line."""
    inwards = 1 if spot.line.row < page.rows / 2 else -1
    rows = {line.row: line for line in page.edges}
    row = spot.line.row + inwards
    while row in rows and (spot.page, row) in taken:
        row += inwards
    return _distance(spot.line, rows.get(row), far=float("inf")), _distance(rows.get(row), rows.get(row + inwards))


def _distance(one: Line | None, other: Line | None, far: float = 0.0) -> float:
    if one is None or other is None:
        return far
    return max(other.top - one.bottom, one.top - other.bottom) / max(one.bottom - one.top, 0.001)


def _leaves(page: PageText, lines: list[Line]) -> bool:
    """Whether there is anything else on the page: if not, it may be what the page is about."""
    return len(lines) < page.rows or page.picture >= LARGE_PICTURE


def _bare(title: str) -> str:
    """A title without case and without what numbers it."""
    return _AROUND.sub("", title).casefold()


def _ranges(raw: str, lines: list[Line]) -> Cut:
    ranges: list[tuple[int, int]] = []
    for line in sorted(lines, key=lambda line: line.row):
        end = line.end + 2 if raw.startswith("\r\n", line.end) else min(line.end + 1, len(raw))
        if ranges and ranges[-1][1] == line.start:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((line.start, end))
    if ranges and not raw[ranges[-1][1] :].strip():
        ranges[-1] = (len(raw[: ranges[-1][0]].rstrip()), len(raw))
    return tuple(ranges)
