"""Stands before everything, HTTP and WebSocket: who may ask, and what a page may load.

Any web page can make its visitor's browser call a loopback port, and a foreign name can be made to point at 127.0.0.1
(DNS rebinding). So the Host must be a name of this app, and an Origin, where there is one, must be this very app.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.addresses import host_of, is_loopback

Headers = list[tuple[bytes, bytes]]

ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - these are recognised here, not listened on

FOREIGN_HOST = "Footnote does not answer under this name. Open it by the address that it printed when it started."
FOREIGN_ORIGIN = "Footnote does not answer other web pages."


class Guard:
    """ASGI middleware. `listens_on` is the address the app listens on; `scripts` are hashes of allowed inline scripts.

    Beyond loopback names, it is answered under `listens_on` itself; where that is every address of the machine, under the
    machine's own name and under bare addresses, which no foreign name can pretend to be.
    """

    def __init__(self, app: ASGIApp, listens_on: str = "127.0.0.1", scripts: Iterable[str] = ()) -> None:
        self._app = app
        self._everywhere = listens_on in ANY_ADDRESS
        self._names = {listens_on.strip("[]").lower()} | ({socket.gethostname().lower()} if self._everywhere else set())
        self._scripts = " ".join(("'self'", *(f"'{one}'" for one in scripts)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the headers added to the answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = _only(scope, b"host")
        if host is None or not self._is_ours(host):
            await _refuse(scope, send, 421, FOREIGN_HOST)
        elif not _is_same_origin(scope, host):
            await _refuse(scope, send, 403, FOREIGN_ORIGIN)
        else:
            await self._app(scope, receive, self._with_headers(send, host))

    def _is_ours(self, host: str) -> bool:
        name = host_of(host).lower().rstrip(".")
        if not name:
            return False
        return is_loopback(name) or name in self._names or (self._everywhere and _is_address(name))

    def _with_headers(self, send: Send, host: str) -> Send:
        added = _security_headers(self._scripts, host)
        names = {name for name, _ in added}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own: Headers = [pair for pair in message.get("headers", []) if pair[0].lower() not in names]
                message = {**message, "headers": own + added}
            await send(message)

        return send_with_headers


def _security_headers(scripts: str, host: str) -> Headers:
    """Nothing is loaded from elsewhere, nothing is embedded elsewhere, and no address is told to anyone.

    Streamlit styles its elements inline and shows pictures from memory: hence `unsafe-inline` for styles alone.
    """
    policy = (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        f"font-src 'self' data:; connect-src 'self' ws://{host} wss://{host}; media-src 'self' blob:; worker-src 'self' blob:; "
        "frame-src 'none'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )
    return [
        (b"content-security-policy", policy.encode("latin-1")),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    ]


def _only(scope: Scope, name: bytes) -> str | None:
    """The value of a header that is there exactly once, else None."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def _is_same_origin(scope: Scope, host: str) -> bool:
    """Whether the request comes from this app's own pages, or from no page at all. `Origin: null` is a foreign page."""
    if not any(key == b"origin" for key, _ in scope["headers"]):
        return True
    scheme, _, netloc = (_only(scope, b"origin") or "").partition("://")
    return scheme in ("http", "https") and netloc.lower() == host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


async def _refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    """Answer with the sentence. A WebSocket is refused before it is opened, where the server can, with the same answer."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": sentence})
        return
    prefix = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": f"{prefix}.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": sentence.encode()})
