"""Word (docx): paragraphs and tables in the order of the document, with headings as sections."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.loading.cleaning import clean, one_line
from ingest.loading.docx_styles import BULLET, Numbering, Styles, W, number, value
from ingest.loading.sections import sections_of, title_from
from rag.errors import FileRefused
from rag.types import Document

MOST_BYTES = 500 * 1024 * 1024
MOST_RATIO = 200
RATIO_FROM_BYTES = 10 * 1024 * 1024
"""A file that unpacks to more than `MOST_BYTES`, or to `MOST_RATIO` times its size (and that is not little), is a trap
or a mistake: reading it would take many times as much memory."""

_PARAGRAPH, _TABLE, _ROW, _CELL = f"{W}p", f"{W}tbl", f"{W}tr", f"{W}tc"
_TEXT_BOX = f"{W}txbxContent"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SKIPPED = frozenset(
    {
        f"{W}del",  # what tracked changes removed, or moved away
        f"{W}moveFrom",
        f"{W}instrText",  # the code of a field; its result is text
        _FALLBACK,  # the same again for old readers
        _TEXT_BOX,  # read after the paragraph it hangs on
    }
)
_CHARACTERS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
MOST_COLUMNS = 63
"""As many as Word allows."""

_FOOTNOTES = ("/footnotes", "/endnotes")


def load(name: str, data: bytes) -> Document:
    """Read a docx. Raises `FileRefused` ("too large") before unpacking one that is a trap."""
    _refuse_traps(name, data)
    import docx

    document = docx.Document(io.BytesIO(data))
    styles = Styles(document.styles.element)
    body = _Body(styles, Numbering(_numbering(document), styles))
    body.read(document.element.body)
    for notes in _footnotes(document):
        body.read(notes)
    first = one_line(body.headings[0][2]) if body.headings else ""
    title = one_line(document.core_properties.title or "") or body.title or first or title_from(name)
    return Document(title=title, text=body.text(), parser="", sections=sections_of(body.headings))


def _refuse_traps(name: str, data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MOST_BYTES or (size > RATIO_FROM_BYTES and size > MOST_RATIO * len(data)):
        raise FileRefused(
            "too large",
            f"{name} unpacks to {size / 1024**2:,.0f} MB.",
            "Split it into smaller files, or save it anew if it should not be that large.",
        )


@dataclass(slots=True)
class _Body:
    """Collects the text block by block and remembers where headings begin."""

    styles: Styles
    numbering: Numbering
    parts: list[str] = field(default_factory=list)
    length: int = 0
    headings: list[tuple[int, int, str]] = field(default_factory=list)
    title: str = ""

    def read(self, container: Any) -> None:
        """Read what is in a body, a content control, a text box or a footnote."""
        for element in container:
            if element.tag == _PARAGRAPH:
                self._paragraph(element)
            elif element.tag == _TABLE:
                self._table(element)
            elif isinstance(element.tag, str) and element.tag not in _SKIPPED:
                self.read(element)

    def text(self) -> str:
        return "".join(self.parts)

    def _paragraph(self, paragraph: Any) -> None:
        text = clean(_text(paragraph)).strip()
        if text:
            label = self.numbering.label(paragraph)
            if level := self.styles.heading_level(paragraph):
                self.headings.append((self._next_start(), level, label + text))
            elif self.styles.name(paragraph) == "title":
                self.title = self.title or one_line(text)
            between = "\n" if label == BULLET and self.parts and self.parts[-1].startswith(BULLET) else "\n\n"
            self._add(label + text, between)
        for box in paragraph.iter(_TEXT_BOX):
            if not any(ancestor.tag in _SKIPPED for ancestor in box.iterancestors()):
                self.read(box)

    def _table(self, table: Any) -> None:
        """A table of one column frames text; it is no table to its reader."""
        rows = [list(_below(row, _CELL)) for row in _below(table, _ROW)]
        if any(len(cells) > 1 for cells in rows):
            self._add("\n".join(_rows(rows)))
            return
        for cells in rows:
            for cell in cells:
                self.read(cell)

    def _next_start(self) -> int:
        return self.length + (2 if self.parts else 0)

    def _add(self, block: str, between: str = "\n\n") -> None:
        if not block:
            return
        for part in (between if self.parts else "", block):
            if part:
                self.parts.append(part)
                self.length += len(part)


def _text(element: Any) -> str:
    """The text a reader sees in a paragraph: insertions and links included, deletions not."""
    return "".join(_pieces(element))


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag == f"{W}t":
            yield child.text or ""
        elif child.tag in _CHARACTERS:
            yield _CHARACTERS[child.tag]
        elif isinstance(child.tag, str) and child.tag not in _SKIPPED and child.tag != f"{W}pPr":
            yield from _pieces(child)


def _rows(rows: list[list[Any]]) -> Iterator[str]:
    """Markdown rows, the first as header. A cell merged downwards is repeated, so that each row can be read alone."""
    above: list[str] = []
    for row in rows:
        cells: list[str] = []
        for cell in row:
            column = len(cells)
            merged = cell.find(f"{W}tcPr/{W}vMerge")
            continued = merged is not None and merged.get(f"{W}val") != "restart" and column < len(above)
            cells.append(above[column] if continued else _cell(cell))
            cells += [""] * (_span(cell) - 1)
        if not any(cells):
            continue
        yield f"| {' | '.join(cells)} |"
        if not above:
            yield f"|{' --- |' * len(cells)}"
        above = cells


def _cell(cell: Any) -> str:
    paragraphs = (
        each for each in cell.iter(_PARAGRAPH) if not any(above.tag == _FALLBACK for above in each.iterancestors())
    )
    return one_line(" ".join(_text(each) for each in paragraphs)).replace("|", "\\|")


def _span(cell: Any) -> int:
    return min(max(number(value(cell, "tcPr/gridSpan"), 1), 1), MOST_COLUMNS)


def _below(element: Any, tag: str) -> Iterator[Any]:
    """Rows or cells, those in content controls and tracked insertions too, but not those of a table inside."""
    for child in element:
        if child.tag == tag:
            yield child
        elif isinstance(child.tag, str) and child.tag not in _SKIPPED and child.tag not in (_TABLE, _PARAGRAPH):
            yield from _below(child, tag)


def _numbering(document: Any) -> Any | None:
    parts = [link.target_part for link in _links(document) if link.reltype.endswith("/numbering")]
    return parts[0].element if parts else None


def _footnotes(document: Any) -> Iterator[Any]:
    """The notes that people wrote; those with a type are the lines that separate them."""
    from docx.oxml import parse_xml

    for link in _links(document):
        if link.reltype.endswith(_FOOTNOTES):
            yield from (note for note in parse_xml(link.target_part.blob) if note.get(f"{W}type") is None)


def _links(document: Any) -> list[Any]:
    """What the document is made of beside its body, on disk with it."""
    return [link for link in document.part.rels.values() if not link.is_external]
