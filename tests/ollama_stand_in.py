"""A stand-in for Ollama: its documented wire format over HTTP, with a real small model or a script behind it.

It truncates as Ollama does (server/prompt.go): where the prompt is longer than `num_ctx`, the oldest messages go, the
system's stay, and of a last message that is too long alone the beginning goes. On order it misbehaves. It writes down
every request. To try the app with it: `python -m tests.ollama_stand_in --port 11434 --gguf PATH`.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from rag.settings import Settings
from tests.ollama_wire import Fault, Handler, Recorded, StandInModel
from tests.stand_in_engines import Engine, LlamaCpp, Scripted

__all__ = ["Fault", "LlamaCpp", "OllamaStandIn", "Recorded", "Scripted", "StandInModel", "unused_port"]


class OllamaStandIn:
    """The server. Use it as a context, or `start` and `stop` it."""

    def __init__(self, models: Sequence[StandInModel], port: int = 0) -> None:
        self.models = list(models)
        self.fault = Fault.NONE
        self.redirect_to = ""
        self.requests: list[Recorded] = []
        self.stopping = Event()
        self._http = StandInServer(("127.0.0.1", port), Handler, self)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> OllamaStandIn:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> OllamaStandIn:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def settings(self, **changes: Any) -> Settings:
        """Settings that name this server, read from nowhere else."""
        return Settings(_env_file=None, **({"ollama_url": self.url} | changes))

    def chats(self) -> list[Recorded]:
        """The chat requests so far, oldest first."""
        return [request for request in self.requests if request.path == "/api/chat"]

    @contextmanager
    def misbehaving(self, fault: Fault) -> Iterator[None]:
        """Misbehave within the block."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = Fault.NONE

    def find(self, name: str) -> StandInModel | None:
        """The model of that name; without a tag, `latest` is meant."""
        full = name if ":" in name else f"{name}:latest"
        return next((model for model in self.models if model.name == full), None)


def unused_port() -> int:
    """A loopback port that nothing listens on: to be refused there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class StandInServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], owner: OllamaStandIn) -> None:
        super().__init__(address, handler)
        self.owner = owner

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who leaves is not worth a trace on stderr."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve one model until interrupted."""
    parser = argparse.ArgumentParser(description="A stand-in for Ollama, to try Footnote without it.")
    parser.add_argument("--port", type=int, default=11434)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--gguf", type=Path, help="the model file to run")
    what.add_argument("--script", type=Path, help="a text file: one prepared answer a line")
    parser.add_argument("--model", default="stand-in", help="the name it is listed under")
    parser.add_argument("--context", type=int, default=8192, help="tokens of context to load it with")
    given = parser.parse_args(arguments)
    engine: Engine
    if given.gguf:
        engine, size = LlamaCpp(given.gguf, given.context), given.gguf.stat().st_size
    else:
        engine, size = Scripted(given.script.read_text().splitlines()), 0
    name = given.model if ":" in given.model else f"{given.model}:latest"
    family = str(engine.metadata["general.architecture"])
    with OllamaStandIn([StandInModel(name, engine, size, family, context=engine.context)], given.port) as server:
        sys.stdout.write(f"{name} at {server.url}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            Event().wait()


if __name__ == "__main__":
    main()
