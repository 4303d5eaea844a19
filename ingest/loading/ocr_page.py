"""Reads the text in the picture of a PDF's page (OCR), in the child that runs it.

Two programs can do it: rapidocr, whose models come with its package, and Debian's tesseract.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ingest.confine import run_program
from ingest.loading import pdfium
from ingest.loading.ocr_layout import Piece, in_reading_order
from rag.errors import FileRefused

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = {"rapidocr": 2000, "tesseract": 3300}
"""Pixels of a picture's longer side, by engine: 170 and 300 dots an inch for an ordinary page, and less for a larger one."""

MOST_SCALE = 300 / 72
"""A page is drawn with at most 300 dots an inch: more is not in it."""

DETECTOR_SIDE = 1280
"""Pixels of the longer side of the picture in which lines are looked for; they are read in the larger one."""

LEAST_SCORE = 0.5
MOST_THREADS = 4
"""Threads for rapidocr, and at most half of the processors: questions are answered beside it."""

LONGEST_SECONDS = 3600.0
"""For tesseract, which the sandbox ends long before."""

MOST_LANGUAGES = 4
_LANGUAGE = re.compile(r"(?!osd|equ)[a-z]{3}(?:_[A-Za-z_]+)?")


def recognise(data: bytes, page: int, engine: str) -> str:
    """The text that can be seen on a page (from 1), in reading order; empty where there is none.

    `engine` is `rapidocr` or `tesseract`. Raises `FileRefused` for a file or a page that cannot be drawn.
    """
    return ENGINES[engine](_picture(data, page, LONGEST_SIDE[engine]))


def _picture(data: bytes, page: int, longest: int) -> Image:
    with pdfium.opened(data, "The file") as document, pdfium.LOCK:
        try:
            picture: Image = pdfium.drawn_page(document, page - 1, longest, MOST_SCALE)
            return picture
        except pdfium.PageBroken as error:
            raise FileRefused("damaged", f"Page {page} cannot be drawn: the file is damaged there.") from error


def _by_rapidocr(picture: Image) -> str:
    import numpy

    found = _rapidocr()(numpy.ascontiguousarray(numpy.asarray(picture)[:, :, ::-1]))  # blue, green, red is its order
    texts = getattr(found, "txts", None) or ()
    pieces = []
    for box, text in zip(found.boxes if texts else (), texts, strict=True):
        across, down = [float(corner[0]) for corner in box], [float(corner[1]) for corner in box]
        pieces.append(Piece(text.strip(), min(across), min(down), max(across), max(down)))
    return in_reading_order([piece for piece in pieces if piece.text])


@cache
def _rapidocr() -> Any:
    """The engine, its models loaded at the first page. Turned pictures of lines are not looked for: it garbles plain English."""
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").disabled = True
    settings = {
        "Global.use_cls": False,
        "Global.log_level": "critical",
        "Global.text_score": LEAST_SCORE,
        "Global.max_side_len": LONGEST_SIDE["rapidocr"],
        "Det.limit_type": "max",
        "Det.limit_side_len": DETECTOR_SIDE,
        "Rec.rec_batch_num": 1,  # several lines at once take as long, and half as much memory again
        "EngineConfig.onnxruntime.intra_op_num_threads": min(MOST_THREADS, max(1, (os.cpu_count() or 1) // 2)),
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return RapidOCR(params=settings)


def _by_tesseract(picture: Image) -> str:
    out = io.BytesIO()
    picture.convert("L").save(out, "PNG", compress_level=1)
    return _tesseract("stdin", "stdout", "-l", _languages(), data=out.getvalue()).replace("\f", "")


@cache
def _languages() -> str:
    """The languages that are installed: English first, as it is what each installation has."""
    listed = (line.strip() for line in _tesseract("--list-langs").splitlines())
    names = sorted((name for name in listed if _LANGUAGE.fullmatch(name)), key=lambda name: (name != "eng", name))
    return "+".join(names[:MOST_LANGUAGES]) or "eng"


def _tesseract(*arguments: str, data: bytes = b"") -> str:
    os.environ["OMP_THREAD_LIMIT"] = "1"  # several threads make it slower: seven times where the machine is busy
    ran = run_program(("tesseract", *arguments), LONGEST_SECONDS, data)
    if ran.code != 0:
        raise FileRefused("failed", f"tesseract could not read the page: it ended with code {ran.code}.")
    return ran.output.decode("utf-8", "replace")


ENGINES: dict[str, Callable[[Image], str]] = {"rapidocr": _by_rapidocr, "tesseract": _by_tesseract}
