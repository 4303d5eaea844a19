"""Sentences with exact offsets, at once and while the text is still coming."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import complete, split_sentences

PIECES = st.sampled_from(
    ["The Buyer pays. ", "Mr. Osei of Acme Inc. said so. ", "It is 3.5 kg", " [1]", "[2, 3] ", "\n", "\n\n", "- an item\n", "1. first. ", "| a | b |\n",
     "Net sales 32,136 32,184\n", "Annual leave\n", "He left at 6 p.m. ", "See No. 5. ", "No. ", "(e.g. this) ", "“Really?” ", "終わり。次", "7.1 The ", "## Head\n",
     "a", " ", ".", "A", "[", "]", "|", "U.S. ", "etc. The ", "...", "9 8\n"]
)  # fmt: skip


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Smith left. He came back.", ["Mr. Smith left.", "He came back."]),
        ("Acme Inc. bought 3.5 kg of it. Then it closed.", ["Acme Inc. bought 3.5 kg of it.", "Then it closed."]),
        ("It belongs to Acme Inc. The rest is free.", ["It belongs to Acme Inc.", "The rest is free."]),
        ("See No. 5 and sec. 4.2.1 for more. Or ask.", ["See No. 5 and sec. 4.2.1 for more.", "Or ask."]),
        ("May I? No. Ask first.", ["May I?", "No.", "Ask first."]),
        ("It takes approx. 5 days. Wait.", ["It takes approx. 5 days.", "Wait."]),
        ("The U.S. Army left the U.S. The end.", ["The U.S. Army left the U.S.", "The end."]),
        ("J. R. Becker signed. So did P. Nair.", ["J. R. Becker signed.", "So did P. Nair."]),
        ("He left at 6 p.m. and slept. Good.", ["He left at 6 p.m. and slept.", "Good."]),
        ("They sell pens, e.g. Blue ones. Ask.", ["They sell pens, e.g. Blue ones.", "Ask."]),
        ('"We agree." He signed.', ['"We agree."', "He signed."]),
        ("(It rained.) We stayed.", ["(It rained.)", "We stayed."]),
        ("What now? Go! Wait... what?", ["What now?", "Go!", "Wait... what?"]),
        ("The version is 4.2.1. It works.", ["The version is 4.2.1.", "It works."]),
    ],
)
def test_prose(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Leave is 25 days. [1] It ends in May. [2]", ["Leave is 25 days. [1]", "It ends in May. [2]"]),
        ("Leave is 25 days.[1][2] It ends.", ["Leave is 25 days.[1][2]", "It ends."]),
        ("Leave is 25 days [1]. It ends.", ["Leave is 25 days [1].", "It ends."]),
        ("Leave is 25 days. [1, 2] [3-4]\nIt ends.", ["Leave is 25 days. [1, 2] [3-4]", "It ends."]),
        ("Leave is 25 days.\n[^1]\nIt ends.", ["Leave is 25 days.\n[^1]", "It ends."]),
        ("It says 25 days. [passage 1] Good.", ["It says 25 days. [passage 1]", "Good."]),
    ],
)
def test_a_marker_belongs_to_the_sentence_before(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_a_line_break_inside_a_sentence_does_not_end_it() -> None:
    text = "Every employee is entitled to\n25 days of leave. Up to\n5 days may be carried over."
    assert parts(text) == ["Every employee is entitled to\n25 days of leave.", "Up to\n5 days may be carried over."]


def test_headings_items_rows_and_sections_stand_alone() -> None:
    text = (
        "Annual leave\nEvery employee gets leave.\n\n- One item\n- Another. With more.\n1. First thing.\n\n"
        "| Grade | Days |\n|---|---|\n| A. Staff | 25 |\n## More\n7.1 The Buyer shall pay.\n7.2 The Supplier shall not.\n"
        "Net sales 32,136 32,184\nCost of sales 16,682 16,000\n"
    )
    assert parts(text) == [
        "Annual leave", "Every employee gets leave.", "- One item", "- Another.", "With more.", "1. First thing.", "| Grade | Days |", "|---|---|",
        "| A. Staff | 25 |", "## More", "7.1 The Buyer shall pay.", "7.2 The Supplier shall not.", "Net sales 32,136 32,184",
        "Cost of sales 16,682 16,000",
    ]  # fmt: skip


def test_a_date_at_the_end_of_a_line_is_no_row_of_a_table() -> None:
    assert parts("The year ended December 31, 2019\nwas good.") == ["The year ended December 31, 2019\nwas good."]


def test_other_punctuation() -> None:
    assert parts("他来了。他走了！是吗？") == ["他来了。", "他走了！", "是吗？"]


def test_complete_waits_for_the_word_after() -> None:
    assert complete("It belongs to Acme Inc.") == []
    assert complete("It belongs to Acme Inc. The") == []
    assert len(complete("It belongs to Acme Inc. The rest")) == 1
    assert complete("Leave is 25 days. [1, ") == []


@given(st.lists(PIECES, max_size=25).map("".join))
def test_spans_hold_every_visible_character_once(text: str) -> None:
    spans = split_sentences(text)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert all(a < b and not text[a].isspace() and not text[b - 1].isspace() for a, b in spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


@given(st.lists(PIECES, max_size=25).map("".join), st.data())
def test_no_further_text_changes_what_is_complete(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    finished = complete(text[:cut])
    assert split_sentences(text)[: len(finished)] == finished
