"""What counts as this machine, and what does not however much it looks like it."""

from __future__ import annotations

import http.server
import threading
from ipaddress import IPv4Address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.addresses import host_of, http_options, is_loopback, require_local
from rag.errors import RemoteNotAllowed
from rag.settings import Settings

SETTINGS = Settings(_env_file=None)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434",
        "http://LOCALHOST:11434/",
        "https://localhost./v1",
        "localhost:6333",
        "127.0.0.1",
        "http://127.0.0.1",
        "http://127.255.255.254:80/v1/",
        "http://[::1]:11434",
        "[::1]:11434",
        "http://[::ffff:127.0.0.1]:80",
    ],
)
def test_this_machine_is_allowed(url: str) -> None:
    require_local(url, SETTINGS, "Ollama")


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.4:11434",
        "http://0.0.0.0:11434",
        "http://128.0.0.1",
        "http://example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://example.com/127.0.0.1",
        "http://example.com/?host=localhost",
        "http://example.com#@127.0.0.1",
        "http://127.0.0.1@example.com",
        "http://localhost:80@example.com/",
        "http://user:secret@127.0.0.1",
        "http://example.com\\@127.0.0.1",
        "http://127.0.0.1\\.example.com",
        "http://2130706433",
        "http://0x7f000001",
        "http://127.1",
        "http://0177.0.0.1",
        "http://127.0.0.01",
        "http://１２７.0.0.1",
        "http://[fd00::1]",
        "http://[::ffff:8.8.8.8]",
        "http:// 127.0.0.1",
        "http://127.0.0.1\n.example.com",
        "http://127.0.0.1:port",
        "http:///v1",
        "",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(RemoteNotAllowed):
        require_local(url, SETTINGS, "Ollama")


def test_a_host_that_the_admin_names_is_allowed_and_no_other() -> None:
    settings = Settings(_env_file=None, allow_remote="Ollama, gpu.example.com ,fd00::1")
    for url in ("http://ollama:11434", "http://GPU.example.com.", "http://[fd00::1]:80"):
        require_local(url, settings, "Ollama")
    for url in ("http://example.com", "http://a.gpu.example.com", "http://gpu.example.com@other.example.com"):
        with pytest.raises(RemoteNotAllowed):
            require_local(url, settings, "Ollama")


def test_the_refusal_says_what_to_set() -> None:
    with pytest.raises(RemoteNotAllowed) as refusal:
        require_local("http://gpu.example.com:11434", SETTINGS, "Ollama")
    assert "Ollama at gpu.example.com" in refusal.value.message
    assert "FOOTNOTE_ALLOW_REMOTE=gpu.example.com" in refusal.value.remedy
    settings = Settings(_env_file=None, allow_remote=refusal.value.remedy.rpartition("=")[2])
    require_local("http://gpu.example.com:11434", settings, "Ollama")


@given(st.integers(0, 2**32 - 1))
def test_ipv4_is_loopback_exactly_in_127_8(number: int) -> None:
    assert is_loopback(str(IPv4Address(number))) == (number >> 24 == 127)


@given(st.text(max_size=40))
def test_any_text_is_read_as_the_http_client_reads_it_or_not_at_all(text: str) -> None:
    """What we take for the host is what httpx would connect to."""
    host = host_of(f"http://{text}")
    if host and is_loopback(host):
        assert is_loopback(httpx.URL(f"http://{text}").host)


def test_a_proxy_in_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same proxy, a client that trusts the environment does go there: the test can see it."""
    visits: list[str] = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)
            self.send_error(502)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_address[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with httpx.Client(timeout=5.0) as theirs:
            theirs.get("http://127.0.0.1:9/theirs")
        with httpx.Client(**http_options(5.0)) as ours, pytest.raises(httpx.ConnectError):
            ours.get("http://127.0.0.1:9/ours")
        proxy.shutdown()
    assert visits == ["http://127.0.0.1:9/theirs"]
