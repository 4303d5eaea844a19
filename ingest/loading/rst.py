"""reStructuredText as it was written, with its underlined headings as sections.

Not through docutils: it takes 15 s a megabyte and fails on deep nesting, and its text would not be the one people wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

from ingest.loading.cleaning import clean
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.loading.sections import LONGEST_HEADING, sections_of, title_from
from ingest.loading.text import decode
from rag.types import Document

_LINE = re.compile(r"([!-/:-@\[-`{-~])\1+\s*$")
_ROLE = re.compile(r":[\w:+.-]{1,50}:(?=`)")
_MARKUP = re.compile(r"``|`_{0,2}|\*\*|\*|\|")


def load(name: str, data: bytes, _limits: Limits) -> Parsed:
    """The text as it stands, its headings as sections and the first of them as its title."""
    decoded, warnings = decode(name, data)
    text = clean(decoded)
    found = list(_headings(text))
    title = next((heading for _, _, heading in found), "") or title_from(name)
    return Parsed(Document(title=title, text=text, parser="", sections=sections_of(found), warnings=warnings))


def _headings(text: str) -> Iterator[tuple[int, int, str]]:
    """`(start, level, heading)`. Levels are the styles of line in the order in which they first appear."""
    levels: dict[tuple[str, bool], int] = {}
    numbers = count(1)
    lines = text.split("\n")
    start = 0
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if (mark := _underlined(line, below)) and (number == 0 or _may_stand_above(lines[number - 1], mark, line)):
            over = number > 0 and lines[number - 1].startswith(mark * 2)
            level = levels.get((mark, over)) or levels.setdefault((mark, over), next(numbers))
            yield start, level, _plain(line)
        start += len(line) + 1


def _underlined(line: str, below: str) -> str:
    """The character that a heading is underlined with: all along, where the line is a heading."""
    found = _LINE.match(below[: LONGEST_HEADING * 2])
    words = line.strip()
    if not found or not words or _LINE.match(line[: LONGEST_HEADING * 2]) or len(words) > LONGEST_HEADING:
        return ""
    return found[1] if len(below.rstrip()) >= min(len(words), 4) and not below.startswith(" ") else ""


def _may_stand_above(above: str, mark: str, line: str) -> bool:
    """A heading follows a blank line, or a line like the one below it; only then may it be indented."""
    if above.startswith(mark * 2) and _LINE.match(above[: LONGEST_HEADING * 2]):
        return True
    return not above.strip() and not line.startswith((" ", "\t"))


def _plain(heading: str) -> str:
    return _MARKUP.sub("", _ROLE.sub("", heading)).strip()
