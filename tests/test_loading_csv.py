"""CSV and TSV: whatever separates the cells, whatever is quoted, whatever encodes them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.loading import csv_table
from ingest.loading.limits import Limits
from rag.errors import FileRefused
from rag.types import Document

TABLE = "| Item | Price |\n| --- | --- |\n| Bolt | 1.20 |\n| Nut | 0.80 |"


def read(data: str | bytes, name: str = "a.csv") -> Document:
    raw = data.encode() if isinstance(data, str) else data
    return csv_table.load(name, raw, Limits()).document


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_found(delimiter: str, end: str) -> None:
    rows = [["Item", "Price"], ["Bolt", "1.20"], ["Nut", "0.80"]]
    assert read(end.join(delimiter.join(row) for row in rows)).text == TABLE


def test_decimal_commas_are_no_delimiters() -> None:
    assert read("Item;Price;Tax\nBolt;1,20;0,24\nNut;0,80;0,16\n").text == (
        "| Item | Price | Tax |\n| --- | --- | --- |\n| Bolt | 1,20 | 0,24 |\n| Nut | 0,80 | 0,16 |"
    )


def test_a_delimiter_that_is_declared_counts() -> None:
    assert read("sep=:\r\nItem:Price\r\nBolt:1.20\r\nNut:0.80\r\n").text == TABLE


def test_quoted_cells_hold_delimiters_quotes_and_line_ends() -> None:
    text = read('Name,Note\r\n"Smith, Ann","said ""yes""\r\nand left"\r\nLee,x|y\r\n').text
    assert text == '| Name | Note |\n| --- | --- |\n| Smith, Ann | said "yes" and left |\n| Lee | x\\|y |'


def test_rows_of_other_lengths_keep_their_cells() -> None:
    assert read("a,b,c\n1,2,3\n4\n5,6,7,8\n9,10,11\n1,1,1\n2,2,2\n3,3,3\n").text.split("\n")[2:5] == [
        "| 1 | 2 | 3 |  |",
        "| 4 |  |  |  |",
        "| 5 | 6 | 7 | 8 |",
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    document = read("Größe;Preis\nkleine Bögen;5\ngroße Bögen;7\n".encode(encoding))
    assert document.text == "| Größe | Preis |\n| --- | --- |\n| kleine Bögen | 5 |\n| große Bögen | 7 |"
    assert bool(document.warnings) == (encoding == "cp1252")


def test_nul_characters_are_left_out() -> None:
    rows = "".join(f"Part {number},{number}\n" for number in range(100))
    assert read(f"Na\0me,Count\n{rows}").text.startswith("| Name | Count |\n| --- | --- |\n| Part 0 | 0 |\n")


def test_numbers_only_have_no_header() -> None:
    assert read("1,2\n3,4\n").text == "| 1 | 2 |\n| 3 | 4 |"


def test_a_long_table_repeats_its_header() -> None:
    document = read("Name,Count\n" + "".join(f"Part {number},{number}\n" for number in range(3000)))
    blocks = document.text.split("\n\n")
    assert len(blocks) > 100
    assert all(block.startswith("| Name | Count |\n| --- | --- |\n| Part") for block in blocks)
    assert document.text.count("| Part") == 3000


@pytest.mark.parametrize(
    "text",
    [
        "Dear Ann,\n\nthank you for the letter, which I read\nwith pleasure; more soon.\n\nBob",
        "one\ntwo\nthree",
        "a single line, with a comma\nanother line without\nand a third one\n",
    ],
)
def test_what_is_no_table_is_text(text: str) -> None:
    assert read(text, "my_letter.csv").text == text
    assert read(text, "my_letter.csv").title == "my letter"


def test_an_open_quote_costs_nothing() -> None:
    text = 'Item,Price\n"Bolt,1.20\n' + "Nut,0.80\n" * 5
    assert "Nut" in read(text).text
    assert read(text).text.count("Nut") == 5


def test_a_quote_that_is_never_closed_leaves_the_lines_as_they_are() -> None:
    text = "Item,Price\n" + "Nut,0.80\n" * 300 + '"Bolt,1.20\n' + "Nut,0.80\n" * 4000
    assert read(text).text == text


def test_very_many_columns_are_text() -> None:
    line = ",".join("x" * 20_000)
    assert read(f"{line}\n{line}").text == f"{line}\n{line}"


def test_more_text_than_may_come_back_is_refused() -> None:
    with pytest.raises(FileRefused) as caught:
        csv_table.load("a.csv", b"Name,Count\n" + b"xxxxxxxxxx,1\n" * 100_000, Limits(output_mb=1))
    assert caught.value.state == "too large"


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(FileRefused) as caught:
        read(bytes(range(256)) * 10)
    assert caught.value.state == "damaged"


WORDS = st.text(alphabet="abcXYZ019 ,;\"'|\t\n-", min_size=1, max_size=8).filter(str.strip)


@given(st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=4, max_size=20))
def test_no_cell_of_a_written_table_is_lost(rows: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    text = " ".join(read(out.getvalue()).text.replace("\\|", "|").split())
    for row in rows:
        for cell in row:
            assert " ".join(cell.split()) in text or '""' in text
