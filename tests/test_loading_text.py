"""Plain text, Markdown, reStructuredText and source code: encodings, and headings as sections."""

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

POLISH = "Umowa wchodzi w życie z dniem podpisania; wypowiedzenie następuje z zachowaniem trzymiesięcznego okresu. "
FRENCH = "Le contrat prend effet à la date de signature ; le préavis est de trois mois, sauf accord exprès écrit. "
JAPANESE = "この契約は署名の日から有効とし、解約は三か月前に通知するものとする。"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_declared_encodings_are_read_without_a_word(encoding: str) -> None:
    document = load("a.txt", WORDS.encode(encoding)).document
    assert document.text == WORDS
    assert document.warnings == ()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (WORDS, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN * 3, "koi8_r"),
        (POLISH * 3, "cp1250"),
        (FRENCH * 3, "cp1252"),
        (JAPANESE * 3, "cp932"),
        (f"{'=' * 300}\n| a | b |\n{'-' * 300}\n{RUSSIAN}", "cp1251"),
    ],
)
def test_a_guessed_encoding_is_told(text: str, encoding: str) -> None:
    document = load("a.txt", text.encode(encoding)).document
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
        assert load("a.txt", written).document.text == wanted


def test_plain_text_has_a_name_and_no_sections() -> None:
    document = load("notes/board_minutes.txt", b"# 1\n\nPresent: all.").document
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
    document = load("a.md", MARKDOWN.encode()).document
    assert document.title == "Handbook"
    assert [section.path for section in document.sections] == [
        "Handbook",
        "Handbook > Leave",
        "Handbook > Leave > *Parental* leave",
        "Handbook > Travel",
    ]
    starts = [document.text[section.start :].split("\n")[0] for section in document.sections]
    assert starts == ["Handbook", "## Leave ##", "### *Parental* [leave](http://x)", "## Travel"]


@pytest.mark.parametrize("line", ["title: Leave policy", 'title: "Leave policy"', "date: 1\ntitle:   'Leave policy' "])
def test_markdown_names_itself_in_its_front_matter(line: str) -> None:
    assert load("a.md", f"---\n{line}\n---\n# Other\n".encode()).document.title == "Leave policy"
    assert load("a.md", f"# Other\n{line}\n".encode()).document.title == "Other"


RST = """
=====
Title
=====

Text with :ref:`a role`.

First ``part``
--------------

.. code-block:: python

   x = 1

===  ===
a    b
===  ===
1    2
===  ===

Deeper
~~~~~~
- item

Second
------
"""


def test_underlined_headings_of_rst_become_sections() -> None:
    document = load("a.rst", RST.encode()).document
    assert document.title == "Title"
    assert [section.path for section in document.sections] == [
        "Title",
        "Title > First part",
        "Title > First part > Deeper",
        "Title > Second",
    ]
    assert [document.text[section.start :].split("\n")[0] for section in document.sections] == [
        "Title",
        "First ``part``",
        "Deeper",
        "Second",
    ]
    assert document.text == RST


PYTHON = "# Not a heading\nclass Plan(Base):\n    async def run(self) -> None:\n        pass\n\n\tdef other():\n"


def test_source_code_is_kept_as_it_is_with_its_definitions_as_sections() -> None:
    document = load("src/plan.py", PYTHON.encode()).document
    assert document.text == PYTHON
    assert document.title == "plan.py"
    assert [section.path for section in document.sections] == ["Plan", "Plan > run", "Plan > other"]


@pytest.mark.parametrize(
    ("name", "text", "paths"),
    [
        ("a.go", "func (s *Server) Run() {\n}\nfunc main() {\n", ["(s *Server) Run", "main"]),
        ("a.rs", "pub(crate) fn main() {}\nimpl Plan {\n  fn run() {}\n", ["main", "Plan", "Plan > run"]),
        ("a.ts", "export default class Plan {}\nexport async function run() {\n", ["Plan", "run"]),
        ("a.sql", "create table leave (days int);\nCREATE OR REPLACE VIEW v AS\n", ["table leave", "VIEW v"]),
        ("a.ini", "[server]\nport=1\n[[tool.x]]\n", ["server", "tool.x"]),
        ("a.tex", "\\section{One}\n\\subsection*{Two}\n", ["One", "Two"]),
        ("a.yaml", "class: x\n", []),
        ("a.log", "class Foo failed\n", []),
    ],
)
def test_definitions_by_language(name: str, text: str, paths: list[str]) -> None:
    assert [section.path for section in load(name, text.encode()).document.sections] == paths


def test_utf16_without_a_mark_is_read() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert load("a.txt", "Größe und mehr".encode(encoding)).document.text == "Größe und mehr"


def test_control_characters_in_a_log_are_left_out_and_told() -> None:
    document = load("a.log", b"A line that was written before the crash.\n" * 20 + bytes(5)).document
    assert document.text.startswith("A line")
    assert "\0" not in document.text
    assert document.warnings
