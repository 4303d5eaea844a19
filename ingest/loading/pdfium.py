"""The only opener of PDFs with pdfium, for their text and their pictures.

pdfium is not thread-safe: every call into it, closing included, happens under `LOCK`. The lock is taken for a page at
a time, so that a picture need not wait for a long report to be read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rag.errors import FileRefused

LOCK = threading.RLock()

_ERR_PASSWORD = 4
_ERR_SECURITY = 5
"""FPDF_ERR_PASSWORD and FPDF_ERR_SECURITY of fpdfview.h."""


class PageBroken(Exception):
    """A page that pdfium cannot read or draw."""


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


def page_text(document: Any, index: int) -> str:
    """The raw text of a page, in reading order, one Python character for each that pdfium counts (pairs joined)."""
    with LOCK, text_page(document, index) as (_, text):
        return raw_text(text)


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


def _utf16_offsets(raw: str) -> list[int]:
    """Where each character begins in UTF-16, which is what pdfium counts in."""
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
