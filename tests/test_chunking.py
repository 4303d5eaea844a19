"""Chunks: exact places, nothing lost, pages and sections kept apart, and never too long."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunking import chunk
from ingest.loading import load as load_parsed
from rag.errors import FootnoteError
from rag.types import Chunk, Document, Page, Section
from tests.conftest import REPOSITORY
from tests.documents import pdf


def load(name: str, data: bytes) -> Document:
    """The document of a file."""
    return load_parsed(name, data).document


def words(text: str) -> list[str]:
    """Counts as the bundled embedder does, roughly: a word or a mark is a token."""
    return re.findall(r"\w+|[^\w\s]", text)


def letters(text: str) -> list[str]:
    """Counts as a tokenizer of bytes does at its worst."""
    return list(text)


def sticky(text: str) -> list[str]:
    """Counts a whole as more than its parts, as tokenizers that mark the start of a text may do."""
    return words(text) + ["_"] * (len(text) // 40)


def check(document: Document, chunks: list[Chunk], tokenize: Callable[[str], list[str]], limit: int) -> None:
    """What must always hold."""
    assert [piece.ordinal for piece in chunks] == list(range(len(chunks)))
    assert all(document.text[piece.start : piece.end] == piece.text for piece in chunks)
    assert all(piece.text and piece.text == piece.text.strip() for piece in chunks)
    assert all(len(tokenize(piece.text)) <= limit for piece in chunks)
    covered = [place for piece in chunks for place in range(piece.start, piece.end)]
    assert len(covered) == len(set(covered))
    missing = set(range(len(document.text))) - set(covered)
    assert not "".join(document.text[place] for place in missing).strip()
    for piece in chunks:
        page = next((page for page in document.pages if page.start <= piece.start < page.end), None)
        assert piece.page == (page.number if page else None)
        assert page is None or piece.end <= page.end


pieces = st.lists(
    st.sampled_from(
        [
            "Hello world. ",
            "It costs 1,577 EUR; ",
            "| a | b |\n",
            "\n\n",
            "\n",
            "x" * 90 + " ",
            "日本語。",
            "😀",
            "A, b: c ",
            "- item\n",
        ]
    ),
    max_size=60,
).map("".join)


@settings(deadline=None)
@given(pieces, st.sampled_from([words, letters, sticky]), st.integers(32, 80), st.data())
def test_chunks_are_exact_complete_and_small_enough(
    text: str, tokenize: Callable[[str], list[str]], limit: int, data: st.DataObject
) -> None:
    places = st.integers(0, len(text))
    starts = sorted(data.draw(st.lists(places, max_size=6)))
    cuts = [0, *sorted(data.draw(st.lists(places, max_size=4))), len(text)]
    paged = data.draw(st.booleans())
    pages = tuple(Page(n, a, b) for n, (a, b) in enumerate(pairwise(cuts), 1)) if paged else ()
    sections = tuple(Section(start, f"S{number}") for number, start in enumerate(starts))
    document = Document("t", text, "", pages, sections)
    check(document, chunk(document, tokenize, limit), tokenize, limit)


def test_a_page_that_fits_is_one_chunk_with_its_label() -> None:
    document = load("a.pdf", pdf([["One.", "Two."], ["Three."]], labels=[(1, "ROMAN_LOWER", 1)]))
    assert [(each.text, each.page, each.page_label) for each in chunk(document, words, 32)] == [
        ("One.\nTwo.", 1, "i"),
        ("Three.", 2, "ii"),
    ]


def test_long_text_is_cut_between_sentences() -> None:
    sentences = [f"Sentence {number} by Dr. Smith of Acme Inc. says so." for number in range(40)]
    document = load("a.txt", " ".join(sentences).encode())
    chunks = chunk(document, words, 60)
    assert len(chunks) > 5
    assert all(each.text.startswith("Sentence ") and each.text.endswith("says so.") for each in chunks)


def test_a_sentence_that_is_too_long_is_not_cut_inside_a_number() -> None:
    document = load("a.txt", (", ".join(f"{number},577.25" for number in range(100, 200)) + ".").encode())
    chunks = chunk(document, words, 64)
    assert len(chunks) > 5
    assert all(re.fullmatch(r"(\d{3},577\.25, ?)*\d{3},577\.25[,.]", each.text) for each in chunks)


def test_rows_of_a_table_are_never_cut() -> None:
    rows = ["| Item | Price. EUR |", "| --- | --- |"] + [f"| Part no. {n} | {n},000.50 each. |" for n in range(80)]
    document = load("a.md", "\n".join(rows).encode())
    chunks = chunk(document, words, 50)
    assert len(chunks) > 5
    assert [row for each in chunks for row in each.text.split("\n")] == rows


def test_rows_of_a_table_in_a_pdf_are_never_cut() -> None:
    rows = [f"Cash and equivalents {n} $ {n},853 (3,{n:03})" for n in range(25)]
    chunks = chunk(load("a.pdf", pdf([rows])), words, 64)
    assert len(chunks) > 3
    assert [row for each in chunks for row in each.text.split("\n")] == rows


def test_a_word_of_ten_thousand_letters_is_cut() -> None:
    document = load("a.txt", ("x" * 10_000 + " end").encode())
    chunks = chunk(document, words, 64)
    check(document, chunks, words, 64)
    assert max(len(each.text) for each in chunks) <= 64 * 12


BODY = "This is a sentence of eight words, no more. " * 9


def test_a_chunk_keeps_to_its_section() -> None:
    document = load("a.md", f"# One\n{BODY}\n## Two\n{BODY}\n# Three\n{BODY}".encode())
    chunks = chunk(document, words, 200)
    assert [(each.section, each.text.split("\n")[0]) for each in chunks] == [
        ("One", "# One"),
        ("One > Two", "## Two"),
        ("Three", "# Three"),
    ]


def test_small_sections_share_a_chunk_and_a_heading_is_never_alone() -> None:
    text = f"# Handbook\n\n## Leave\n\n{BODY}\n\n## A\n\nYes.\n\n## B\n\n{'No. ' * 20}\n\n## C\n\nMaybe."
    chunks = chunk(load("a.md", text.encode()), words, 200)
    assert [(each.section, each.text.split("\n")[0]) for each in chunks] == [
        ("Handbook > Leave", "# Handbook"),
        ("Handbook > B", "## A"),
    ]


def test_a_small_end_stays_alone_where_it_does_not_fit() -> None:
    chunks = chunk(load("a.md", f"# A\n{BODY}\n# B\nShort.".encode()), words, 101)
    assert [each.section for each in chunks] == ["A", "B"]


def test_text_before_the_first_heading_has_no_section() -> None:
    chunks = chunk(load("a.md", f"{BODY}\n# One\n{BODY}".encode()), words, 110)
    assert [each.section for each in chunks] == ["", "One"]


def test_a_page_goes_on_in_the_section_of_the_page_before() -> None:
    pages = [["Intro"], ["1 Leave", "Twenty days."], ["And more."]]
    chunks = chunk(load("a.pdf", pdf(pages, outline=[(2, 0, "Leave")])), words, 64)
    assert [each.section for each in chunks] == ["", "Leave", "Leave"]


def test_a_splitter_that_changes_the_text_is_an_error_and_not_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    from llama_index.core.node_parser import SentenceSplitter

    monkeypatch.setattr(SentenceSplitter, "split_text", lambda splitter, text: [text.upper()])
    with pytest.raises(FootnoteError, match="could not be placed"):
        chunk(load("a.txt", b"Hello there."), words, 64)


def test_nothing_is_fetched_and_no_tokenizer_but_ours_is_asked() -> None:
    """In a process of its own, where nothing else has loaded them."""
    code = (
        "import sys, ingest.chunking as c, rag.types as t\n"
        "assert 'llama_index' not in sys.modules\n"
        "assert len(c.chunk(t.Document('t', 'Hello there. ' * 500, ''), str.split, 64)) > 9\n"
        "print([name for name in ('tiktoken', 'nltk', 'torch') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert run.stdout.strip() == "[]"


@given(
    st.lists(st.sampled_from(["\u0301" * 50, "\n\u0301\n", "\u0301. \u0301", "word ", "x. Y", "|\u0301|\n", "\n\n"]))
)
def test_what_the_tokenizer_counts_as_nothing_is_in_exactly_one_chunk(parts: list[str]) -> None:
    text = "".join(parts)
    chunks = chunk(Document("t", text, ""), lambda part: re.findall(r"\w", part), 32)
    assert "".join("".join(each.text.split()) for each in chunks) == "".join(text.split())
