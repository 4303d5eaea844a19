"""PDF: running headers and footers go, and nothing else does."""

from __future__ import annotations

import io
import unicodedata
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ingest.loading import pdfium
from ingest.loading.cleaning import mend
from ingest.loading.limits import Limits
from ingest.loading.pdf import load
from ingest.page_image import WIDTH, render_page
from rag.types import Page
from tests.documents import drawn_pdf, pdf, picture
from tests.test_page_image import Box, ink_in, yellow

SCALE = WIDTH / 420
"""Pixels a point."""

HEADER, TITLE, FOOTER = 570, 540, 20
"""Heights on the page: a header, the first line of text 30 points below it, and a footer."""


def report(pages: int, draw: Any, step: float = 14) -> bytes:
    """A PDF: `draw(number)` gives `(x, y, text)` for what stands on a page beside three lines of text."""

    def on(canvas: Any) -> None:
        for number in range(1, pages + 1):
            canvas.setFont("Helvetica", 10)
            lines = [f"The {word} sentence of page {number * 7 % 13}." for word in ("first", "second", "third")]
            body = [(40, TITLE - step * row, line) for row, line in enumerate(lines)]
            for x, y, text in sorted([*draw(number), *body], key=lambda item: -item[1]):
                canvas.drawString(x, y, text)
            canvas.showPage()

    return drawn_pdf(on)


def texts(data: bytes) -> list[str]:
    document = load("a.pdf", data, Limits()).document
    assert all(before.end == after.start for before, after in pairwise(document.pages))
    return [document.text[page.start : page.end] for page in document.pages]


def marked(data: bytes, page: Page, start: int, end: int) -> Box | None:
    return yellow(Image.open(io.BytesIO(render_page(data, page.number, (start, end), cut=page.cut))).convert("RGB"))


def test_headers_and_page_numbers_go_but_the_first_page_keeps_its_own() -> None:
    def draw(number: int) -> list[tuple[float, float, str]]:
        return [(40, HEADER, "Acme Ltd. - Annual report 2023"), (200, FOOTER, f"Page {number} of 8")]

    first, *others = texts(report(8, draw))
    assert first.startswith("Acme Ltd. - Annual report 2023\nThe first")
    assert first.endswith("Page 1 of 8\n\n")
    for text in others:
        assert text.startswith("The first sentence")
        assert text.split("\n")[2].startswith("The third")
        assert "Acme" not in text
        assert "of 8" not in text


def test_left_and_right_pages_may_have_different_ones() -> None:
    def draw(number: int) -> list[tuple[float, float, str]]:
        if number % 2:
            return [(250, HEADER, f"Part one {number}")]
        return [(40, HEADER, f"{number} The Staff Handbook"), (40, HEADER - 10, "Second edition")]

    for number, text in enumerate(texts(report(14, draw)), 1):
        assert ("Staff" in text or "Second" in text or "Part" in text) == (number == 1)


def test_numbers_that_start_anew_in_a_part_are_page_numbers() -> None:
    found = texts(report(16, lambda number: [(200, FOOTER, f"A-{number}" if number < 9 else f"B-{number - 8}")]))
    assert [text for text in found[1:] if "A-" in text or "B-" in text] == []


@pytest.mark.parametrize(
    ("pages", "place", "text"),
    [
        (4, HEADER, lambda number: "Acme Ltd."),  # few pages
        (10, 420, lambda number: "Acme Ltd."),  # in the middle of the page
        (
            10,
            HEADER,
            lambda number: "Acme Ltd." if number in (2, 4, 5, 9) else f"Chapter of {'abcdefghij'[number - 1]}",
        ),
        (10, HEADER, lambda number: f"Total assets {number * number * 31}"),  # no page's number
        (10, FOOTER, lambda number: f"{number * 37 % 11}"),
    ],
)
def test_what_is_not_surely_running_stays(pages: int, place: float, text: Any) -> None:
    found = texts(report(pages, lambda number: [(40, place, text(number))]))
    assert all(text(number) in page for number, page in enumerate(found, 1))


def test_the_header_of_a_table_on_every_page_stays() -> None:
    """It stands as close to the first row as the rows to one another, closely or widely set."""
    for step in (14, 24):
        found = texts(report(10, lambda number, step=step: [(40, TITLE + step, "Name Amount Date")], step))
        assert all("Name Amount Date\n" in text for text in found)


def test_a_heading_of_the_outline_stays_where_its_section_begins() -> None:
    def on(canvas: Any) -> None:
        for number in range(1, 10):
            canvas.drawString(40, HEADER, "Table of Contents")
            canvas.drawString(40, 400, f"Text {number * 5 % 7}.")
            if number == 3:
                canvas.bookmarkPage("toc")
                canvas.addOutlineEntry("Table of contents", "toc", 0)
            canvas.showPage()

    document = load("a.pdf", drawn_pdf(on), Limits()).document
    kept = [page.number for page in document.pages if "Table" in document.text[page.start : page.end]]
    assert kept == [1, 3]
    (section,) = document.sections
    assert document.text[section.start :].startswith("Table of Contents\nText 1.")


def test_a_mark_behind_a_header_that_was_cut_lies_on_its_word() -> None:
    """The header is the first line of the text, or the last, as many programs write it."""

    def on(canvas: Any) -> None:
        for number in range(1, 9):
            lines = [(HEADER, "Acme Ltd. \U0001f600"), (300, "Some text, and then home"), (280, "More.")]
            for y, text in lines if number % 2 else lines[1:] + lines[:1]:
                canvas.drawString(40, y, text)
            canvas.showPage()

    data = drawn_pdf(on)
    document = load("a.pdf", data, Limits()).document
    for page in document.pages[1:]:
        text = document.text[page.start : page.end]
        assert text == "Some text, and then home\nMore.\n\n"
        assert page.cut
        start = text.index("home")
        box = marked(data, page, start, start + 4)
        assert box
        drawn = ink_in(Image.open(io.BytesIO(render_page(data, page.number))), box)
        assert drawn
        left, top, right, bottom = drawn
        assert abs(top - (595 - 300 - 9) * SCALE) < 4
        assert right - left > 20 * SCALE
        assert right - left < 34 * SCALE
        whole = marked(data, page, 0, len(text))
        assert whole
        assert whole[1] > (595 - 320) * SCALE
        assert bottom < whole[3]


def test_a_cut_range_is_the_line_with_its_end() -> None:
    data = report(8, lambda number: [(40, HEADER, "Acme Ltd."), (200, FOOTER, f"{number}")])
    document = load("a.pdf", data, Limits()).document
    with pdfium.opened(data, "a.pdf") as opened:
        for page in document.pages[1:]:
            raw = pdfium.read_page(opened, page.number - 1).raw
            assert [raw[start:end] for start, end in page.cut] == ["Acme Ltd.\r\n", f"\r\n{page.number}"]
            text = document.text[page.start : page.end]
            assert mend(raw, page.cut)[0] + "\n\n" == text


def test_all_that_a_page_says_is_no_running_line_but_a_stamp_on_scans_is() -> None:
    def stamped(canvas: Any) -> None:
        for _ in range(6):
            canvas.drawInlineImage(picture(["Scanned"], (60, 85)), 0, 0, 420, 595)
            canvas.drawString(40, FOOTER, "Scanned with DocScan")
            canvas.showPage()

    assert texts(pdf([[f"Slide {number}"] for number in range(1, 9)])) == [f"Slide {n}\n\n" for n in range(1, 9)]
    first, *others = load("a.pdf", drawn_pdf(stamped), Limits()).document.pages
    assert first.end == len("Scanned with DocScan\n\n")
    assert all(page.end - page.start == 2 for page in others)


pieces = st.text(st.sampled_from("ab -\r\n\ufffe\u200bé\u0301ﬁ.\U0001f600"), max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(pieces, pieces), max_size=6), pieces)
def test_what_is_cut_is_left_out_and_the_rest_is_traced(parts: list[tuple[str, str]], end: str) -> None:
    """`parts` are what stays and what is cut, in turns."""
    raw, cut = "", []
    for stays, goes in parts:
        raw += stays
        cut.append((len(raw), len(raw) + len(goes)))
        raw += goes
    raw += end
    text, origins = mend(raw, cut)
    assert text == mend("".join(stays for stays, _ in parts) + end)[0]
    assert len(origins) == len(text)
    assert origins == sorted(origins)
    for character, place in zip(text, origins, strict=True):
        assert not any(start <= place < end for start, end in cut)
        if raw[place] in "ab" and not unicodedata.combining(character):
            assert unicodedata.normalize("NFD", character)[0] == raw[place]
