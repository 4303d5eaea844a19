"""What holds for every format: clean text, read in one pass; naughty strings come through."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loading import load
from ingest.loading.cleaning import clean, mend
from rag.errors import FileRefused
from tests.conftest import shared_folder

VISIBLE_FORMATS = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd") | {
    chr(code) for code in range(0x13430, 0x13460)
}
"""Marks of category Cf that are drawn: signs around Arabic numbers, Egyptian joiners."""

texts = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("a\u0301e\u0308\u1100\u1161\u11a8\ufb03\xad\u200b\u202e\xa0\r\n\n\t -\ufffe\U0001f600\ud83d"),
    ),
    max_size=60,
)


def test_no_invisible_character_of_unicode_survives() -> None:
    every = "".join(chr(code) for code in range(0x110000))
    invisible = {"Cc", "Cf", "Cs", "Co"}
    left = {c for c in clean(every) if unicodedata.category(c) in invisible} - set("\n\t") - VISIBLE_FORMATS
    assert left == set()
    assert clean("a\U000e0041b\ufe0fc\u3164d\u115fe") == "abcde"


def test_clean_keeps_what_people_see() -> None:
    assert clean("ﬁle and oﬃce") == "file and office"
    assert clean("Cafe\u0301\xa0noir\r\nnext\rlast") == "Café noir\nnext\nlast"
    assert clean("a \t\n\n\n\nb") == "a\n\nb"
    assert clean("\uf0b7 item \uf0fe yes") == "• item ☑ yes"
    assert clean("naïve 😀 日本 \uac01 \u1100\u1161\u11a8") == "naïve 😀 日本 \uac01 \uac01"


TEXTUAL = ["a.txt", "a.md", "a.html", "a.rst", "a.py", "a.json", "a.jsonl", "a.eml", "a.rtf", "a.csv"]


@pytest.mark.parametrize("name", TEXTUAL)
def test_long_runs_of_anything_are_read_in_one_pass(name: str) -> None:
    """Patterns that look at a run again from each of its characters would take hours here."""
    runs = [
        " ",
        "\n",
        "# ",
        ".",
        "a",
        "-",
        "a-",
        "`",
        "\u0301",
        "\t",
        "| ",
        "--\n",
        "](",
        " #",
        "<",
        "<p ",
        "=?",
        "{",
        "[",
        "\\f0",
    ]
    text = "x".join("x\n# " + run * (100_000 // len(run)) for run in runs)
    head = {"a.rtf": "{\\rtf1 ", "a.eml": "From: a\nMIME-Version: 1.0\nTo: b\n\n"}.get(name, "")
    assert load(name, (head + text).encode()).document.text


@pytest.mark.parametrize("name", TEXTUAL)
def test_one_character_a_million_times_is_read_or_empty(name: str) -> None:
    head = {"a.rtf": "{\\rtf1 ", "a.eml": "From: a\nMIME-Version: 1.0\n\n"}.get(name, "x")
    for run in 'a<[(\n|{"=,':
        assert load(name, (head + run * 300_000).encode() + b"x").document.text


def test_mending_long_runs_takes_one_pass() -> None:
    text = "x".join("x\n# " + run * (200_000 // len(run)) for run in (" ", "\n", "a-", "-", "\u0301", "--\n"))
    assert mend(text + "infor-\nmation")[0].endswith("information")


NAUGHTY: dict[str, Callable[[str], bytes]] = {
    "a.txt": str.encode,
    "a.md": str.encode,
    "a.py": str.encode,
    "a.html": lambda text: f"<html><body><pre>\n{escape(text)}</pre></body></html>".encode(),
    "a.json": lambda text: json.dumps({"text": text}).encode(),
    "a.jsonl": lambda text: json.dumps({"text": text}).encode(),
    "a.eml": lambda text: b"From: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + text.encode(),
}


@pytest.mark.bench_data
@pytest.mark.parametrize("name", NAUGHTY)
def test_naughty_strings_come_through_as_text(name: str) -> None:
    strings = json.loads((shared_folder() / "hostile" / "naughty-strings.json").read_text())
    assert len(strings) > 200
    for string in strings:
        words = f"before {string} after".encode(errors="replace").decode()
        wanted = clean(words).split()
        found = load(name, NAUGHTY[name](words)).document.text
        assert " ".join(wanted) in " ".join(found.split()), string


@pytest.mark.bench_data
@pytest.mark.parametrize("name", NAUGHTY)
def test_naughty_strings_alone_are_read_or_empty(name: str) -> None:
    for string in json.loads((shared_folder() / "hostile" / "naughty-strings.json").read_text()):
        with suppress(FileRefused):
            load(name, NAUGHTY[name](string.encode(errors="replace").decode()))
            load(f"{string}.txt", b"Some text.")


@settings(deadline=None)
@given(texts)
def test_clean_is_stable_and_composed(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


@settings(deadline=None)
@given(texts)
def test_mend_traces_every_character_to_where_it_came_from(raw: str) -> None:
    text, origins = mend(raw)
    assert len(text) == len(origins)
    assert origins == sorted(origins)
    assert all(0 <= place < len(raw) for place in origins)
    for character, place in zip(text, origins, strict=True):
        if raw[place].isascii() and raw[place].isalnum():
            assert unicodedata.normalize("NFD", character)[0] == raw[place]


@settings(deadline=None)
@given(texts.map(lambda text: text.replace("\ufffe", "").replace("-", "")))
def test_mend_is_clean_where_there_is_no_hyphen(raw: str) -> None:
    assert mend(raw)[0] == clean(raw)


@pytest.mark.parametrize(
    ("raw", "mended"),
    [
        ("infor-\r\nmation", "information"),
        ("infor\ufffemation", "information"),
        ("recom-\nmen-\ndation", "recommendation"),
        ("a well-\r\nknown rule", "a well-known rule"),
        ("fixed\uffferate", "fixed-rate"),
        ("cash flow. Dis-\ncount cash-flow and cash\ufffeflow", "cash flow. Discount cash-flow and cash-flow"),
        ("Non\ufffeGAAP", "Non-GAAP"),
        ("Form 10-\r\nK", "Form 10-K"),
        ("profit -\nand loss", "profit -\nand loss"),
        ("the end\ufffe", "the end-"),
        ("1.2 Leave . . . . . . . 13", "1.2 Leave … 13"),
        ("1.2 Leave........13", "1.2 Leave … 13"),
        ("and so on... Then", "and so on... Then"),
    ],
)
def test_words_broken_at_a_line_end_are_mended(raw: str, mended: str) -> None:
    assert mend(raw)[0] == mended
