"""Walking the tree of an HTML page, and what of it its reader does not read as text.

Everything here and in `html_text` takes one pass and no recursion: pages are nested by programs, some to crash readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any

TEXT = "-text"

_UNREAD = "script style noscript template iframe object svg head datalist annotation annotation-xml audio video canvas"
NEVER_READ = frozenset(_UNREAD.split())
HIDDEN = "[hidden], [style*='display:none'], [style*='display: none'], [style*='visibility:hidden'], [style*='visibility: hidden']"
_AROUND = frozenset({"nav", "header", "footer", "aside", "form"})
_CELLS = frozenset({"td", "th"})

LONGEST_CELL = 1500
"""Characters of a cell from which on its table is no table but a way to place text on the page."""


def walk(root: Any, skipped: Set[int] = frozenset()) -> Iterator[tuple[Any, str, bool]]:
    """`(node, tag, True)` where an element begins and `(node, tag, False)` where it ends; texts begin only.

    What has its `mem_id` in `skipped`, and what is never read, is left out with all that is in it.
    """
    node, tags = root, [str(root.tag)]
    yield root, tags[0], True
    while tags:
        after = node.child
        while True:
            while after is not None:  # the first of these that is read
                tag = after.tag
                if tag == TEXT:
                    yield after, tag, True
                elif tag is not None and tag[0] != "-" and tag not in NEVER_READ and after.mem_id not in skipped:
                    break
                after = after.next
            if after is not None:
                node = after
                tags.append(tag)
                yield node, tag, True
                break
            yield node, tags.pop(), False
            if not tags:
                return
            after, node = node.next, node.parent


@dataclass(slots=True)
class Shape:
    """`left_out`: menus and the like around the content. `frames`: tables that only place what is in them. By `mem_id`."""

    left_out: set[int] = field(default_factory=set)
    frames: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Open:
    """An element that has begun: how much came before it, and for a table the most cells in a row."""

    node: Any
    tag: str
    characters: int
    titles: int
    cells: int = 0
    widest: int = 0
    is_frame: bool = False


def shape_of(body: Any, hidden: Set[int]) -> Shape:
    """Find what stands around the content, and the tables that are none to their reader."""
    shape = Shape()
    around: list[tuple[int, int]] = []
    stack: list[_Open] = []
    tables: list[_Open] = []
    characters = titles = 0
    for node, tag, begins in walk(body, hidden):
        if tag == TEXT:
            characters += len(node.text_content.strip())
        elif begins:
            titles += tag == "h1"
            if tag == "tr" and tables:
                tables[-1].cells = 0
            if tag in _CELLS or tag in _AROUND or tag == "table":
                stack.append(_Open(node, tag, characters, titles))
            if tag == "table":
                if tables:
                    tables[-1].is_frame = True
                tables.append(stack[-1])
        elif tag in _CELLS or tag in _AROUND or tag == "table":
            _close(stack.pop(), tables, characters, titles, around, shape)
    shape.left_out.update(id_ for id_, size in around if size * 2 <= characters)
    return shape


def _close(
    ended: _Open, tables: list[_Open], characters: int, titles: int, around: list[tuple[int, int]], shape: Shape
) -> None:
    size = characters - ended.characters
    if ended.tag == "table":
        tables.pop()
        if ended.is_frame or ended.widest < 2:
            shape.frames.add(ended.node.mem_id)
    elif ended.tag in _CELLS:
        if tables:
            table = tables[-1]
            table.cells += 1
            table.widest = max(table.widest, table.cells)
            table.is_frame |= size > LONGEST_CELL
    elif ended.tag != "header" or titles == ended.titles:  # a header that carries the page's title is content
        around.append((ended.node.mem_id, size))
