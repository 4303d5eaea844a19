"""Chat through the OpenAI protocol: LlamaIndex's class against llama.cpp's own server, and small servers that misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.chat import ModelName, check_ready, open_chat
from rag.chat_base import Chat
from rag.chat_openai import base_url
from rag.errors import ChatBroken, ChatError, ChatModelMissing, ChatTimeout, ChatUnavailable
from rag.settings import Settings
from rag.types import Message
from tests.model_files import smollm2
from tests.ollama_stand_in import unused_port
from tests.stand_in_engines import LlamaCpp

SKY = [Message("system", "You are helpful."), Message("user", "Why is the sky blue? Answer in one sentence.")]


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **({"answer_tokens": 32} | changes))


def chat_at(url: str, **changes: Any) -> Chat:
    return open_chat(ModelName("openai", "smollm2", url), settings(**changes))


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
        ("https://localhost/engines/llama", "https://localhost/engines/llama/v1"),
        ("https://localhost/v1beta/openai", "https://localhost/v1beta/openai"),
    ],
)
def test_the_version_is_added_where_it_is_absent(given: str, called: str) -> None:
    assert base_url(given) == called


@pytest.fixture(scope="module")
def llama_server() -> Iterator[str]:
    """The address of llama.cpp's own server, with SmolLM2."""
    engine = LlamaCpp(smollm2())
    yield engine.address
    engine.close()


@pytest.mark.slow
def test_a_real_server_streams_its_answer_and_says_what_it_took(llama_server: str) -> None:
    check_ready(ModelName("openai", "smollm2", llama_server), settings())
    chat = chat_at(llama_server)
    pieces = list(chat.stream(SKY))
    assert len(pieces) > 3
    assert len("".join(pieces).split()) > 5
    assert chat.usage.prompt_tokens is not None
    assert 10 < chat.usage.prompt_tokens < 100
    assert chat.usage.completion_tokens is not None
    assert 3 < chat.usage.completion_tokens <= 32
    assert chat.usage.cut_short == (chat.usage.completion_tokens == 32)


@pytest.mark.slow
def test_a_prompt_that_a_real_server_cannot_take_is_refused_with_its_words(llama_server: str) -> None:
    with pytest.raises(ChatBroken, match="context size"):
        list(chat_at(llama_server).stream([Message("user", "blue " * 9000)]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers["Authorization"], body))  # type: ignore[attr-defined]
        self.server.behave(self)  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["Authorization"], None))  # type: ignore[attr-defined]
        self.server.behave(self)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def error(self, status: int, message: str) -> None:
        data = json.dumps({"error": {"message": message, "type": "x", "code": status}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()

    def part(self, text: str, reason: str | None = None) -> None:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
        self.event({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})

    def event(self, body: Any) -> None:
        self.wfile.write(f"data: {body if isinstance(body, str) else json.dumps(body)}\n\n".encode())
        self.wfile.flush()


@contextmanager
def server(behave: Callable[[_Handler], object]) -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    """An HTTP server that does to each request what it is told. Gives its address and what it was asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        http.daemon_threads = True
        seen: list[tuple[str, str, Any]] = []
        http.seen, http.behave = seen, behave  # type: ignore[attr-defined]
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}", seen
        http.shutdown()


def answer(handler: _Handler, reason: str = "stop") -> None:
    handler.begin()
    handler.part("Within ")
    handler.part("30 days [1].")
    handler.part("", reason)
    handler.event("[DONE]")


def cut(handler: _Handler) -> None:
    handler.begin()
    handler.part("Within ")


def error_in_stream(handler: _Handler) -> None:
    handler.begin()
    handler.part("Within ")
    handler.event({"error": {"message": "out of memory", "code": 500}})


def garbage(handler: _Handler) -> None:
    handler.begin()
    handler.part("Within ")
    handler.event("<html>504</html>")


def test_every_parameter_is_sent_and_a_server_without_usage_is_understood() -> None:
    with server(answer) as (url, seen):
        chat = chat_at(url, answer_tokens=77, openai_api_key="sesame")
        assert "".join(chat.stream(SKY)) == "Within 30 days [1]."
    path, key, body = seen[0]
    assert (path, key) == ("/v1/chat/completions", "Bearer sesame")
    assert body["messages"] == [{"role": message.role, "content": message.content} for message in SKY]
    assert (body["model"], body["max_tokens"], body["temperature"], body["seed"]) == ("smollm2", 77, 0.0, 0)
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert (chat.usage.prompt_tokens, chat.usage.completion_tokens, chat.usage.cut_short) == (None, None, False)


def test_an_answer_that_hits_the_limit_of_tokens_is_known_to_be_cut_short() -> None:
    with server(lambda handler: answer(handler, "length")) as (url, _):
        chat = chat_at(url)
        list(chat.stream(SKY))
    assert chat.usage.cut_short


@pytest.mark.parametrize(
    ("behave", "kind", "before", "said"),
    [
        (cut, ChatBroken, "Within ", "stopped in the middle"),
        (error_in_stream, ChatBroken, "Within ", "out of memory"),
        (garbage, ChatBroken, "Within ", "does not speak OpenAI's chat protocol"),
        (lambda handler: handler.error(500, "no slot free"), ChatBroken, "", "no slot free"),
        (lambda handler: handler.error(404, "no such model"), ChatModelMissing, "", "does not have the model smollm2"),
        (lambda handler: handler.error(401, "who are you"), ChatBroken, "", "does not accept the key"),
    ],
)
def test_each_way_to_fail_keeps_what_was_written_and_says_what_happened(
    behave: Callable[[_Handler], object], kind: type[ChatError], before: str, said: str
) -> None:
    written: list[str] = []
    with server(behave) as (url, seen), pytest.raises(ChatError) as failure:
        written.extend(chat_at(url).stream(SKY))
    assert type(failure.value) is kind
    assert "".join(written) == before
    assert said in failure.value.message
    assert failure.value.remedy
    assert len(seen) == 1  # not tried again behind the reader's back


@pytest.mark.parametrize("pieces_first", [0, 1])
def test_a_server_that_falls_silent_is_given_up(pieces_first: int) -> None:
    over = threading.Event()

    def hang(handler: _Handler) -> None:
        if pieces_first:
            handler.begin()
            handler.part("Within ")
        over.wait(60)
        handler.close_connection = True

    written: list[str] = []
    with server(hang) as (url, _):
        with pytest.raises(ChatTimeout, match="did not answer in time"):
            written.extend(chat_at(url, request_timeout=2.0).stream(SKY))
        over.set()
    assert "".join(written) == "Within " * pieces_first


def test_without_a_server_the_address_is_named() -> None:
    port = unused_port()
    with pytest.raises(ChatUnavailable, match=rf"No server answers at http://127\.0\.0\.1:{port}/v1"):
        list(chat_at(f"http://127.0.0.1:{port}").stream(SKY))


def test_a_key_that_is_not_taken_is_known_before_the_first_question() -> None:
    with server(lambda handler: handler.error(401, "who are you")) as (url, seen):
        with pytest.raises(ChatBroken, match="FOOTNOTE_OPENAI_API_KEY"):
            check_ready(ModelName("openai", "m", url), settings())
        assert [path for path, _, _ in seen] == ["/v1/models"]


def test_a_reader_who_leaves_ends_the_call() -> None:
    left = threading.Event()

    def endless(handler: _Handler) -> None:
        handler.begin()
        try:
            while True:
                handler.part("word ")
        except ConnectionError:
            left.set()

    with server(endless) as (url, _):
        reply = chat_at(url).stream(SKY)
        assert next(iter(reply)) == "word "
        reply.close()  # type: ignore[attr-defined]
        assert left.wait(30)


def test_neither_a_redirect_nor_a_proxy_takes_the_prompt_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(answer) as (elsewhere, seen_elsewhere):

        def redirect(handler: _Handler) -> None:
            handler.send_response(307)
            handler.send_header("Location", f"{elsewhere}/v1/chat/completions")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with server(redirect) as (url, _), pytest.raises(ChatBroken):
            list(chat_at(url).stream(SKY))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, elsewhere)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with server(answer) as (url, seen):
            list(chat_at(url).stream(SKY))
            assert len(seen) == 1
        assert seen_elsewhere == []
