"""RTF: the text without its formatting, headings as sections, tables as rows; pictures are dropped.

striprtf does the work. It is kept from what it fails on: some code pages, numbers beyond Unicode, binary data, and
font tables and fields over which its patterns take the square of their length.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

from ingest.loading.cleaning import clean, one_line
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.loading.sections import sections_of, title_from
from ingest.loading.tables import markdown_table
from rag.types import Document

LOG = logging.getLogger(__name__)

_LEVEL_MARK = 0xE000
"""A character without a meaning, put before the text of a heading: the outline level is added to it."""

MOST_CELLS = 100
"""Cells of a row; a line with more is none."""

_BINARY = re.compile(rb"\\bin(\d{1,9}) ?")
_FONT = re.compile(r"\\f(?=\d)")
_MAC_FONT = re.compile(r"\\fcharset(7[89]|8[0-9])(?!\d)")
_CHARSETS = {"78": "128", "79": "136", "80": "129", "81": "178", "82": "177", "83": "161", "84": "204", "85": "134"}
_NO_CHARACTER = re.compile(r"\\u-?\d{6,10}")
_SKIP_WITHOUT_COUNT = re.compile(r"\\uc(?![\da-z])")
_OUTLINE = re.compile(r"\\outlinelevel([0-8])(?!\d) ?")
_TITLE = re.compile(r"\{\\title\s([^{}]{1,1000})\}")
_CODE_PAGE = re.compile(r"\\ansicpg\d{1,5}")
_CONTROL = re.compile(r"\\(?:'[0-9a-fA-F]{2}|[a-zA-Z]{1,32}-?\d{0,10} ?|.)|[{}]", re.DOTALL)
_ITEM = re.compile(r"(?:[·•▪◦o-]|\(?\w{1,4}[.)])\t")
_CRUDE = "The file is damaged: all of its text was read, with what does not belong to it."


def load(name: str, data: bytes, _limits: Limits) -> Parsed:
    """The text, with headings as sections. The title is the file's own, else the first heading, else its name."""
    source = _prepared(data)
    warnings: tuple[str, ...] = ()
    try:
        raw = _stripped(source)
    except Exception:
        LOG.info("%s: striprtf fails", name, exc_info=True)
        raw, warnings = _CONTROL.sub(" ", source), (_CRUDE,)
    text, headings = _laid_out(raw)
    title = _title(source) or next((words for _, _, words in headings), "") or title_from(name)
    return Parsed(Document(title=title, text=text, parser="", sections=sections_of(headings), warnings=warnings))


def text_of(data: bytes) -> str:
    """The text alone, of RTF that is part of something else; empty where it is broken."""
    try:
        return _laid_out(_stripped(_prepared(data)))[0]
    except Exception:
        LOG.info("RTF inside a file cannot be read", exc_info=True)
        return ""


def _prepared(data: bytes) -> str:
    """The source as characters, without what makes striprtf fail or take hours."""
    source = _without_binary(data).decode("latin-1")
    if fonts := _library().font_table_group(source):
        harmless = _MAC_FONT.sub(
            lambda found: f"\\fcharset{_CHARSETS.get(found[1], '0')}", _FONT.sub(";\n\\\\f", fonts)
        )
        source = source.replace(fonts, harmless, 1)
    source = source.replace("\\fldinst", "\\fldinst\n").replace("\\bin", "")
    return _SKIP_WITHOUT_COUNT.sub(r"\\uc1", _NO_CHARACTER.sub("", source))


def _stripped(source: str) -> str:
    marked = _OUTLINE.sub(lambda found: f"\\u{_LEVEL_MARK + int(found[1])}?", source)
    if "\\uc" in source:  # how many characters stand for one that old readers do not know
        marked = _OUTLINE.sub(lambda found: f"{{\\uc0\\u{_LEVEL_MARK + int(found[1])} }}", source)
    text = str(_library().rtf_to_text(marked, errors="replace"))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _library() -> Any:
    from striprtf import striprtf

    return striprtf


def _without_binary(data: bytes) -> bytes:
    """Pictures may be written as bytes, with braces among them."""
    parts: list[bytes] = []
    done = 0
    for found in _BINARY.finditer(data):
        if found.start() >= done:
            parts.append(data[done : found.start()])
            done = found.end() + int(found[1])
    return b"".join(parts) + data[done:]


def _title(source: str) -> str:
    found = _TITLE.search(source)
    if not found:
        return ""
    page = _CODE_PAGE.search(source)
    try:
        return one_line(_stripped(f"{{\\rtf1\\ansi{page[0] if page else ''} {found[1]}}}"))
    except Exception:  # noqa: BLE001  as above
        return ""


def _laid_out(raw: str) -> tuple[str, list[tuple[int, int, str]]]:
    """The text in blocks, and its headings as `(start, level, words)`."""
    parts: list[str] = []
    headings: list[tuple[int, int, str]] = []
    length = 0
    was_item = False
    for level, block, is_item in _blocks(raw.split("\n")):
        between = ("\n" if is_item and was_item else "\n\n") if parts else ""
        if level:
            headings.append((length + len(between), level, block))
        parts += (between, block)
        length += len(between) + len(block)
        was_item = is_item
    return "".join(parts), headings


def _blocks(lines: list[str]) -> Iterator[tuple[int, str, bool]]:
    """`(level of the heading or 0, text, whether it is an item of a list)`. Lines that end in `|` are rows."""
    rows: list[list[str]] = []
    for line in (*lines, ""):
        cells = line.split("|")
        if 2 < len(cells) < MOST_CELLS and not cells[-1].strip():
            rows.append([one_line(cell) for cell in cells[:-1]])
            continue
        if rows:
            yield 0, markdown_table(rows[1:], rows[0]), False
            rows = []
        block = clean(line).strip()
        if block:
            level = next((ord(sign) - _LEVEL_MARK + 1 for sign in line if 0 <= ord(sign) - _LEVEL_MARK <= 8), 0)
            yield level, block, _ITEM.match(block) is not None
