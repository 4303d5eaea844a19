"""Texts made inert, streams that can be left, and what a tab remembers of jobs: the parts of the app that need no browser."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.records import JobFile, JobRecord
from rag.errors import FootnoteError, NotReady
from rag.types import Answer, Citation, Claim, ClaimStatus
from ui.background import follow
from ui.render import MARKS, answer_html, escape, page_name, passage_html, plain, problem_html, reflow, source_html
from ui.session import Ended, Watched
from ui.views.jobs import outcomes_html
from ui.views.report import report_html

OURS = {"div", "span", "a", "b", "mark", "code"}


class Reader(HTMLParser):
    """What a browser would make of some markup: its elements, its attributes and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.made: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def note(quote: str, name: str = "a.pdf", page: int | None = 7, label: str | None = None) -> Citation:
    return Citation(1, "id", 1, name, "default", quote, 0, len(quote), 0.9, "Section > <i>", page, label)


texts = st.text(alphabet=st.sampled_from("ab <>&\"'/\\$[](){}!`*_:#@=.-\n"), min_size=1, max_size=60)


@given(texts, texts, texts)
def test_no_text_becomes_an_element(first: str, second: str, third: str) -> None:
    claims = (Claim(first, (1,), "supported"), Claim(second, (), "unsupported", third))
    answer = Answer("q", f"{first} [1] {second}", False, "m", claims, (note(third, second),))
    for markup in (
        answer_html(answer, 1),
        source_html(note(first, second), 1, "source-1-1"),
        passage_html(first + second + third, len(first), len(first + second)),
        problem_html(first, second),
    ):
        read = Reader(markup)
        assert read.made <= OURS
        assert set(read.attributes) <= {"class", "title", "href", "id", "role", "target", "aria-label", "data-status"}
        assert read.attributes.get("href", set()) <= {"#source-1-1"}


@given(texts)
def test_escaped_text_reads_as_it_was(text: str) -> None:
    assert html.unescape(escape(text)) == text


def test_control_characters_are_left_out() -> None:
    assert escape("a\x00b\x1b[31mc\u202ed\te\nf\ud800") == "ab[31mcd\te\nf"
    assert escape("12\u202f000\u00a0\u20ac \u0646\u200c\u0645") == "12\u202f000\u00a0\u20ac \u0646\u200c\u0645"


@pytest.mark.parametrize("status", MARKS)
def test_marks_differ_without_colour(status: ClaimStatus) -> None:
    read = Reader(answer_html(Answer("q", "Said.", False, "m", (Claim("Said.", (), status, "why"),)), 1))
    assert MARKS[status][0] in read.text
    assert f"{MARKS[status][1]}: why" in read.attributes["title"]
    assert [other for other in MARKS if MARKS[other][0] in read.text] == [status]


def test_what_claims_nothing_stays_between_the_claims() -> None:
    claims = (Claim("First.", (1,), "supported"), Claim("Second.", (1,), "supported"))
    answer = Answer("q", "Here is what they say:\n\nFirst. [1]\n\nSecond. [1]", False, "m", claims, (note("x"),))
    text = Reader(answer_html(answer, 1)).text
    assert text.index("Here is what") < text.index("First.") < text.index("Second.")
    assert "[1]" not in text


def test_a_label_shows_every_sign() -> None:
    assert plain("**b** $x$ :red[y]\nz") == r"\*\*b\*\* \$x\$ \:red\[y\] z"


@pytest.mark.parametrize(
    "address", ["http://evil.example", "HTTPS://evil.example", "www.evil.example", "a@evil.example"]
)
def test_no_address_in_a_label_stays_one(address: str) -> None:
    shown = plain(address).replace("\\", "")
    assert address not in shown
    assert shown.replace("\u2060", "") == address


def test_page_names_tell_the_printed_label() -> None:
    assert page_name(note("x", page=7, label="7")) == "page 7"
    assert page_name(note("x", page=7, label="iii")) == "page iii (PDF page 7)"
    assert page_name(note("x", page=None)) == ""


def test_printed_line_breaks_go_and_those_of_lists_stay() -> None:
    assert reflow("needs the agreement of\nthe head") == "needs the agreement of the head"
    assert reflow("Price:\n- one\n| a | b |\nTotal 4") == "Price:\n- one\n| a | b |\nTotal 4"


def test_following_gives_the_events_and_closes_the_stream_that_is_left() -> None:
    closed, go_on = threading.Event(), threading.Event()

    def stream() -> Iterator[int]:
        try:
            yield 1
            go_on.wait(30)
            yield 2
            yield 3
        finally:
            closed.set()

    events = follow(stream, threading.Event(), tick=0.01)
    assert next(events) == 1
    assert next(events) is None  # nothing came for a tick: the follower may look around
    events.close()
    go_on.set()
    assert closed.wait(30)


def test_following_raises_what_the_stream_raised() -> None:
    def stream() -> Iterator[int]:
        yield 1
        raise FootnoteError("broken")

    events = follow(stream, threading.Event(), tick=5)
    assert next(events) == 1
    with pytest.raises(FootnoteError, match="broken"):
        next(events)


def test_following_ends_when_the_server_ends() -> None:
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(NotReady, match="stopped"):
        next(follow(lambda: iter([1]), stopping))


def test_a_tab_remembers_which_jobs_it_saw_end() -> None:
    watched = Watched()
    assert not watched.note({"a", "b"})
    assert watched.note({"b", "c"}), "a has ended"
    assert watched.note(set())
    assert (set(watched.ended[:2]), watched.ended[2]) == ({"b", "c"}, "a"), "the newest first"
    assert not watched.note({"a"}), "a is tried again"
    assert set(watched.ended) == {"b", "c"}
    watched.forget("b")
    assert watched.ended == ["c"]


def test_a_job_s_result_is_inert_and_says_how_many_files_it_leaves_out() -> None:
    hostile = "<img src=x onerror=pwned()>"
    files = (
        JobFile(hostile, "damaged", hostile, None, 0, "", 1, False),
        JobFile("leave.pdf", "indexed", "", 2, 3, "", 1, False),
        JobFile("later.pdf", "", "", None, 0, "", 0, False),
    )
    job = JobRecord("j", hostile, hostile, "cancelled", 12, 2, 1, "", "")
    read = Reader(outcomes_html(Ended(job, files, 1009, 1)))
    assert read.made == {"table", "tr", "td", "b", "div"}
    assert hostile in read.text
    assert "indexed: 2 pages, 3 passages" in read.text
    assert "not begun" in read.text
    assert "and 1,009 more" in read.text
    assert Reader(report_html([("document", hostile)])).made == {"table", "tr", "th", "td"}
