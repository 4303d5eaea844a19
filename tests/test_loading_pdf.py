"""PDF: pages, structure, encryption, scans, and broken files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.loading import pdf as loader
from ingest.loading.cleaning import mend
from ingest.loading.cpu_time import OutOfTime, at_most
from ingest.loading.limits import Limits
from ingest.loading.parsed import Attachment, Parsed
from ingest.loading.pdf_garbled import is_garbled
from rag.errors import FileRefused
from rag.types import Document, Page, Section
from tests.conftest import shared_folder
from tests.documents import coded_pdf, drawn_pdf, pdf, picture, scan, with_attached

LIMITS = Limits()


def parse(data: bytes, recognised: Mapping[int, str] | None = None, limits: Limits = LIMITS) -> Parsed:
    return loader.load("a.pdf", data, limits, recognised)


def load(name: str, data: bytes) -> Document:
    return loader.load(name, data, LIMITS).document


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


def test_pages_without_text_are_told_and_empty_ones_need_no_ocr() -> None:
    parsed = parse(pdf([["One"], [], [], ["Four"], []]))
    assert parsed.document.warnings == ("No text on pages 2-3, 5: nothing there can be found.",)
    assert parsed.document.pages[1] == Page(2, 5, 7)
    assert parsed.needs_ocr == ()


def test_a_scan_has_no_text_and_all_of_its_pages_need_ocr() -> None:
    parsed = parse(scan([["One"], ["Two"]]))
    assert parsed.document.text.strip() == ""
    assert [(page.start, page.end) for page in parsed.document.pages] == [(0, 2), (2, 4)]
    assert parsed.needs_ocr == (1, 2)


def test_recognised_pages_are_mended_and_marked() -> None:
    parsed = parse(scan([["One"], ["Two"], ["Three"]]), {1: "infor-\nmation\u200b", 2: " \n"})
    assert parsed.document.text == "information\n\n\n\n\n\n"
    assert [page.ocr for page in parsed.document.pages] == [True, False, False]
    assert parsed.needs_ocr == (2, 3)
    assert parsed.document.warnings == ("No text on pages 2-3: nothing there can be found.",)


def mixed(canvas: Any) -> None:
    """Text; a picture; text with a small picture; a stamp on a scan; rules on an empty page; a white picture."""
    canvas.drawString(40, 500, "Text as usual.")
    canvas.showPage()
    canvas.drawInlineImage(picture(["Scanned"], (600, 850)), 0, 0, 420, 595)
    canvas.showPage()
    canvas.drawString(40, 500, "Text.")
    canvas.drawInlineImage(picture(["Logo"], (600, 850)), 300, 500, 60, 85)
    canvas.showPage()
    canvas.drawInlineImage(picture(["Scanned too"], (600, 850)), 0, 0, 420, 595)
    canvas.drawString(40, 20, "Copy 17")
    canvas.showPage()
    for y in range(3):
        canvas.line(40, 500 + y, 380, 500 + y)
    canvas.showPage()
    canvas.drawInlineImage(picture([], (60, 85)), 200, 200, 100, 100)
    canvas.showPage()


def test_only_pages_that_show_more_than_their_text_says_need_ocr() -> None:
    parsed = parse(drawn_pdf(mixed))
    assert parsed.needs_ocr == (2, 4)
    assert parsed.document.warnings == (
        "No text on pages 2, 5-6: nothing there can be found.",
        "Little text on page 4 beside a large picture: what the picture says cannot be found.",
    )


def test_what_was_recognised_replaces_text_only_where_it_says_more() -> None:
    data = drawn_pdf(mixed)
    more = parse(data, {1: "Other text", 2: "Scanned", 4: "Scanned too, Copy 17"})
    assert page_texts(more.document)[:4] == [
        "Text as usual.\n\n",
        "Scanned\n\n",
        "Text.\n\n",
        "Scanned too, Copy 17\n\n",
    ]
    assert [page.number for page in more.document.pages if page.ocr] == [2, 4]
    less = parse(data, {2: "Scanned", 4: "C 1"})
    assert page_texts(less.document)[3] == "Copy 17\n\n"
    assert more.needs_ocr == less.needs_ocr == ()
    assert less.document.warnings == ("No text on pages 5-6: nothing there can be found.",)


def test_a_garbled_text_layer_needs_ocr_and_gives_way_to_what_is_recognised() -> None:
    letters = {chr(code): chr(0xE000 + code) for code in range(33, 127)}
    data = coded_pdf("BT /F1 12 Tf 50 250 Td (One sentence of this page.) Tj 0 -20 Td (And then) Tj ET", letters)
    parsed = parse(data)
    assert parsed.needs_ocr == (1,)
    assert parsed.document.warnings == ("The text layer of page 1 is garbled: its words cannot be found.",)
    read = parse(data, {1: "One sentence"})
    assert (read.document.text, read.needs_ocr, read.document.warnings) == ("One sentence\n\n", (), ())


LANGUAGES = {
    "cs": "Zaměstnanec má nárok na dovolenou v délce pěti týdnů za kalendářní rok, pokud trvá pracovní poměr. Strč prst skrz krk. ",
    "cy": "Mae gan bob gweithiwr hawl i wyliau blynyddol gyda thâl, ac mae'n rhaid i'r cyflogwr gadw cofnod ohonynt bob blwyddyn. ",
    "de": "Jeder Arbeitnehmer hat in jedem Kalenderjahr Anspruch auf bezahlten Erholungsurlaub von mindestens vier Wochen. ",
    "en": "Every worker is entitled to paid annual leave of at least four weeks in each year, and may carry over five days. ",
    "eu": "Langile guztiek ordaindutako urteko oporrak izateko eskubidea dute, eta enpresak egutegia adostu behar du haiekin. ",
    "fi": "Jokaisella työntekijällä on oikeus vuosilomaan, ja työnantajan on annettava se kesällä, ellei toisin ole sovittu. ",
    "hr": "Svaki radnik ima pravo na plaćeni godišnji odmor u trajanju od najmanje četiri tjedna za svaku kalendarsku godinu. ",
    "hu": "Minden munkavállalónak jár évente legalább négy hét fizetett szabadság, amelyet a munkáltató ad ki az év folyamán. ",
    "pl": "Każdy pracownik ma prawo do corocznego, nieprzerwanego, płatnego urlopu wypoczynkowego w wymiarze dwudziestu dni. ",
    "sw": "Kila mfanyakazi ana haki ya likizo ya mwaka yenye malipo ya angalau wiki nne kwa kila mwaka wa kazi yake kazini. ",
    "tr": "Her işçi, her yıl en az dört hafta ücretli yıllık izin hakkına sahiptir ve işveren bunu yazılı olarak bildirir. ",
    "vi": "Mọi người lao động đều được nghỉ hằng năm có hưởng lương ít nhất bốn tuần mỗi năm và có thể chuyển năm ngày. ",
    "ru": "Каждый работник имеет право на ежегодный оплачиваемый отпуск продолжительностью не менее четырёх недель. ",
    "ja": "すべての労働者は、毎年少なくとも四週間の有給休暇を取得する権利を有する。",
    "ar": "لكل عامل الحق في إجازة سنوية مدفوعة الأجر لا تقل عن أربعة أسابيع في كل سنة. ",
    "numbers": "2018 2,655 (1,577) 87,896 $ 12.4 % — 3Q18 EBITDA USD GBP ",
    "leaders": "1.2 Leave \ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd 12\n",
    "base64": "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4QBcvD8XwHDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg\n",
}


@pytest.mark.parametrize("text", LANGUAGES.values(), ids=LANGUAGES)
def test_languages_numbers_and_codes_are_not_garbled(text: str) -> None:
    assert not is_garbled(text * 20)


def test_letters_of_a_font_that_does_not_tell_them_are_garbled() -> None:
    """As of TrueType fonts whose glyphs are numbered 29 below ASCII, and of one whose letters were mixed up."""
    shifted = "".join(chr(ord(c) - 29) if c.isascii() else c for c in LANGUAGES["en"] * 20)
    mixed_up = (LANGUAGES["en"] * 20).lower().translate(str.maketrans("etaoinshrdlu", "qzxjkvbwfgcp"))
    assert is_garbled(shifted)
    assert is_garbled(mixed_up)
    assert not is_garbled(shifted[:200])


def test_too_many_pages_are_refused_before_they_are_read() -> None:
    with pytest.raises(FileRefused) as caught:
        parse(pdf([["x"]] * 4), limits=Limits(pages=3))
    assert (caught.value.state, "4 pages" in caught.value.message) == ("too large", True)
    claims = coded_pdf("").replace(b"/Count 1 ", b"/Count 100000 ")
    with pytest.raises(FileRefused) as caught:
        parse(claims)
    assert (caught.value.state, "100,000 pages" in caught.value.message) == ("too large", True)


def test_pages_that_are_claimed_and_not_there_are_told() -> None:
    parsed = parse(coded_pdf("BT /F1 12 Tf 50 250 Td (One) Tj ET").replace(b"/Count 1 ", b"/Count 3 "))
    assert parsed.document.text == "One\n\n\n\n\n\n"
    assert parsed.document.warnings == ("Pages 2-3 cannot be read: the file is damaged there.",)


def test_objects_that_lead_in_a_circle_are_no_trap() -> None:
    data = pdf([["One"], ["Two"]])
    pages = re.search(rb"(\d+) 0 obj\s+<<\s+/Count 2 /Kids \[ (\d+) 0 R", data)
    assert pages
    circle = data.replace(b"/Kids [ " + pages[2], b"/Kids [ " + pages[1])
    assert "Two" in parse(circle).document.text


def test_attached_files_come_out() -> None:
    files = [("invoice.xml", b"<a/>"), ("../b/notes.txt", b"Notes"), ("invoice.xml", b"<b/>")]
    parsed = parse(with_attached(pdf([["One"]]), files))
    assert sorted(parsed.attachments, key=lambda each: each.name) == [
        Attachment("b/notes.txt", b"Notes"),
        Attachment("invoice (2).xml", b"<b/>"),
        Attachment("invoice.xml", b"<a/>"),
    ]
    assert parsed.refused == ()


def test_attached_files_over_the_limits_are_told_and_the_document_stays() -> None:
    data = with_attached(pdf([["One"]]), [("a.bin", bytes(1_500_000)), ("b.txt", b"Notes"), ("c.txt", b"More")])
    parsed = parse(data, limits=Limits(unzip_mb=1))
    assert [each.name for each in parsed.attachments] == ["b.txt", "c.txt"]
    assert [(one.name, one.state) for one in parsed.refused] == [("a.bin", "too large")]
    fewer = parse(data, limits=Limits(unzip_files=2))
    assert [each.name for each in fewer.attachments] == ["a.bin", "b.txt"]
    assert "2 files" in fewer.refused[0].reason
    assert fewer.document.text == "One\n\n"


def test_structure_that_takes_too_long_costs_a_warning_and_no_text() -> None:
    data = pdf([["Hello"]] * 300, outline=[(number, 0, f"Part {number}") for number in range(1, 301)])
    broken = re.sub(rb"startxref\n\d+", b"startxref\n7", data)  # its table of objects has to be made anew
    parsed = parse(broken, limits=Limits(seconds=0.01))
    assert parsed.document.text == "Hello\n\n" * 300
    assert "The structure cannot be read." in parsed.document.warnings
    assert len(parse(broken).document.sections) == 300


def test_python_code_is_stopped_in_the_main_thread_and_let_alone_in_others() -> None:
    with pytest.raises(OutOfTime), at_most(0.02):
        work(seconds=60)
    with ThreadPoolExecutor(1) as others:
        assert others.submit(work_under_a_limit).result() > 0


def work(seconds: float) -> int:
    rounds, end = 0, time.thread_time() + seconds
    while time.thread_time() < end:
        rounds += 1
    return rounds


def work_under_a_limit() -> int:
    with at_most(0.02):
        return work(seconds=0.05)


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


def test_dots_of_a_font_that_does_not_tell_them_lead_to_the_number() -> None:
    assert mend("1.2 Leave" + "\ufffd" * 40 + " 12\n\ufffd")[0] == "1.2 Leave … 12\n\ufffd"


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
        print(path.name, "read", len(load(path.name, path.read_bytes()).document.text))
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
