"""`footnote serve`: open the library, index the samples once, start the app, say where it is."""

from __future__ import annotations

import os
from pathlib import Path

from ingest.library import Library, open_library
from rag.addresses import is_loopback
from rag.chat import ModelName, fetched_gguf
from rag.errors import ChatModelMissing, LibraryHeld, UsageError
from rag.settings import Settings
from ui import terminal
from ui.address import Address, new_token, remove_address, write_address
from ui.local_api import router
from ui.remote import find_server
from ui.server import check_port, serve

SAMPLES_SPACE = "Samples"


def run_app(settings: Settings, samples: Path | None, *, chat: bool = False) -> None:
    """Serve until stopped. Raises `NotReady` where the port or the library is taken, or a model is missing."""
    if running := find_server(settings):
        running.close()
        raise LibraryHeld("The app runs already on this data folder.", "Use that one, or stop it first.")
    check_port(settings.host, settings.port)
    if chat:
        settings = _with_fetched_model(settings)
    if not is_loopback(settings.host):
        terminal.err(
            f"footnote: listening on {settings.host}: everybody who reaches this port can read and delete all documents. "
            "There are no accounts yet."
        )
    library = open_library(settings)
    assert library is not None
    with library:
        library.start()
        library.warm_up()
        if samples is not None:
            _add_samples(library, samples)
        _serve(library, settings)


def _serve(library: Library, settings: Settings) -> None:
    token = new_token()
    folder = settings.data_folder

    def on_ready(address: str) -> None:
        write_address(folder, Address(address, token, os.getpid()))
        terminal.out("Footnote is ready. Open this address in a browser; Ctrl+C stops it.")
        terminal.out(address)

    try:
        serve(library, settings, routers=(router(library, token),), on_ready=on_ready)
    finally:
        remove_address(folder, token)


def _with_fetched_model(settings: Settings) -> Settings:
    path = fetched_gguf(settings)
    if path is None:
        raise ChatModelMissing(
            "No chat model was fetched.", "Run `footnote models fetch --chat`, or start without --chat."
        )
    return settings.model_copy(update={"model": str(ModelName("gguf", str(path)))})


def _add_samples(library: Library, folder: Path) -> None:
    """Index the sample papers, once in the life of a data folder: who removed them does not get them again."""
    done = library.settings.data_folder / "samples-added"
    if done.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"There are no sample papers at {folder}.", "Start without --samples.")
    terminal.out("Indexing the sample papers (once) …")
    for _ in terminal.follow(library.add([folder], SAMPLES_SPACE), show=False):
        pass
    done.touch()
