"""Where the running server is: its address and a local token, in a file that only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

TOKEN_HEADER = "X-Footnote-Token"  # noqa: S105 - the name of a header


@dataclass(frozen=True, slots=True)
class Address:
    """A server's loopback address, the token that lets the command line in, and its process."""

    url: str
    token: str
    pid: int


def new_token() -> str:
    """A token that cannot be guessed."""
    return secrets.token_urlsafe(32)


def write_address(folder: Path, address: Address) -> None:
    """Note the server's address in the data folder, readable by its owner only."""
    path = _path(folder)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(address), file)


def read_address(folder: Path) -> Address | None:
    """The address noted, or None. That a server answers there is not known yet: the file may be stale."""
    try:
        return Address(**json.loads(_path(folder).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def remove_address(folder: Path, token: str) -> None:
    """Remove the note, if it is ours."""
    address = read_address(folder)
    if address and address.token == token:
        _path(folder).unlink(missing_ok=True)


def _path(folder: Path) -> Path:
    return folder / "server.json"
