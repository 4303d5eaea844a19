"""Word: everything a reader sees, in its order, with headings, lists and tables."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from ingest.loading import load
from rag.errors import FileRefused
from rag.types import Section
from tests.documents import with_member, word

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def raw_body(body: str) -> bytes:
    """A docx whose body is written in WordprocessingML."""
    xml = f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    return with_member(word(lambda document: None), "word/document.xml", xml.encode())


def paragraph(*runs: str) -> str:
    return f"<w:p>{''.join(f'<w:r><w:t>{run}</w:t></w:r>' for run in runs)}</w:p>"


def test_paragraphs_headings_lists_and_tables_in_their_order() -> None:
    def build(document: Any) -> None:
        document.add_heading("Supply contract", 0)
        document.add_heading("Prices", 1)
        document.add_paragraph("Prices are as follows.")
        table = document.add_table(2, 2)
        for cell, text in zip(table._cells, ["Item", "Price | EUR", "Bolt\nM8", "1.20"], strict=True):
            cell.text = text
        document.add_heading("Terms", 2)
        document.add_paragraph("thirty days", style="List Bullet")
        document.add_paragraph("no discount", style="List Bullet")
        document.add_paragraph("Signed.")
        document.sections[0].header.paragraphs[0].text = "CONFIDENTIAL"

    document = load("contract.docx", word(build))
    assert document.text == (
        "Supply contract\n\nPrices\n\nPrices are as follows.\n\n"
        "| Item | Price \\| EUR |\n| --- | --- |\n| Bolt M8 | 1.20 |\n\n"
        "Terms\n\n- thirty days\n- no discount\n\nSigned."
    )
    assert document.title == "Supply contract"
    assert document.pages == ()
    assert document.sections == (
        Section(document.text.index("Prices\n"), "Prices"),
        Section(document.text.index("Terms\n"), "Prices > Terms"),
    )


def test_the_title_is_the_property_then_the_first_heading_then_the_name() -> None:
    def titled(document: Any) -> None:
        document.core_properties.title = "Master agreement"
        document.add_heading("Scope", 1)

    assert load("a.docx", word(titled)).title == "Master agreement"
    assert load("a.docx", word(lambda document: document.add_heading("Scope", 1))).title == "Scope"
    assert load("in/the_minutes.docx", word(lambda document: document.add_paragraph("x"))).title == "the minutes"


def test_insertions_links_and_controls_are_read_and_deletions_are_not() -> None:
    data = raw_body(
        "<w:p><w:r><w:t>Pay </w:t></w:r>"
        "<w:del><w:r><w:delText>ten</w:delText></w:r></w:del><w:ins><w:r><w:t>twenty</w:t></w:r></w:ins>"
        "<w:hyperlink><w:r><w:tab/><w:t>here</w:t></w:r></w:hyperlink>"
        "<w:r><w:instrText> PAGE </w:instrText></w:r></w:p>"
        f"<w:sdt><w:sdtContent>{paragraph('inside ', 'a control')}</w:sdtContent></w:sdt>"
        f"<w:p><w:r><w:pict><w:txbxContent>{paragraph('in a box')}</w:txbxContent></w:pict></w:r></w:p>"
    )
    assert load("a.docx", data).text == "Pay twenty\there\n\ninside a control\n\nin a box"


def test_merged_cells_repeat_downwards_so_that_a_row_can_be_read_alone() -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    merged, start = "<w:vMerge/>", '<w:vMerge w:val="restart"/>'
    wide = cell("Both", '<w:gridSpan w:val="2"/>')
    rows = [
        cell("Region") + wide,
        cell("North", start) + cell("2023") + cell("5"),
        cell("", merged) + cell("2024") + cell("6"),
    ]
    data = raw_body(f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>")
    assert load("a.docx", data).text == (
        "| Region | Both |  |\n| --- | --- | --- |\n| North | 2023 | 5 |\n| North | 2024 | 6 |"
    )


def test_a_table_of_one_column_is_a_frame() -> None:
    inner = paragraph("First.") + paragraph("Second.")
    data = raw_body(f"<w:tbl><w:tr><w:tc>{inner}</w:tc></w:tr></w:tbl>")
    assert load("a.docx", data).text == "First.\n\nSecond."


NUMBERING = f"""<w:numbering xmlns:w="{W}">
<w:abstractNum w:abstractNumId="0">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>
<w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%3)"/></w:lvl>
<w:lvl w:ilvl="3"><w:start w:val="4"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%4)"/></w:lvl>
<w:lvl w:ilvl="4"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="x"/></w:lvl>
</w:abstractNum>
<w:num w:numId="7"><w:abstractNumId w:val="0"/></w:num>
</w:numbering>"""


def test_clauses_carry_the_numbers_that_word_prints() -> None:
    def clause(level: int, text: str) -> str:
        place = f'<w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="7"/></w:numPr></w:pPr>'
        return f"<w:p>{place}<w:r><w:t>{text}</w:t></w:r></w:p>"

    clauses = [(0, "Scope"), (0, "Term"), (1, "Start"), (1, "End"), (2, "early"), (2, "late"), (3, "x"), (3, "y")]
    data = raw_body("".join(clause(*each) for each in [*clauses, (4, "dot"), (1, "Renewal"), (2, "once"), (0, "Law")]))
    text = load("a.docx", with_member(data, "word/numbering.xml", NUMBERING.encode())).text
    assert text.split("\n\n") == [
        "1. Scope",
        "2. Term",
        "2.1 Start",
        "2.2 End",
        "(a) early",
        "(b) late",
        "IV) x",
        "V) y",
        "- dot",
        "2.3 Renewal",
        "(a) once",
        "3. Law",
    ]


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is_read() -> None:
    bomb = with_member(word(lambda document: None), "word/media/a.xml", bytes(41 * 1024 * 1024))
    with pytest.raises(FileRefused) as caught:
        load("bomb.docx", bomb)
    assert caught.value.state == "too large"
    assert "42 MB" in caught.value.message


def test_external_entities_are_not_read() -> None:
    secret = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    xml = f'{secret}<w:document xmlns:w="{W}"><w:body>{paragraph("a&e;b")}</w:body></w:document>'
    data = with_member(word(lambda document: None), "word/document.xml", xml.encode())
    assert load("a.docx", data).text in ("ab", "a")


def test_a_damaged_member_is_damaged() -> None:
    whole = word(lambda document: document.add_paragraph("Hello " * 500))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        place = archive.getinfo("word/document.xml").header_offset
    broken = whole[: place + 200] + bytes(40) + whole[place + 240 :]
    with pytest.raises(FileRefused) as caught:
        load("a.docx", broken)
    assert caught.value.state == "damaged"
