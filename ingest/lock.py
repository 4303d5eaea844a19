"""One process at a time has a data folder open. The operating system lets go of the lock when it dies."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import LibraryHeld

WAIT_SECONDS = 30.0


class LibraryLock:
    """The lock on a data folder, with a note of who holds it beside it."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "library.lock", thread_local=False)
        self._note = folder / "library.holder"

    def acquire(self, wait: float = WAIT_SECONDS, give_up: Callable[[], bool] = lambda: False) -> bool:
        """Take the lock, waiting at most `wait` seconds. False where `give_up` says so meanwhile.

        Raises `LibraryHeld`, which names the holder.
        """
        until = time.monotonic() + wait
        while True:
            try:
                self._lock.acquire(timeout=max(0.0, min(0.5, until - time.monotonic())))
            except Timeout:
                if give_up():
                    return False
                if time.monotonic() >= until:
                    raise LibraryHeld(
                        f"The library is in use by {self._holder()}.",
                        "Wait until it has finished, or stop it, and try again.",
                    ) from None
            else:
                note = {"pid": os.getpid(), "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]}
                self._note.write_text(json.dumps(note))
                return True

    def release(self) -> None:
        """Let go of the lock; more than once is no error."""
        if self._lock.is_locked:
            self._note.unlink(missing_ok=True)
            self._lock.release(force=True)

    def _holder(self) -> str:
        try:
            note = json.loads(self._note.read_text())
            return f"process {note['pid']} (`{note['command']}`)"
        except (OSError, ValueError, KeyError):
            return "another process"
