"""The command line. Imports nothing heavy: `footnote --help` answers before a model is thought of."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ui import terminal
from ui.cli_models import models_app
from ui.cli_questions import ask, search
from ui.cli_spaces import spaces_app
from ui.command import JsonOption, OneSpaceOption, SpaceOption, open_library_face, read_settings, report_errors

app = typer.Typer(
    name="footnote",
    help="Questions and answers over your own documents, with a checked footnote under every sentence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

REFUSED_SOME = 3


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    space: SpaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Index files and folders: new and changed ones are read, unchanged ones skipped."""
    from ui import present

    started = time.monotonic()
    outcomes = []
    with open_library_face() as library:
        for outcome in terminal.follow(library.add(paths, space), show=sys.stderr.isatty() and not as_json):
            outcomes.append(outcome)
            if not as_json:
                size = f"{outcome.pages} pages, " if outcome.pages else ""
                text = outcome.reason or f"{size}{outcome.chunks} chunks"
                terminal.out(f"{outcome.status:12}  {outcome.document}  ({text})")
    if as_json:
        documents = [present.added(outcome) for outcome in outcomes]
        terminal.out_json({"documents": documents, "seconds": round(time.monotonic() - started, 3)})
    if any(outcome.status not in ("indexed", "unchanged") for outcome in outcomes):
        raise typer.Exit(REFUSED_SOME)


@app.command("list")
def list_documents(
    document: Annotated[str | None, typer.Argument(help="One document: its report.")] = None,
    space: OneSpaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the documents, or show the report of one."""
    from ui import present

    with open_library_face() as library:
        if document is not None:
            shown = present.report(*library.document(document, space))
            terminal.out_json(shown) if as_json else terminal.table(("", ""), _flattened(shown))
            return
        records = library.documents(space)
    if as_json:
        terminal.out_json({"documents": [present.document(record) for record in records]})
        return
    rows = ((r.name, r.space, r.state, r.pages, r.chunks, r.changed_at[:16].replace("T", " ")) for r in records)
    terminal.table(("DOCUMENT", "SPACE", "STATE", "PAGES", "CHUNKS", "CHANGED"), rows)


app.command()(search)
app.command()(ask)


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show what is in the library, and which models and index serve."""
    from ui import present

    with open_library_face() as library:
        shown = present.status(library.status())
    terminal.out_json(shown) if as_json else terminal.table(("", ""), _flattened(shown))


@app.command()
def remove(
    documents: Annotated[list[str], typer.Argument(help="Documents, by name or id.")],
    space: OneSpaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents: gone from every search at once."""
    with open_library_face() as library:
        gone = library.remove(documents, space)
    if as_json:
        terminal.out_json({"removed": [{"document": one.document, "space": one.space} for one in gone]})
        return
    for one in gone:
        terminal.out(f"removed  {one.document}  (from {one.space})")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the app.")] = None,
    samples: Annotated[
        Path | None, typer.Option(help="Index this folder into the space `Samples` first, if that was never done.")
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Answer with the model that `models fetch --chat` brought.")
    ] = False,
) -> None:
    """Start the app, and print its address on a line of its own."""
    from ui.serving import run_app

    with report_errors():
        changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
        run_app(read_settings().model_copy(update=changes), samples, chat=chat)


app.add_typer(spaces_app, name="spaces")
app.add_typer(models_app, name="models")


def main() -> None:
    """The console script. Every error ends as a sentence and an exit code, never as a traceback."""
    with report_errors():
        app()


def _flattened(shown: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in shown.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else value
