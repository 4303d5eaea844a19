"""HTML: what a reader of the page reads, however it was written, and nothing that takes hours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loading import load
from ingest.loading.cleaning import clean
from rag.types import Document

WORDS = "Größe: 5 µm – naïve café"

PAGE = """<!doctype html><html><head><title>IT &amp; you</title><style>p{}</style></head><body>
<nav><a href="/">Home</a></nav><header><h1>IT policy</h1></header><script>evil()</script>
<!-- a remark --><p hidden>hidden</p><p style="display:none">gone</p>
<p>Change <b>pass</b>words
    <a href="https://example.org">every year</a>. a_b * c</p><img src="x" alt="logo">
<p># not a heading</p><h2>De<i>vices</i></h2><ul><li>phone<li>laptop</ul>
<table><tr><th>Kind</th><th>Days</th></tr><tr><td>Laptop</td><td>3</td></tr></table>
<pre># code
  kept</pre><form><label>Search</label></form><aside>Advert</aside><footer>Imprint</footer></body></html>"""


def test_html_is_read_as_its_reader_sees_it() -> None:
    document = load("a.html", PAGE.encode()).document
    assert document.title == "IT & you"
    assert document.text == (
        "# IT policy\n\nChange passwords every year. a_b * c\n\n# not a heading\n\n## Devices\n\n- phone\n- laptop\n\n"
        "| Kind | Days |\n| --- | --- |\n| Laptop | 3 |\n\n```\n# code\n  kept\n```"
    )
    assert [section.path for section in document.sections] == ["IT policy", "IT policy > Devices"]


def test_a_page_that_is_one_form_is_read() -> None:
    data = b"<html><body><form><p>All of the policy.</p></form><form><b>Go</b></form></body></html>"
    assert load("a.htm", data).document.text == "All of the policy."


@pytest.mark.parametrize("declared", ["windows-1252", "iso-8859-1", "utf-8"])
def test_html_in_the_encoding_it_declares(declared: str) -> None:
    page = f'<html><head><meta charset="{declared}"></head><body><p>{WORDS} €</p></body></html>'
    data = page.encode("utf-8" if declared == "utf-8" else "cp1252")
    document = load("a.html", data).document
    assert document.text == f"{WORDS} €"
    assert document.warnings == ()


def test_a_declared_encoding_that_is_none_of_text_is_ignored() -> None:
    page = "<html><head><meta charset='unicode_escape'></head><body>caf\\u00e9 café</body></html>"
    assert load("a.html", page.encode()).document.text == "caf\\u00e9 café"


def page(body: str) -> Document:
    return load("a.html", f"<!doctype html><html><body>{body}</body></html>".encode()).document


def test_lists_are_numbered_and_set_in() -> None:
    text = page(
        "<ul><li>one<ul><li>two</ul><li><p>three<p>four<ol start=3><li>x<li>y</ol></ul><ol><li>a</ol><p>end"
        "<dl><dt>Term<dd>What it means</dl>"
    ).text
    assert text == ("- one\n  - two\n- three\n\n  four\n  3. x\n  4. y\n\n1. a\n\nend\n\nTerm\n: What it means")


def test_quotes_breaks_and_code() -> None:
    text = page(
        "<p>a<br>b<p>He said <q>no</q>.<blockquote><p>q1<p>q2</blockquote><pre><div>one</div><div> ``` two</div></pre>"
    ).text
    assert text == 'a\nb\n\nHe said "no".\n\n> q1\n\n> q2\n\n````\none\n ``` two\n````'


def test_a_tables_header_goes_over_all_that_it_covers() -> None:
    text = page(
        "<table><caption>Sales</caption><thead><tr><th rowspan=2>Region<th colspan=2>Both<tr><th>2023<th>2024</thead>"
        "<tr><td rowspan=2>North<td>1<td>2<tr><td>3<td>4 | 5</table>"
    ).text
    assert text == (
        "Sales\n\n| Region | Both 2023 | Both 2024 |\n| --- | --- | --- |\n| North | 1 | 2 |\n| North | 3 | 4 \\| 5 |"
    )


def test_a_long_table_repeats_its_header() -> None:
    rows = "".join(f"<tr><td>Part {each}<td>{each}.50" for each in range(200))
    text = page(f"<table><tr><th>Part<th>Price</tr>{rows}</table>").text
    assert text.count("| Part | Price |") > 5
    assert all(f"| Part {each} | {each}.50 |" in text for each in range(200))


def test_a_table_that_only_places_text_is_no_table() -> None:
    text = page(
        "<table><tr><td>Menu<td><h2>Leave</h2><table><tr><td>Kind<td>Days<tr><td>Sick<td>9</table></table>"
    ).text
    assert text == "Menu\n\n## Leave\n\n| Kind | Days |\n| --- | --- |\n| Sick | 9 |"


def test_headings_begin_where_the_text_says() -> None:
    document = page("<p>x<h1>One <i>two</i></h1><div><h2>&#8203;Thr\u00ade&#101;</h2><p>&nbsp;y&#x202e;</div><h2></h2>")
    assert document.text == "x\n\n# One two\n\n## Three\n\ny"
    assert [document.text[each.start :].split("\n")[0] for each in document.sections] == ["# One two", "## Three"]


def test_xhtml_whose_elements_close_themselves_is_read() -> None:
    source = '<?xml version="1.0"?><html xmlns="x"><head><title/><script src="a"/></head><body><a id="b"/><p/>Text<br/>more</body></html>'
    assert load("a.xhtml", source.encode()).document.text == "Text\nmore"


@pytest.mark.parametrize(
    "tag", ["div", "ul><li", "blockquote", "table><tr><td", "b", "span", "nav", "dl><dd", "font size=1"]
)
def test_what_is_nested_beyond_all_measure_is_read_as_text(tag: str) -> None:
    document = page(f"<{tag}>" * 100_000 + "the text &amp; more<script>no</script>")
    assert document.text == "the text & more"
    assert "nested" in document.warnings[0]


def test_what_is_nested_as_deeply_as_browsers_show_is_read_as_it_is() -> None:
    document = page("<div>" * 500 + "<h1>Title</h1>" + "<ul><li>a" * 200)
    assert document.warnings == ()
    assert document.sections[0].path == "Title"


def test_what_only_looks_nested_is_read_as_it_is() -> None:
    drawing = "<svg>" + "<path d='M0'/>" * 3000 + "</svg>"
    anchors = "".join(f"<a name=x{each}><p>Line {each}" for each in range(3000))
    document = page(f"{drawing}<h1>Title</h1>{anchors}")
    assert document.warnings == ()
    assert document.text.startswith("# Title\n\nLine 0\n\nLine 1\n\n")


def test_a_tag_with_attributes_without_end_is_left_out() -> None:
    attributes = " ".join(f"x{each}=1" for each in range(200_000))
    assert page(f"<p {attributes}>the text").text == "the text"


@pytest.mark.parametrize(
    "body",
    [
        "<ol>" + "<li>a" * 50_000,
        "<table><tr>" + "<td rowspan=60000 colspan=60000>a" * 500 + "<tr>" * 20_000,
        "<table><tr>" + "<td>a" * 50_000,
        "<p>" + "a<br>" * 50_000,
        "x" + "<" * 300_000,
        "x<!--" * 50_000,
    ],
    ids=["items", "spans", "cells", "breaks", "brackets", "comments"],
)
def test_long_pages_are_read_in_one_pass(body: str) -> None:
    assert page(body).text


TAGS = (
    "<p> </p> <h1> </h1> <h3> <ul> <li> </ul> <ol> </ol> <table> <tr> <td> <th> </table> <td/colspan=2> <caption> <pre>"
    " </pre> <blockquote> </blockquote> <br> <b> </b> <nav> </nav> <form> <dl> <dt> <dd> &#8203; &nbsp; &#101; <q> | #"
)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.one_of(st.sampled_from(TAGS.split()), st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)),
        max_size=40,
    )
)
def test_any_soup_of_tags_is_read_clean_with_its_headings_in_place(pieces: list[str]) -> None:
    document = page("".join(pieces) + "<p>end")
    assert document.text == clean(document.text).strip("\n")
    for section in document.sections:
        assert document.text[section.start :].lstrip("-> :0123456789.").startswith("#")
