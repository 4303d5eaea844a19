"""Opening the library for the command line: through the server that has it, else in this process."""

from __future__ import annotations

from rag.errors import LibraryHeld
from rag.settings import Settings
from ui.face import Face
from ui.remote import RemoteLibrary, find_server


def open_face(settings: Settings) -> Face:
    """The library, wherever it is. Raises `LibraryHeld` where another command has it for too long."""
    from ingest.library import open_library

    if remote := find_server(settings):
        return remote
    found: list[RemoteLibrary] = []

    def server_came_up() -> bool:
        remote = find_server(settings)
        if remote:
            found.append(remote)
        return remote is not None

    library = open_library(settings, give_up=server_came_up)
    if library is not None:
        return library
    if found:
        return found[0]
    raise LibraryHeld("The library is in use.", "Try again.")
