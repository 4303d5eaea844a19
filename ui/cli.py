"""The command line. Imports nothing heavy: `footnote --help` answers before a model is thought of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ui import terminal
from ui.cli_care import doctor, rebuild
from ui.cli_documents import add, list_documents, remove
from ui.cli_jobs import jobs_app, show_jobs
from ui.cli_models import models_app
from ui.cli_questions import ask, search
from ui.cli_spaces import spaces_app
from ui.command import JsonOption, open_library_face, read_settings, report_errors

app = typer.Typer(
    name="footnote",
    help="Questions and answers over your own documents, with a checked footnote under every sentence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(add)
app.command("list")(list_documents)
app.command()(remove)
app.command()(search)
app.command()(ask)


RECENT = 50
"""Jobs among which `status` looks for those that have not ended."""


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show what is in the library, what is on its way into it, and which models and index serve."""
    from ui import present, reports

    with open_library_face() as library:
        shown = present.status(library.status())
        unfinished = [] if as_json else [job for job in library.jobs(RECENT) if job.state in reports.UNFINISHED]
    terminal.out_json(shown) if as_json else terminal.table(("", ""), _flattened(shown))
    if unfinished:
        terminal.out()
        show_jobs(unfinished)


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


app.command()(doctor)
app.command()(rebuild)
app.add_typer(jobs_app, name="jobs")
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
