"""Excel (xlsx, xlsm, xltx): each sheet is a page with its name, its tables Markdown rows under their header."""

from __future__ import annotations

from typing import Any

from ingest.loading import archive
from ingest.loading.cleaning import one_line
from ingest.loading.drawings import drawing_text
from ingest.loading.grids import text_of
from ingest.loading.limits import Limits
from ingest.loading.ooxml import REL, Package
from ingest.loading.paging import Pages, TextBudget, too_many_pages
from ingest.loading.parsed import Parsed
from ingest.loading.sections import title_from
from ingest.loading.sheet_cells import Book, S, formats_of, shared_texts
from rag.types import Document

_YES = ("1", "true", "on")


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """Read a workbook; only cells that are there are looked at. Raises `FileRefused`."""
    with archive.opened(name, data, limits) as opened:
        return Parsed(_read(Package(opened), limits))


def _read(package: Package, limits: Limits) -> Document:
    main = package.main("xl/workbook.xml")
    root = package.tree(main)
    if root is None or root.tag != f"{S}workbook":
        raise package.damaged("it holds no workbook that can be read")
    sheets = root.findall(f"{S}sheets/{S}sheet")
    if len(sheets) > limits.pages:
        raise too_many_pages(package.name, len(sheets), "sheets", limits)
    book = _book(package, main, root, limits)
    links, pages, hidden = package.links(main), Pages(), []
    for sheet in sheets:
        label = one_line(sheet.get("name") or "")
        link = links.get(sheet.get(f"{REL}id") or "")
        pages.add(_sheet_text(book, link.target) if link else "", label)
        if sheet.get("state", "visible") != "visible":
            hidden.append(label)
    text, ranges = pages.result()
    title = package.title() or title_from(package.name)
    return Document(title=title, text=text, parser="", pages=ranges, warnings=_warnings(book, hidden))


def _book(package: Package, main: str, root: Any, limits: Limits) -> Book:
    kinds = {link.kind: link.target for link in package.links(main).values()}
    budget = TextBudget(package.name, limits)
    texts = shared_texts(package, kinds["sharedStrings"], budget) if "sharedStrings" in kinds else []
    properties = root.find(f"{S}workbookPr")
    from_1904 = properties is not None and properties.get("date1904") in _YES
    return Book(package, TextBudget(package.name, limits), texts, formats_of(package.linked(main, "styles")), from_1904)


def _sheet_text(book: Book, path: str) -> str:
    """The sheet's cells, and what is written in the shapes and charts that lie on it."""
    parts = list(text_of(book.rows(path)))
    links = book.package.links(path).values()
    parts += [drawing_text(book.package, link.target) for link in links if link.kind == "drawing"]
    return "\n\n".join(part for part in parts if part)


def _warnings(book: Book, hidden: list[str]) -> tuple[str, ...]:
    warnings = []
    if hidden:
        warnings.append(f"Hidden sheets were read too: {', '.join(hidden)}.")
    if book.without_result:
        warnings.append(
            f"{book.without_result:,} formulas are stored without their results and were left out: "
            "open the file in Excel or LibreOffice and save it, then add it again."
        )
    if book.unreadable:
        warnings.append(f"{book.unreadable:,} cells cannot be read: the file is damaged there.")
    return tuple(warnings)
