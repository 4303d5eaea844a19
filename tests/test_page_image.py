"""The picture of a page: the mark lies on the words and nowhere else."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from ingest.loading.limits import Limits
from ingest.loading.pdf import load as load_pdf
from ingest.page_image import MOST_HEIGHT, WIDTH, render_page
from rag.errors import FileRefused, UsageError
from rag.types import Document
from tests.documents import coded_pdf, pdf

Box = tuple[int, int, int, int]

HELVETICA_12 = {"a": 6.67, "b": 6.67, "e": 6.67, "f": 3.33, "h": 6.67, "i": 2.67, "m": 10.0, "n": 6.67, "o": 6.67}
"""Widths in points of letters in Helvetica at 12 points, from Adobe's font metrics."""


def load(name: str, data: bytes) -> Document:
    return load_pdf(name, data, Limits()).document


def picture(data: bytes, mark: tuple[int, int] | None = None, page: int = 1) -> Image.Image:
    return Image.open(io.BytesIO(render_page(data, page, mark))).convert("RGB")


def yellow(image: Image.Image) -> Box | None:
    """The smallest box around all that is marked."""
    red, _, blue = image.split()
    marked = Image.eval(blue, lambda value: 255 if value < 100 else 0)
    bright = Image.eval(red, lambda value: 255 if value > 200 else 0)
    return Image.composite(marked, Image.new("L", image.size), bright).getbbox()


def marked(data: bytes, words: str) -> Box:
    """Where the picture is marked when these words of the first page are."""
    start = load("a.pdf", data).text.index(words)
    box = yellow(picture(data, (start, start + len(words))))
    assert box
    return box


def ink(box: Box, data: bytes) -> Box | None:
    """The smallest box around what is drawn inside a box of the picture, in the picture's own pixels."""
    return ink_in(picture(data), box)


def ink_in(image: Image.Image, box: Box) -> Box | None:
    found = Image.eval(image.convert("L").crop(box), lambda value: 255 if value < 128 else 0).getbbox()
    return found and (found[0] + box[0], found[1] + box[1], found[2] + box[0], found[3] + box[1])


def at(x: float, y: float, text: str) -> str:
    return f"BT /F1 12 Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET "


def around(box: Box, wanted: tuple[float, float, float, float], tolerance: float = 4) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(box, wanted, strict=True))


def width_of(word: str) -> float:
    return sum(HELVETICA_12[letter] for letter in word)


SCALE = WIDTH / 400
"""Pixels a point: the pages below are 400 points wide and 300 high."""


def test_without_a_mark_nothing_is_yellow() -> None:
    image = picture(coded_pdf(at(50, 200, "none")))
    assert image.size == (WIDTH, round(300 * SCALE))
    assert yellow(image) is None


@pytest.mark.parametrize("before", ["", "@ ", "o#ce ", "a%%b ", "$nal @ ", "&& "])
def test_a_mark_covers_the_word_and_only_it(before: str) -> None:
    """Behind an emoji, ligatures and invisible characters, which count otherwise in the text than on the page."""
    meanings = {"@": "\U0001f600", "#": "ffi", "$": "\ufb01", "%": "\u200b", "&": "\ud83d"}
    content = at(50, 250, before + "foo") + at(50, 200, "one") + at(50 + 60, 200, "home") + at(50 + 120, 200, "bee")
    left = 50 + 60
    box = marked(coded_pdf(content, meanings), "home")
    wanted = (left * SCALE, (300 - 212) * SCALE, (left + width_of("home")) * SCALE, (300 - 197) * SCALE)
    assert around(box, wanted, tolerance=8)
    assert around((box[0], 0, box[2], 0), (wanted[0], 0, wanted[2], 0))


def test_a_mended_word_is_marked_on_both_lines_with_its_hyphen() -> None:
    data = coded_pdf(at(50, 250, "be @ home-") + at(50, 230, "bone on"), {"@": "\U0001f600"})
    assert "homebone on" in load("a.pdf", data).text
    start = load("a.pdf", data).text.index("homebone")
    image = picture(data, (start, start + len("homebone")))
    upper = yellow(image.crop((0, 0, WIDTH, round(55 * SCALE))))
    lower = yellow(image.crop((0, round(64 * SCALE), WIDTH, image.height)))
    assert upper
    assert lower
    assert ink((upper[0], 0, WIDTH, round(50 * SCALE)), data) == ink(
        (upper[0], 0, upper[2] + 2, round(50 * SCALE)), data
    )
    assert around((lower[0], 0, lower[2], 0), (50 * SCALE, 0, (50 + width_of("bone")) * SCALE, 0))


def test_a_word_behind_a_mended_hyphen_is_marked_exactly() -> None:
    data = coded_pdf(at(50, 250, "be home-") + at(50, 230, "bone") + at(150, 230, "moon"))
    box = marked(data, "moon")
    assert around((box[0], 0, box[2], 0), (150 * SCALE, 0, (150 + width_of("moon")) * SCALE, 0))


def test_a_turned_page_is_marked_where_it_is_shown() -> None:
    box = marked(coded_pdf(at(50, 250, "one") + at(150, 100, "home"), page="/Rotate 90"), "home")
    scale = WIDTH / 300
    # Turned clockwise by 90 degrees, (x, y) is shown x points from the top and y points from the left.
    wanted = (97 * scale, 150 * scale, 112 * scale, (150 + width_of("home")) * scale)
    assert around(box, wanted, tolerance=10)


def test_a_cropped_page_is_marked_where_it_is_shown() -> None:
    box = marked(coded_pdf(at(150, 100, "home"), page="/CropBox [100 50 300 250]"), "home")
    scale = WIDTH / 200
    wanted = (50 * scale, (250 - 112) * scale, (50 + width_of("home")) * scale, (250 - 97) * scale)
    assert around(box, wanted, tolerance=14)


def test_columns_of_a_row_are_marked_and_the_gap_between_is_not() -> None:
    data = coded_pdf(at(50, 250, "foo") + at(300, 250, "bee"))
    text = load("a.pdf", data).text
    image = picture(data, (0, len(text)))
    gap = image.crop((round(100 * SCALE), 0, round(290 * SCALE), image.height))
    assert yellow(image)
    assert yellow(gap) is None


def test_black_stays_black_under_a_mark() -> None:
    data = coded_pdf(at(50, 250, "home"))
    box = marked(data, "home")
    darkest = min(picture(data, (0, 4)).convert("L").crop(box).tobytes())
    assert darkest < 40


def test_marks_outside_of_the_page_are_left_out() -> None:
    data = coded_pdf(at(50, 250, "home"))
    assert yellow(picture(data, (100, 200))) is None
    assert yellow(picture(data, (3, 2))) is None
    assert yellow(picture(data, (-50, 4))) == marked(data, "home")


def test_the_right_page_is_shown() -> None:
    data = pdf([["first"], ["second"]])
    place = load("a.pdf", data).pages[1]
    assert yellow(picture(data, (0, 6), page=2)) == yellow(picture(data, (0, place.end - place.start), page=2))
    for page in (0, 3):
        with pytest.raises(UsageError):
            render_page(data, page)


@pytest.mark.parametrize(
    "media_box",
    [
        "0 0 1000000000 1000000000",
        "0 0 0 0",
        "0 0 1e-9 5",
        "0 0 99999999999999999999 10",
        "0 0 3e38 3e38",
        "0 0 100000000 1",
    ],
)
def test_impossible_pages_give_a_picture(media_box: str) -> None:
    image = picture(coded_pdf(at(50, 200, "home"), media_box=media_box), (0, 4))
    assert image.width <= WIDTH
    assert image.height <= MOST_HEIGHT


def test_huge_pages_give_pictures_of_ordinary_size() -> None:
    image = picture(coded_pdf("", media_box="0 0 14400 14400"))
    assert image.size == (WIDTH, WIDTH)
    assert picture(coded_pdf("", media_box="0 0 10 14400")).height <= MOST_HEIGHT


def test_what_cannot_be_opened_is_refused() -> None:
    with pytest.raises(FileRefused) as caught:
        render_page(pdf([["x"]], user_password="secret"), 1)
    assert caught.value.state == "password-protected"
    with pytest.raises(FileRefused) as caught:
        render_page(b"%PDF-1.4 nothing", 1)
    assert caught.value.state == "damaged"
