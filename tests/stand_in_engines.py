"""What stands behind the stand-in for Ollama: a real small model, or a script of prepared answers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

from rag.gguf import Value, context_length, read_metadata

Messages = list[dict[str, str]]

Emit = Callable[[str], bool]
"""Takes a piece of the reply; returns true when nobody reads any more. An empty piece only asks."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a reply took, in tokens, and why it ended: `stop` or `length`."""

    prompt: int
    completion: int
    reason: str


class Engine(Protocol):
    """Counts and writes."""

    metadata: dict[str, Value]
    context: int

    def count(self, messages: Messages) -> int:
        """Tokens of the prompt that the messages make."""

    def reply(self, messages: Messages, options: dict[str, Any], emit: Emit) -> Spent:
        """Write a reply into `emit`, until it is done or nobody reads."""


class Scripted:
    """Gives prepared answers in order, the last one for ever, in pieces of one word. A token is a word here."""

    def __init__(self, answers: Sequence[str], context: int = 8192) -> None:
        self.context = context
        self.metadata: dict[str, Value] = {"general.architecture": "llama", "llama.context_length": context}
        self.answers = list(answers)
        self._lock = Lock()

    def count(self, messages: Messages) -> int:
        return sum(len(message["content"].split()) for message in messages)

    def reply(self, messages: Messages, options: dict[str, Any], emit: Emit) -> Spent:
        with self._lock:
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        words = re.findall(r"\s*\S+\s*$|\s*\S+", answer)
        limit = options.get("num_predict", -1)
        kept = words if limit < 0 else words[:limit]
        written = 0
        for word in kept:
            written += 1
            if emit(word):
                break
        return Spent(self.count(messages), written, "stop" if len(kept) == len(words) else "length")


class LlamaCpp:
    """A GGUF under llama.cpp, loaded once with `context` tokens. One reply at a time."""

    def __init__(self, path: Path, context: int = 8192) -> None:
        os.environ.setdefault("GOMP_SPINCOUNT", "0")  # or it crawls where the cores are shared: see rag/llama_cpp.py
        import xllamacpp

        self.metadata = read_metadata(path)
        self.context = min(context, context_length(self.metadata) or context)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = self.context + 64  # room for a token or two after a prompt that fills the context
        params.n_parallel = 1
        params.n_batch = 128
        params.verbosity = 0
        params.cache_ram_mib = 0
        params.warmup = False
        params.ui = False
        params.endpoint_metrics = True
        self._server = xllamacpp.Server(params)
        self._server.handle_metrics()  # returns once the loop runs; ending it before that would hang
        self._lock = Lock()

    @property
    def address(self) -> str:
        """Where llama.cpp's own server listens: it speaks OpenAI's protocol."""
        return str(self._server.listening_address)

    def count(self, messages: Messages) -> int:
        place = urlsplit(self.address)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/chat/completions/input_tokens", json.dumps({"messages": messages}), headers)
            return int(json.loads(connection.getresponse().read())["input_tokens"])
        finally:
            connection.close()

    def reply(self, messages: Messages, options: dict[str, Any], emit: Emit) -> Spent:
        chunks: list[dict[str, Any]] = []

        def on_chunk(chunk: dict[str, Any]) -> bool:
            chunks.append(chunk)
            return emit("".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ())))

        request = {
            "messages": messages,
            "max_tokens": options.get("num_predict", -1),
            "temperature": options.get("temperature", 0.8),
            "seed": options.get("seed", -1),
            "stop": options.get("stop", []),
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
        }
        with self._lock:
            self._server.handle_chat_completions(request, on_chunk)
        if "error" in chunks[-1]:
            raise RuntimeError(chunks[-1]["error"]["message"])
        return _spent(chunks)

    def close(self) -> None:
        with self._lock:
            del self._server


def _spent(chunks: list[dict[str, Any]]) -> Spent:
    usage = chunks[-1].get("usage") or {}
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk.get("choices", ())]
    reason = next((reason for reason in reversed(reasons) if reason), "stop")
    return Spent(usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0), reason)
