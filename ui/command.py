"""What the commands share: their options, the library they work on, and how errors end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui import terminal

if TYPE_CHECKING:
    from rag.settings import Settings
    from ui.face import Face

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
SpaceOption = Annotated[str, typer.Option("--space", help="The space; `default` unless said otherwise.")]
SpacesOption = Annotated[list[str] | None, typer.Option("--space", help="Look in this space only; may be repeated.")]
OneSpaceOption = Annotated[str | None, typer.Option("--space", help="In this space only.")]
DocumentsOption = Annotated[
    list[str] | None, typer.Option("--document", help="Look in this document only; may be repeated.")
]
FileOption = Annotated[Path | None, typer.Option("--file", help="Questions, one JSON object a line; answers likewise.")]
WithinOption = Annotated[
    bool, typer.Option("--within-documents", help="With --file: look in each question's own `documents`.")
]
ModelOption = Annotated[str, typer.Option("--model", help="`quotes`, `ollama:NAME`, `openai:NAME@URL` or `gguf:PATH`.")]


def read_settings() -> Settings:
    """Read the settings and set up the log. Raises `UsageError` naming the setting that is wrong."""
    from pydantic import ValidationError

    from rag.errors import UsageError
    from rag.settings import Settings

    try:
        settings = Settings()
    except ValidationError as error:
        problem = error.errors()[0]
        name = "FOOTNOTE_" + str(problem["loc"][0]).upper() if problem["loc"] else "A setting"
        raise UsageError(f"{name} is wrong: {problem['msg']}.", "Mend it in the environment or in .env.") from error
    _set_up_logging(settings)
    return settings


def _set_up_logging(settings: Settings) -> None:
    import logging

    logging.basicConfig(level=settings.log_level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


@contextmanager
def open_library_face() -> Iterator[Face]:
    """The library: through the server that has it, else opened here."""
    from ui.opening import open_face

    with report_errors():
        face = open_face(read_settings())
        try:
            yield face
        finally:
            face.close()


def works_on(library: Face) -> bool:
    """Whether jobs go on when this command has ended: the library is a server's."""
    from ui.remote import RemoteLibrary

    return isinstance(library, RemoteLibrary)


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn every error into a message on stderr and an exit code."""
    from rag.errors import FootnoteError

    try:
        yield
    except typer.Exit:
        raise
    except FootnoteError as error:
        terminal.err_error(error)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        terminal.err("\nfootnote: stopped. Nothing is half-indexed; what was finished stays.")
        raise SystemExit(130) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except Exception as error:  # the edge: the trace goes to the log at DEBUG, the user gets a sentence
        import logging

        logging.getLogger(__name__).debug("unexpected", exc_info=True)
        terminal.err(f"footnote: something went wrong inside Footnote: {type(error).__name__}: {error}")
        terminal.err("  Run it again with FOOTNOTE_LOG_LEVEL=DEBUG for the details, and report them.")
        raise SystemExit(1) from None
