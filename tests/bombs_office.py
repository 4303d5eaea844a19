"""Office files made to bring a reader down."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from random import Random

from tests.documents import with_member, word
from tests.office_files import SHEET, edited, ole, slides, with_part, workbook, worksheet

Bomb = tuple[str, bytes]

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_HEAD = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "lollollollol">'
    + "".join(f'<!ENTITY {after} "{f"&{before};" * 10}">' for before, after in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
_BLOW_UP = f'<!DOCTYPE x [<!ENTITY i "{"A" * 50_000}">]>'
_XXE = '<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>'
_PARAMETER = '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x.dtd"> %p; <!ENTITY i "x">]>'
_DOCTYPES = {"laughs": _LAUGHS, "blow-up": _BLOW_UP, "xxe": _XXE, "parameter": _PARAMETER}


def _docx() -> bytes:
    return word(lambda document: document.add_paragraph("An ordinary paragraph."))


def _xlsx() -> bytes:
    return workbook(lambda book: book.active.append(["An ordinary cell", 1]))


def _pptx() -> bytes:
    def build(deck: object) -> None:
        slide = deck.slides.add_slide(deck.slide_layouts[5])  # type: ignore[attr-defined]
        slide.shapes.title.text = "An ordinary slide"

    return slides(build)


_FILES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "docx": (_docx, "word/document.xml", "An ordinary paragraph"),
    "xlsx": (_xlsx, "xl/workbook.xml", "Sheet"),
    "pptx": (_pptx, "ppt/slides/slide1.xml", "An ordinary slide"),
}


def entities(suffix: str, doctype: str, *parts: str) -> Bomb:
    """An Office file whose XML has entities: some that grow, some that fetch."""
    build, path, text = _FILES[suffix]
    data = build()
    for part in parts or (path,):
        data = edited(data, part, r"^(<\?xml[^>]*>)?\s*", f"<?xml version='1.0' encoding='UTF-8'?>{_DOCTYPES[doctype]}")
    if not parts:
        data = edited(data, path, text, "&i;" * (2000 if doctype == "blow-up" else 1))
    return f"{doctype}-{len(parts)}.{suffix}", data


def docx_body(name: str, body: str) -> Bomb:
    xml = f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'
    return f"{name}.docx", with_member(_docx(), "word/document.xml", _HEAD + xml.encode())


def docx_deep(tag: str, times: int) -> Bomb:
    inner = {"tbl": ("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>")}.get(tag, (f"<w:{tag}>", f"</w:{tag}>"))
    return docx_body(
        f"deep-{tag}-{times}", inner[0] * times + "<w:p><w:r><w:t>heart</w:t></w:r></w:p>" + inner[1] * times
    )


def docx_spans() -> Bomb:
    cell = '<w:tc><w:tcPr><w:gridSpan w:val="1000000000"/></w:tcPr><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc>'
    row = f'<w:tr><w:trPr><w:gridBefore w:val="1000000000"/></w:trPr>{cell * 5}</w:tr>'
    return docx_body("spans", f"<w:tbl>{row * 50}</w:tbl>")


def docx_levels() -> Bomb:
    item = (
        '<w:p><w:pPr><w:outlineLvl w:val="999999999"/><w:numPr><w:ilvl w:val="999999999"/><w:numId w:val="1"/></w:numPr>'
        "</w:pPr><w:r><w:t>x</w:t></w:r></w:p>"
    )
    return docx_body("levels", item * 100)


def docx_runs() -> Bomb:
    random = Random(1)
    runs = "".join(f"<w:r><w:t>{random.random()}</w:t><w:tab/></w:r>" for _ in range(60_000))
    return docx_body("runs", f"<w:p>{runs}</w:p>")


def docx_styles_cycle() -> Bomb:
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="S{n}"><w:name w:val="S{n}"/><w:basedOn w:val="S{(n + 1) % 2000}"/></w:style>'
        for n in range(2000)
    )
    data = with_member(_docx(), "word/styles.xml", f'<w:styles xmlns:w="{_WORD}">{styles}</w:styles>'.encode())
    xml = (
        f'<w:document xmlns:w="{_WORD}"><w:body><w:p><w:pPr><w:pStyle w:val="S0"/></w:pPr>'
        "<w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>"
    )
    return "styles-cycle.docx", with_member(data, "word/document.xml", xml.encode())


def xlsx_rows(name: str, rows: str, before: str = "", after: str = "") -> Bomb:
    xml = worksheet(rows, after).replace(b"<sheetData>", before.encode() + b"<sheetData>", 1)
    return f"{name}.xlsx", with_member(_xlsx(), "xl/worksheets/sheet1.xml", xml)


def xlsx_strings(times: int) -> Bomb:
    """A table of strings of tens of megabytes."""
    random = Random(2)
    items = "".join(f"<si><t>{random.random()} {random.random()}</t></si>" for _ in range(times))
    cell = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>999999999</v></c></row>'
    name, data = xlsx_rows(f"strings-{times}", cell)
    xml = f'<sst xmlns="{SHEET}">{items}</sst>'
    return name, with_part(data, "xl/_rels/workbook.xml.rels", "sharedStrings", "xl/sharedStrings.xml", xml)


def xlsx_sheets() -> Bomb:
    data = _xlsx()
    sheet = '<sheet name="S{n}" sheetId="{n}" state="visible" r:id="rId1"/>'
    many = "".join(sheet.format(n=n) for n in range(1, 20_000))
    data = edited(data, "xl/workbook.xml", r"<sheets>.*</sheets>", f"<sheets>{many}</sheets>")
    data = (
        edited(
            data,
            "xl/workbook.xml",
            r"<workbook ",
            '<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" ',
        )
        if b"xmlns:r" not in data
        else data
    )
    return "sheets.xlsx", data


def xlsx_cells() -> Bomb:
    rows = "".join(
        f'<row r="{r}">' + "".join(f"<c><v>{r * 7919 % 1000003 + c}</v></c>" for c in range(100)) + "</row>"
        for r in range(1, 2000)
    )
    return xlsx_rows("cells", rows)


def pptx_groups(times: int) -> Bomb:
    group = '<p:grpSp><p:nvGrpSpPr><p:cNvPr id="9" name="g"/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
    return f"groups-{times}.pptx", edited(
        _pptx(), "ppt/slides/slide1.xml", "</p:spTree>", group * times + "</p:grpSp>" * times + "</p:spTree>"
    )


def pptx_slides() -> Bomb:
    data = _pptx()
    listed = re.compile(r"<p:sldId [^>]*/>")
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        one = listed.search(archive.read("ppt/presentation.xml").decode())
    assert one
    return "slides.pptx", edited(data, "ppt/presentation.xml", r"<p:sldId [^>]*/>", one[0] * 100_000)


def ole_loops(place: str) -> Bomb:
    """A mail whose chain of sectors, or whose tree of names, bites its own tail."""
    data = bytearray(ole({"__properties_version1.0": b"\0" * 32, "__substg1.0_1000001F": "text".encode("utf-16-le")}))
    fat = len(data) - 512
    if place == "chain":
        data[fat : fat + 64] = (0).to_bytes(4, "little") * 16
    else:
        directory = fat - 512
        for entry in range(1, 4):
            data[directory + 128 * entry + 68 : directory + 128 * entry + 80] = (1).to_bytes(4, "little") * 3
    return f"ole-{place}.msg", bytes(data)


_CORNER = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
_MERGES = "".join(f'<mergeCell ref="A{n}:XFD1048576"/>' for n in range(1, 2000))

BUILDERS: tuple[Callable[[], Bomb], ...] = (
    *(partial(entities, suffix, doctype) for suffix in _FILES for doctype in _DOCTYPES),
    partial(entities, "docx", "laughs", "word/styles.xml", "[Content_Types].xml", "_rels/.rels", "docProps/core.xml"),
    partial(entities, "xlsx", "laughs", "xl/styles.xml", "[Content_Types].xml", "_rels/.rels", "docProps/core.xml"),
    partial(entities, "pptx", "laughs", "ppt/presentation.xml", "[Content_Types].xml", "_rels/.rels"),
    partial(docx_deep, "tbl", 100_000),
    partial(docx_deep, "tbl", 80),
    partial(docx_deep, "p", 100_000),
    partial(docx_deep, "sdt", 100_000),
    docx_spans,
    docx_levels,
    docx_styles_cycle,
    partial(xlsx_rows, "dimension", '<row r="1"><c r="A1"><v>1</v></c></row>', '<dimension ref="A1:XFD1048576"/>'),
    partial(xlsx_rows, "corner", '<row r="1"><c r="A1"><v>1</v></c></row>' + _CORNER),
    partial(xlsx_rows, "corners", "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 3000))),
    partial(xlsx_rows, "merges", '<row r="1"><c r="A1"><v>1</v></c></row>', "", f"<mergeCells>{_MERGES}</mergeCells>"),
    partial(xlsx_rows, "beyond", '<row r="99999999999"><c r="ZZZZZZ99999999999"><v>1e999999999</v></c></row>'),
    partial(xlsx_rows, "dates", '<row r="1"><c r="A1" t="d"><v>99999-99-99</v></c><c r="B1" t="b"><v>x</v></c></row>'),
    xlsx_sheets,
    partial(pptx_groups, 200),
    partial(pptx_groups, 50_000),
    pptx_slides,
    partial(ole_loops, "chain"),
    partial(ole_loops, "tree"),
)
HEAVY: tuple[Callable[[], Bomb], ...] = (
    docx_runs,
    partial(xlsx_strings, 300_000),
    xlsx_cells,
)
