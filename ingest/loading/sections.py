"""Headings to sections: where each begins, and the path of headings that leads to it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from ingest.loading.cleaning import one_line
from rag.types import Section

SEPARATOR = " > "
LONGEST_HEADING = 200
DEEPEST_LEVEL = 9


def sections_of(headings: Iterable[tuple[int, int, str]]) -> tuple[Section, ...]:
    """Sections from `(start, level, heading)` in the order of the document, level 1 being the highest.

    The result is sorted by start; headings without text lead nowhere and are left out, and
    deeper levels than Word and HTML know count as the deepest of these.
    """
    trail: list[tuple[int, str]] = []
    sections: list[Section] = []
    for start, level, heading in headings:
        heading, level = one_line(heading)[:LONGEST_HEADING], min(level, DEEPEST_LEVEL)
        if not heading:
            continue
        while trail and trail[-1][0] >= level:
            trail.pop()
        trail.append((level, heading))
        sections.append(Section(start, SEPARATOR.join(text for _, text in trail)))
    return tuple(sorted(sections, key=lambda section: section.start))


def title_from(name: str) -> str:
    """A title for a document that has none: its file name without suffix, with blanks for `_`."""
    return " ".join(PurePosixPath(name.replace("\\", "/")).stem.replace("_", " ").split()) or name
