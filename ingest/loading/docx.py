"""Word (docx, docm, dotx): paragraphs and tables in the order of the document, with headings as sections.

The document is read block by block and what was read is let go, so that its size hardly matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.loading import archive
from ingest.loading.cleaning import clean, one_line
from ingest.loading.docx_styles import BULLET, Numbering, Styles, W, number, value
from ingest.loading.drawings import graphics, in_fallback
from ingest.loading.limits import Limits
from ingest.loading.ooxml import MATH, MC, Link, Package, forget
from ingest.loading.paging import TextBudget, pictures_only
from ingest.loading.parsed import Parsed
from ingest.loading.sections import sections_of, title_from
from ingest.loading.tables import markdown_table
from rag.types import Document

_PARAGRAPH, _TABLE, _ROW, _CELL = f"{W}p", f"{W}tbl", f"{W}tr", f"{W}tc"
_TEXT_BOX, _NOTE = f"{W}txbxContent", (f"{W}footnote", f"{W}endnote")
_TEXTS = frozenset({f"{W}t", f"{MATH}t"})
_SKIPPED = frozenset(
    {
        f"{W}del",  # what tracked changes removed, or moved away
        f"{W}moveFrom",
        f"{W}instrText",  # the code of a field; its result is text
        f"{W}pPr",
        f"{MC}Fallback",  # the same again for old readers
        _TEXT_BOX,  # read after the paragraph it hangs on
    }
)
_CHARACTERS = {f"{W}tab": "\t", f"{W}ptab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
MOST_COLUMNS = 63
"""As many as Word allows."""

_NOTES = ("footnotes", "endnotes")
_PICTURES = (f"{W}drawing", f"{W}pict")


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """Read a Word file; headers, footers and comments are left out. Raises `FileRefused`."""
    with archive.opened(name, data, limits) as opened:
        package = Package(opened)
        return Parsed(_read(package, package.main("word/document.xml"), limits))


def _read(package: Package, main: str, limits: Limits) -> Document:
    parts = {link.kind: link.target for link in package.links(main).values()}
    styles = Styles(package.tree(parts.get("styles", "")))
    numbering = Numbering(package.tree(parts.get("numbering", "")), styles)
    body = _Body(package, styles, numbering, TextBudget(package.name, limits))
    for path in (main, *(parts[kind] for kind in _NOTES if kind in parts)):
        body.stream(path)
    text = body.text()
    if not text and body.has_pictures:
        raise pictures_only(package.name)
    first = one_line(body.headings[0][2]) if body.headings else ""
    title = package.title() or body.title or first or title_from(package.name)
    return Document(
        title=title,
        text=text,
        parser="",
        sections=sections_of(body.headings),
        warnings=("Other files embedded in it (as chunks) were not read.",) if "aFChunk" in parts else (),
    )


@dataclass(slots=True)
class _Body:
    """Collects the text block by block and remembers where headings begin."""

    package: Package
    styles: Styles
    numbering: Numbering
    budget: TextBudget
    links: dict[str, Link] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    length: int = 0
    headings: list[tuple[int, int, str]] = field(default_factory=list)
    title: str = ""
    has_pictures: bool = False

    def stream(self, path: str) -> None:
        """Read a part, letting go of each paragraph and each row of a table once it is read."""
        self.links = self.package.links(path)
        table: _Table | None = None
        paragraphs = tables = 0
        tags = (_PARAGRAPH, _TABLE, _ROW)
        for event, element in self.package.events(path, tags, ("start", "end")):
            is_start = event == "start"
            if element.tag == _PARAGRAPH:
                paragraphs += 1 if is_start else -1
                if not (is_start or paragraphs or tables) and _is_shown(element):
                    self._paragraph(element)
                    forget(element)
            elif paragraphs:
                continue  # in a text box: read with the paragraph it hangs on
            elif element.tag == _TABLE:
                tables += 1 if is_start else -1
                if is_start and tables == 1:
                    table = _Table()
                elif table and not is_start and not tables:
                    self._end(table, element)
                    forget(element)
            elif table and not is_start and tables == 1 and self._row(table, element):
                forget(element)

    def read(self, container: Any) -> None:
        """Read what is in a cell or a text box."""
        for element in container:
            if element.tag == _PARAGRAPH:
                self._paragraph(element)
            elif element.tag == _TABLE:
                table = _Table()
                for row in _below(element, _ROW):
                    self._row(table, row)
                self._end(table, element)
            elif isinstance(element.tag, str) and element.tag not in _SKIPPED:
                self.read(element)

    def text(self) -> str:
        return "".join(self.parts)

    def _paragraph(self, paragraph: Any) -> None:
        text = clean(_text(paragraph)).strip()
        if text:
            label = self.numbering.label(paragraph)  # counts, so it is asked for every paragraph
            if level := self.styles.heading_level(paragraph):
                self.headings.append((self._next_start(), level, label + text))
            elif self.styles.name(paragraph) == "title":
                self.title = self.title or one_line(text)
            between = "\n" if label == BULLET and self.parts and self.parts[-1].startswith(BULLET) else "\n\n"
            self._add(label + text, between)
        for box in paragraph.iter(_TEXT_BOX):
            if _is_shown(box, within=paragraph):
                self.read(box)
        if next(paragraph.iter(*_PICTURES), None) is not None:
            self.has_pictures = True
            for block in graphics(self.package, self.links, paragraph):
                self._add(clean(block))

    def _row(self, table: _Table, row: Any) -> bool:
        """Take a row of a table; true when its element is no longer needed."""
        table.drawn += [clean(block) for block in graphics(self.package, self.links, row)]
        return table.add(row)

    def _end(self, table: _Table, element: Any) -> None:
        """A table of one column frames text; it is no table to its reader."""
        if not _is_shown(element):
            return
        if table.is_frame:
            for row in _below(element, _ROW):
                for cell in _below(row, _CELL):
                    self.read(cell)
        elif table.rows:
            for block in (clean(markdown_table(table.rows[1:], table.rows[0])), *table.drawn):
                self._add(block)

    def _next_start(self) -> int:
        return self.length + (2 if self.parts else 0)

    def _add(self, block: str, between: str = "\n\n") -> None:
        if not block:
            return
        for part in (between if self.parts else "", block):
            if part:
                self.parts.append(self.budget.spend(part))
                self.length += len(part)


@dataclass(slots=True)
class _Table:
    """The rows of a table as text, once one of them has several cells: until then it may be a frame."""

    rows: list[list[str]] = field(default_factory=list)
    waiting: list[Any] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    is_frame: bool = True

    def add(self, row: Any) -> bool:
        """Take a row; true when its element is no longer needed."""
        cells = list(_below(row, _CELL))
        if self.is_frame and len(cells) < 2:
            self.waiting.append(cells)
            return False
        if self.is_frame:
            self.is_frame = False
            for earlier in self.waiting:
                self._write(earlier)
            self.waiting = []
        if _is_shown(row):
            self._write(cells)
        return True

    def _write(self, row: list[Any]) -> None:
        """A row's cells. One merged downwards is repeated, so that each row can be read alone."""
        above = self.rows[-1] if self.rows else []
        cells: list[str] = []
        for cell in row:
            column = len(cells)
            merged = cell.find(f"{W}tcPr/{W}vMerge")
            continued = merged is not None and merged.get(f"{W}val") != "restart" and column < len(above)
            cells.append(above[column] if continued else _cell(cell))
            cells += [""] * (_span(cell) - 1)
        if any(cells):
            self.rows.append(cells)


def _is_shown(element: Any, within: Any | None = None) -> bool:
    """Whether it is neither deleted nor written a second time (in what is looked at), nor the line that separates notes."""
    for above in element.iterancestors():
        if above is within:
            break
        if above.tag in _SKIPPED or (above.tag in _NOTE and above.get(f"{W}type") is not None):
            return False
    return True


def _text(element: Any) -> str:
    """The text a reader sees in a paragraph: insertions and links included, deletions not."""
    return "".join(_pieces(element))


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag in _TEXTS:
            yield child.text or ""
        elif child.tag in _CHARACTERS:
            yield _CHARACTERS[child.tag]
        elif child.tag == f"{W}sym":
            yield _symbol(child.get(f"{W}char") or "")
        elif isinstance(child.tag, str) and child.tag not in _SKIPPED:
            yield from _pieces(child)


def _symbol(code: str) -> str:
    """A character of a font of symbols, by its hexadecimal number."""
    try:
        return chr(int(code, 16))
    except (ValueError, OverflowError):
        return ""


def _cell(cell: Any) -> str:
    return one_line(" ".join(_text(each) for each in cell.iter(_PARAGRAPH) if not in_fallback(each)))


def _span(cell: Any) -> int:
    return min(max(number(value(cell, "tcPr/gridSpan"), 1), 1), MOST_COLUMNS)


def _below(element: Any, tag: str) -> Iterator[Any]:
    """Rows or cells, those in content controls and tracked insertions too, but not those of a table inside."""
    for child in element:
        if child.tag == tag:
            yield child
        elif isinstance(child.tag, str) and child.tag not in _SKIPPED and child.tag not in (_TABLE, _PARAGRAPH):
            yield from _below(child, tag)
