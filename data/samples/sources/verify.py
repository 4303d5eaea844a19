"""Checks the golden questions against the papers.

For every question `evidence.json` holds a quotation. Of an answerable question it must stand on every page
that the question names (and on no other), or in every document that it names; and each figure in the answer
must stand there too. Of an unanswerable question it shows that the paper does discuss the subject. A
paraphrase may share no word, cut to its first letters, with the passage that holds the quotation, nor with
the heading above that passage.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import docx
import paper
import pypdfium2

FIELDS = {
    "id": str,
    "question": str,
    "answer": str,
    "answerable": bool,
    "documents": list,
    "pages": list,
    "kind": str,
}
LEAST = {"plain": 10, "paraphrase": 8, "table": 4, "newer": 3, "unanswerable": 6}
STEM = 5
FIGURE = re.compile(r"\d(?:[\d.,:]*\d)?")
COMMON_WORDS = """
a about after all also am an and any are as at be because been before being but by can could did do
does for from get gets had has have having how i if in into is it its may me might must my no not of
off on once one or our out over own shall she should so some than that the their them then there
they this to too under up was we what when where which while who whom whose why will with without
would you your
"""
COMMON = frozenset(COMMON_WORDS.split())


@dataclass(frozen=True)
class Passage:
    """A paragraph, an item of a list or a row of a table, with the heading above it."""

    heading: str
    text: str


def verify(samples: Path) -> list[str]:
    """Return what is wrong with the questions, one sentence for each fault; nothing if all is well."""
    lines = (samples / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions: list[dict[str, Any]] = [json.loads(line) for line in lines]
    evidence: dict[str, Any] = json.loads((samples / "sources" / "evidence.json").read_text(encoding="utf-8"))
    documents = samples / "documents"
    kinds = Counter(question["kind"] for question in questions)
    problems = [
        f"only {kinds[kind]} questions of kind {kind}, {least} are needed"
        for kind, least in LEAST.items()
        if kinds[kind] < least
    ]
    if len({q["id"] for q in questions}) != len(questions) or {q["id"] for q in questions} != set(evidence):
        problems.append("the ids are not unique or do not match evidence.json")
        return problems
    for question in questions:
        faults = [*_form(question, documents), *_quoted(question, evidence[question["id"]], documents)]
        if question["kind"] != "newer":
            faults += _figures(question, documents)
        if question["kind"] == "paraphrase":
            faults += _shared_words(question, evidence[question["id"]], documents)
        problems += [f"{question['id']}: {fault}" for fault in faults]
    return problems


def passages(path: Path) -> list[Passage]:
    """Return the passages of a document; those of the handbook come from its source."""
    if path.suffix == ".pdf":
        return _from_blocks(paper.read(path.parents[1] / "sources" / "handbook.md").blocks)
    if path.suffix == ".docx":
        return list(_from_docx(path))
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        reader = _Page()
        reader.feed(text)
        return reader.passages
    return _from_blocks(paper.blocks(text))


def _form(question: dict[str, Any], documents: Path) -> Iterator[str]:
    """Check the fields of one question."""
    if {name: type(value) for name, value in question.items()} != FIELDS:
        yield "the fields are not as agreed"
    if question["answerable"] == (question["kind"] == "unanswerable"):
        yield "kind and answerable disagree"
    if not question["answerable"] == bool(question["answer"]) == bool(question["documents"]):
        yield "an answerable question needs an answer and a document, an unanswerable one may have neither"
    for name in question["documents"]:
        if not (documents / name).is_file():
            yield f"there is no document {name}"
    if bool(question["pages"]) != any(name.endswith(".pdf") for name in question["documents"]):
        yield "pages are needed for a PDF and for nothing else"


def _quoted(question: dict[str, Any], evidence: dict[str, str], documents: Path) -> Iterator[str]:
    """Check that the quotation stands where the question says."""
    quote = _plain(evidence["quote"])
    for name in question["documents"] or [evidence["document"]]:
        path = documents / name
        if path.suffix == ".pdf" and question["answerable"]:
            found = [number for number, text in enumerate(_pages(path), 1) if quote in text]
            if found != question["pages"]:
                yield f"the quotation stands on pages {found} of {name}, not {question['pages']}"
        elif not any(quote in _plain(passage.text) for passage in passages(path)):
            yield f"the quotation is not in {name}"


def _figures(question: dict[str, Any], documents: Path) -> Iterator[str]:
    """Check that each figure in the answer stands in the papers, in a PDF on the pages that are named."""
    for name in question["documents"]:
        path = documents / name
        if path.suffix == ".pdf":
            text = " ".join(_pages(path)[number - 1] for number in question["pages"])
        else:
            text = " ".join(passage.text for passage in passages(path))
        for figure in set(FIGURE.findall(question["answer"])) - set(FIGURE.findall(text)):
            yield f"the figure {figure} of the answer is not in {name}"


def _shared_words(question: dict[str, Any], evidence: dict[str, str], documents: Path) -> Iterator[str]:
    """Check that a paraphrase avoids the words of its passage."""
    quote = _plain(evidence["quote"])
    for name in question["documents"]:
        for passage in passages(documents / name):
            if quote in _plain(passage.text):
                shared = _stems(question["question"]) & _stems(f"{passage.heading} {passage.text}")
                if shared:
                    yield f"shares {', '.join(sorted(shared))} with its passage"


def _stems(text: str) -> set[str]:
    words = re.findall(r"[^\W\d_]+", text.lower())
    return {word[:STEM] for word in words if word not in COMMON and len(word) > 1}


def _plain(text: str) -> str:
    """Take marks of layout out of a text, so that the same words compare equal in all formats."""
    return " ".join(re.sub(r"[*|\u2022]", " ", text).split())


def _pages(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as pdf:
        return [_plain(page.get_textpage().get_text_range()) for page in pdf]


def _from_blocks(blocks: tuple[paper.Block, ...]) -> list[Passage]:
    found, heading = [], ""
    for block in blocks:
        if isinstance(block, paper.Heading):
            heading = block.text
            found.append(Passage(heading, heading))
        elif isinstance(block, paper.Items):
            found += [Passage(heading, item) for item in block.items]
        elif isinstance(block, paper.Grid):
            found += [Passage(heading, " | ".join(row)) for row in block.rows]
        elif isinstance(block, paper.Clause):
            found.append(Passage(heading, f"{block.number} {block.text}"))
        elif isinstance(block, paper.Text):
            found.append(Passage(heading, block.text))
    return found


def _from_docx(path: Path) -> Iterator[Passage]:
    heading = ""
    for part in docx.Document(str(path)).iter_inner_content():
        if isinstance(part, docx.table.Table):
            yield from (Passage(heading, " | ".join(cell.text for cell in row.cells)) for row in part.rows)
            continue
        if part.style is not None and str(part.style.name).startswith("Heading"):
            heading = part.text
        yield Passage(heading, part.text)


class _Page(HTMLParser):
    """Collects the passages of an HTML page and leaves out what is not its text."""

    NOISE = frozenset({"script", "style", "nav", "footer", "head"})
    BLOCKS = frozenset({"p", "li", "tr", "caption", "h1", "h2", "h3"})

    def __init__(self) -> None:
        super().__init__()
        self.passages: list[Passage] = []
        self._noise = 0
        self._heading = ""
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Begin a passage, or a stretch of noise."""
        self._noise += tag in self.NOISE
        if tag in self.BLOCKS:
            self._text = ""

    def handle_endtag(self, tag: str) -> None:
        """End a passage, or a stretch of noise."""
        self._noise -= tag in self.NOISE
        if tag in self.BLOCKS and not self._noise and self._text.strip():
            text = " ".join(self._text.split())
            if tag.startswith("h"):
                self._heading = text
            self.passages.append(Passage(self._heading, text))
        elif tag in ("td", "th"):
            self._text += " | "

    def handle_data(self, data: str) -> None:
        """Add letters to the current passage."""
        if not self._noise:
            self._text += data
