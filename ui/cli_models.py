"""`footnote models`."""

from __future__ import annotations

from typing import Annotated

import typer

from ui import terminal
from ui.command import JsonOption, read_settings, report_errors

models_app = typer.Typer(help="Models: fetch those that search, and see who can write answers.", no_args_is_help=True)


@models_app.command("fetch")
def models_fetch(
    chat: Annotated[bool, typer.Option("--chat", help="Also a small model that writes answers (1.1 GB).")] = False,
    embedder: Annotated[str, typer.Option(help="Also this sentence-transformers model, from the hub.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing about what is there already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the models that search: once, checked by hash; offline from then on."""
    from ui.fetching import fetch_models

    with report_errors():
        fetched = fetch_models(read_settings(), chat=chat, embedder=embedder, show=not as_json, quiet=quiet)
    if as_json:
        terminal.out_json({"models": fetched})


@models_app.command("list")
def models_list(as_json: JsonOption = False) -> None:
    """List who can write answers on this machine, and which models search."""
    from ui.fetching import installed_models

    with report_errors():
        shown = installed_models(read_settings())
    if as_json:
        terminal.out_json(shown)
        return
    rows = ((m["model"], m["purpose"], m["size"], m["state"]) for m in shown["models"])
    terminal.table(("MODEL", "FOR", "SIZE", "STATE"), rows)
