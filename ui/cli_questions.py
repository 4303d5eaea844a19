"""`footnote search` and `footnote ask`: one question, or a file of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui import terminal
from ui.command import (
    DocumentsOption,
    FileOption,
    JsonOption,
    ModelOption,
    SpacesOption,
    WithinOption,
    open_library_face,
    report_errors,
)

if TYPE_CHECKING:
    from ingest.records import Where
    from rag.types import Answer
    from ui.face import Face
    from ui.questions import Asked

NOT_READY = 4


def search(
    question: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many passages.")] = 10,
    space: SpacesOption = None,
    document: DocumentsOption = None,
    file: FileOption = None,
    within_documents: WithinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find passages, without a model that writes."""

    def answer_one(library: Face, text: str, where: Where) -> dict[str, Any]:
        from ui import present

        started = time.monotonic()
        found = library.search(text, where, k)
        if not (as_json or file):
            terminal.passages(found) if found else terminal.out("Nothing was found.")
        return {"passages": [present.passage(p) for p in found], "seconds": round(time.monotonic() - started, 3)}

    _each(question, file, (space, document, within_documents), answer_one, as_json=as_json)


def ask(
    question: Annotated[str | None, typer.Argument(help="The question.")] = None,
    model: ModelOption = "",
    space: SpacesOption = None,
    document: DocumentsOption = None,
    file: FileOption = None,
    within_documents: WithinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Answer a question with footnotes, or refuse.

    Marks: ✓ supported by its footnote, ~ partly, = computed from figures in it, ✗ not supported, ? without a footnote.
    """
    failed: list[Answer] = []

    def answer_one(library: Face, text: str, where: Where) -> dict[str, Any]:
        from ui import present

        given = _last_answer(library, text, where, model)
        if given.error:
            failed.append(given)
            terminal.err(f"footnote: {given.error}")
        if not (as_json or file):
            terminal.answer(given)
        return present.answer(given)

    _each(question, file, (space, document, within_documents), answer_one, as_json=as_json)
    if failed:
        raise typer.Exit(NOT_READY)


def _last_answer(library: Face, question: str, where: Where, model: str) -> Answer:
    from rag.types import Finished

    *_, last = library.ask(question, where, model)
    assert isinstance(last, Finished)
    return last.answer


def _each(
    question: str | None,
    file: Path | None,
    places: tuple[list[str] | None, list[str] | None, bool],
    answer_one: Callable[[Face, str, Where], dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    """Answer one question, or each of a file, one line of JSON a question."""
    from ingest.records import Where
    from rag.errors import UsageError
    from ui.questions import read_questions

    spaces, documents, within = places
    where = Where(tuple(spaces or ()), tuple(documents or ()))
    with report_errors():
        if (question is None) == (file is None):
            raise UsageError(
                "Give either a question or --file.", 'For instance: footnote ask "How many days of leave?"'
            )
        asked = read_questions(file) if file else []
    with open_library_face() as library:
        if question is not None:
            result = answer_one(library, question, where)
            if as_json:
                terminal.out_json(result)
            return
        for one in asked:
            result = answer_one(library, one.question, _where_of(one, where, within=within))
            terminal.out_json({"id": one.id} | result, one_line=True)


def _where_of(one: Asked, where: Where, *, within: bool) -> Where:
    from ingest.records import Where as Place

    return Place(where.spaces, one.documents, any_match=True) if within and one.documents else where
