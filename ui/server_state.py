"""What the one server process holds, for the Streamlit pages: they run inside it and are handed nothing else."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.errors import NotReady

if TYPE_CHECKING:
    from ingest.library import Library
    from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Held:
    """The library that the app serves, its settings, and whether the server is about to end."""

    library: Library
    settings: Settings
    stopping: threading.Event = field(default_factory=threading.Event)


class _Place:
    """Where the server puts what it holds. One server a process."""

    held: Held | None = None


def hold(held: Held) -> None:
    """Make this what the pages see."""
    _Place.held = held


def held() -> Held:
    """What the server holds. Raises `NotReady` outside a server."""
    if _Place.held is None:
        raise NotReady("The app was not started by Footnote.", "Start it with `footnote serve`.")
    return _Place.held
