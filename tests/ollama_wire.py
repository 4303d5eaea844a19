"""Ollama's wire format, for the stand-in: what it answers to each path, how it truncates, and how it misbehaves."""

from __future__ import annotations

import json
import select
import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import TYPE_CHECKING, Any

from tests.stand_in_engines import Engine, Messages, Spent

if TYPE_CHECKING:
    from tests.ollama_stand_in import StandInServer

DEFAULT_NUM_CTX = 4096
"""What Ollama takes where a request does not say."""


class Fault(Enum):
    """How it misbehaves. All but `SILENT` concern `/api/chat` only."""

    NONE = auto()
    SILENT = auto()
    """Takes the connection and never says a word, whatever is asked."""
    HANG_FIRST = auto()
    """Never writes the first token."""
    HANG_MIDDLE = auto()
    """Writes two pieces and then nothing more, with the connection open."""
    CUT = auto()
    """Writes two pieces and breaks the connection."""
    END_EARLY = auto()
    """Writes two pieces and ends the stream properly, without `done`."""
    ERROR_500 = auto()
    ERROR_IN_STREAM = auto()
    GARBAGE = auto()
    """Writes a line that is no JSON."""
    WRONG_SHAPE = auto()
    """Writes JSON that is no chat answer."""
    REDIRECT = auto()
    """Sends the caller, prompt and all, to `redirect_to`."""


@dataclass(frozen=True, slots=True)
class StandInModel:
    """A line of its list. Only those with an engine can be called."""

    name: str
    engine: Engine | None = None
    size: int = 98_362_432
    family: str = "llama"
    capabilities: tuple[str, ...] | None = ("completion",)
    context: int = 8192
    remote_host: str = ""


@dataclass(slots=True)
class Recorded:
    """A request: its path, its body, what the model was given after truncation, and whether the caller left."""

    path: str
    body: dict[str, Any]
    given: Messages = field(default_factory=list)
    caller_left: Event = field(default_factory=Event)


def truncate(engine: Engine, messages: Messages, num_ctx: int) -> Messages:
    """What of the messages the model is given when there is room for `num_ctx` tokens."""
    for start in range(len(messages)):
        kept = [message for message in messages[:start] if message["role"] == "system"] + messages[start:]
        if engine.count(kept) <= num_ctx:
            return kept
    *system, last = kept
    low, high = 0, len(last["content"])  # characters cut off: `high` surely fits
    while low < high:
        middle = (low + high) // 2
        if engine.count([*system, {**last, "content": last["content"][middle:]}]) <= num_ctx:
            high = middle
        else:
            low = middle + 1
    return [*system, {**last, "content": last["content"][low:]}]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandInServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Silent: requests are recorded instead."""

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        except ValueError as error:
            return self._json(400, {"error": str(error)})
        return self._answer(body)

    def _answer(self, body: dict[str, Any]) -> None:
        request = Recorded(self.path, body)
        self.server.owner.requests.append(request)
        if self.server.owner.fault is Fault.SILENT:
            return self._hang(request)
        routes = {
            ("GET", "/"): self._root,
            ("GET", "/api/version"): self._version,
            ("GET", "/api/tags"): self._tags,
            ("GET", "/api/ps"): self._ps,
            ("POST", "/api/show"): self._show,
            ("POST", "/api/pull"): self._pull,
            ("POST", "/api/chat"): self._chat,
            ("POST", "/api/generate"): self._generate,
        }
        route = routes.get((self.command, self.path.split("?")[0]))
        if route is None:
            return self._json(404, {"error": "404 page not found"})
        return route(request)

    def _root(self, _: Recorded) -> None:
        self._headers(200, "text/plain; charset=utf-8", 17)
        self.wfile.write(b"Ollama is running")

    def _version(self, _: Recorded) -> None:
        self._json(200, {"version": "0.99.0-stand-in"})

    def _tags(self, _: Recorded) -> None:
        self._json(200, {"models": [_line(model) for model in self.server.owner.models]})

    def _ps(self, _: Recorded) -> None:
        loaded = [model for model in self.server.owner.models if model.engine]
        extra = {"expires_at": _now(), "size_vram": 0}
        lines = [_line(model) | extra | {"context_length": model.context} for model in loaded]
        self._json(200, {"models": lines})

    def _show(self, request: Recorded) -> None:
        model = self._find(request)
        if model is None:
            return
        info: dict[str, Any] = {"general.architecture": model.family, f"{model.family}.context_length": model.context}
        if model.engine:
            info |= model.engine.metadata
        answer = {
            "details": _details(model),
            "model_info": info,
            "template": "",
            "parameters": "",
            "modified_at": _now(),
        }
        if model.capabilities is not None:
            answer["capabilities"] = list(model.capabilities)
        self._json(200, answer | _remote(model))

    def _pull(self, request: Recorded) -> None:
        name = str(request.body.get("model") or request.body.get("name"))
        model = self.server.owner.find(name)
        if model is None:
            steps: list[dict[str, Any]] = [
                {"status": "pulling manifest"},
                {"error": "pull model manifest: file does not exist"},
            ]
        else:
            digest = _digest(model)
            layer = {"status": f"pulling {digest[7:19]}", "digest": digest, "total": model.size}
            halves = [layer | {"completed": done} for done in (model.size // 2, model.size)]
            after = ["verifying sha256 digest", "writing manifest", "success"]
            steps = [{"status": "pulling manifest"}, *halves, *({"status": status} for status in after)]
        if request.body.get("stream") is False:
            last = steps[-1]
            return self._json(500 if "error" in last else 200, last)
        self._headers(200, "application/x-ndjson")
        for step in steps:
            self._line(step)
        return self._last_chunk()

    def _chat(self, request: Recorded) -> None:
        self._write(request, list(request.body.get("messages") or []), in_chat=True)

    def _generate(self, request: Recorded) -> None:
        prompt = [{"role": "user", "content": str(request.body.get("prompt") or "")}]
        system = request.body.get("system")
        self._write(request, ([{"role": "system", "content": system}] if system else []) + prompt, in_chat=False)

    def _write(self, request: Recorded, messages: Messages, *, in_chat: bool) -> None:
        model = self._find(request)
        if model is None or self._fails_before(request, model):
            return None
        if not messages:  # as Ollama does: an empty chat loads the model
            return self._json(200, _part(model.name, "", in_chat) | {"done": True, "done_reason": "load"})
        assert model.engine
        began = time.monotonic_ns()
        options = dict(request.body.get("options") or {})
        num_ctx = min(int(options.get("num_ctx") or DEFAULT_NUM_CTX), model.engine.context)
        request.given = truncate(model.engine, messages, num_ctx)
        reply = _Reply(self, request, model.name, in_chat=in_chat, streams=request.body.get("stream", True))
        try:
            spent = model.engine.reply(request.given, options, reply.add)
            reply.end(spent, time.monotonic_ns() - began)
        except RuntimeError as error:
            reply.fail(str(error))
        return None

    def _fails_before(self, request: Recorded, model: StandInModel) -> bool:
        """Whether the answer has been given already, because something is wrong with the request or with us."""
        fault = self.server.owner.fault
        if fault is Fault.HANG_FIRST:
            self._hang(request)
        elif fault is Fault.ERROR_500:
            self._json(500, {"error": "llama runner process has terminated: signal: killed"})
        elif fault is Fault.REDIRECT:
            self.send_response(307)
            self.send_header("Location", self.server.owner.redirect_to + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif model.engine is None or model.capabilities is None or "completion" not in model.capabilities:
            self._json(400, {"error": f'"{model.name}" does not support chat'})
        elif request.body.get("think"):
            self._json(400, {"error": f'"{model.name}" does not support thinking'})
        else:
            return False
        return True

    def _find(self, request: Recorded) -> StandInModel | None:
        name = str(request.body.get("model") or request.body.get("name"))
        model = self.server.owner.find(name)
        if model is None:
            self._json(404, {"error": f"model '{name}' not found"})
        return model

    def _hang(self, request: Recorded) -> None:
        """Say nothing until the caller leaves or the server stops."""
        while not self.server.owner.stopping.wait(0.02) and not self.caller_left():
            pass
        request.caller_left.set()
        self.close_connection = True

    def caller_left(self) -> bool:
        """Whether the other side has closed or reset the connection."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except ConnectionError:  # reset instead of closed: what we had sent was not read
            return True

    def _headers(self, status: int, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _json(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self._headers(status, "application/json; charset=utf-8", len(data))
        self.wfile.write(data)

    def _line(self, body: Any) -> None:
        self._chunk(json.dumps(body).encode() + b"\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _last_chunk(self) -> None:
        self.wfile.write(b"0\r\n\r\n")


class _Reply:
    """Writes a reply out, as a stream or in one piece, and carries out what goes wrong in the middle of it."""

    def __init__(self, handler: Handler, request: Recorded, model: str, *, in_chat: bool, streams: bool) -> None:
        self._handler, self._request, self._model = handler, request, model
        self._in_chat, self._streams = in_chat, streams
        self._pieces: list[str] = []
        self._over = False

    def add(self, text: str) -> bool:
        """Send a piece. True where there is nobody to write for any more."""
        if self._handler.caller_left():
            self._request.caller_left.set()
            self._over = True
        if self._over or not text:
            return self._over
        if self._streams and not self._pieces:
            self._handler._headers(200, "application/x-ndjson")
        self._pieces.append(text)
        try:
            if self._streams:
                self._handler._line(_part(self._model, text, self._in_chat) | {"done": False})
        except ConnectionError:
            self._request.caller_left.set()
            self._over = True
        if len(self._pieces) == 2:
            self._go_wrong(self._handler.server.owner.fault)
        return self._over

    def end(self, spent: Spent, nanoseconds: int) -> None:
        """Send the last line, with the counts."""
        if self._over:
            self._handler.close_connection = True
            return None
        text = "" if self._streams else "".join(self._pieces)
        last = _part(self._model, text, self._in_chat) | {
            "done": True,
            "done_reason": spent.reason,
            "total_duration": nanoseconds,
            "load_duration": 0,
            "prompt_eval_count": spent.prompt,
            "prompt_eval_duration": nanoseconds // 2,
            "eval_count": spent.completion,
            "eval_duration": nanoseconds // 2,
        }
        if not self._streams:
            return self._handler._json(200, last)
        if not self._pieces:
            self._handler._headers(200, "application/x-ndjson")
        self._handler._line(last)
        return self._handler._last_chunk()

    def fail(self, message: str) -> None:
        """The engine failed: as HTTP 500 before the first piece, as a line of the stream after it."""
        if self._streams and self._pieces:
            self._handler._line({"error": message})
            self._handler._last_chunk()
        else:
            self._handler._json(500, {"error": message})

    def _go_wrong(self, fault: Fault) -> None:
        handler = self._handler
        if fault is Fault.HANG_MIDDLE:
            handler._hang(self._request)
        elif fault is Fault.CUT:
            handler.connection.shutdown(socket.SHUT_RDWR)
        elif fault is Fault.END_EARLY:
            handler._last_chunk()
        elif fault is Fault.ERROR_IN_STREAM:
            handler._line({"error": "an error was encountered while running the model"})
            handler._last_chunk()
        elif fault is Fault.GARBAGE:
            handler._chunk(b"<html>504 Gateway Timeout</html>\n")
            handler._last_chunk()
        elif fault is Fault.WRONG_SHAPE:
            handler._line(["not", "an", "answer"])
            handler._last_chunk()
        else:
            return
        self._over = True


def _part(model: str, text: str, in_chat: bool) -> dict[str, Any]:  # noqa: FBT001 - always the caller's own flag
    body: dict[str, Any] = {"message": {"role": "assistant", "content": text}} if in_chat else {"response": text}
    return {"model": model, "created_at": _now()} | body


def _line(model: StandInModel) -> dict[str, Any]:
    line = {
        "name": model.name,
        "model": model.name,
        "modified_at": _now(),
        "size": model.size,
        "digest": _digest(model),
    }
    return line | {"details": _details(model)} | _remote(model)


def _details(model: StandInModel) -> dict[str, Any]:
    known = {"parent_model": "", "format": "gguf", "family": model.family, "families": [model.family]}
    return known | {"parameter_size": "135M", "quantization_level": "Q4_1"}


def _remote(model: StandInModel) -> dict[str, str]:
    return {"remote_host": model.remote_host, "remote_model": model.name} if model.remote_host else {}


def _digest(model: StandInModel) -> str:
    return f"sha256:{sha256(model.name.encode()).hexdigest()}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
