"""The guard: who is answered, what pages may load, and that Streamlit stays silent whatever lies about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.app_server import Running, running_app
from tests.asgi_client import TestClient
from tests.conftest import REPOSITORY
from ui.guard import FOREIGN_HOST, FOREIGN_ORIGIN, Guard

LOCAL = "127.0.0.1:8501"


async def answer(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("reached", headers={"X-Frame-Options": "ALLOWALL"})


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("reached")
    await websocket.close()


def client(listens_on: str = "127.0.0.1") -> TestClient:
    inner = Starlette(
        routes=[Route("/", answer, methods=["GET", "POST", "PUT", "DELETE"]), WebSocketRoute("/ws", echo)]
    )
    return TestClient(Guard(inner, listens_on, ["sha256-abc="]))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", LOCAL, "127.8.9.1:80", "localhost:8501", "LOCALHOST", "localhost.", "[::1]:8501", "[::1]"]
)
def test_loopback_names_are_answered(host: str) -> None:
    assert client().get("/", headers={"host": host}).text == "reached"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:8501",
        "localhost.evil.example",
        "192.168.1.5:8501",
        "evil.example@127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1:80:80",
        "2130706433",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_is_refused(host: str, method: str) -> None:
    refused = client().request(method, "/", headers={"host": host})
    assert (refused.status_code, refused.text) == (421, FOREIGN_HOST)


def test_two_hosts_are_refused() -> None:
    assert client().get("/", headers=[("host", LOCAL), ("host", "evil.example")]).status_code == 421


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:3000",
        "http://127.0.0.1:8502",
        "http://127.0.0.1:8501.evil.example",
        "file://",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_foreign_origin_is_refused(origin: str, method: str) -> None:
    refused = client().request(method, "/", headers={"host": LOCAL, "origin": origin})
    assert (refused.status_code, refused.text) == (403, FOREIGN_ORIGIN)


def test_the_own_origin_is_answered() -> None:
    assert client().post("/", headers={"host": LOCAL, "origin": f"http://{LOCAL}"}).text == "reached"


@pytest.mark.parametrize("headers", [{"host": LOCAL, "origin": "http://evil.example"}, {"host": "evil.example"}])
def test_a_foreign_websocket_is_never_opened(headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/ws", headers=headers):
        pass


def test_the_own_websocket_is_opened() -> None:
    with client().websocket_connect("/ws", headers={"host": LOCAL, "origin": f"http://{LOCAL}"}) as websocket:
        assert websocket.receive_text() == "reached"


def test_a_named_host_is_answered_and_no_other() -> None:
    named = client("192.168.1.5")
    assert named.get("/", headers={"host": "192.168.1.5:8501"}).status_code == 200
    assert named.get("/", headers={"host": "192.168.1.6:8501"}).status_code == 421


def test_listening_everywhere_answers_addresses_but_not_foreign_names() -> None:
    everywhere = client("0.0.0.0")
    assert everywhere.get("/", headers={"host": "192.168.1.5:8501"}).status_code == 200
    assert everywhere.get("/", headers={"host": "[2001:db8::1]:8501"}).status_code == 200
    assert everywhere.get("/", headers={"host": "evil.example:8501"}).status_code == 421


def test_every_answer_forbids_what_comes_from_elsewhere() -> None:
    headers = client().get("/", headers={"host": LOCAL}).headers
    policy = {
        name: rest
        for name, _, rest in (part.strip().partition(" ") for part in headers["content-security-policy"].split(";"))
    }
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self' 'sha256-abc='"
    assert policy["connect-src"] == f"'self' ws://{LOCAL} wss://{LOCAL}"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert "http://" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers.get_list("x-frame-options") == ["DENY"]


HOSTILE_OPTIONS = """
[browser]
gatherUsageStats = true
[server]
enableCORS = false
enableXsrfProtection = false
enableStaticServing = true
fileWatcherType = "poll"
corsAllowedOrigins = ["http://evil.example"]
[client]
allowedOrigins = ["http://evil.example"]
showErrorDetails = "full"
[[theme.fontFaces]]
family = "Evil"
url = "http://evil.example/font.woff2"
"""

READ_OPTIONS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ui.privacy import silence_streamlit, streamlit_options
given = (("127.0.0.1",), 200, "WARNING")
silence_streamlit(*given)
import streamlit as st
from streamlit import config, net_util
from streamlit.web.server import server_util
asked = []
def asks(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        asked.append(repr(arguments))
sys.addaudithook(asks)
st.App(sys.argv[1] + "/ui/app.py")
shown = {name: config.get_option(name) for name in streamlit_options(*given)}
foreign = server_util.is_url_from_allowed_origins("http://evil.example")
print(json.dumps({"options": shown, "expected": streamlit_options(*given), "foreign": foreign, "asked": asked,
    "external": net_util.get_external_ip(), "internal": net_util.get_internal_ip()}))
"""


def test_no_file_and_no_variable_can_make_streamlit_talk(tmp_path: Path) -> None:
    """In a process of its own, with options to the contrary in the home, in the working directory and in the environment."""
    for folder in ("home", "work"):
        (tmp_path / folder / ".streamlit").mkdir(parents=True)
        (tmp_path / folder / ".streamlit" / "config.toml").write_text(HOSTILE_OPTIONS)
        (tmp_path / folder / ".streamlit" / "secrets.toml").write_text("password = 'x'\n")
    environment = os.environ | {
        "HOME": str(tmp_path / "home"),
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
        "STREAMLIT_SERVER_ENABLE_CORS": "false",
        "STREAMLIT_SERVER_COOKIE_SECRET": "known",
    }
    ran = subprocess.run(
        [sys.executable, "-c", READ_OPTIONS, str(REPOSITORY)],
        cwd=tmp_path / "work",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(ran.stdout)
    assert seen["options"] == seen["expected"]
    assert seen["options"]["browser.gatherUsageStats"] is False
    assert seen["options"]["client.allowedOrigins"] == []
    assert seen["options"]["server.enableXsrfProtection"] is True
    assert seen["options"]["theme.fontFaces"] == []
    assert (seen["foreign"], seen["external"], seen["internal"], seen["asked"]) == (False, None, None, [])
    assert not (tmp_path / "home" / ".streamlit" / "machine_id_v4").exists()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_app(tmp_path_factory.mktemp("guarded") / "data") as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000"])
def test_streamlits_websocket_is_refused_to_foreign_pages(app: Running, origin: str) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect
    from websockets.typing import Origin

    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://{app.authority}/_stcore/stream", origin=Origin(origin)),
    ):
        pass
    assert refused.value.response.status_code == 403
    assert refused.value.response.body == FOREIGN_ORIGIN.encode()


@pytest.mark.slow
def test_streamlits_websocket_is_open_to_the_own_page(app: Running) -> None:
    from websockets.sync.client import connect
    from websockets.typing import Origin

    with connect(f"ws://{app.authority}/_stcore/stream", origin=Origin(app.url)) as websocket:
        websocket.ping().wait(10)


@pytest.mark.slow
def test_a_page_under_a_foreign_name_is_refused(app: Running) -> None:
    import httpx

    refused = httpx.get(app.url, headers={"host": "rebound.example"}, trust_env=False)
    assert (refused.status_code, refused.text) == (421, FOREIGN_HOST)
    assert httpx.get(app.url, trust_env=False).status_code == 200
