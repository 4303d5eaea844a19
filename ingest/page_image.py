"""The picture of a PDF page with a passage marked on it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ingest.loading import pdfium
from ingest.loading.cleaning import mend
from rag.errors import FileRefused, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH = 1100
"""Width of the picture in pixels: readable on a screen, and 100 to 300 kB."""

MOST_HEIGHT = 4 * WIDTH

MARK = (255, 236, 61)
"""The colour of a mark. It is multiplied with the page, as a text marker does: black stays black."""

Box = tuple[float, float, float, float]


def render_page(
    data: bytes, page: int, mark: tuple[int, int] | None = None, width: int = WIDTH, cut: Sequence[tuple[int, int]] = ()
) -> bytes:
    """A PNG of a page (from 1), with a range of its text marked line by line.

    The range is relative to the page's start in `Document.text`: `chunk.start - page.start`; `cut` is the page's own
    (`Page.cut`). What lies outside the page is left out. A page whose text was recognised (`Page.ocr`) can be shown without
    a mark only. Raises `FileRefused` for a file or page that cannot be shown, `UsageError` for a page that is not there.
    """
    with pdfium.opened(data, "The file") as document, pdfium.LOCK:
        if not 1 <= page <= len(document):
            raise UsageError(f"There is no page {page}: the file has {len(document)}.")
        try:
            with pdfium.text_page(document, page - 1) as (sheet, text):
                boxes = _boxes(text, mark, cut) if mark else []
                picture, boxes = _render(sheet, boxes, width)
        except pdfium.PageBroken as error:
            raise FileRefused("damaged", f"Page {page} cannot be shown: the file is damaged there.") from error
    return _png(picture, boxes)


def _render(sheet: Any, boxes: list[Box], width: int) -> tuple[Image, list[Box]]:
    """The picture, and the boxes in its pixels, joined to lines."""
    across, down = sheet.get_size()
    scale = min(width / max(across, 1), MOST_HEIGHT / max(down, 1))
    bitmap = sheet.render(scale=scale, may_draw_forms=False, rev_byteorder=True)
    try:
        picture = bitmap.to_pil().convert("RGB")
        place = bitmap.get_posconv(sheet)
        return picture, [_on_picture(place, box) for box in _lines(boxes)]
    finally:
        bitmap.close()


def _boxes(text: Any, mark: tuple[int, int], cut: Sequence[tuple[int, int]]) -> list[Box]:
    """The boxes of the characters that a range of the mended text came from, and of mended hyphens among them."""
    raw = pdfium.raw_text(text)
    origins = mend(raw, cut)[1][max(mark[0], 0) : max(mark[1], 0)]
    if not origins:
        return []
    marked = range(origins[0], origins[-1] + 1)
    return pdfium.character_boxes(text, raw, (i for i in marked if not any(start <= i < end for start, end in cut)))


def _lines(boxes: Iterable[Box]) -> list[Box]:
    """Boxes in reading order, joined as long as they follow one another on a line."""
    lines: list[Box] = []
    for box in boxes:
        if lines and _continues(lines[-1], box):
            last = lines[-1]
            lines[-1] = (min(last[0], box[0]), min(last[1], box[1]), max(last[2], box[2]), max(last[3], box[3]))
        else:
            lines.append(box)
    return lines


def _continues(line: Box, box: Box) -> bool:
    """Whether a box stands beside the line's end (or below it, where the text runs upright), at most a blank away."""
    height, width = box[3] - box[1], box[2] - box[0]
    level = min(line[3], box[3]) - max(line[1], box[1])
    upright = min(line[2], box[2]) - max(line[0], box[0])
    reach = max(height, width)
    beside = level > height / 2 and -reach < box[0] - line[2] < reach
    below = upright > width / 2 and (-reach < line[1] - box[3] < reach / 4) and line[3] - line[1] > line[2] - line[0]
    return beside or below


def _on_picture(place: Any, box: Box) -> Box:
    """A box of the page in pixels: rotation and crop of the page are taken into account."""
    corners = (place.to_bitmap(box[0], box[1]), place.to_bitmap(box[2], box[3]))
    (left, right), (top, bottom) = (sorted(values) for values in zip(*corners, strict=True))
    return left, top, right, bottom


def _png(picture: Image, boxes: list[Box]) -> bytes:
    from PIL import Image, ImageChops, ImageDraw

    if boxes:
        marker = Image.new("RGB", picture.size, "white")
        draw = ImageDraw.Draw(marker)
        for box in boxes:
            draw.rectangle(box, fill=MARK)
        picture = ImageChops.multiply(picture, marker)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
