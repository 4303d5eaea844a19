"""The shapes of a slide in the order people read them, and what is written in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ingest.loading.cleaning import clean, one_line
from ingest.loading.drawings import graphics, paragraph_text
from ingest.loading.ooxml import MC, A, Link, Package
from ingest.loading.tables import markdown_table

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
SAME_LINE = 300_000
"""Shapes whose upper edges differ by less (a third of an inch, in EMU) stand side by side."""

DEEPEST_LIST = 8
MOST_COLUMNS = 1000

_SHAPES = frozenset(f"{P}{kind}" for kind in ("sp", "grpSp", "graphicFrame", "cxnSp", "pic"))
_TITLES = ("title", "ctrTitle")
_MARGINS = ("dt", "ftr", "sldNum", "hdr")
_LISTED = ("body", "obj", "")
_PLACEHOLDER = f"{P}nvSpPr/{P}nvPr/{P}ph"
_OFFSETS = (f"{P}spPr/{A}xfrm/{A}off", f"{P}xfrm/{A}off", f"{P}grpSpPr/{A}xfrm/{A}off")

Place = tuple[int, int]
"""Upper edge and left edge."""


class LayoutPlaces:
    """Where the layouts of the presentation put their placeholders: a slide often says nothing of its own."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, dict[str, Place]] = {}

    def of_slide(self, links: dict[str, Link]) -> dict[str, Place]:
        """By number (`#3`) and by kind (`body`), for the layout that a slide links to."""
        return next((self._of(link.target) for link in links.values() if link.kind == "slideLayout"), {})

    def _of(self, path: str) -> dict[str, Place]:
        if path not in self._known:
            masters = [link.target for link in self._package.links(path).values() if link.kind == "slideMaster"]
            self._known[path] = {**self._own(masters[0] if masters else ""), **self._own(path)}
        return self._known[path]

    def _own(self, path: str) -> dict[str, Place]:
        root = self._package.tree(path)
        places: dict[str, Place] = {}
        for shape in () if root is None else root.iter(f"{P}sp"):
            placeholder, place = shape.find(_PLACEHOLDER), _offset(shape)
            if placeholder is not None and place:
                places.setdefault(placeholder.get("type") or "", place)
                places[f"#{placeholder.get('idx') or '0'}"] = place
        return places


@dataclass(frozen=True, slots=True)
class SlideReader:
    """Reads one slide: `places` are those of its layout."""

    package: Package
    links: dict[str, Link]
    places: dict[str, Place]

    def read(self, slide: Any) -> tuple[str, str]:
        """The title on one line, or nothing, and the whole text with the title first."""
        shapes = list(self._ordered(slide.iterfind(f"{P}cSld/{P}spTree")))
        titles = [shape for shape in shapes if _kind(shape) in _TITLES]
        title = next((text for text in (self._text(shape) for shape in titles) if text), "")
        blocks = [title, *(self._text(shape) for shape in shapes if shape not in titles[:1])]
        return one_line(title), clean("\n\n".join(block for block in blocks if block)).strip()

    def _ordered(self, containers: Iterable[Any]) -> Iterator[Any]:
        """Shapes from top to bottom, those side by side from left to right; a group stays together."""
        shapes = [(self._place(shape), shape) for container in containers for shape in _shapes(container)]
        shapes.sort(key=lambda each: each[0])
        line: list[tuple[Place, Any]] = []
        for place, shape in shapes:
            if line and place[0] - line[0][0][0] > SAME_LINE:
                yield from _from_left(line)
                line = []
            line.append((place, shape))
        yield from _from_left(line)

    def _place(self, shape: Any) -> Place:
        placeholder = shape.find(_PLACEHOLDER)
        if (own := _offset(shape)) or placeholder is None:
            return own or (0, 0)
        kind = placeholder.get("type") or ""
        return self.places.get(f"#{placeholder.get('idx') or '0'}") or self.places.get(kind) or (0, 0)

    def _text(self, shape: Any) -> str:
        if shape.tag == f"{P}grpSp":
            return "\n\n".join(text for text in map(self._text, self._ordered([shape])) if text)
        if shape.tag == f"{P}graphicFrame":
            tables = (_table(table) for table in shape.iter(f"{A}tbl"))
            return "\n\n".join(text for text in (*tables, *graphics(self.package, self.links, shape)) if text)
        kind = _kind(shape)
        body = shape.find(f"{P}txBody")
        return "" if body is None or kind in _MARGINS else body_text(body, listed=kind in _LISTED)


def notes_text(package: Package, links: dict[str, Link]) -> str:
    """What the speaker wrote below a slide."""
    pages = [package.tree(link.target) for link in links.values() if link.kind == "notesSlide"]
    bodies = (
        shape.find(f"{P}txBody")
        for page in pages
        if page is not None
        for shape in page.iter(f"{P}sp")
        if _kind(shape) == "body"
    )
    return "\n\n".join(text for text in (body_text(body) for body in bodies if body is not None) if text)


def body_text(body: Any, *, listed: bool = False) -> str:
    """The paragraphs of a shape; where they are a list, as one. Several paragraphs of a `listed` placeholder are."""
    paragraphs = [(each, paragraph_text(each)) for each in body.iterfind(f"{A}p")]
    filled = [(each, text) for each, text in paragraphs if text]
    counts = [0] * (DEEPEST_LIST + 1)
    lines = []
    for paragraph, text in filled:
        level, mark = _list_mark(paragraph, listed=listed and len(filled) > 1)
        counts[level + 1 :] = [0] * (DEEPEST_LIST - level)
        counts[level] = counts[level] + 1 if mark == "1." else 0
        written = f"{counts[level]}." if mark == "1." else mark
        lines.append(f"{'  ' * level}{written} {one_line(text)}" if mark else text)
    return "\n".join(lines)


def _list_mark(paragraph: Any, *, listed: bool) -> tuple[int, str]:
    """The level of an item, and what stands before it: `-`, `1.` where it is counted, or nothing."""
    properties = paragraph.find(f"{A}pPr")
    if properties is None:
        return 0, "-" if listed else ""
    level = properties.get("lvl") or "0"
    depth = min(int(level), DEEPEST_LIST) if level.isdigit() and len(level) < 3 else 0
    if properties.find(f"{A}buAutoNum") is not None:
        return depth, "1."
    if properties.find(f"{A}buNone") is not None:
        return 0, ""
    marked = listed or properties.find(f"{A}buChar") is not None or properties.find(f"{A}buBlip") is not None
    return (depth, "-") if marked else (0, "")


def _table(table: Any) -> str:
    """A table; its first row is its header. A cell merged downwards is repeated."""
    rows: list[list[str]] = []
    for row in table.iterfind(f"{A}tr"):
        above = rows[-1] if rows else []
        cells = []
        for column, cell in enumerate(row.findall(f"{A}tc")[:MOST_COLUMNS]):
            text = " ".join(paragraph_text(each) for each in cell.iter(f"{A}p"))
            cells.append(above[column] if cell.get("vMerge") in ("1", "true") and column < len(above) else text)
        rows.append(cells)
    return markdown_table(rows[1:], rows[0]) if rows else ""


def _shapes(container: Any) -> Iterator[Any]:
    """The shapes right in a slide or group; of those written twice, for new and old readers, the new ones."""
    for child in container:
        if child.tag in _SHAPES:
            yield child
        elif child.tag == f"{MC}AlternateContent":
            yield from _alternative(child)


def _alternative(content: Any) -> list[Any]:
    choices = (list(_shapes(choice)) for choice in content if choice.tag in (f"{MC}Choice", f"{MC}Fallback"))
    return next((shapes for shapes in choices if shapes), [])


def _from_left(line: list[tuple[Place, Any]]) -> list[Any]:
    return [shape for _, shape in sorted(line, key=lambda each: each[0][1])]


def _kind(shape: Any) -> str | None:
    """The kind of a placeholder, '' for one without; `None` for what is none."""
    placeholder = shape.find(_PLACEHOLDER)
    return None if placeholder is None else str(placeholder.get("type") or "")


def _offset(shape: Any) -> Place | None:
    found = next((offset for offset in map(shape.find, _OFFSETS) if offset is not None), None)
    if found is None:
        return None
    try:
        return int(found.get("y") or 0), int(found.get("x") or 0)
    except ValueError:
        return None
