"""RTF: the text as people wrote it, in every code page, whatever the file was made to do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loading import load
from rag.errors import FileRefused
from rag.types import Document


def rtf(body: str) -> Document:
    return load("a.rtf", f"{{\\rtf1\\ansi\\ansicpg1252\\deff0 {body}}}".encode("latin-1")).document


def test_paragraphs_headings_lists_and_tables() -> None:
    document = rtf(
        "{\\info{\\title The \\'84Handbook\\'93}}"
        "{\\stylesheet{\\s1\\outlinelevel0 heading 1;}}"
        "\\pard\\s1\\outlinelevel0 Leave\\par\\pard Thirty\\~days.\\line Really.\\par"
        "\\pard\\outlinelevel1 Sick leave\\par\\pard{\\pntext\\'b7\\tab}\\bullet\\tab one\\par \\bullet\\tab two\\par"
        "\\trowd\\cellx1\\cellx2 Kind\\cell Days\\cell\\row Sick\\cell 9\\cell\\row\\pard end"
    )
    assert document.text == (
        "Leave\n\nThirty days.\n\nReally.\n\nSick leave\n\n•\tone\n•\ttwo\n\n| Kind | Days |\n| --- | --- |\n| Sick | 9 |\n\nend"
    )
    assert document.title == "The „Handbook“"
    assert [(each.path, document.text[each.start :].split("\n")[0]) for each in document.sections] == [
        ("Leave", "Leave"),
        ("Leave > Sick leave", "Sick leave"),
    ]
    assert rtf("\\pard\\outlinelevel0 Leave\\par text").title == "Leave"
    assert rtf("text").title == "a"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("\\'80 \\u8364?5", "€ €5"),
        ("{\\fonttbl{\\f0\\fnil Arial;}{\\f1\\fcharset204 Arial;}}\\f1 \\'c4\\'ee\\'e3\\'ee\\'e2\\'ee\\'f0", "Договор"),
        ("{\\fonttbl{\\f1\\fcharset128 MS Mincho;}}\\f1 \\'93\\'fa\\'96\\'7b", "日本"),
        ("{\\fonttbl{\\f1\\fcharset78 Osaka;}}\\f1 \\'93\\'fa\\'96\\'7b", "日本"),
        ("\\uc1\\u-10179?\\u-8704? \\uc0\\u26085 \\u26412 ", "😀 日本"),
        ("a\\_b \\{c\\} \\\\d", "a\u2011b {c} \\d"),
        ("{\\*\\unknown hidden}shown{\\pict\\pngblip 89504e47}", "shown"),
        ("before {\\pict\\bin5 }{}}}}after", "before after"),
        ("\\u99999999 \\uc fine", "fine"),
        ('{\\field{\\*\\fldinst{HYPERLINK "http://x"}}{\\fldrslt a link}}', "a link"),
    ],
)
def test_characters_in_every_way_they_are_written(body: str, words: str) -> None:
    assert rtf(body).text.replace("\n", "") == words


@pytest.mark.parametrize(
    "body",
    [
        "{\\fonttbl" + "\\f0" * 300_000 + "}x",
        "{\\fonttbl" + "\\f0\\fcharset0 a" * 50_000 + "}x",
        "{\\field{\\*\\fldinst{" * 50_000,
        "x" + "{" * 500_000,
        "x|" * 300_000,
        "x\\'" * 200_000,
        "x\\bin" * 100_000,
        "\\ansicpg99999 x\\'e4",
        "\\ansicpg x",
        "\\outlinelevel x",
    ],
)
def test_what_is_made_to_break_readers_is_read_or_empty(body: str) -> None:
    try:
        assert rtf(body).text
    except FileRefused as error:
        assert "empty" in error.message  # noqa: PT017  all of it stood in what is not shown


pieces = st.lists(
    st.one_of(
        st.sampled_from(["{", "}", "\\", "\\'", "\\par ", "\\cell ", "\\row ", "\\u", "\\uc", "\\bin", "\\f", "{\\fonttbl", "{\\pict", "|"]),
        st.text(st.characters(codec="latin-1"), max_size=6),
        st.integers().map(str),
    ),
    max_size=30,
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(pieces)
def test_any_soup_of_control_words_is_read_or_refused(soup: list[str]) -> None:
    assert "start" in rtf("start\\par " + "".join(soup)).text
