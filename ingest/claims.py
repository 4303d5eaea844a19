"""Which run has which source: two adds of one file at the same time become one document."""

from __future__ import annotations

import threading

Key = tuple[str, str]
"""A space's id and the key of a `Source` in it."""


class Claims:
    """Sources that are being worked on. A run never waits for a claim while it holds others: it looks again later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._owners: dict[Key, object] = {}

    def take(self, key: Key, owner: object) -> bool:
        """Claim a source. False where it is claimed, by whomever."""
        with self._changed:
            if key in self._owners:
                return False
            self._owners[key] = owner
            return True

    def release(self, key: Key) -> None:
        """Let go of a source."""
        with self._changed:
            self._owners.pop(key, None)
            self._changed.notify_all()

    def release_all(self, owner: object) -> None:
        """Let go of all that an owner still has."""
        with self._changed:
            for key in [key for key, holder in self._owners.items() if holder is owner]:
                del self._owners[key]
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until something is let go of, at most so long."""
        with self._changed:
            self._changed.wait(seconds)
