"""The only opener of PDFs with pdfium, for their text and their pictures.

pdfium is not thread-safe: every call into it, closing included, happens under `LOCK`. The lock is taken for a page at
a time, so that a picture need not wait for a long report to be read.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ctypes import c_int
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rag.errors import FileRefused

LOCK = threading.RLock()

EDGE_LINES = 5
"""Lines at the beginning and at the end of a page's text whose place on the page is looked up."""

FEW_CHARACTERS = 400
"""Characters up to which it is looked up whether there is anything else than text on a page."""

LARGE_PICTURE = 0.5
"""Share of a page from which on a picture is what it is about."""

FEW_SHAPES = 12
"""Up to so many lines and boxes are no text that was drawn: empty pages of reports have rules on them."""

MOST_OBJECTS = 500
SMALL = 160
NEARLY_WHITE = 240
_UNIT = 10_000
_LINE = re.compile(r"[^\r\n]+")

_ERR_PASSWORD = 4
_ERR_SECURITY = 5
"""FPDF_ERR_PASSWORD and FPDF_ERR_SECURITY of fpdfview.h."""


class PageBroken(Exception):
    """A page that pdfium cannot read or draw."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page's text: the range of raw characters, and where its beginning stands as the page is shown.

    `row` counts the lines that are not blank; `top` and `bottom` are shares of the page's height, measured from above.
    """

    row: int
    start: int
    end: int
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PageText:
    """The raw text of a page, one Python character for each that pdfium counts (pairs joined), and what surrounds it.

    `edges` are its first and last lines as far as they stand anywhere, `rows` is how many lines there are. On a page
    with little text, `drawn` says that there is something else to be seen, and `picture` how much the largest image covers.
    """

    raw: str
    rows: int = 0
    edges: tuple[Line, ...] = ()
    drawn: bool = False
    picture: float = 0.0


@contextmanager
def opened(data: bytes, name: str) -> Iterator[Any]:
    """The document as a `pypdfium2.PdfDocument`, opened with the empty password and closed afterwards.

    Raises `FileRefused` when it needs a password or is no PDF that can be read.
    """
    import pypdfium2

    with LOCK:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            raise _refusal(error, name) from error
    try:
        yield document
    finally:
        with LOCK:
            document.close()


def read_page(document: Any, index: int) -> PageText:
    """The text of a page in the order of the file, which is mostly that of reading. Raises `PageBroken`."""
    with LOCK, text_page(document, index) as (page, text):
        raw = raw_text(text)
        lines = [found.span() for found in _LINE.finditer(raw) if not found[0].isspace()]
        rows = sorted({*range(len(lines))[:EDGE_LINES], *range(len(lines))[-EDGE_LINES:]})
        units = _utf16_offsets(raw)
        edges = (_line(page, text, row, raw, lines[row], units) for row in rows)
        drawn, picture = _surroundings(page) if len(raw) <= FEW_CHARACTERS else (False, 0.0)
        return PageText(raw, len(lines), tuple(line for line in edges if line), drawn, picture)


def _line(page: Any, text: Any, row: int, raw: str, span: tuple[int, int], units: range | list[int]) -> Line | None:
    import pypdfium2.raw as pdfium_c

    start, end = span
    first = end - len(raw[start:end].lstrip())
    place = pdfium_c.FPDFText_GetCharIndexFromTextIndex(text, units[first])
    if place < 0:
        return None
    left, bottom, right, top = text.get_charbox(place, loose=True)
    heights = []
    for x, y in ((left, bottom), (right, top)):
        across, down = c_int(), c_int()
        pdfium_c.FPDF_PageToDevice(page, 0, 0, _UNIT, _UNIT, 0, x, y, across, down)
        heights.append(down.value / _UNIT)
    return Line(row, start, end, min(heights), max(heights))


def _surroundings(page: Any) -> tuple[bool, float]:
    """Whether anything but text is on a page, and the share of it that the largest image covers."""
    import pypdfium2.raw as pdfium_c

    across, down = page.get_size()
    shapes, largest = 0, 0.0
    for item in islice(page.get_objects(max_depth=3), MOST_OBJECTS):
        shapes += item.type != pdfium_c.FPDF_PAGEOBJ_TEXT
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            shapes += FEW_SHAPES
            left, bottom, right, top = item.get_bounds()
            largest = max(largest, (right - left) * (top - bottom) / max(across * down, 1))
    return shapes > FEW_SHAPES and (largest >= LARGE_PICTURE or not _is_white(page)), min(largest, 1.0)


def _is_white(page: Any) -> bool:
    """Whether nothing is to be seen on a page: many programs draw a white background on empty ones."""
    bitmap = page.render(scale=SMALL / max(*page.get_size(), 1), grayscale=True, may_draw_forms=False)
    try:
        shades = bytes(bitmap.buffer)
        rows = (
            shades[start : start + bitmap.width] for start in range(0, bitmap.height * bitmap.stride, bitmap.stride)
        )
        return all(min(row) > NEARLY_WHITE for row in rows)
    finally:
        bitmap.close()


def drawn_page(document: Any, index: int, longest: int, most_scale: float) -> Any:
    """The picture of a page (`PIL.Image`, RGB), its longer side that many pixels, or fewer where `most_scale` says so.

    Raises `PageBroken`.
    """
    import pypdfium2

    with LOCK:
        try:
            page = document[index]
            try:
                scale = min(longest / max(*page.get_size(), 1), most_scale)
                bitmap = page.render(scale=scale, may_draw_forms=False, rev_byteorder=True)
                try:
                    return bitmap.to_pil().convert("RGB")
                finally:
                    bitmap.close()
            finally:
                page.close()
        except pypdfium2.PdfiumError as error:
            raise PageBroken(str(error)) from error


@contextmanager
def text_page(document: Any, index: int) -> Iterator[tuple[Any, Any]]:
    """A page and its text layer; the caller holds `LOCK`. Raises `PageBroken` for what pdfium cannot do with it."""
    import pypdfium2

    try:
        page = document[index]
        try:
            text = page.get_textpage()
            try:
                yield page, text
            finally:
                text.close()
        finally:
            page.close()
    except pypdfium2.PdfiumError as error:
        raise PageBroken(str(error)) from error


def raw_text(text: Any) -> str:
    """What pdfium reads. Lone surrogates are kept here: dropping them would shift every place behind them."""
    raw: str = text.get_text_range(errors="surrogatepass")
    return raw


def character_boxes(text: Any, raw: str, indexes: Iterable[int]) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right and top, in the page's own units, of characters of `raw_text(text)` that show something."""
    import pypdfium2.raw as pdfium_c

    units = _utf16_offsets(raw)
    boxes = []
    for index in indexes:
        place = pdfium_c.FPDFText_GetCharIndexFromTextIndex(text, units[index])
        if raw[index].isspace() or place < 0:
            continue
        left, bottom, right, top = text.get_charbox(place, loose=True)
        if right > left and top > bottom:
            boxes.append((left, bottom, right, top))
    return boxes


def _utf16_offsets(raw: str) -> range | list[int]:
    """Where each character begins in UTF-16, which is what pdfium counts in."""
    if not raw or max(raw) <= "\uffff":
        return range(len(raw))
    offsets, place = [], 0
    for character in raw:
        offsets.append(place)
        place += 2 if ord(character) > 0xFFFF else 1
    return offsets


def _refusal(error: Exception, name: str) -> FileRefused:
    code = getattr(error, "err_code", None)
    if code == _ERR_PASSWORD:
        return FileRefused(
            "password-protected",
            f"{name} opens only with a password.",
            "Save a copy without the password and add that.",
        )
    if code == _ERR_SECURITY:
        return FileRefused(
            "password-protected",
            f"{name} is encrypted in a way that cannot be read.",
            "Save a copy without encryption and add that.",
        )
    return FileRefused(
        "damaged",
        f"{name} is damaged: it cannot be read as a PDF.",
        "Open it in a PDF viewer and save it anew, or fetch it again.",
    )
