"""The sample questions over the sample papers, with the real models: the right place cited, the unanswerable refused.

What is known to go wrong is named, so that it cannot become more unseen. `python -m bench samples` prints the same.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from bench.samples import Judged, judge, read_questions
from ingest.library import open_library
from tests.conftest import settings_for

pytestmark = pytest.mark.slow

KNOWN_MISSES = {"s20", "s21", "s27", "s29", "s32"}
"""Questions in entirely other words than the papers': refused, or answered from the wrong place."""

KNOWN_ANSWERED = {"s57", "s61", "s62", "s66"}
"""Questions that the papers discuss, where code cannot tell what is missing."""


@pytest.fixture(scope="module")
def judged(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    data = tmp_path_factory.mktemp("judged") / "data"
    shutil.copytree(sample_folder, data)
    library = open_library(settings_for(data))
    assert library is not None
    with library:
        return list(judge(library, read_questions(), "quotes"))


def test_answerable_questions_cite_the_right_place(judged: list[Judged]) -> None:
    wrong = {one.question["id"] for one in judged if one.question["answerable"] and not one.right}
    assert wrong <= KNOWN_MISSES


def test_unanswerable_questions_are_refused_with_the_closest_passages(judged: list[Judged]) -> None:
    wrong = {one.question["id"] for one in judged if not one.question["answerable"] and not one.right}
    assert wrong <= KNOWN_ANSWERED
    assert all(one.answer.closest for one in judged if one.answer.refused)


def test_every_quote_is_verbatim_at_its_offsets(judged: list[Judged], sample_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(sample_folder, data)
    library = open_library(settings_for(data))
    assert library is not None
    with library:
        for note in (note for one in judged for note in one.answer.citations):
            text = library.parsed(note.document_id, note.version).text
            assert text[note.start : note.end] == note.quote
            if note.page is not None:
                page = library.parsed(note.document_id, note.version).pages[note.page - 1]
                assert page.start <= note.start < note.end <= page.end


def test_the_newer_paper_is_among_the_sources(judged: list[Judged]) -> None:
    newer = [one for one in judged if one.question["kind"] == "newer"]
    assert all({note.document for note in one.answer.citations} & set(one.question["documents"]) for one in newer)


def test_there_are_enough_questions_of_each_kind() -> None:
    kinds = Counter(question["kind"] for question in read_questions())
    assert sum(kinds.values()) >= 30
    for kind, least in {"paraphrase": 8, "table": 4, "newer": 3, "unanswerable": 6}.items():
        assert kinds[kind] >= least
