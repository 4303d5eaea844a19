"""OCR: which program, what it reads in the sandbox, in which order, and what is kept of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.loading import pdfium
from ingest.loading.limits import Limits
from ingest.loading.ocr_layout import Piece, in_reading_order
from ingest.loading.ocr_page import LONGEST_SIDE, MOST_SCALE
from ingest.ocr import OcrStore, SandboxRecogniser, open_recogniser, scanned_message
from ingest.sandbox import Sandbox
from ingest.schema import open_engine
from rag.errors import FileRefused
from rag.settings import Settings
from tests.documents import coded_pdf, drawn_pdf, pdf, picture, scan

LINES = ["Parental leave", "Every parent may take 14 weeks of paid leave", "before the child is two years old."]

STAND_IN = """#!{python}
import struct, sys
if "--list-langs" in sys.argv:
    print("List of available languages (3):\\ndeu\\neng\\nosd")
else:
    head = sys.stdin.buffer.read()[:24]
    print("Read", *struct.unpack(">LL", head[16:24]), "with", *sys.argv[1:], "\\f")
"""
"""A program that takes what tesseract takes, and says what it was given: how large the picture is."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox(Limits(), workers=1)
    yield box
    box.close()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Python without rapidocr; the folder is all that there is on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    return folder


def install(folder: Path) -> None:
    program = folder / "tesseract"
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)


def test_off_is_off(sandbox: Sandbox) -> None:
    assert open_recogniser(Settings(ocr="off"), sandbox) is None


def test_rapidocr_comes_first(sandbox: Sandbox) -> None:
    found = open_recogniser(Settings(), sandbox)
    assert found
    assert found.engine.startswith("rapidocr/1 3.")


def test_without_a_program_there_is_no_ocr(sandbox: Sandbox, bare: Path) -> None:
    assert open_recogniser(Settings(), sandbox) is None


def test_tesseract_is_used_where_it_is(bare: Path) -> None:
    install(bare)
    box = Sandbox(Limits(), workers=1)
    try:
        found = open_recogniser(Settings(), box)
        assert found
        assert found.engine == "tesseract/1"
        text = found.recognise("a.pdf", scan([["One"], ["Two"]]), 2)
    finally:
        box.close()
    height = round(1754 / 150 * 300)
    assert text.startswith("Read")
    width, high = (int(number) for number in text.split()[1:3])
    assert (abs(high - min(height, LONGEST_SIDE["tesseract"])) <= 1, width < high) == (True, True)
    assert text.strip().endswith("with stdin stdout -l eng+deu")


@pytest.mark.slow
def test_a_scan_is_read_in_the_sandbox_and_a_mixed_file_gets_its_text(sandbox: Sandbox) -> None:
    def mixed(canvas: Any) -> None:
        canvas.drawString(40, 500, "Text as usual.")
        canvas.showPage()
        canvas.drawInlineImage(picture(LINES), 0, 0, 420, 595)
        canvas.showPage()

    data = drawn_pdf(mixed)
    recogniser = open_recogniser(Settings(), sandbox)
    assert recogniser
    parsed = sandbox.parse("a.pdf", data)
    assert parsed.needs_ocr == (2,)
    texts = {page: recogniser.recognise("a.pdf", data, page) for page in parsed.needs_ocr}
    whole = sandbox.parse("a.pdf", data, texts)
    assert whole.needs_ocr == ()
    assert whole.document.text == "Text as usual.\n\n" + "\n".join(LINES) + "\n\n"
    assert [page.ocr for page in whole.document.pages] == [False, True]
    assert recogniser.recognise("a.pdf", scan([[]]), 1) == ""


@pytest.mark.slow
def test_columns_are_read_one_after_the_other(sandbox: Sandbox) -> None:
    left = [f"The left column has line {word} here" for word in ("one", "two", "three", "four", "five")]
    right = [f"And the right one has line {word} too" for word in ("six", "seven", "eight", "nine", "ten")]

    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", 14)
        canvas.drawString(60, 720, "A heading that runs across both of the columns below it, as they often do")
        for row, (one, other) in enumerate(zip(left, right, strict=True)):
            canvas.drawString(40, 660 - 30 * row, one)
            canvas.drawString(320, 660 - 30 * row, other)

    recogniser = open_recogniser(Settings(), sandbox)
    assert recogniser
    lines = recogniser.recognise("a.pdf", drawn_pdf(draw, (612, 792)), 1).split("\n")
    assert lines[1:] == left + right
    assert lines[0].startswith("A heading that runs across both")


def test_a_page_that_takes_too_long_is_refused_and_the_settings_are_named(sandbox: Sandbox) -> None:
    hasty = SandboxRecogniser(sandbox, "rapidocr", "rapidocr", Limits(seconds=0.01))
    with pytest.raises(FileRefused) as caught:
        hasty.recognise("a.pdf", scan([LINES]), 1)
    assert "FOOTNOTE_OCR_SECONDS" in str(caught.value)


def test_what_cannot_be_drawn_is_refused(sandbox: Sandbox) -> None:
    recogniser = open_recogniser(Settings(), sandbox)
    assert recogniser
    for data, state in ((pdf([["x"]], user_password="secret"), "password-protected"), (b"%PDF-1.4", "damaged")):
        with pytest.raises(FileRefused) as caught:
            recogniser.recognise("a.pdf", data, 1)
        assert caught.value.state == state
    with pytest.raises(FileRefused):
        recogniser.recognise("a.pdf", pdf([["x"]]), 2)


@pytest.mark.parametrize("media_box", ["0 0 14400 14400", "0 0 10 14400", "0 0 1000000000 1000000000", "0 0 100 100"])
def test_pictures_of_pages_are_of_ordinary_size(media_box: str) -> None:
    with pdfium.opened(coded_pdf("", media_box=media_box), "a.pdf") as document:
        image = pdfium.drawn_page(document, 0, 2000, MOST_SCALE)
    assert max(image.size) <= 2000
    assert image.width * image.height <= 2000 * 2000


def cell(text: str, left: float, top: float, width: float, height: float = 10) -> Piece:
    return Piece(text, left, top, left + width, top + height)


def test_rows_of_a_table_stay_together() -> None:
    rows = [(cell(f"Item {row}", 10, 20 * row, 40), cell(f"{row},100", 200, 20 * row + 2, 40)) for row in range(8)]
    pieces = [piece for pair in rows for piece in reversed(pair)]
    assert in_reading_order(pieces) == "\n".join(f"Item {row} {row},100" for row in range(8))


def test_text_above_between_and_below_columns_divides_them() -> None:
    def columns(first: int, top: float) -> list[Piece]:
        return [
            cell(f"{side}{row}", left, top + 15 * row, 150)
            for row in range(first, first + 4)
            for side, left in (("l", 10), ("r", 200))
        ]

    pieces = [
        cell("title", 10, 0, 340),
        *columns(0, 20),
        cell("between", 10, 100, 340),
        *columns(4, 60),
        cell("end", 10, 200, 340),
    ]
    assert in_reading_order(pieces).split() == ["title", "l0", "l1", "l2", "l3", "r0", "r1", "r2", "r3", "between",
        "l4", "l5", "l6", "l7", "r4", "r5", "r6", "r7", "end"]  # fmt: skip


numbers = st.floats(0, 500)


@given(st.lists(st.tuples(numbers, numbers, st.floats(0, 300), st.floats(0, 40)), max_size=40))
def test_every_piece_is_read_once(boxes: list[tuple[float, float, float, float]]) -> None:
    pieces = [cell(f"p{number}", *box) for number, box in enumerate(boxes)]
    assert sorted(in_reading_order(pieces).split()) == sorted(piece.text for piece in pieces)


def test_what_was_recognised_outlives_the_process_and_belongs_to_its_program(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    engine = open_engine(url)
    store = OcrStore(engine)
    store.keep("a" * 64, "rapidocr/1", 2, "Two")
    store.keep("a" * 64, "rapidocr/1", 1, "")
    store.keep("a" * 64, "rapidocr/1", 2, "Two again")
    store.keep("a" * 64, "tesseract/1", 3, "Three")
    store.keep("b" * 64, "rapidocr/1", 1, "Other")
    engine.dispose()
    engine = open_engine(url)
    assert OcrStore(engine).texts("a" * 64, "rapidocr/1") == {1: "", 2: "Two again"}
    engine.dispose()


def test_a_scan_without_ocr_is_told_how_to_get_it() -> None:
    missing = scanned_message("scan.pdf", 12, engine_missing=True, off=False)
    assert missing.state == "no text (scanned)"
    assert "scan.pdf has 12 pages" in missing.message
    assert "footnote[ocr]" in missing.remedy
    assert "make install" in missing.remedy
    assert "apt install tesseract-ocr" in missing.remedy
    assert "FOOTNOTE_OCR=auto" in scanned_message("scan.pdf", 1, engine_missing=False, off=True).remedy
    assert "either" in scanned_message("scan.pdf", 1, engine_missing=False, off=False).message
