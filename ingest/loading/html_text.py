"""The body of an HTML page as text: paragraphs, headings, lists, quotes, code and tables, written as Markdown.

Not through markdownify: it takes 2 s a megabyte (this 0.3 s), grows with the square of long lists, and fails on deep nesting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ingest.loading.cleaning import clean, one_line
from ingest.loading.html_table import Table
from ingest.loading.html_tree import HIDDEN, TEXT, shape_of, walk

MOST_INDENTS = 8
MOST_QUOTES = 3
"""How deep lists and quotes are set in; deeper ones stay there."""

LINE_END = "\v"
"""A line's end that the page asks for, while white space is still what its source has."""

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ENDING_LINES = (
    "address article aside body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form header"
    " hgroup hr legend li main menu nav ol optgroup option p search section summary table tbody td tfoot th thead tr ul"
)
_WHOLE = frozenset({*_HEADINGS, "pre"})
_BLOCKS = _WHOLE | {"blockquote", *_ENDING_LINES.split()}
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_LINE_ENDS = re.compile(f" ?{LINE_END} ?")
_BACKTICKS = re.compile("`{3,}")


@dataclass(slots=True)
class Text:
    """The text, and its headings as `(start, level, words)`."""

    text: str
    headings: list[tuple[int, int, str]]


def text_of(body: Any) -> Text:
    """What a reader of the page reads. Menus and the like around the content are left out, hidden parts too."""
    hidden = {node.mem_id for node in body.css(HIDDEN)}
    shape = shape_of(body, hidden)
    writer = _Writer(shape.frames)
    for node, tag, begins in walk(body, hidden | shape.left_out):
        if tag == TEXT:
            writer.inline.append(node.text_content)
        elif begins:
            writer.begin(node, tag)
        else:
            writer.end(node, tag)
    writer.flush()
    return Text("".join(writer.parts), writer.headings)


@dataclass(slots=True)
class _Writer:
    """Collects words until a block ends, and writes blocks one below the other."""

    frames: set[int]
    inline: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    length: int = 0
    headings: list[tuple[int, int, str]] = field(default_factory=list)
    whole: str = ""
    """The heading or the code that is open: blocks in it are none of their own."""
    depth: int = 0
    """How many of these are open, one in the other."""
    quotes: int = 0
    table: Table | None = None
    lists: list[int] = field(default_factory=list)
    """The number that the next item has, of each list that is open; 0 in lists without numbers."""
    items: list[str] = field(default_factory=list)
    """The mark of each item that is open, until it is written."""
    is_tight: bool = False
    """Whether an item that follows belongs to what was written last."""

    def begin(self, node: Any, tag: str) -> None:
        if tag == "br":
            self.inline.append(LINE_END)
        elif tag == "q":
            self.inline.append('"')
        elif tag in _BLOCKS:
            self.flush()
            if self.table is not None:
                self._begin_in_table(self.table, tag)
            elif self.whole:
                self.depth += tag in _WHOLE
            else:
                self._begin_block(node, tag)

    def end(self, node: Any, tag: str) -> None:
        if tag == "q":
            self.inline.append('"')
        elif self.table is not None:
            self._end_in_table(self.table, node, tag)
        elif self.whole and tag in _WHOLE:
            self._end_whole()
        elif tag in _BLOCKS:
            self.flush()
            if not self.whole:
                self._end_block(tag)

    def flush(self) -> None:
        """A block begins or ends: what was collected is a paragraph, but in a heading, a cell or code."""
        if not self.inline:
            return
        if self.table is not None or self.whole in _HEADINGS:
            self.inline.append(" ")
        elif self.whole:
            self.inline.append("" if self.inline[-1].endswith(("\n", LINE_END)) else "\n")
        else:
            words = _LINE_ENDS.sub("\n", _BLANKS.sub(" ", "".join(self.inline)))
            self.inline.clear()
            self.write(_cleaned(words.strip()))

    def write(self, block: str) -> int:
        """Write a block with the mark of its item, set in, and return where it begins."""
        if not block:
            return self.length
        mark = self.items[-1] if self.items else ""
        if self.parts:
            self._add("\n" if mark and self.is_tight else "\n\n")
        depth = min(len(self.items), MOST_INDENTS)
        margin = "> " * min(self.quotes, MOST_QUOTES)
        first = margin + "  " * (depth - 1) + (mark or "  ") if depth else margin
        start = self.length
        if depth or margin:
            block = first + block.replace("\n", f"\n{margin}{'  ' * depth}")
        self._add(block)
        self.items = [""] * len(self.items) if mark else self.items
        self.is_tight = bool(self.items)
        return start

    def _add(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def _begin_block(self, node: Any, tag: str) -> None:
        if tag in _WHOLE:
            self.whole, self.depth = tag, 1
        elif tag == "blockquote":
            self.quotes += 1
        elif tag in _LISTS:
            self.lists.append(_first_number(node) if tag == "ol" else 0)
        elif tag == "li":
            self.items.append(self._mark())
        elif tag == "dd":
            self.items.append(": ")
        elif tag == "table" and node.mem_id not in self.frames:
            self.table = Table()

    def _end_block(self, tag: str) -> None:
        if tag == "blockquote":
            self.quotes -= 1
        elif tag in _LISTS:
            self.lists.pop()
            self.is_tight = bool(self.items)
        elif tag in ("li", "dd"):
            self.items.pop()
        elif tag == "dt":
            self.is_tight = True

    def _mark(self) -> str:
        """The mark of the next item of the innermost list."""
        if not self.lists or not self.lists[-1]:
            return "- "
        self.lists[-1] += 1
        return f"{self.lists[-1] - 1}. "

    def _end_whole(self) -> None:
        self.depth -= 1
        if self.depth:
            self.flush()
        elif self.whole == "pre":
            self._write_code()
        else:
            self._write_heading(_HEADINGS[self.whole])
        self.whole = self.whole if self.depth else ""

    def _write_heading(self, level: int) -> None:
        words = _one_line(self.inline)
        if words:
            start = self.write(f"{'#' * level} {words}")
            self.headings.append((start, level, words))

    def _write_code(self) -> None:
        code = clean("".join(self.inline).replace(LINE_END, "\n")).strip("\n")
        self.inline.clear()
        if code.strip():
            fence = "`" * (max((len(run) for run in _BACKTICKS.findall(code)), default=2) + 1)
            self.write(f"{fence}\n{code}\n{fence}")

    def _begin_in_table(self, table: Table, tag: str) -> None:
        if tag == "tr":
            table.row()
        elif tag in ("td", "th", "caption"):
            self.inline.clear()
        elif tag == "li":
            self.inline.append("• ")

    def _end_in_table(self, table: Table, node: Any, tag: str) -> None:
        if tag in ("td", "th"):
            attributes = node.attrs
            table.cell(_one_line(self.inline), attributes.get("colspan"), attributes.get("rowspan"), heads=tag == "th")
        elif tag == "caption":
            table.caption = _one_line(self.inline)
        elif tag == "table":
            self.table = None
            self.inline.clear()
            self.write(table.caption)
            for block in table.blocks():
                self.write(block)
        elif tag in _BLOCKS:
            self.inline.append(" ")


def _cleaned(words: str) -> str:
    """The words clean. The page was cleaned as a whole; what its entities stand for (`&#8203;`) was not."""
    is_clean = words.isascii() and words.replace("\n", " ").isprintable() and "\n\n\n" not in words
    return words if is_clean else clean(words).strip()


def _one_line(inline: list[str]) -> str:
    """Take what was collected, as one line."""
    words = " ".join("".join(inline).split())
    inline.clear()
    return words if words.isascii() and words.isprintable() else one_line(words)


def _first_number(node: Any) -> int:
    start = node.attrs.get("start")
    return max(int(start), 1) if start and start.isdecimal() and len(start) < 7 else 1
