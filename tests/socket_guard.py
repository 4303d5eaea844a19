"""Writes down every address outside this machine that the process turns to: connections, datagrams and name lookups.

It sees what Python opens. What native code opens is seen by running without a network (`tests/test_offline.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rag.addresses import is_loopback

WATCHED = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
}
"""Audit events, and which of their arguments is the address or host."""

NO_NAME = (None, "", b"", "0.0.0.0", "::")  # what a server listens on: nobody is asked


class SocketGuard:
    """The foreign addresses seen so far, as text. An audit hook cannot be taken away, so it can only be switched off."""

    def __init__(self) -> None:
        self.foreign: list[str] = []
        self.on = True
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event in WATCHED and is_foreign(arguments[WATCHED[event]]):
            self.foreign.append(f"{event} {arguments[WATCHED[event]]!r}")


def is_foreign(address: object) -> bool:
    """Whether an address, as `connect` or a lookup takes it, is not this machine. Unix sockets are paths: they are."""
    host = address[0] if isinstance(address, tuple) and len(address) >= 2 else address
    if isinstance(address, tuple):
        return isinstance(host, str) and host not in NO_NAME and not is_loopback(host)
    if isinstance(address, bytes):
        host = address.decode("ascii", "replace")
    return isinstance(host, str) and host not in NO_NAME and not host.startswith(("/", "\0")) and not is_loopback(host)


@contextmanager
def watched_sockets() -> Iterator[list[str]]:
    """The foreign addresses that the block turns to."""
    guard = SocketGuard()
    try:
        yield guard.foreign
    finally:
        guard.on = False
