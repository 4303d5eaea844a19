"""Nothing leaves the machine: the whole journey opens no socket but loopback, and works where there is no network at all."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.app_server import free_port
from tests.conftest import REPOSITORY
from tests.documents import pdf
from tests.socket_guard import is_foreign, watched_sockets

JOURNEY = """
import json, signal, sys, threading, os
from tests.socket_guard import SocketGuard
guard = SocketGuard()
{network}
from pathlib import Path
from ingest.library import open_library
from ingest.records import Added, Where
from rag.settings import Settings
from rag.types import Finished
settings = Settings(_env_file=None, data=Path(sys.argv[1]), port=int(sys.argv[3]), log_level="INFO")
told = {{}}
library = open_library(settings)
told["added"] = [one.status for one in library.add([Path(sys.argv[2])], "default") if isinstance(one, Added)]
told["found"] = [one.document for one in library.search("How long is parental leave?", Where(), 1)]
told["answer"] = [one.answer.text for one in library.ask("How long is parental leave?", Where(), "quotes") if isinstance(one, Finished)]

def visit(address):
    import httpx
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect
    client = httpx.Client(trust_env=False, base_url=address, timeout=60)
    told["page"] = client.get("/").status_code
    told["health"] = client.get("/api/health").status_code
    body = {{"question": "How long is parental leave?", "model": "quotes"}}
    told["asked"] = client.post("/api/ask", json=body).json()["refused"]
    stream = address.replace("http", "ws") + "/_stcore/stream"
    for name, origin in (("own", address), ("evil", "http://evil.example"), ("other", "http://192.0.2.7:8501")):
        try:
            with connect(stream, origin=origin) as websocket:
                websocket.ping().wait(20)
            told[name] = 101
        except InvalidStatus as refused:
            told[name] = refused.response.status_code

def visit_and_end(address):
    try:
        visit(address)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)

from ui.server import serve
with library:
    serve(library, settings, on_ready=lambda address: threading.Thread(target=visit_and_end, args=(address,)).start())
told["foreign"] = guard.foreign
print(json.dumps(told))
"""

LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket() as any_socket:  # a fresh network has only loopback, and that is down
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x49))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    try:
        probe.connect(("192.0.2.1", 9))
    except OSError:
        guard.foreign.clear()  # this very try
    else:
        raise SystemExit("there is a network")
"""

EXPECTED = {
    "added": ["indexed"],
    "found": ["leave.pdf"],
    "page": 200,
    "health": 200,
    "asked": False,
    "own": 101,
    "evil": 403,
    "foreign": [],
    "other": 403,
}


def journey(tmp_path: Path, network: str, *before: str) -> dict[str, object]:
    paper = tmp_path / "leave.pdf"
    paper.write_bytes(pdf([["Parental leave lasts twenty weeks.", "It must be asked for three months before."]]))
    program = JOURNEY.format(network=network)
    ran = subprocess.run(
        [*before, sys.executable, "-c", program, str(tmp_path / "data"), str(paper), str(free_port())],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    told: dict[str, object] = json.loads(ran.stdout)
    return told


def without_network() -> list[str]:
    """The command that runs another one without any network, or nothing where that is not allowed here."""
    unshare = shutil.which("unshare")
    for way in ([unshare, "-n"], [unshare, "-rn"]) if unshare else []:
        if subprocess.run([*way, "true"], capture_output=True, check=False).returncode == 0:
            return [str(part) for part in way]
    return []


def check(told: dict[str, object]) -> None:
    assert "twenty weeks" in str(told.pop("answer"))
    assert told == EXPECTED


@pytest.mark.slow
def test_add_search_ask_and_the_app_open_no_socket_but_loopback(tmp_path: Path) -> None:
    check(journey(tmp_path, ""))


@pytest.mark.slow
def test_the_same_journey_works_where_there_is_no_network(tmp_path: Path) -> None:
    before = without_network()
    if not before:
        pytest.fail("unshare -n is not allowed here: run the suite as root, or with user namespaces allowed")
    check(journey(tmp_path, LOOPBACK_UP, *before))


@pytest.mark.parametrize(
    ("address", "foreign"),
    [
        (("127.0.0.1", 80), False),
        (("::1", 80, 0, 0), False),
        (("0.0.0.0", 0), False),
        ("localhost", False),
        (None, False),
        ("/run/socket", False),
        ((0, 0), False),
        (("192.0.2.1", 80), True),
        (("2001:db8::1", 80, 0, 0), True),
        ("checkip.example", True),
        (b"checkip.example", True),
    ],
)
def test_what_counts_as_foreign(address: object, foreign: bool) -> None:  # noqa: FBT001
    assert is_foreign(address) is foreign


def test_the_guard_sees_a_datagram_and_a_lookup() -> None:
    """Both to addresses that need no network: nothing is sent by connecting a datagram socket, nor by reading a number."""
    with watched_sockets() as foreign:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, suppress(OSError):  # there may be no network
            one.connect(("192.0.2.1", 9))
        socket.getaddrinfo("192.0.2.1", 9, flags=socket.AI_NUMERICHOST)
    assert [line.split()[0] for line in foreign] == ["socket.connect", "socket.getaddrinfo"]
