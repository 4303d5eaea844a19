"""Text, Markdown and HTML: encodings, headings, and what is left out of a page."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loading import load
from ingest.loading.cleaning import clean
from rag.errors import FileRefused

WORDS = "Größe: 5 µm – naïve café"
RUSSIAN = "Договор поставки вступает в силу с первого января следующего года и действует до конца года."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_declared_encodings_are_read_without_a_word(encoding: str) -> None:
    document = load("a.txt", WORDS.encode(encoding))
    assert document.text == WORDS
    assert document.warnings == ()


@pytest.mark.parametrize(("text", "encoding"), [(WORDS, "cp1252"), (RUSSIAN, "cp1251")])
def test_a_guessed_encoding_is_told(text: str, encoding: str) -> None:
    document = load("a.txt", text.encode(encoding))
    assert document.text == text
    assert encoding in document.warnings[0]


@settings(deadline=None)
@given(st.text(min_size=1))
def test_any_text_is_read_as_it_was_written(text: str) -> None:
    written = text.encode(errors="ignore")
    wanted = clean(written.decode().lstrip("\ufeff"))
    controls = [character for character in text if character < " " and character not in "\t\n\r\x0b\x0c"]
    if controls or not wanted.strip():
        with suppress(FileRefused):
            load("a.txt", written)
    else:
        assert load("a.txt", written).text == wanted


def test_plain_text_has_a_name_and_no_sections() -> None:
    document = load("notes/board_minutes.txt", b"# 1\n\nPresent: all.")
    assert (document.title, document.sections) == ("board minutes", ())


MARKDOWN = """---
title: # not a heading
---
Handbook
========
Intro.

## Leave ##
```sh
# a comment
## another
```
### *Parental* [leave](http://x)
~~~
``` # still code
~~~
| a | b |
|---|---|

#no heading
- item
---
## Travel
"""


def test_markdown_headings_become_sections_outside_of_code() -> None:
    document = load("a.md", MARKDOWN.encode())
    assert document.title == "Handbook"
    assert [section.path for section in document.sections] == [
        "Handbook",
        "Handbook > Leave",
        "Handbook > Leave > *Parental* leave",
        "Handbook > Travel",
    ]
    starts = [document.text[section.start :].split("\n")[0] for section in document.sections]
    assert starts == ["Handbook", "## Leave ##", "### *Parental* [leave](http://x)", "## Travel"]


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
    document = load("a.html", PAGE.encode())
    assert document.title == "IT & you"
    assert document.text == (
        "# IT policy\n\nChange passwords every year. a_b * c\n\n# not a heading\n\n## Devices\n\n- phone\n- laptop\n\n"
        "| Kind | Days |\n| --- | --- |\n| Laptop | 3 |\n\n```\n# code\n  kept\n```"
    )
    assert [section.path for section in document.sections] == ["IT policy", "IT policy > Devices"]


def test_a_page_that_is_one_form_is_read() -> None:
    data = b"<html><body><form><p>All of the policy.</p></form><form><b>Go</b></form></body></html>"
    assert load("a.htm", data).text == "All of the policy."


@pytest.mark.parametrize("declared", ["windows-1252", "iso-8859-1", "utf-8"])
def test_html_in_the_encoding_it_declares(declared: str) -> None:
    page = f'<html><head><meta charset="{declared}"></head><body><p>{WORDS} €</p></body></html>'
    data = page.encode("utf-8" if declared == "utf-8" else "cp1252")
    document = load("a.html", data)
    assert document.text == f"{WORDS} €"
    assert document.warnings == ()


def test_a_declared_encoding_that_is_none_of_text_is_ignored() -> None:
    page = "<html><head><meta charset='unicode_escape'></head><body>caf\\u00e9 café</body></html>"
    assert load("a.html", page.encode()).text == "caf\\u00e9 café"
