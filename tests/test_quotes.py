"""Answers in the documents' own words: verbatim, few, from the best places, each with its footnote."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.citations import Resolved
from rag.quotes import MOST, write_quotes
from rag.types import Passage
from tests.fakes import ShareReranker

HANDBOOK = """Annual leave
Every employee is entitled to 25 working days of annual leave in a calendar year. Up to 5 unused days may be carried over to the next year. \
They must be taken before 31 March.
Sick leave
Illness is reported to the manager by 9:30 on the first day."""
TRAVEL = """Travel allowances
| Country | Meals per day | Hotel per night |
|---|---|---|
| Belgium | 55 EUR | 140 EUR |
| Germany | 60 EUR | 155 EUR |
Receipts are handed in within 10 days."""
RULES = "In the workshop employees may not:\n- film or take photographs\n- use private USB sticks\n"


def passage(text: str, document: str, start: int = 500) -> Passage:
    return Passage(document, 1, document, "default", text, start, start + len(text), 0.8, page=2)


def ask(question: str, *passages: Passage) -> Resolved:
    result = write_quotes(question, passages)
    for claim, citation in zip(result.claims, result.citations, strict=True):
        source = next(p for p in passages if p.document_id == citation.document_id)
        assert source.text[citation.start - source.start : citation.end - source.start] == citation.quote
        assert claim.text.endswith(citation.quote)
        assert (claim.citations, claim.status) == ((citation.n,), "supported")
    return result


def test_the_sentence_that_answers_comes_first_with_its_place() -> None:
    result = ask(
        "How many days of annual leave does an employee get?",
        passage(HANDBOOK, "handbook.pdf"),
        passage(TRAVEL, "travel.md"),
    )
    assert result.claims[0].text == "Every employee is entitled to 25 working days of annual leave in a calendar year."
    assert (result.citations[0].document, result.citations[0].page) == ("handbook.pdf", 2)
    assert result.text.startswith(f"{result.claims[0].text} [1]")


def test_a_row_of_a_table_brings_its_header() -> None:
    result = ask("What is the hotel allowance in Germany?", passage(TRAVEL, "travel.md"))
    assert result.claims[0].text == "| Country | Meals per day | Hotel per night |\n| Germany | 60 EUR | 155 EUR |"
    assert result.citations[0].quote == "| Germany | 60 EUR | 155 EUR |"


def test_a_list_item_brings_the_line_that_introduces_it() -> None:
    result = ask("May I use private USB sticks in the workshop?", passage(RULES, "rules.md"))
    assert "In the workshop employees may not:\n- use private USB sticks" in [claim.text for claim in result.claims]


def test_a_sentence_that_opens_with_a_pronoun_brings_the_one_before() -> None:
    result = ask("Until which date must they be taken, before 31 March?", passage(HANDBOOK, "handbook.pdf"))
    quotes = [citation.quote for citation in result.citations]
    assert any(quote.startswith("Up to 5 unused days") and quote.endswith("before 31 March.") for quote in quotes)
    assert not any(quote.startswith("They") for quote in quotes)


def test_headings_questions_and_scraps_are_not_quoted() -> None:
    text = "and so annual leave is granted by\nAnnual leave\nWho grants annual leave? Annual leave is granted by the manager of the team. Annual leave that was not"
    result = ask("Who grants annual leave?", passage(text, "a.md"))
    assert [claim.text for claim in result.claims] == ["Annual leave is granted by the manager of the team."]


def test_two_documents_that_disagree_are_both_quoted() -> None:
    old = passage("The fee for the badge is 20 euros a year since 2023.", "old.md")
    new = passage("From 2026 on, the fee for the badge is 35 euros.", "new.md")
    result = ask("What is the fee for the badge?", old, new)
    assert {citation.document for citation in result.citations} == {"old.md", "new.md"}


def test_the_same_sentence_from_overlapping_passages_is_quoted_once() -> None:
    text = "The fee for the badge is 20 euros a year. It is paid in May."
    first, second = passage(text, "a.md", start=100), passage(text[:41], "a.md", start=100)
    result = write_quotes("What is the fee for the badge?", [first, second])
    assert [citation.quote for citation in result.citations].count("The fee for the badge is 20 euros a year.") == 1


def test_a_scorer_ranks_and_sees_the_header() -> None:
    seen: list[str] = []

    def score(question: str, texts: Sequence[str]) -> list[float]:
        seen.extend(texts)
        return [0.99 if "Receipts" in text else 0.01 for text in texts]

    result = write_quotes("What is the hotel allowance in Germany?", [passage(TRAVEL, "travel.md")], score)
    assert [claim.text for claim in result.claims][-1] == "Receipts are handed in within 10 days."
    assert any("Country: Germany" in text for text in seen)


def test_a_scorer_reads_few_sentences() -> None:
    sizes: list[int] = []

    def score(question: str, texts: Sequence[str]) -> list[float]:
        sizes.append(len(texts))
        return [0.5] * len(texts)

    many = passage(" ".join(f"Machine {n} makes {n * 7} parts of the pump in a day." for n in range(100)), "a.md")
    result = write_quotes("How many parts does machine 8 make?", [many], score)
    assert sizes == [40]
    assert len(result.claims) <= MOST


@pytest.mark.parametrize("text", ["", "   ", "Heading only", "?"])
def test_nothing_to_quote(text: str) -> None:
    assert write_quotes("What is it?", [passage(text, "a.md")]) == Resolved("", (), ())


def test_no_passages() -> None:
    assert write_quotes("What is it?", []) == Resolved("", (), ())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *HANDBOOK.split(". "),
                *TRAVEL.splitlines(),
                *RULES.splitlines(),
                "",
                "It is so.",
                "They pay.",
                "a|b|c",
                "12 34 56",
                "…",
            ]
        ),
        max_size=14,
    ),
    st.sampled_from(["\n", " ", ". "]),
)
def test_quotes_are_always_verbatim(pieces: list[str], joint: str) -> None:
    ask("Who may take annual leave in Germany, and how many days?", passage(joint.join(pieces), "a.md"))


def test_a_sentence_in_bold_can_be_quoted() -> None:
    text = "Decision: **up to eight days may be carried over.** The new rule applies at once and for good."
    passage = Passage("d", 1, "minutes.md", "default", text, 0, len(text), 1.0)
    answer = write_quotes("How many days may be carried over?", [passage], ShareReranker().score)
    assert "Decision: **up to eight days may be carried over.**" in [note.quote for note in answer.citations]
