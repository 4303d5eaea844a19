"""A PostgreSQL of the suite's own: a cluster in a temporary folder, on a loopback port, that ends with the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

NewDatabase = Callable[[], str]
START_SECONDS = 60
SYSTEM_USER = "postgres"
"""PostgreSQL refuses to run as root; its package brings this user."""

QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
"""The server is never killed, only its clients are, and nobody needs the data afterwards."""


def programs() -> Path | None:
    """The folder with PostgreSQL's programs: Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parent.parent.name))
    if found:
        return found[-1].parent
    postgres = shutil.which("postgres")
    return Path(postgres).resolve().parent if postgres else None


@contextmanager
def postgresql() -> Iterator[NewDatabase]:
    """A running server; what it gives makes an empty database and says its address, as SQLAlchemy writes it."""
    where = programs()
    if where is None:
        message = "PostgreSQL is not installed: run tests/install_postgresql.sh"
        if os.environ.get("CI"):
            raise pytest.UsageError(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="footnote-pg-"))
    user = SYSTEM_USER if os.getuid() == 0 else getpass.getuser()
    if os.getuid() == 0:
        shutil.chown(folder, user, user)
    try:
        with _running(where, folder, user) as port:
            yield lambda: _new_database(port, user)
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(where: Path, folder: Path, user: str) -> Iterator[int]:
    data = folder / "data"
    initdb = [where / "initdb", "-D", data, "-U", user, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
    subprocess.run(_as(user, initdb), check=True, capture_output=True, cwd=folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    options = [*QUICK, "listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}"]
    command = [where / "postgres", "-D", data, *(part for option in options for part in ("-c", option))]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(_as(user, command), cwd=folder, stdout=log, stderr=log)
    try:
        _wait(server, port, user, folder / "log")
        yield port
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:  # a client that a test left behind
            server.send_signal(3)
            server.wait(30)


def _as(user: str, command: Sequence[object]) -> list[str]:
    """The command under that user, ending when the tests do, killed or not."""
    ending = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
    if os.getuid() == 0:
        ending = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--pdeathsig", "QUIT"]
    return [*ending, *map(str, command)]


def _wait(server: subprocess.Popen[bytes], port: int, user: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user=user, dbname="postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
        else:
            return


def _new_database(port: int, user: str) -> str:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(host="127.0.0.1", port=port, user=user, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    return f"postgresql+psycopg://{user}@127.0.0.1:{port}/{name}"
