"""Numbers, dates, names and negations, brought into one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.dates import find_dates, same_date
from rag.facts import find_facts
from rag.figures import find_quantities
from rag.quantities import same_quantity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.2 billion", "1,200 million"),
        ("$1,577", "USD 1577"),
        ("$1.6bn", "US$ 1,600 million"),
        ("1,250,000 euros", "EUR 1,250,000"),
        ("€ 5m", "EUR 5 million"),
        ("12 %", "12 percent"),
        ("12%", "12 per cent"),
        ("4,5 %", "4.5%"),
        ("25 days", "twenty-five working days"),
        ("ninety days' notice", "90 days"),
        ("2 weeks", "14 days"),
        ("24 months", "two years"),
        ("a dozen", "12"),
        ("two hundred and five", "205"),
        ("one third", "a third"),
        ("18:00", "6 pm"),
        ("6:30 p.m.", "18:30"),
        ("noon", "12:00"),
        ("third", "3rd"),
        ("Q1", "first quarter"),
        ("(1,234)", "1,234"),
        ("1.250.000", "1,250,000"),
        ("400 kilometres", "400 km"),
    ],
)
def test_two_ways_to_write_a_number(one: str, other: str) -> None:
    (mine,), (theirs,) = find_quantities(one), find_quantities(other)
    assert same_quantity(mine, theirs)
    assert same_quantity(theirs, mine)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.2 billion", "1.2 million"),
        ("$1,577", "EUR 1,577"),
        ("25 days", "25 months"),
        ("12 %", "12 days"),
        ("25 days", "20 days"),
        ("18:00", "6 am"),
        ("about 91 %", "95 %"),
        ("25", "25.3"),
    ],
)
def test_numbers_that_differ(one: str, other: str) -> None:
    (mine,), (theirs,) = find_quantities(one), find_quantities(other)
    assert not same_quantity(mine, theirs)


def test_rounding_counts_where_the_claim_shows_that_it_rounds() -> None:
    exact = find_quantities("$1,577 million")[0]
    assert same_quantity(find_quantities("$1.58 billion")[0], exact)
    assert same_quantity(find_quantities("about $1.6 billion")[0], exact)
    assert not same_quantity(find_quantities("$1.7 billion")[0], exact)
    assert not same_quantity(find_quantities("$2 billion")[0], exact)


def test_a_table_scale_lifts_its_figures() -> None:
    claim, cell = find_quantities("$1,577 million")[0], find_quantities("1,577")[0]
    assert not same_quantity(claim, cell)
    assert same_quantity(claim, cell, scale=1e6)


def test_ranges_share_the_unit() -> None:
    low, high = find_quantities("10 to 15 days")
    assert low.unit == high.unit
    assert same_quantity(low, find_quantities("10 days")[0])


def test_limits_are_kept_with_the_number() -> None:
    assert [q.bound for q in find_quantities("at least 14 characters, up to 5 days, no more than 3 %, 7 boxes")] == [
        "least",
        "most",
        "most",
        "",
    ]


def test_what_only_looks_like_a_number() -> None:
    assert find_quantities("version 4.2.1 of the 10-K") == []
    assert find_quantities("one of the parties") == []
    assert [q.value for q in find_quantities("in 2019 it was 7")] == [7.0]


@pytest.mark.parametrize(
    "text",
    [
        "1 March 2026",
        "March 1, 2026",
        "March 1st, 2026",
        "1st of March 2026",
        "2026-03-01",
        "01.03.2026",
        "1.3.2026",
        "1 Mar. 2026",
    ],
)
def test_one_day_written_in_many_ways(text: str) -> None:
    (date,) = find_dates(text)
    assert date.readings == ((2026, 3, 1),)
    assert find_quantities(text) == []


def test_dates_in_part() -> None:
    (whole,) = find_dates("31 March 2026")
    assert same_date(find_dates("March 2026")[0], whole)
    assert same_date(find_dates("in 2026")[0], whole)
    assert not same_date(whole, find_dates("March 2026")[0])
    assert not same_date(find_dates("April 2026")[0], whole)
    assert find_dates("FY2019")[0].readings == ((2019, None, None),)
    assert [d.readings[0][1] for d in find_dates("from September to November")] == [9, 11]
    assert [d.readings[0][0] for d in find_dates("2019-20")] == [2019, 2020]


def test_a_date_with_two_readings_fits_either() -> None:
    (date,) = find_dates("03/01/2026")
    assert same_date(date, find_dates("1 March 2026")[0])
    assert same_date(date, find_dates("3 January 2026")[0])


def test_may_is_a_month_only_where_it_stands_as_one() -> None:
    assert find_dates("You may leave. May we ask?") == []
    assert find_dates("It ends in May")[0].readings == ((None, 5, None),)


def test_an_amount_is_no_year() -> None:
    assert find_dates("2000 euros or USD 1577") == []


def names(text: str) -> list[str]:
    return [name.text for name in find_facts(text).names if name.sure]


def test_names() -> None:
    assert names("On Monday Priya Nair met Tom Becker of Acme Inc.") == ["Monday Priya Nair", "Tom Becker of Acme Inc"]
    assert names("The standard is ISO 27001 over USB-C.") == ["ISO", "USB-C"]
    assert names("The Buyer pays in March 2026.") == ["Buyer"]
    assert names("However, it was paid. Yes. In May it rained.") == []
    assert [n.sure for n in find_facts("Passwords are changed.").names] == [False]


def test_negations_and_what_they_turn() -> None:
    (negation,) = find_facts("Passwords must not be shared with anyone, including IT.").negations
    assert negation.scope[0] == find_facts("shared").words[0].stem
    assert [n.word for n in find_facts("You can't use it without a token, never ever.").negations] == [
        "n't",
        "without",
        "never",
    ]
    assert find_facts("No more than 5 days, not only here, see No. 5.").negations == ()
    assert find_facts("No, you may.").negations == ()


@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    facts = find_facts(text)
    assert all(text[q.start : q.start + len(q.text)] == q.text for q in facts.quantities)
    assert all(text[d.start : d.end] == d.text for d in facts.dates)
    assert all(text[n.start : n.end] == n.text for n in facts.names)


@given(st.integers(0, 10**9))
def test_digits_are_read_as_written(number: int) -> None:
    (found,) = find_quantities(f"{number:,} pieces")
    assert found.value == number


def test_a_number_behind_an_ordinal_is_read_too() -> None:
    values = [
        (one.value, one.unit) for one in find_quantities("The first six months of employment are a probation period.")
    ]
    assert values == [(1.0, "ordinal"), (6.0, "month")]
