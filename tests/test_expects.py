"""What a question asks for: a sentence on the right subject that lacks it does not answer."""

from __future__ import annotations

import pytest

from rag.evidence import read_units
from rag.expects import expected_of


@pytest.mark.parametrize(
    ("question", "kind", "answers", "lacks"),
    [
        (
            "What is the telephone number of the quarry office?",
            "a telephone number",
            "Ring the quarry office on 01 555 0187.",
            "The quarry office can be reached by telephone at any hour of 24.",
        ),
        (
            "What is the email address of the registry?",
            "an e-mail address",
            "Write to registry@quarry.example.",
            "Write to the registry.",
        ),
        (
            "How much does a block of granite weigh?",
            "a weight",
            "A block of granite has 40 kg.",
            "A block of granite costs 40 euro.",
        ),
        (
            "What rent was asked for the shed?",
            "an amount of money",
            "The shed is let at 4,200 euro.",
            "The shed lies an hour away.",
        ),
        (
            "What did the new crane cost?",
            "an amount of money",
            "The crane came to EUR 18,400.",
            "The crane was repaired three times.",
        ),
        (
            "Which manufacturer supplies the new crane?",
            "a name",
            "The crane is made by Holmqvist.",
            "Three offers were had for it.",
        ),
        (
            "What are the three funds called?",
            "a name",
            "They are Alder, Birch and Cedar.",
            "You choose between three funds.",
        ),
        (
            "How many days of leave do I have?",
            "a number of days",
            "You have 25 days of leave.",
            "Leave is asked for in the portal.",
        ),
        (
            "How many charging points are there?",
            "a number",
            "There are 14 charging points.",
            "They are free for four hours.",
        ),
    ],
)
def test_a_sentence_that_lacks_what_is_asked_for_does_not_answer(
    question: str, kind: str, answers: str, lacks: str
) -> None:
    expectation = expected_of(question)
    assert expectation is not None
    assert expectation.kind == kind
    assert any(expectation.met_by(unit) for unit in read_units(answers))
    assert not any(expectation.met_by(unit) for unit in read_units(lacks))


@pytest.mark.parametrize(
    "question",
    ["Who approves travel?", "Why was the crane sold?", "Can I bring my dog?", "How much notice must I give?", "", "?"],
)
def test_other_questions_expect_nothing_in_particular(question: str) -> None:
    assert expected_of(question) is None


def test_a_row_of_a_price_list_has_an_amount() -> None:
    expectation = expected_of("What does the Weir 90 cost?")
    assert expectation is not None
    (unit,) = read_units("| Pump | Price |\n|---|---|\n| Weir 90 | 1,480 |")
    assert expectation.met_by(unit)
