"""The one ASGI app: REST under `/api`, Streamlit at `/`, the guard before both; and the server that runs it."""

from __future__ import annotations

import base64
import errno
import hashlib
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from rag.errors import NotReady, UsageError
from ui import api
from ui.guard import ANY_ADDRESS, Guard
from ui.privacy import silence_streamlit
from ui.server_state import Held, hold

if TYPE_CHECKING:
    from ingest.library import Library
    from rag.settings import Settings

SCRIPT = Path(__file__).absolute().parent / "app.py"

LONGEST_GOODBYE = 3
"""Seconds that open connections get to end when the server is stopped."""

LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes of one WebSocket message: widgets' states and questions. Files come by HTTP."""


def create_app(library: Library, settings: Settings, *, routers: Sequence[APIRouter] = ()) -> ASGIApp:
    """The whole app over an open library, which it does not close. `routers` are added beside the REST interface.

    One a process: Streamlit keeps its options and its runtime process-wide.
    """
    return _build(Held(library, settings), routers)


def _show_uncaught(error: Exception) -> bool:
    from ui.views.frame import show_uncaught  # pages are imported once Streamlit runs

    return show_uncaught(error)


def _build(held: Held, routers: Sequence[APIRouter]) -> ASGIApp:
    settings = held.settings
    silence_streamlit(_host_names(settings.host), _megabytes(settings.max_file_mb), settings.log_level)
    import streamlit as st

    pages = st.App(SCRIPT, on_script_error=_show_uncaught)
    run_pages = pages.lifespan()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        hold(held)
        async with run_pages(app):
            yield
        held.stopping.set()

    app = FastAPI(title="Footnote", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    for router in routers:
        app.include_router(router)
    app.include_router(api.router(held))
    api.handle_errors(app)
    app.mount("/", pages)
    return Guard(app, settings.host, _inline_scripts())


def serve(
    library: Library,
    settings: Settings,
    *,
    on_ready: Callable[[str], None],
    routers: Sequence[APIRouter] = (),
) -> None:
    """Run the app until it is told to stop (SIGINT, SIGTERM); `on_ready` gets its address when it listens.

    Raises `NotReady` where the port is taken.
    """
    with closing(_listen(settings.host, settings.port)) as listener:
        held = Held(library, settings)
        config = uvicorn.Config(
            _build(held, routers),
            log_level=settings.log_level.lower(),
            log_config=None,
            access_log=False,
            server_header=False,
            ws_max_size=LARGEST_MESSAGE,
            timeout_graceful_shutdown=LONGEST_GOODBYE,
        )
        _Server(config, held, lambda: on_ready(address_of(settings.host, settings.port))).run([listener])


def check_port(host: str, port: int) -> None:
    """Raise `NotReady` where the port is taken or not ours to take, `UsageError` where the host is not this machine."""
    _listen(host, port).close()


def address_of(host: str, port: int) -> str:
    """The address to open in a browser on this machine."""
    name = "127.0.0.1" if host in ANY_ADDRESS else host
    return f"http://[{name.strip('[]')}]:{port}" if ":" in name else f"http://{name}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's server that says when it listens and when it is about to end, and ends without a signal's death."""

    def __init__(self, config: uvicorn.Config, held: Held, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._held = held
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._held.stopping.set()
        self._held.library.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but a signal is not raised again afterwards: the library must still be closed."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    except OSError as error:
        raise UsageError(f"{host!r} is not an address of this machine.", "Leave --host away, or name one.") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise _cannot_listen(error, host, port) from error
    return listener


def _cannot_listen(error: OSError, host: str, port: int) -> NotReady | UsageError:
    remedy = "Choose another with --port or FOOTNOTE_PORT (`make run PORT=8502`)."
    if error.errno == errno.EADDRINUSE:
        return NotReady(f"Port {port} is taken by another program.", remedy)
    if error.errno == errno.EACCES:
        return NotReady(f"Port {port} may only be used by root.", remedy)
    return UsageError(f"{host!r} is not an address of this machine.", "Leave --host away, or name one.")


def _host_names(host: str) -> tuple[str, ...]:
    """What Streamlit's own check of the Host allows; `ui.guard` has decided before."""
    return () if host in ANY_ADDRESS else tuple(dict.fromkeys(("127.0.0.1", "localhost", "::1", host.strip("[]"))))


def _megabytes(decimal: int) -> int:
    """Our megabytes are of 1000² bytes, Streamlit's of 1024²: rounded up; the library itself says what is too large."""
    return -(-decimal * 1_000_000 // 1_048_576)


def _inline_scripts() -> list[str]:
    """Hashes of the inline scripts in Streamlit's own page, the only ones that may run."""
    import streamlit

    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    inline: list[str] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return ["sha256-" + base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inline]
