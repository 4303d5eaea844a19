"""Real Office files with every feature under the sun, and hostile ones: each gives its text or ends in a plain state."""

from __future__ import annotations

import io
import re
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.loading import load
from ingest.loading.cleaning import one_line
from rag.errors import FileRefused
from rag.types import Document
from tests.conftest import shared_folder

pytestmark = [pytest.mark.bench_data, pytest.mark.slow]

SUFFIXES = (".docx", ".docm", ".pptx", ".xlsx", ".xlsm")
MOST_SECONDS = 20.0
"""For one file, on a busy machine; the slowest takes a second."""

NOT_READ = {
    "54764-2.xlsx": "damaged",  # entity bombs
    "54764.xlsx": "damaged",
    "ExternalEntityInText.docx": "damaged",
    "truncated62886.docx": "damaged",
    "bug53475-password-is-solrcell.docx": "password-protected",
    "protected_passtika.xlsx": "password-protected",
    "cpansearch.perl.org_src_tobyink_acme-rundoc-0.001_word-lib_hello_world.docm": "unsupported",  # a doc
}
"""Of the ordinary files, those that no reader should read; beside them only those that are empty are refused."""

EMPTY = 24
"""Files without a word: pictures, headers and footers, comments or formats only."""


def files(folder: str) -> list[Path]:
    return sorted(path for path in (shared_folder() / "hostile" / folder).iterdir() if path.suffix in SUFFIXES)


def outcome(path: Path) -> Document | FileRefused:
    started = time.monotonic()
    found: Document | FileRefused
    try:
        found = load(path.name, path.read_bytes()).document
    except FileRefused as refused:
        found = refused
    assert time.monotonic() - started < MOST_SECONDS
    if isinstance(found, FileRefused):
        assert found.message.startswith(path.name)
        assert found.remedy
    return found


def test_ordinary_files_are_read() -> None:
    empty, states = [], {}
    for path in files("office-ordinary"):
        found = outcome(path)
        if isinstance(found, Document):
            assert found.text.strip()
            assert found.title
        elif "no text in it" in found.message:
            empty.append(path.name)
        else:
            states[path.name] = found.state
    assert states == NOT_READ
    assert len(empty) == EMPTY, empty


def test_hostile_files_end_in_text_or_a_state() -> None:
    for path in files("office-hostile"):
        found = outcome(path)
        assert isinstance(found, Document) or found.state in ("damaged", "password-protected", "too large")
        if "protected" in path.name and isinstance(found, Document):
            assert found.text.strip()  # against changes only


def test_nothing_of_a_word_file_is_lost() -> None:
    """Against the paragraphs and cells that python-docx reads."""
    import docx

    compared = 0
    for path in files("office-ordinary"):
        found = outcome(path) if path.suffix == ".docx" else None
        if isinstance(found, Document):
            words = set(re.findall(r"\w+", found.text))
            for paragraph in paragraphs(docx.Document(str(path))):
                compared += 1
                assert set(re.findall(r"\w+", one_line(paragraph))) <= words, (path.name, paragraph)
    assert compared > 1500


def paragraphs(container: Any) -> Iterator[str]:
    for paragraph in container.paragraphs:
        yield paragraph.text
    for table in container.tables:
        for row in table.rows:
            for cell in row.cells:
                yield from paragraphs(cell)


def test_nothing_of_a_workbook_is_lost() -> None:
    """Against the words in the cells that openpyxl reads."""
    import openpyxl

    compared = 0
    for path in files("office-ordinary"):
        found = outcome(path) if path.suffix == ".xlsx" else None
        if not isinstance(found, Document):
            continue
        text = " ".join(found.text.replace("\\|", "|").split())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), data_only=True)
            except (TypeError, ValueError, KeyError):
                continue  # beyond it
        for sheet in book.worksheets:
            for row in sheet.iter_rows(values_only=True):
                for value in row:
                    if isinstance(value, str) and "_x" not in value:
                        compared += 1
                        assert one_line(value) in text, (path.name, value)
    assert compared > 5000


def test_nothing_of_a_presentation_is_lost() -> None:
    """Against the text frames and notes that python-pptx reads."""
    import pptx

    compared = 0
    for path in files("office-ordinary"):
        found = outcome(path) if path.suffix == ".pptx" else None
        if not isinstance(found, Document):
            continue
        text = " ".join(found.text.split())
        presentation: Any = pptx.Presentation(str(path))
        assert len(found.pages) == len(presentation.slides)
        for slide in presentation.slides:
            frames = [shape.text_frame for shape in slide.shapes if shape.has_text_frame and not is_margin(shape)]
            if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
                frames.append(slide.notes_slide.notes_text_frame)
            for frame in frames:
                for paragraph in frame.paragraphs:
                    compared += 1
                    assert one_line(paragraph.text) in text, (path.name, paragraph.text)
    assert compared > 80


def is_margin(shape: Any) -> bool:
    kind = str(shape.placeholder_format.type) if shape.is_placeholder else ""
    return kind.startswith(("DATE", "FOOTER", "SLIDE_NUMBER", "HEADER"))
