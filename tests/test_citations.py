"""The check in code: a swapped number, date or name, an added or dropped *not* loses `supported`; true sentences keep it.

Sentences marked MODEL were written by Qwen2.5-Coder-1.5B-Instruct Q4_K_M (llama.cpp, temperature 0) from the passages below; the
planted errors are changes to them. The passages are about a company that does not exist.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.checking import check_claim
from rag.citations import ClaimChecker, Resolved, find_markers, is_refusal, resolve, without_markers
from rag.prompts import REFUSAL
from rag.types import Passage

LEAVE = """Annual leave
Every employee is entitled to 25 working days of annual leave in a calendar year. Part-time employees receive leave in proportion to \
their hours. Up to 5 unused days may be carried over to the next year, and they must be taken before 31 March 2026. Leave of more than \
15 days in one block needs the written approval of the head of department. Requests are made in the portal at least 4 weeks before the \
first day of leave. Employees who leave the company during the year are paid for days that were not taken."""

CONTRACT = """7 Payment and termination
7.1 The Buyer shall pay each invoice within 30 days of receipt. Amounts paid late bear interest at 4.5 % a year.
7.2 The Supplier shall not change its prices before 1 January 2027. After that date, prices may rise by no more than 3 % in any twelve months.
7.3 Either party may terminate this Agreement with ninety days' written notice. The Buyer may terminate at once if the Supplier fails to \
deliver for more than 21 days.
7.4 The Supplier's total liability is limited to EUR 1,250,000 in any contract year, except in cases of gross negligence."""

MINUTES = """Minutes of the management meeting, 14 May 2025
Present: Priya Nair (chair), Tom Becker (finance), Lena Osei (operations).
Tom Becker reported that revenue in the first quarter was 8.4 million euros, up from 7.9 million euros in the same quarter of the previous \
year. Priya Nair approved the purchase of a second packaging line for 640,000 euros. Lena Osei will present three offers from suppliers by \
30 June 2025. The move to the new warehouse in Ghent was postponed from September to November because the permit has not been granted. The \
next meeting is on 11 June at 10:00."""

POLICY = """IT policy, section 4: Passwords and devices
Passwords must have at least 14 characters and are changed only when a compromise is suspected. Passwords must not be shared with anyone, \
including the service desk. Accounts are locked after six failed attempts and are released by the service desk. Laptops are encrypted before \
they are handed out. Private USB sticks are prohibited in the workshop. Access to the production network from home is not allowed without the \
token issued by Marek Dvorak. Lost devices are reported to the service desk within 2 hours."""

TRAVEL = """Travel allowances
| Country | Meals per day | Hotel per night |
|---|---|---|
| Belgium | 55 EUR | 140 EUR |
| Germany | 60 EUR | 155 EUR |
| Norway | 85 EUR | 190 EUR |
Mileage for private cars is paid at 0.42 EUR per kilometre, up to 400 kilometres a trip. Receipts are handed in within 10 days of the return."""

SALES = """Consolidated results (in millions of EUR)
2025 2024 2023
Net sales 1,577 1,498 1,402
Cost of sales 912 876 850
Employees 6,210 6,050 5,980"""

FLOWS = """Consolidated statement of cash flows
(Millions) 2018 2017 2016
Operating activities
Net income including noncontrolling interest $ 5,363 $ 4,869 $ 5,058
Purchases of property, plant and equipment (1,577) (1,373) (1,420)"""


def passage(
    text: str, document: str = "paper.pdf", start: int = 1000, score: float = 0.9, page: int | None = 3
) -> Passage:
    return Passage(document, 1, document, "default", text, start, start + len(text), score, page=page)


TRUE = [
    # MODEL
    (LEAVE, "Every employee is entitled to 25 working days of annual leave in a calendar year."),
    (LEAVE, "Up to 5 unused days may be carried over to the next year, and they must be taken before 31 March 2026."),
    (LEAVE, "The head of department approves a long leave of more than 15 days."),
    (CONTRACT, "The Buyer shall pay each invoice within 30 days of receipt."),
    (CONTRACT, "Amounts paid late bear interest at 4.5% a year."),
    (
        CONTRACT,
        "The limit of the supplier's liability is EUR 1,250,000 in any contract year, except in cases of gross negligence.",
    ),
    (CONTRACT, "The agreement can be terminated by either party with ninety days' written notice."),
    (CONTRACT, "The Buyer may terminate at once if the Supplier fails to deliver for more than 21 days."),
    (MINUTES, "Priya Nair approved the purchase of a second packaging line for 640,000 euros."),
    (
        MINUTES,
        "The move to the new warehouse in Ghent was postponed from September to November because the permit has not been granted.",
    ),
    (POLICY, "Passwords must have at least 14 characters and are changed only when a compromise is suspected."),
    (POLICY, "If you lose a device, report it to the service desk within 2 hours."),
    (TRAVEL, "The allowance for meals in Germany is 60 EUR per day, and the allowance for hotel is 155 EUR per night."),
    (
        TRAVEL,
        "The passage states that the mileage for private cars is paid at 0.42 EUR per kilometre, up to 400 kilometres a trip.",
    ),
    # Said in other words, by hand.
    (LEAVE, "Employees get twenty-five working days of leave a year."),
    (LEAVE, "Five unused days can be carried over and must be taken before March 31, 2026."),
    (CONTRACT, "Invoices are paid by the Buyer within 30 days."),
    (CONTRACT, "Notice of 90 days is needed to terminate the Agreement."),
    (CONTRACT, "The Supplier's liability is limited to 1.25 million euros in a contract year."),
    (MINUTES, "Tom Becker reported first-quarter revenue of €8.4 million."),
    (MINUTES, "The next meeting is on June 11, 2025 at 10 am."),
    (POLICY, "Private USB sticks are not allowed in the workshop."),
    (POLICY, "It is forbidden to share passwords with the service desk."),
    (TRAVEL, "In Norway, meals are paid with 85 EUR and a hotel with 190 EUR."),
    (SALES, "Net sales were EUR 1,577 million in 2025."),
    (SALES, "Net sales in 2024 were 1,498 million euros."),
    (FLOWS, "Purchases of property, plant and equipment were $1,577 million in FY2018."),
    (FLOWS, "Net income including noncontrolling interest was $4.87 billion in 2017."),
]

WRONG = [
    # A number swapped: for any other, and for one that stands in the same passage.
    (LEAVE, "Every employee is entitled to 28 working days of annual leave in a calendar year."),
    (LEAVE, "Every employee is entitled to 15 working days of annual leave in a calendar year."),
    (LEAVE, "Every employee is entitled to twenty working days of annual leave in a calendar year."),
    (LEAVE, "Up to 15 unused days may be carried over to the next year, and they must be taken before 31 March 2026."),
    (LEAVE, "The head of department approves a long leave of more than 25 days."),
    (CONTRACT, "The Buyer shall pay each invoice within 21 days of receipt."),
    (CONTRACT, "The Buyer shall pay each invoice within 30 months of receipt."),
    (CONTRACT, "Amounts paid late bear interest at 3% a year."),
    (CONTRACT, "Amounts paid late bear interest at 5.4% a year."),
    (
        CONTRACT,
        "The limit of the supplier's liability is EUR 1,520,000 in any contract year, except in cases of gross negligence.",
    ),
    (
        CONTRACT,
        "The limit of the supplier's liability is USD 1,250,000 in any contract year, except in cases of gross negligence.",
    ),
    (CONTRACT, "The agreement can be terminated by either party with thirty days' written notice."),
    (CONTRACT, "The Buyer may terminate at once if the Supplier fails to deliver for more than 30 days."),
    (MINUTES, "Priya Nair approved the purchase of a second packaging line for 460,000 euros."),
    (MINUTES, "Priya Nair approved the purchase of a second packaging line for 8.4 million euros."),
    (
        MINUTES,
        "Revenue in the first quarter was 7.9 million euros, up from 8.4 million euros in the same quarter of the previous year.",
    ),
    (POLICY, "Passwords must have at least 12 characters and are changed only when a compromise is suspected."),
    (POLICY, "If you lose a device, report it to the service desk within 6 hours."),
    (TRAVEL, "The allowance for meals in Germany is 55 EUR per day, and the allowance for hotel is 155 EUR per night."),
    (TRAVEL, "The allowance for meals in Germany is 155 EUR per day, and the allowance for hotel is 60 EUR per night."),
    (TRAVEL, "The allowance for meals in Belgium is 60 EUR per day, and the allowance for hotel is 155 EUR per night."),
    (TRAVEL, "The mileage for private cars is paid at 0.24 EUR per kilometre, up to 400 kilometres a trip."),
    (TRAVEL, "The mileage for private cars is paid at 0.42 EUR per kilometre, up to 400 miles a trip."),
    (SALES, "Net sales were EUR 1,498 million in 2025."),
    (SALES, "Net sales were EUR 1,577 thousand in 2025."),
    (SALES, "Cost of sales was EUR 1,577 million in 2025."),
    (FLOWS, "Purchases of property, plant and equipment were $1,373 million in 2018."),
    (FLOWS, "Net income including noncontrolling interest was $4,869 million in 2018."),
    (FLOWS, "Net income including noncontrolling interest was $5,363 thousand in 2018."),
    # A date or a time.
    (LEAVE, "Up to 5 unused days may be carried over to the next year, and they must be taken before 31 March 2027."),
    (LEAVE, "Up to 5 unused days may be carried over to the next year, and they must be taken before 31 May 2026."),
    (CONTRACT, "The Supplier shall not change its prices before 1 January 2026."),
    (
        MINUTES,
        "The move to the new warehouse in Ghent was postponed from November to September because the permit has not been granted.",
    ),
    (MINUTES, "Lena Osei will present three offers from suppliers by 11 June 2025."),
    (MINUTES, "The next meeting is on 11 June at 11:00."),
    # A name.
    (LEAVE, "The head of finance approves a long leave of more than 25 days."),
    (MINUTES, "Tom Becker approved the purchase of a second packaging line for 640,000 euros."),
    (MINUTES, "Anna Lindqvist approved the purchase of a second packaging line for 640,000 euros."),
    (MINUTES, "Priya Nair reported that revenue in the first quarter was 8.4 million euros."),
    (
        MINUTES,
        "The move to the new warehouse in Antwerp was postponed from September to November because the permit has not been granted.",
    ),
    (POLICY, "Access to the production network from home is not allowed without the token issued by Priya Nair."),
    (CONTRACT, "The Supplier shall pay each invoice within 30 days of receipt."),
    (
        CONTRACT,
        "The limit of the buyer's liability is EUR 1,250,000 in any contract year, except in cases of gross negligence.",
    ),
    # A *not* added, removed, or put as an opposite word.
    (LEAVE, "Every employee is not entitled to 25 working days of annual leave in a calendar year."),
    (LEAVE, "Up to 5 unused days may not be carried over to the next year."),
    (CONTRACT, "The agreement cannot be terminated by either party with ninety days' written notice."),
    (CONTRACT, "The Supplier shall change its prices before 1 January 2027."),
    (MINUTES, "Priya Nair never approved the purchase of a second packaging line for 640,000 euros."),
    (
        MINUTES,
        "The move to the new warehouse in Ghent was postponed from September to November because the permit has been granted.",
    ),
    (POLICY, "Passwords must be shared with anyone, including the service desk."),
    (POLICY, "Passwords must have at most 14 characters and are changed only when a compromise is suspected."),
    (POLICY, "Private USB sticks are allowed in the workshop."),
    (POLICY, "Yes, you may use a private USB stick."),  # MODEL: it made this up
    (POLICY, "Access to the production network from home is allowed without the token issued by Marek Dvorak."),
    (
        MINUTES,
        "Revenue in the first quarter fell from 8.4 million euros to 7.9 million euros, down on the previous year.",
    ),
    (LEAVE, "Leave of less than 15 days in one block needs the written approval of the head of department."),
    # A sentence from elsewhere.
    (LEAVE, "The Buyer shall pay each invoice within 30 days of receipt."),
    (TRAVEL, "Priya Nair approved the purchase of a second packaging line for 640,000 euros."),
    (POLICY, "Every employee is entitled to 25 working days of annual leave in a calendar year."),
    (CONTRACT, "Lost devices are reported to the service desk within 2 hours."),
]


@pytest.mark.parametrize(("text", "sentence"), TRUE)
def test_a_true_sentence_is_supported(text: str, sentence: str) -> None:
    check = check_claim(sentence, [passage(text)])
    assert (check.status, check.reason) == ("supported", "")


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_a_planted_error_loses_supported(text: str, sentence: str) -> None:
    check = check_claim(sentence, [passage(text)])
    assert check.status in ("unsupported", "partly")
    assert check.reason.endswith(".")


@pytest.mark.parametrize(("text", "sentence"), [*TRUE, *WRONG])
def test_every_verdict_shows_a_place(text: str, sentence: str) -> None:
    for place in check_claim(sentence, [passage(text)]).places:
        assert text[place.start : place.end].strip() == text[place.start : place.end] != ""


@pytest.mark.parametrize(
    ("text", "sentence", "how"),
    [
        (
            MINUTES,
            "First-quarter revenue increased by 0.5 million euros compared to the previous year.",
            "8.4 − 7.9",
        ),  # MODEL
        (MINUTES, "Revenue grew by 6.3 % in the first quarter.", "the change from 7.9 to 8.4 in percent"),
        (SALES, "Net sales grew by EUR 79 million from 2024 to 2025.", "1,577 − 1,498"),
        (TRAVEL, "In Germany meals and hotel together come to 215 EUR.", "60 + 155"),
    ],
)
def test_a_computed_figure_is_marked_as_such(text: str, sentence: str, how: str) -> None:
    check = check_claim(sentence, [passage(text)])
    assert check.status == "computed"
    assert how in check.reason


def test_a_figure_computed_wrongly_is_not() -> None:
    check = check_claim(
        "First-quarter revenue increased by 0.7 million euros compared to the previous year.", [passage(MINUTES)]
    )
    assert check.status == "unsupported"


@pytest.mark.parametrize(
    ("text", "sentence", "reason"),
    [
        (
            LEAVE,
            "Every employee is entitled to 28 working days of annual leave in a calendar year.",
            "The passage does not say 28; it says 25.",
        ),
        (
            MINUTES,
            "Anna Lindqvist approved the purchase of a second packaging line.",
            "The passage does not name Anna Lindqvist here; it names Priya Nair.",
        ),
        (
            POLICY,
            "Private USB sticks are allowed in the workshop.",
            "The passage says the opposite: “prohibited”, not “allowed”.",
        ),
        (
            LEAVE,
            "Up to 5 unused days may not be carried over to the next year.",
            "The passage does not say “not” here.",
        ),
        (TRAVEL, "Lost devices are reported to nobody.", "The passage does not speak of this."),
    ],
)
def test_reasons_are_plain(text: str, sentence: str, reason: str) -> None:
    assert check_claim(sentence, [passage(text)]).reason == reason


def test_a_scorer_of_meaning_can_lift_other_words_but_no_wrong_fact() -> None:
    said = "A calendar year brings everybody twenty-five working days of vacation."
    doubted = check_claim(said, [passage(LEAVE)])
    lifted = check_claim(said, [passage(LEAVE)], meaning=lambda _, texts: [0.99] * len(texts))
    wrong = check_claim(
        said.replace("twenty-five", "thirty"), [passage(LEAVE)], meaning=lambda _, texts: [0.99] * len(texts)
    )
    assert doubted.status == "partly"
    assert wrong.status == "unsupported"
    assert lifted.status == "supported"


def test_a_list_item_is_read_with_the_line_above_it() -> None:
    text = "Employees may not:\n- lend their badge\n- film in the workshop\n"
    assert check_claim("Employees may not film in the workshop.", [passage(text)]).status == "supported"
    assert check_claim("Employees may film in the workshop.", [passage(text)]).status == "unsupported"


def test_the_heading_and_the_document_are_context() -> None:
    text = "Sick leave\nThe certificate is handed in after three days."
    sick = passage(text, document="handbook.pdf")
    assert check_claim("For sick leave, the certificate is handed in after three days.", [sick]).status == "supported"


def test_a_pronoun_in_the_evidence_stands_for_the_name_before() -> None:
    text = "Marek Dvorak joined in 2019. He issues the tokens for the production network."
    assert (
        check_claim("Marek Dvorak issues the tokens for the production network.", [passage(text)]).status == "supported"
    )
    assert (
        check_claim("Lena Osei issues the tokens for the production network.", [passage(text)]).status == "unsupported"
    )


def test_the_question_is_no_evidence_for_a_name() -> None:
    said = "Tom Becker approved the purchase of a second packaging line."
    check = check_claim(said, [passage(MINUTES)], question="Did Tom Becker approve the packaging line?")
    assert check.status in ("partly", "unsupported")


# From markers to footnotes.


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a [1]", [1]),
        ("a [1][2]", [1, 2]),
        ("a [2, 1]", [2, 1]),
        ("a [1-3]", [1, 2, 3]),
        ("a [^1]", [1]),
        ("a (1) [sic] [x]", []),
        ("[Passage 2]", [2]),
    ],
)
def test_markers(text: str, numbers: list[int]) -> None:
    assert find_markers(text) == numbers


def test_text_without_markers() -> None:
    assert without_markers("Leave is 25 days [1]. It ends [2, 3] soon.[4]") == "Leave is 25 days. It ends soon."


def whole(result: Resolved, passages: list[Passage]) -> None:
    """What always holds for a resolved answer."""
    numbers = [citation.n for citation in result.citations]
    assert numbers == list(range(1, len(numbers) + 1))
    used = [n for claim in result.claims for n in claim.citations]
    assert list(dict.fromkeys(used)) == numbers
    assert set(find_markers(result.text)) <= set(numbers)
    for citation in result.citations:
        source = next(p for p in passages if p.document_id == citation.document_id)
        assert source.text[citation.start - source.start : citation.end - source.start] == citation.quote


def test_footnotes_count_in_order_of_use_and_quote_exactly() -> None:
    passages = [
        passage(LEAVE, "handbook.pdf"),
        passage(CONTRACT, "contract.docx", start=70, page=None),
        passage(MINUTES, "minutes.md"),
    ]
    answer = "The next meeting is on 11 June at 10:00 [3]. The Buyer shall pay each invoice within 30 days of receipt. [2] See you [9]."
    result = resolve(answer, passages)
    whole(result, passages)
    assert result.text == (
        "The next meeting is on 11 June at 10:00. [1] The Buyer shall pay each invoice within 30 days of receipt. [2] See you."
    )
    first, second = result.citations
    assert (first.document, first.quote, first.page) == (
        "minutes.md",
        "The \nnext meeting is on 11 June at 10:00.".replace("\n", ""),
        3,
    )
    assert (second.document, second.page) == ("contract.docx", None)
    assert [claim.status for claim in result.claims] == ["supported", "supported", "uncited"]


def test_a_sentence_without_marker_gets_the_one_passage_that_supports_it() -> None:
    passages = [passage(LEAVE, "handbook.pdf"), passage(CONTRACT, "contract.docx")]
    result = resolve("Amounts paid late bear interest at 4.5% a year.", passages)
    assert result.claims[0].status == "supported"
    assert result.citations[0].document == "contract.docx"
    assert result.text.endswith("[1]")


def test_where_two_passages_say_it_in_other_words_none_is_chosen() -> None:
    passages = [passage("The fee is 20 euros a month.", "a.md"), passage("It costs a fee of 20 euros a month.", "b.md")]
    (claim,) = resolve("The fee is 20 euros a month.", passages).claims
    assert (claim.status, claim.citations) == ("uncited", ())
    same = [passage("The fee is 20 euros a month.", "a.md"), passage("The fee is 20 euros a month.", "b.md")]
    (claim,) = resolve("The fee is 20 euros a month.", same).claims
    assert (claim.status, claim.citations) == ("supported", (1,))


def test_a_wrong_sentence_keeps_the_footnote_that_shows_it_wrong() -> None:
    result = resolve("Every employee is entitled to 28 working days of annual leave. [1]", [passage(LEAVE)])
    (claim,) = result.claims
    assert claim.status == "unsupported"
    assert result.citations[0].quote.startswith("Every employee is entitled to 25 working days")


def test_a_footnote_that_adds_nothing_is_left_out() -> None:
    passages = [passage(LEAVE, "handbook.pdf"), passage(MINUTES, "minutes.md")]
    result = resolve("Every employee is entitled to 25 working days of annual leave. [1][2]", passages)
    assert [citation.document for citation in result.citations] == ["handbook.pdf"]


def test_one_sentence_may_rest_on_two_passages() -> None:
    passages = [passage(LEAVE, "handbook.pdf"), passage(POLICY, "policy.html")]
    said = "Requests for leave are made in the portal at least 4 weeks before, and lost devices are reported to the service desk within 2 hours."
    result = resolve(f"{said} [1][2]", passages)
    whole(result, passages)
    assert result.claims[0].status == "supported"
    assert [citation.document for citation in result.citations] == ["handbook.pdf", "policy.html"]


def test_a_footnote_to_the_wrong_passage_is_moved_to_the_one_that_says_it() -> None:
    passages = [passage(LEAVE, "handbook.pdf"), passage(CONTRACT, "contract.docx")]
    result = resolve("Amounts paid late bear interest at 4.5 % a year. [1]", passages)
    whole(result, passages)
    assert (result.claims[0].status, result.claims[0].citations) == ("supported", (1,))
    assert [citation.document for citation in result.citations] == ["contract.docx"]
    assert "named another passage" in result.claims[0].reason


def test_a_wrong_figure_is_not_moved_anywhere() -> None:
    passages = [passage(LEAVE, "handbook.pdf"), passage(CONTRACT, "contract.docx")]
    (claim,) = resolve("Amounts paid late bear interest at 5.5 % a year. [1]", passages).claims
    assert claim.status == "unsupported"


def test_lines_that_claim_nothing_are_no_claims() -> None:
    answer = "## Leave\n\nHere is what the documents say:\n\n- Every employee is entitled to 25 working days of annual leave. [1]\n\nSources:\n[1] handbook.pdf"
    result = resolve(answer, [passage(LEAVE)])
    assert [claim.status for claim in result.claims] == ["supported"]
    assert (
        result.text
        == "## Leave\n\nHere is what the documents say:\n\n- Every employee is entitled to 25 working days of annual leave. [1]"
    )


def test_a_list_item_is_checked_with_the_line_that_introduces_it() -> None:
    answer = "The allowances in Germany are:\n- Meals per day: 60 EUR [1]\n- Hotel per night: 140 EUR [1]\n"
    statuses = [claim.status for claim in resolve(answer, [passage(TRAVEL)]).claims]
    assert statuses[1] == "supported"
    assert statuses[2] != "supported"


def test_the_models_own_answer_from_first_to_last() -> None:
    # MODEL, and it is half wrong: the sticks are prohibited.
    answer = "Yes, you may use a private USB stick. If you lose a device, report it to the service desk within 2 hours."
    result = resolve(answer, [passage(POLICY)], "May I use a private USB stick, and what do I do when I lose a device?")
    assert [claim.status for claim in result.claims] == ["uncited", "supported"]


def test_no_passages_and_no_text() -> None:
    assert resolve("", []) == Resolved("", (), ())
    (claim,) = resolve("It is so [1].", []).claims
    assert (claim.text, claim.status, claim.citations) == ("It is so.", "uncited", ())


@pytest.mark.parametrize(
    "text",
    [
        REFUSAL,
        REFUSAL.upper(),
        f'"{REFUSAL}"',
        f"**{REFUSAL}** [1]",
        REFUSAL.rstrip("."),
        f"I'm sorry, but {REFUSAL[0].lower()}{REFUSAL[1:]}",
        f"Answer: {REFUSAL}",
        "Unfortunately, the passages do not contain any information about the price.",
        "The provided documents don't answer this question.",
    ],
)
def test_refusals(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Every employee gets 25 days.",
        f"{REFUSAL} However, employees get 25 days.",
        "The contract does not contain a penalty.",
        "The documents are in the portal.",
    ],
)
def test_no_refusals(text: str) -> None:
    assert not is_refusal(text)


STREAMED = st.lists(
    st.sampled_from(
        [sentence for _, sentence in [*TRUE[:14], *WRONG[:6]]]
        + [
            " ",
            "\n",
            "\n\n- ",
            " [1]",
            " [2]",
            "[1, 2] ",
            " [7]",
            "Here is what the documents say:\n",
            "No. ",
            "| Germany | 60 EUR | 155 EUR |\n",
            "Sources: ",
        ]
    ),
    max_size=8,
).map("".join)


@settings(max_examples=40, deadline=None)
@given(STREAMED, st.lists(st.integers(1, 30), min_size=1, max_size=12))
def test_a_stream_gives_what_the_whole_gives(answer: str, sizes: list[int]) -> None:
    passages = [passage(LEAVE, "handbook.pdf"), passage(TRAVEL, "travel.md"), passage(MINUTES, "minutes.md")]
    checker = ClaimChecker(passages)
    claims = []
    at = turn = 0
    while at < len(answer):
        size = sizes[turn % len(sizes)]
        claims += checker.feed(answer[at : at + size])
        at, turn = at + size, turn + 1
    claims += checker.finish()
    result = checker.result()
    assert result == resolve(answer, passages)
    assert tuple(claims) == result.claims
    whole(result, passages)
