"""PDF: pages, structure, encryption, scans, and broken files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.loading import load
from rag.errors import FileRefused
from rag.types import Document, Page, Section
from tests.conftest import shared_folder
from tests.documents import coded_pdf, pdf


def page_texts(document: Document) -> list[str]:
    return [document.text[page.start : page.end] for page in document.pages]


def test_pages_are_contiguous_ranges_of_the_text() -> None:
    document = load("a.pdf", pdf([["One", "more"], ["Two"], ["Three"]]))
    assert page_texts(document) == ["One\nmore\n\n", "Two\n\n", "Three\n\n"]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert document.pages[0].start == 0
    assert document.pages[-1].end == len(document.text)
    assert all(before.end == after.start for before, after in pairwise(document.pages))


def test_labels_are_those_printed() -> None:
    document = load("a.pdf", pdf([["i"], ["ii"], ["1"]], labels=[(1, "ROMAN_LOWER", 1), (3, "ARABIC", 1)]))
    assert [page.label for page in document.pages] == ["i", "ii", "1"]
    assert [page.label for page in load("b.pdf", pdf([["x"], ["y"]])).pages] == [None, None]


def test_the_outline_becomes_sections_at_the_headings_themselves() -> None:
    pages = [["Handbook", "In short: Leave is granted.", "1 Leave", "Text"], ["Parental leave", "Sick  leave"], ["End"]]
    outline = [(1, 0, "Leave"), (2, 1, "Parental Leave"), (2, 1, "Sick leave"), (3, 0, "Not on the page")]
    document = load("a.pdf", pdf(pages, outline))
    assert [section.path for section in document.sections] == [
        "Leave",
        "Leave > Parental Leave",
        "Leave > Sick leave",
        "Not on the page",
    ]
    beginnings = [document.text[section.start :].split("\n")[0] for section in document.sections]
    assert beginnings == ["1 Leave", "Parental leave", "Sick leave", "End"]


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("The Staff Handbook", "The Staff Handbook"),
        ("Microsoft Word - final2.docx", "Acme 2023 report"),
        ("0000764478-17-000008", "Acme 2023 report"),
        ("Document", "Acme 2023 report"),
        ("", "Acme 2023 report"),
    ],
)
def test_a_title_for_people_or_else_the_file_name(written: str, title: str) -> None:
    assert load("reports/Acme_2023_report.pdf", pdf([["x"]], title=written)).title == title


def test_an_empty_password_is_tried_and_another_is_asked_for() -> None:
    assert load("a.pdf", pdf([["Hello"]], outline=[(1, 0, "Hello")], user_password="")).sections == (
        Section(0, "Hello"),
    )
    with pytest.raises(FileRefused) as caught:
        load("secret.pdf", pdf([["Hello"]], user_password="secret"))
    assert caught.value.state == "password-protected"
    assert "secret.pdf" in str(caught.value)


def test_pages_without_text_are_told_and_a_pdf_without_any_is_refused() -> None:
    document = load("a.pdf", pdf([["One"], [], [], ["Four"], []]))
    assert document.warnings == ("No text on pages 2-3, 5: nothing of them can be found.",)
    assert document.pages[1] == Page(2, 5, 7)
    with pytest.raises(FileRefused) as caught:
        load("scan.pdf", pdf([[], []]))
    assert caught.value.state == "no text (scanned)"
    assert "2 pages" in caught.value.message
    assert "OCR" in caught.value.remedy


def test_structure_that_cannot_be_read_costs_a_warning_and_no_text() -> None:
    broken = re.sub(rb"/Info \d+ 0 R", b"/Info (12)", pdf([["Hello"]], outline=[(1, 0, "Hello")]))
    document = load("a.pdf", broken)
    assert document.text == "Hello\n\n"
    assert document.sections == (Section(0, "Hello"),)
    assert document.warnings == ("The title cannot be read.",)


def test_an_outline_that_leads_in_a_circle_or_nowhere_is_no_trap() -> None:
    whole = pdf([["One"], ["Two"]], outline=[(1, 0, "One"), (2, 0, "Two")])
    before = re.search(rb"/Prev (\d+) 0 R", whole)
    assert before
    circle = re.sub(rb"/Next \d+ 0 R", b"/Next " + before[1] + b" 0 R", whole)
    nowhere = re.sub(rb"/Dest \[ \d+ 0 R", b"/Dest [ 88 0 R", whole)
    assert load("a.pdf", circle).sections == (Section(0, "One"),)
    assert load("a.pdf", nowhere).sections == ()


def test_a_file_that_was_cut_off_is_never_taken_for_whole() -> None:
    whole = pdf([["Line"] * 20 for _ in range(30)])
    for share in (0.3, 0.6, 0.9, 0.99):
        outcome: tuple[str, ...]
        try:
            outcome = load("cut.pdf", whole[: int(len(whole) * share)]).warnings
        except FileRefused as error:
            outcome = (error.state,)
        assert outcome == ("damaged",) or any("cut off" in warning for warning in outcome)


def test_text_is_mended_as_it_is_read() -> None:
    content = "BT /F1 12 Tf 50 250 Td (the infor-) Tj 0 -20 Td (mation o#ce @ a%b) Tj ET"
    document = load("a.pdf", coded_pdf(content, {"#": "ffi", "@": "\U0001f600", "%": "\u200b"}))
    assert document.text == "the information office \U0001f600 ab\n\n"


def test_rows_of_a_table_stay_together() -> None:
    rows = [("Inventories", "2,655", "2,675"), ("Total assets", "87,896", "87,270")]
    drawn = "".join(
        f"1 0 0 1 {x} {250 - 20 * row} Tm ({cell}) Tj "
        for row, cells in enumerate(rows)
        for x, cell in zip((50, 200, 300), cells, strict=True)
    )
    assert load("a.pdf", coded_pdf(f"BT /F1 12 Tf {drawn} ET")).text == (
        "Inventories 2,655 2,675\nTotal assets 87,896 87,270\n\n"
    )


def test_several_threads_can_read_at_once() -> None:
    files = [pdf([[f"File {number} page {page}"] for page in range(20)]) for number in range(4)]
    read: dict[int, str] = {}

    def work(number: int) -> None:
        for _ in range(3):
            read[number] = load(f"{number}.pdf", files[number]).text

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [read[number] for number in range(4)] == [
        "".join(f"File {number} page {page}\n\n" for page in range(20)) for number in range(4)
    ]


LOAD_EACH = """
import sys, pathlib
from ingest.loading import load
from rag.errors import FileRefused
for path in map(pathlib.Path, sys.argv[1:]):
    try:
        print(path.name, "read", len(load(path.name, path.read_bytes()).text))
    except FileRefused as error:
        print(path.name, error.state)
"""


@pytest.mark.bench_data
def test_hostile_files_are_read_or_refused() -> None:
    """In a process of its own: a crash of a library would take the test run with it."""
    folder = shared_folder() / "hostile"
    paths = sorted(
        path
        for pattern in ("pdf-errors/*.pdf", "pdf-fuzz/*.pdf", "pdf-horrors/*.pdf", "office-hostile/*.docx")
        for path in folder.glob(pattern)
    )
    run = subprocess.run(
        [sys.executable, "-c", LOAD_EACH, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=Path(__file__).parent.parent,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    outcomes = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    assert len(outcomes) == len(paths)
    assert outcomes["encryption_openpassword.pdf"] == "password-protected"
    assert outcomes["bug53475-password-is-solrcell.docx"] == "password-protected"
    assert outcomes["encryption_nocopy.pdf"].startswith("read")
    assert outcomes["truncated62886.docx"] == "damaged"


@pytest.mark.bench_data
def test_an_annual_report_keeps_its_numbers_beside_their_labels() -> None:
    path = shared_folder() / "bench" / "financebench" / "documents" / "3M_2018_10K.pdf"
    document = load(path.name, path.read_bytes())
    page = page_texts(document)[59]
    assert "Purchases of property, plant and equipment (PP&E) (1,577) (1,373) (1,420)\n" in page
    assert document.title == "3M 2018 10K"
