"""Excel: sheets are pages, values are what people see, and what a sheet claims costs nothing."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunking import chunk
from ingest.loading import load, sheets
from ingest.loading.grids import text_of
from ingest.loading.limits import Limits
from ingest.loading.number_formats import shown
from ingest.loading.tables import markdown_table
from rag.errors import FileRefused
from rag.types import Document
from tests.documents import with_member
from tests.office_files import SHEET, with_part, workbook, worksheet


def read(data: bytes, name: str = "book.xlsx") -> Document:
    return load(name, data).document


def filled(*rows: list[Any]) -> bytes:
    """A workbook of one sheet with these rows."""
    return workbook(lambda book: [book.active.append(row) for row in rows])


def text(*rows: list[Any]) -> str:
    return read(filled(*rows)).text.rstrip("\n")


def by_hand(rows: str, after: str = "", shared: str = "x", limits: Limits | None = None) -> Document:
    """A workbook whose sheet is written in XML, with one shared text."""
    texts = f'<sst xmlns="{SHEET}"><si><t>{shared}</t></si></sst>'
    data = with_part(filled(["x"]), "xl/_rels/workbook.xml.rels", "sharedStrings", "xl/sharedStrings.xml", texts)
    data = with_member(data, "xl/worksheets/sheet1.xml", worksheet(rows, after))
    return sheets.load("book.xlsx", data, limits or Limits(unzip_ratio=10_000)).document


def test_sheets_are_pages_with_their_names() -> None:
    def build(book: Any) -> None:
        book.active.title = "Prices"
        book.active.append(["Item", "Price"])
        book.active.append(["Bolt", 1.2])
        book.create_sheet("Empty")
        book.create_sheet("Notes & more").append(["One note"])

    document = read(workbook(build))
    assert [(page.number, page.label) for page in document.pages] == [(1, "Prices"), (2, "Empty"), (3, "Notes & more")]
    assert [document.text[page.start : page.end].strip() for page in document.pages] == [
        "| Item | Price |\n| --- | --- |\n| Bolt | 1.2 |",
        "",
        "One note",
    ]
    assert document.title == "book"


def test_values_are_what_people_see() -> None:
    def build(book: Any) -> None:
        sheet = book.active
        sheet.append(["Day", "Moment", "Hour", "Length", "Share", "Price", "Count", "Loss", "Sum", "Sure", "Text"])
        sheet.append(
            [
                *(date(2024, 3, 1), datetime(2024, 3, 1, 14, 30), time(9, 5), timedelta(hours=30, minutes=5)),
                *(0.125, 1234.5, 1234567, -42, 0.1 + 0.2, True, "a | b\nc"),
            ]
        )
        for column, code in zip("EFGH", ["0.0%", "$#,##0.00", "#,##0", "#,##0;(#,##0)"], strict=True):
            sheet[f"{column}2"].number_format = code

    row = read(workbook(build)).text.strip().split("\n")[-1]
    assert row == (
        "| 2024-03-01 | 2024-03-01 14:30 | 09:05 | 30:05:00 | 12.5% | $1,234.50 | 1,234,567 | (42) | 0.3 | TRUE | a \\| b c |"
    )


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (1234.5, "General", "1234.5"),
        (0.1 + 0.2, "General", "0.3"),
        (12.345, "0.00", "12.35"),
        (2.675, "0.00", "2.68"),
        (-12.3, "$#,##0.00", "-$12.30"),
        (1234567, '#,##0.0,,"M"', "1.2M"),
        (0, '_-* #,##0.00_-;-* #,##0.00_-;_-* "-"??_-;_-@_-', "-"),
        (-5, "#,##0_);[Red](#,##0)", "(5)"),
        (5, "[$€-407]#,##0.00", "€5.00"),
        (5, '#,##0.00\\ "EUR"', "5.00 EUR"),
        (0.5, "0%", "50%"),
        (7, "000", "007"),
        (1500, '[>999]#,"K";#', "2K"),
        (500, '[>999]#,"K";#', "500"),
        (1.5, "# ?/?", "1.5"),
        (12345, "0.00E+00", "12345"),
        (3, ";;;", "3"),
        (3, '"hidden"', "hidden"),
        (1e300, "0.00", "1" + "0" * 300 + ".00"),
        (45352, "yyyy-mm-dd", "2024-03-01"),
        (45352.604166667, "dd/mm/yy hh:mm", "2024-03-01 14:30"),
        (45352.604166667, "dd/mm/yy", "2024-03-01"),
        (0.25, "h:mm AM/PM", "06:00"),
        (0, '"none";;"zero "??', "zero"),
        (1e9, "yyyy-mm-dd", "1000000000"),
    ],
)
def test_number_formats(value: float, code: str, expected: str) -> None:
    assert shown(value, code) == expected


def test_days_are_counted_from_1904_where_the_workbook_says_so() -> None:
    assert shown(1, "yyyy-mm-dd", from_1904=True) == "1904-01-02"


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.text(alphabet='#0?,.%;[]<>=-"\\$€_*E+ yhdms/@G', max_size=20)
)
def test_any_format_shows_something(value: float, code: str) -> None:
    assert isinstance(shown(value, code), str)


def test_titles_stay_lines_and_empty_rows_and_columns_are_dropped() -> None:
    assert text(
        ["Report 2024"],
        [],
        [None, "Region", None, "Sales"],
        [None, "North", None, 5],
        [],
        [None, "South", None, 6],
        [],
        [None, "Source: own figures"],
    ) == ("Report 2024\n\n| Region | Sales |\n| --- | --- |\n| North | 5 |\n| South | 6 |\n\nSource: own figures")


def test_numbers_without_a_header_get_none() -> None:
    assert text([1, 2], [3, 4]) == "| 1 | 2 |\n| 3 | 4 |"


def test_years_are_a_header() -> None:
    assert text([None, 2023, 2024], ["Sales", 5, 6]) == "|  | 2023 | 2024 |\n| --- | --- | --- |\n| Sales | 5 | 6 |"


def test_a_second_row_of_names_joins_the_header() -> None:
    rows: list[list[Any]] = [["Function", "Share", None, "Pay"], [None, "2023", "2024", "median"], ["Sales", 5, 6, 7]]
    rows[1][1:3] = ["old", "new"]
    assert text(*rows).split("\n")[0] == "| Function | Share old | Share new | Pay median |"


def test_another_table_has_another_header() -> None:
    written = text(["Item", "Price"], ["Bolt", 1], [], ["Person", "Age"], ["Ann", 40])
    assert written == "| Item | Price |\n| --- | --- |\n| Bolt | 1 |\n\n| Person | Age |\n| --- | --- |\n| Ann | 40 |"


def test_merged_cells_are_repeated_downwards() -> None:
    def build(book: Any) -> None:
        for row in (["Region", "Year", "Sales"], ["North", 2023, 5], [None, 2024, 6], ["South", 2023, 7]):
            book.active.append(row)
        book.active.merge_cells("A2:A3")

    assert read(workbook(build)).text.strip().split("\n")[2:] == [
        "| North | 2023 | 5 |",
        "| North | 2024 | 6 |",
        "| South | 2023 | 7 |",
    ]


def test_hidden_sheets_are_read_and_said() -> None:
    def build(book: Any) -> None:
        book.active.append(["shown"])
        hidden = book.create_sheet("Rates")
        hidden.append(["secret"])
        hidden.sheet_state = "veryHidden"

    document = read(workbook(build))
    assert "secret" in document.text
    assert document.warnings == ("Hidden sheets were read too: Rates.",)


def test_formulas_count_by_their_result_and_are_missed_without_one() -> None:
    cells = '<row r="1"><c r="A1"><f>B1*2</f><v>42</v></c><c r="B1" t="str"><f>"a"</f><v>words</v></c>'
    document = by_hand(
        f'{cells}<c r="C1"><f>SUM(A1)</f></c><c r="D1" t="e"><v>#DIV/0!</v></c><c r="E1" t="str"><f>F1</f><v></v></c></row>'
    )
    assert document.text.strip() == "| 42 | words | #DIV/0! |"  # that of E1 is nothing, and stored
    assert len(document.warnings) == 1
    assert document.warnings[0].startswith("1 formulas")


def test_strings_in_place_and_in_pieces() -> None:
    pieces = '<is><r><t>Hello </t></r><r><t>you_x000A_there</t></r><rPh sb="0" eb="1"><t>never</t></rPh></is>'
    assert by_hand(f'<row><c t="inlineStr">{pieces}</c></row>').text.strip() == "Hello you there"


def test_texts_that_are_missing_are_said() -> None:
    document = by_hand('<row r="1"><c t="s"><v>0</v></c><c t="s"><v>99</v></c></row>')
    assert document.text.strip() == "x"
    assert document.warnings == ("1 cells cannot be read: the file is damaged there.",)


def test_what_a_sheet_claims_costs_nothing() -> None:
    """The last cell of a sheet of 17 thousand million, and a merged range over all of it."""
    last = '<row r="1048576"><c r="XFD1048576"><v>7</v></c></row>'
    merged = '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    assert by_hand(f'<row r="1"><c r="A1"><v>1</v></c></row>{last}', merged).text.split() == [
        "1",
        "|",
        "1",
        "|",
        "7",
        "|",
    ]


def test_rows_without_cells_are_passed_over() -> None:
    assert by_hand('<row r="1"/>' * 100_000 + '<row r="900000"><c><v>5</v></c></row>').text.strip() == "5"


def test_a_sheet_with_one_cell_a_column_stays_small() -> None:
    rows = "".join(
        f'<row r="{n}"><c r="{chr(65 + n % 26)}{chr(65 + n // 26 % 26)}{n}"><v>{n}</v></c></row>'
        for n in range(1, 3000)
    )
    document = by_hand(rows)
    assert len(document.text) < 60_000
    assert all(str(number) in document.text for number in range(1, 3000))


def test_a_text_that_many_cells_show_is_counted_each_time() -> None:
    cell = '<c t="s"><v>0</v></c>'
    rows = f"<row>{cell * 100}</row>" * 100
    with pytest.raises(FileRefused) as caught:
        by_hand(rows, shared="x" * 30_000, limits=Limits(output_mb=10))
    assert caught.value.state == "too large"


def test_more_sheets_than_are_allowed_are_refused() -> None:
    data = workbook(lambda book: [book.create_sheet() for _ in range(3)])
    with pytest.raises(FileRefused) as caught:
        sheets.load("a.xlsx", data, Limits(pages=3))
    assert caught.value.state == "too large"
    assert "4 sheets" in caught.value.message


def test_text_boxes_and_charts_on_a_sheet_are_read() -> None:
    def build(book: Any) -> None:
        from openpyxl.chart import BarChart, Reference

        sheet = book.active
        for row in (["Month", "Sales"], ["May", 5], ["June", 6]):
            sheet.append(row)
        chart = BarChart()
        chart.title = "Sales by month"
        chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
        sheet.add_chart(chart, "E5")

    assert "Sales by month" in read(workbook(build)).text


def test_the_title_is_the_property() -> None:
    def build(book: Any) -> None:
        book.properties.title = "Budget 2025"
        book.active.append(["x"])

    assert read(workbook(build)).title == "Budget 2025"
    assert read(filled(["x"]), "in/my_budget.xlsx").title == "my budget"


def test_macros_are_ignored() -> None:
    data = with_member(filled(["Hello"]), "xl/vbaProject.bin", b"\0" * 100)
    assert read(data, "a.xlsm").text.strip() == "Hello"


@pytest.mark.parametrize("member", ["xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml"])
def test_broken_xml_is_damaged(member: str) -> None:
    with pytest.raises(FileRefused) as caught:
        read(with_member(filled(["x"]), member, b"<a><b></a>"))
    assert caught.value.state == "damaged"


def test_broken_formats_cost_only_the_formats() -> None:
    data = with_member(
        filled(["x", 5]), "xl/styles.xml", b'<styleSheet><cellXfs><xf numFmtId="z"/></cellXfs></styleSheet>'
    )
    assert read(data).text.strip() == "| x | 5 |"


WORD = re.compile(r"\w|[^\w\s]")


def test_every_chunk_of_a_long_table_carries_the_header() -> None:
    rows = [[f"Part {number}", number * 1.5, f"2024-03-{number % 28 + 1:02}"] for number in range(400)]
    document = read(filled(["Name of the part", "Weight in kg", "Delivered"], *rows))
    pieces = [piece.text for piece in chunk(document, lambda part: re.findall(r"\d|\w+|[^\w\s]", part), 256)]
    assert len(pieces) > 20
    for piece in pieces:
        assert piece.startswith("| Name of the part | Weight in kg | Delivered |\n| --- | --- | --- |\n| Part ")
    assert sum(piece.count("| Part ") for piece in pieces) == 400


def test_a_table_goes_on_over_windows_of_rows() -> None:
    rows = [["word", f"other {number}"] for number in range(2500)]
    written = text(["First", "Second"], *rows)
    assert all(block.startswith("| First | Second |\n") for block in written.split("\n\n"))
    assert written.count("other") == 2500


CELLS = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=6
) | st.integers().map(str)


@given(st.lists(st.tuples(st.integers(1, 60), st.dictionaries(st.integers(1, 8), CELLS, max_size=8)), max_size=30))
def test_no_cell_is_lost(rows: list[tuple[int, dict[int, str]]]) -> None:
    numbered = sorted(dict(rows).items())
    written = "\n\n".join(text_of(iter(numbered)))
    for _, row in numbered:
        for cell in row.values():
            assert cell.replace("|", "\\|") in written


@given(st.lists(st.lists(st.text(max_size=12), max_size=5), max_size=30), st.lists(st.text(max_size=12), max_size=5))
def test_tables_hold_every_cell_on_one_line(rows: list[list[str]], header: list[str]) -> None:
    lines = markdown_table(rows, header).split("\n")
    assert all(line == "" or (line.startswith("|") and line.endswith("|")) for line in lines)
    written = sum(not re.fullmatch(r"\|( --- \|)+", line) for line in lines if line)
    assert written >= sum(any(cell.split() for cell in row) for row in rows)
