"""Reads the small part of Markdown in which the sample papers are written.

A source opens with a block of `name: value` lines between two `---` lines. After it come blocks separated by
empty lines: headings (`#`, `##`), paragraphs, clauses (a paragraph that begins with a number such as `4.2`),
lists, tables, and marks in the form of a comment (`<!-- body -->`). Inside a line, `**` makes bold and `*`
italic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_CLAUSE = re.compile(r"(\d+\.\d+) (.+)", re.DOTALL)
_MARK = re.compile(r"<!-- (\w+) -->")
_ORDERED = re.compile(r"\d+\. ")
_SPAN = re.compile(r"(\*\*.+?\*\*|\*.+?\*)")


@dataclass(frozen=True)
class Heading:
    """A heading, with level 1 for a chapter and 2 for a section."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """An ordinary paragraph."""

    text: str


@dataclass(frozen=True)
class Clause:
    """A numbered clause of a contract."""

    number: str
    text: str


@dataclass(frozen=True)
class Items:
    """A list, with bullets or with numbers."""

    ordered: bool
    items: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table; the first row holds the names of the columns."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Mark:
    """A place in the paper that the typesetter treats specially."""

    name: str


Block = Heading | Text | Clause | Items | Grid | Mark


@dataclass(frozen=True)
class Span:
    """A run of letters in one face."""

    text: str
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True)
class Paper:
    """A whole source: its facts (title, date of issue and so on) and its blocks."""

    facts: dict[str, str]
    blocks: tuple[Block, ...]


def read(path: Path) -> Paper:
    """Read one source file."""
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    facts = dict(line.split(": ", 1) for line in head.strip().splitlines())
    return Paper(facts, blocks(body))


def blocks(body: str) -> tuple[Block, ...]:
    """Cut a text without a block of facts into its blocks."""
    return tuple(_block(part) for part in re.split(r"\n\s*\n", body.strip()))


def spans(text: str) -> list[Span]:
    """Cut a text into runs of the same face."""
    found = []
    for part in _SPAN.split(text):
        if part.startswith("**"):
            found.append(Span(part[2:-2], bold=True))
        elif part.startswith("*"):
            found.append(Span(part[1:-1], italic=True))
        elif part:
            found.append(Span(part))
    return found


def _block(part: str) -> Block:
    lines = part.strip().splitlines()
    first = lines[0]
    if mark := _MARK.fullmatch(first):
        return Mark(mark[1])
    if first.startswith("#"):
        marks, text = first.split(" ", 1)
        return Heading(len(marks), text)
    if first.startswith("|"):
        rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
        return Grid((rows[0], *rows[2:]))
    if first.startswith("- "):
        return Items(False, tuple(line[2:] for line in lines))
    if _ORDERED.match(first):
        return Items(True, tuple(_ORDERED.sub("", line, count=1) for line in lines))
    text = " ".join(lines)
    if clause := _CLAUSE.fullmatch(text):
        return Clause(clause[1], clause[2])
    return Text(text)
