"""The stand-in for Ollama itself: it speaks as documented, truncates as Ollama does, and the real client understands it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama as ollama_client
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model_files import smollm2
from tests.ollama_stand_in import LlamaCpp, OllamaStandIn, Scripted, StandInModel, unused_port
from tests.ollama_wire import truncate

MODEL = "llama3.1:8b"


@pytest.fixture
def server() -> Iterator[OllamaStandIn]:
    with OllamaStandIn([StandInModel(MODEL, Scripted(["First answer.", "The last one."]))]) as server:
        yield server


@pytest.fixture
def client(server: OllamaStandIn) -> Iterator[ollama_client.Client]:
    with ollama_client.Client(server.url, timeout=60.0, trust_env=False) as client:
        yield client


def ask(server: OllamaStandIn, method: str, path: str, body: Any = None) -> tuple[int, str, list[Any]]:
    """Status, content type and the JSON lines of a raw request."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=60)
    connection.request(method, path, json.dumps(body) if body is not None else None)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, response.headers["Content-Type"], [json.loads(line) for line in text.splitlines()]


def message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def test_the_real_client_lists_and_shows_what_there_is(client: ollama_client.Client) -> None:
    (listed,) = client.list().models
    assert (listed.model, listed.size) == (MODEL, 98_362_432)
    assert listed.details
    assert listed.details.family == "llama"
    shown = client.show(MODEL)
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo
    assert shown.modelinfo["llama.context_length"] == 8192
    (loaded,) = client.ps().models
    assert (loaded.model, loaded.context_length) == (MODEL, 8192)


def test_a_missing_model_is_a_404_with_ollamas_words(client: ollama_client.Client) -> None:
    for call in (client.show, lambda name: client.chat(name, [message("user", "Hi")])):
        with pytest.raises(ollama_client.ResponseError) as failure:
            call("absent")
        assert (failure.value.status_code, failure.value.error) == (404, "model 'absent' not found")


def test_a_chat_is_streamed_as_json_lines_and_ends_with_the_counts(server: OllamaStandIn) -> None:
    body = {"model": MODEL, "messages": [message("user", "One two three")]}
    status, kind, lines = ask(server, "POST", "/api/chat", body)
    assert (status, kind) == (200, "application/x-ndjson")
    assert [line["message"]["content"] for line in lines] == ["First", " answer.", ""]
    assert [line["done"] for line in lines] == [False, False, True]
    last = lines[-1]
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == ("stop", 3, 2)
    assert last["total_duration"] > 0


def test_a_chat_without_stream_is_one_answer(client: ollama_client.Client) -> None:
    answers = [client.chat(MODEL, [message("user", "Hi")]).message.content for _ in range(3)]
    assert answers == ["First answer.", "The last one.", "The last one."]


def test_generate_and_pull_speak_too(client: ollama_client.Client) -> None:
    written = client.generate(MODEL, "One two", system="Be short")
    assert (written.response, written.prompt_eval_count, written.done_reason) == ("First answer.", 4, "stop")
    assert client.pull(MODEL).status == "success"
    assert [step.status for step in client.pull(MODEL, stream=True)][-1] == "success"
    with pytest.raises(ollama_client.ResponseError, match="file does not exist"):
        client.pull("absent")


def test_num_predict_ends_an_answer_with_length(client: ollama_client.Client) -> None:
    reply = client.chat(MODEL, [message("user", "Hi")], options={"num_predict": 1})
    assert (reply.message.content, reply.done_reason, reply.eval_count) == ("First", "length", 1)


def test_unknown_paths_and_bodies_are_refused(server: OllamaStandIn) -> None:
    assert ask(server, "GET", "/api/nothing")[0] == 404
    assert ask(server, "GET", "/api/version")[2] == [{"version": "0.99.0-stand-in"}]
    embedder = StandInModel("embedder:latest", Scripted([""]), capabilities=("embedding",))
    server.models.append(embedder)
    status, _, (body,) = ask(server, "POST", "/api/chat", {"model": "embedder", "messages": [message("user", "Hi")]})
    assert (status, body) == (400, {"error": '"embedder:latest" does not support chat'})
    status, _, _ = ask(
        server, "POST", "/api/chat", {"model": MODEL, "messages": [message("user", "Hi")], "think": True}
    )
    assert status == 400


def test_an_empty_chat_loads_the_model(client: ollama_client.Client) -> None:
    assert client.chat(MODEL, []).done_reason == "load"


HISTORY = [
    message("system", "s1 s2"),
    message("user", "a1 a2 a3"),
    message("assistant", "b1 b2"),
    message("user", "c1 c2 c3 c4"),
]


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (11, "s1 s2 | a1 a2 a3 | b1 b2 | c1 c2 c3 c4"),
        (10, "s1 s2 | b1 b2 | c1 c2 c3 c4"),
        (8, "s1 s2 | b1 b2 | c1 c2 c3 c4"),
        (7, "s1 s2 | c1 c2 c3 c4"),
        (6, "s1 s2 | c1 c2 c3 c4"),
        (4, "s1 s2 | c3 c4"),
    ],
)
def test_the_oldest_messages_go_first_and_the_systems_stay(room: int, kept: str) -> None:
    given = truncate(Scripted([""]), HISTORY, room)
    assert " | ".join(part["content"].strip() for part in given) == kept
    assert Scripted([""]).count(given) <= room


words = st.lists(st.sampled_from(["alpha", "beta", "gamma"]), min_size=1, max_size=8).map(" ".join)


@given(
    st.lists(st.builds(message, st.sampled_from(["system", "user", "assistant"]), words), min_size=1), st.integers(1)
)
def test_what_is_given_fits_or_is_only_what_may_never_go(messages: list[dict[str, str]], room: int) -> None:
    engine = Scripted([""])
    given = truncate(engine, messages, room)
    assert messages[-1]["content"].endswith(given[-1]["content"])
    systems = [part for part in messages[:-1] if part["role"] == "system"]
    assert all(part in given for part in systems)
    assert engine.count(given) <= room or (given[:-1] == systems and given[-1]["content"] == "")
    if engine.count(messages) <= room:
        assert given == messages


def test_the_truncated_count_is_reported_and_no_word_said(server: OllamaStandIn, client: ollama_client.Client) -> None:
    reply = client.chat(MODEL, HISTORY, options={"num_ctx": 8})
    assert reply.prompt_eval_count == 8
    assert [part["content"] for part in server.chats()[0].given] == ["s1 s2", "b1 b2", "c1 c2 c3 c4"]


@pytest.mark.slow
def test_a_real_model_counts_and_truncates_with_its_own_tokens() -> None:
    engine = LlamaCpp(smollm2(), context=2048)
    try:
        short = engine.count([message("user", "Hello")])
        assert short < engine.count([message("user", "Hello hello hello hello")])
        long = [message("system", "Be short."), message("user", "One two three four five. " * 200)]
        assert engine.count(long) > 600
        kept = truncate(engine, long, 300)
        assert 290 <= engine.count(kept) <= 300
        assert kept[0] == long[0]
    finally:
        engine.close()


def test_it_can_be_started_by_hand(tmp_path: Path) -> None:
    script = tmp_path / "answers.txt"
    script.write_text("Within 30 days [1].\n")
    port = unused_port()
    command = [sys.executable, "-m", "tests.ollama_stand_in", "--port", str(port), "--script", str(script)]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout
        assert process.stdout.readline() == f"stand-in:latest at http://127.0.0.1:{port}\n"
        with ollama_client.Client(f"http://127.0.0.1:{port}", timeout=60.0, trust_env=False) as client:
            reply = client.chat("stand-in", [message("user", "By when?")])
        process.terminate()
    assert reply.message.content == "Within 30 days [1]."
