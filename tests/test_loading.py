"""What holds for every format: which loader reads a file, what is refused and how, and clean text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loading import SUPPORTED, load, parsers
from ingest.loading.cleaning import clean, mend
from rag.errors import FileRefused
from rag.types import State
from tests.documents import pdf, with_member, word

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


def refused(name: str, data: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        load(name, data)
    assert name in caught.value.message
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("name", "data", "state"),
    [
        ("book.xlsx", b"PK\x03\x04", "unsupported"),
        ("photo.png", b"\x89PNG\r\n", "unsupported"),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "unsupported"),
        ("README", b"Hello", "unsupported"),
        ("a.pdf", b"Hello", "damaged"),
        ("a.docx", b"Hello", "damaged"),
        ("a.docx", b"PK\x03\x04 cut off", "damaged"),
        ("empty.txt", b"", "damaged"),
        ("empty.pdf", b"", "damaged"),
        ("blank.md", b" \n\t\xef\xbb\xbf ", "damaged"),
        ("blank.html", b"<html><body><script>1</script></body></html>", "damaged"),
        ("program.txt", b"MZ\x00\x01\x02", "damaged"),
        ("noise.txt", bytes(range(1, 32)) * 20, "damaged"),
        (
            "secret.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "password-protected",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_state(name: str, data: bytes, state: State) -> None:
    assert refused(name, data).state == state


def test_an_unsupported_file_is_told_what_is_supported() -> None:
    error = refused("book.xlsx", b"PK\x03\x04")
    assert ".xlsx" in error.message
    assert all(kind in error.remedy for kind in ("PDF", "docx", "Markdown", "text", "HTML"))


def test_the_content_says_what_a_file_is_before_the_name_does() -> None:
    report = pdf([["Revenue grew."]])
    assert load("report.doc", report).parser.startswith("pdf/1 pypdfium2 ")
    assert load("report", b"\n" + report).pages
    contract = word(lambda document: document.add_paragraph("Notice is thirty days."))
    assert load("contract.bin", contract).parser.startswith("docx/1 python-docx ")
    assert load("about.md", b"A PDF begins with %PDF-1.7.\n").text == "A PDF begins with %PDF-1.7.\n"


def test_a_word_file_with_macros_is_not_taken_for_a_docx() -> None:
    plain = word(lambda document: document.add_paragraph("Hello"))
    types = b'<Types><Override ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/></Types>'
    assert refused("a.docm", with_member(plain, "[Content_Types].xml", types)).state == "unsupported"


def test_what_goes_wrong_inside_a_library_means_damaged() -> None:
    broken = with_member(word(lambda document: document.add_paragraph("Hello")), "word/document.xml", b"<w:document>")
    error = refused("broken.docx", broken)
    assert error.state == "damaged"
    assert error.__cause__ is not None


def test_every_parser_that_reads_is_known() -> None:
    assert SUPPORTED == (".pdf", ".docx", ".md", ".markdown", ".txt", ".html", ".htm")
    assert load("a.txt", b"Hello").parser in parsers()
    assert load("a.pdf", pdf([["Hello"]])).parser in parsers()


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


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
def test_long_runs_of_anything_are_read_in_one_pass(name: str) -> None:
    """Patterns that look at a run again from each of its characters would take hours here."""
    runs = [" ", "\n", "# ", ".", "a", "-", "a-", "`", "\u0301", "\t", "| ", "--\n", "](", " #"]
    text = "x".join("x\n# " + run * (200_000 // len(run)) for run in runs)
    assert load(name, text.encode()).text
    assert mend(text + "infor-\nmation")[0].endswith("information")


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
