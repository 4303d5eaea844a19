"""Word: everything a reader sees, in its order, with headings, lists and tables."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ingest.loading import docx
from ingest.loading import load as load_any
from ingest.loading.limits import Limits
from rag.errors import FileRefused
from rag.types import Document, Section
from tests.conftest import REPOSITORY
from tests.documents import with_member, word
from tests.office_files import with_part

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def load(name: str, data: bytes) -> Document:
    return load_any(name, data).document


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


def test_a_box_in_a_box_is_read_once() -> None:
    def box(inner: str) -> str:
        return f"<w:r><w:pict><w:txbxContent>{inner}</w:txbxContent></w:pict></w:r>"

    inside = f"<w:p><w:r><w:t>outer</w:t></w:r>{box(paragraph('inner'))}</w:p>"
    assert (
        load("a.docx", raw_body(f"<w:p><w:r><w:t>text</w:t></w:r>{box(inside)}</w:p>")).text == "text\n\nouter\n\ninner"
    )


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
    assert "41 MB" in caught.value.message or "42 MB" in caught.value.message


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY e SYSTEM "file:///etc/hostname">',
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY e "&b;&b;&b;&b;&b;&b;&b;&b;">',
        "",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_neither_read_nor_grown(entities: str, encoding: str) -> None:
    xml = f'<!DOCTYPE x [{entities}]><w:document xmlns:w="{W}"><w:body>{paragraph("a&e;b")}</w:body></w:document>'
    with pytest.raises(FileRefused) as caught:
        load("a.docx", with_member(word(lambda document: None), "word/document.xml", xml.encode(encoding)))
    assert caught.value.state == "damaged"
    if encoding == "utf-8":
        assert "entities" in caught.value.message


def test_what_is_nested_too_deep_is_damaged() -> None:
    with pytest.raises(FileRefused) as caught:
        load("a.docx", raw_body("<w:sdt>" * 5000 + paragraph("x") + "</w:sdt>" * 5000))
    assert caught.value.state == "damaged"


def test_a_document_takes_little_memory_however_large_it_is(tmp_path: Path) -> None:
    """Of these 8 MB of XML python-docx makes a tree of 150 MB; here there is room for 60 MB."""
    many = paragraph("text") + f"<w:p>{'<w:r/>' * 100}</w:p>"
    row = f"<w:tr><w:tc>{paragraph('left')}</w:tc><w:tc>{many}</w:tc></w:tr>"
    (tmp_path / "a.docx").write_bytes(raw_body(f"{many * 5_000}<w:tbl>{row * 5_000}</w:tbl>"))
    code = (
        "import resource, sys\n"
        "from ingest.loading import docx, limits\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "room = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + 60 * 2**20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (room, room))\n"
        "text = docx.load('a.docx', data, limits.Limits(unzip_ratio=10**6)).document.text\n"
        "assert text.count('| left | text |') >= 4_500, text[:100]\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.docx")], check=True, cwd=REPOSITORY)


def test_more_text_than_may_come_back_is_refused() -> None:
    data = raw_body(paragraph("x" * 1000) * 1200)
    assert len(docx.load("a.docx", data, Limits(output_mb=2)).document.text) > 1_200_000
    with pytest.raises(FileRefused) as caught:
        docx.load("a.docx", data, Limits(output_mb=1))
    assert caught.value.state == "too large"


@pytest.mark.parametrize("kind", ["document.macroEnabled", "template", "template.macroEnabled"])
def test_templates_and_files_with_macros_are_read_like_documents(kind: str) -> None:
    data = word(lambda document: document.add_paragraph("Hello"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        types = archive.read("[Content_Types].xml").decode()
    prefix = (
        "application/vnd.ms-word"
        if "macro" in kind
        else "application/vnd.openxmlformats-officedocument.wordprocessingml"
    )
    old = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    assert old in types
    changed = with_member(data, "[Content_Types].xml", types.replace(old, f"{prefix}.{kind}.main+xml").encode())
    assert load("a.docm", changed).text == "Hello"


def test_the_strict_variant_is_read_too() -> None:
    strict = "http://purl.oclc.org/ooxml"
    data = word(lambda document: document.add_heading("Scope", 1))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name.endswith((".xml", ".rels"))}
    for name, member in members.items():
        changed = member.replace(W.encode(), f"{strict}/wordprocessingml/main".encode()).replace(
            b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
            f"{strict}/officeDocument/relationships".encode(),
        )
        data = with_member(data, name, changed)
    document = load("a.docx", data)
    assert document.text == "Scope"
    assert document.sections == (Section(0, "Scope"),)


def test_symbols_formulas_and_tabs_are_characters() -> None:
    math = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    data = raw_body(
        '<w:p><w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t xml:space="preserve"> ﬁne: </w:t></w:r>'
        f"<m:oMath {math}><m:r><m:t>a²+b²</m:t></m:r></m:oMath><w:r><w:ptab/><w:t>x\u200b\u202ey</w:t></w:r></w:p>"
    )
    assert load("a.docx", data).text == "☑ fine: a²+b²\txy"


def test_notes_stand_behind_the_text_and_headers_are_left_out() -> None:
    notes = (
        f'<w:footnotes xmlns:w="{W}"><w:footnote w:type="separator" w:id="0">{paragraph("line")}</w:footnote>'
        f'<w:footnote w:id="1">{paragraph("See annex.")}</w:footnote></w:footnotes>'
    )
    data = word(lambda document: document.add_paragraph("Text"))
    data = with_part(data, "word/_rels/document.xml.rels", "footnotes", "word/footnotes.xml", notes)
    assert load("a.docx", data).text == "Text\n\nSee annex."


def test_a_file_of_pictures_only_is_a_scan() -> None:
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(picture, "PNG")
    with pytest.raises(FileRefused) as caught:
        load("a.docx", word(lambda document: document.add_picture(io.BytesIO(picture.getvalue()))))
    assert caught.value.state == "no text (scanned)"


def test_a_long_table_repeats_its_header() -> None:
    def build(document: Any) -> None:
        table = document.add_table(61, 3)
        cells = table._cells
        for number, cell in enumerate(cells):
            cell.text = ["Part number", "Weight", "Price"][number] if number < 3 else f"{number} units"

    text = load("a.docx", word(build)).text
    tables = text.split("\n\n")
    assert len(tables) > 4
    assert all(each.startswith("| Part number | Weight | Price |\n| --- | --- | --- |\n") for each in tables)
    assert sum(each.count("units") for each in tables) == 180


def test_a_damaged_member_is_damaged() -> None:
    whole = word(lambda document: document.add_paragraph("Hello " * 500))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        place = archive.getinfo("word/document.xml").header_offset
    broken = whole[: place + 200] + bytes(40) + whole[place + 240 :]
    with pytest.raises(FileRefused) as caught:
        load("a.docx", broken)
    assert caught.value.state == "damaged"
