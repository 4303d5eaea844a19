"""Chat through Ollama: the real client and LlamaIndex's class, against the stand-in with a real model or a script.

What needs no misbehaviour runs against a real server too: `FOOTNOTE_TEST_OLLAMA_URL`, and `FOOTNOTE_TEST_OLLAMA_MODEL`
for the model (default: the one Footnote would choose).
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from rag import ollama_models
from rag.chat import ModelName, choose_model, open_chat
from rag.chat_base import Chat
from rag.errors import ChatBroken, ChatError, ChatModelMissing, ChatTimeout, ChatUnavailable, RemoteNotAllowed
from rag.settings import Settings
from rag.types import Message
from tests.model_files import smollm2
from tests.ollama_stand_in import Fault, LlamaCpp, OllamaStandIn, Scripted, StandInModel, unused_port

ANSWER = "Claims are sent to the payroll office within 30 days [1]. No later [2]."
SKY = [Message("system", "You are helpful."), Message("user", "Why is the sky blue? Answer in one sentence.")]


@pytest.fixture
def ollama() -> Iterator[OllamaStandIn]:
    with OllamaStandIn([StandInModel("llama3.1:8b", Scripted([ANSWER]))]) as server:
        yield server


def scripted_chat(ollama: OllamaStandIn, **changes: Any) -> Chat:
    return open_chat(ModelName("ollama", "llama3.1:8b"), ollama.settings(**changes))


def error_of(chat: Chat) -> tuple[str, ChatError]:
    """What came of a reply, and the error that it ended with."""
    pieces: list[str] = []
    with pytest.raises(ChatError) as failure:
        pieces.extend(chat.stream(SKY))
    return "".join(pieces), failure.value


REAL_URL = os.environ.get("FOOTNOTE_TEST_OLLAMA_URL", "")
REAL = [pytest.param(REAL_URL, id="server", marks=pytest.mark.server)] if REAL_URL else []


@pytest.fixture(scope="module", params=[pytest.param("", id="stand-in"), *REAL])
def real(request: pytest.FixtureRequest) -> Iterator[tuple[ModelName, Settings]]:
    """A model that really writes: SmolLM2 behind the stand-in, or the server of `FOOTNOTE_TEST_OLLAMA_URL`."""
    if request.param:
        settings = Settings(_env_file=None, ollama_url=request.param, answer_tokens=32)
        model = os.environ.get("FOOTNOTE_TEST_OLLAMA_MODEL")
        yield (ModelName("ollama", model) if model else choose_model(settings)), settings
        return
    engine = LlamaCpp(smollm2())
    with OllamaStandIn([StandInModel("smollm2:135m", engine)]) as server:
        yield ModelName("ollama", "smollm2:135m"), server.settings(answer_tokens=32)
    engine.close()


@pytest.mark.slow
def test_a_real_model_streams_its_answer_and_says_what_it_took(real: tuple[ModelName, Settings]) -> None:
    name, settings = real
    chat = open_chat(name, settings)
    pieces = list(chat.stream(SKY))
    assert len(pieces) > 3
    assert len("".join(pieces).split()) > 5
    assert chat.usage.prompt_tokens is not None
    assert 10 < chat.usage.prompt_tokens < 100
    assert chat.usage.completion_tokens is not None
    assert 3 < chat.usage.completion_tokens <= 32
    assert chat.usage.cut_short == (chat.usage.completion_tokens == 32)


@pytest.mark.slow
def test_the_same_question_gets_the_same_answer(real: tuple[ModelName, Settings]) -> None:
    name, settings = real
    first, second = ("".join(open_chat(name, settings).stream(SKY)) for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_what_the_server_dropped_shows_in_its_count(real: tuple[ModelName, Settings]) -> None:
    """Ollama is silent about truncation: only the count it reports is lower than what was sent."""
    name, settings = real
    small = settings.model_copy(update={"context_window": 1024, "answer_tokens": 32})
    chat = open_chat(name, small)
    assert chat.context_window() == 1024
    numbers = " ".join(f"The number {n} comes next." for n in range(400))  # more than 2,000 tokens
    list(chat.stream([Message("system", "You count."), Message("user", numbers)]))
    assert chat.usage.prompt_tokens is not None
    assert chat.usage.prompt_tokens <= 1024


@pytest.mark.slow
def test_version_list_and_details_of_a_running_server(real: tuple[ModelName, Settings]) -> None:
    name, settings = real
    assert ollama_models.version(settings)
    assert name.name in [model.name for model in ollama_models.installed(settings)]
    found = ollama_models.details(settings, name.name)
    assert found.chats
    assert not found.remote
    assert found.context is not None
    assert found.context >= 2048


def test_every_parameter_is_sent(ollama: OllamaStandIn) -> None:
    chat = scripted_chat(ollama, context_window=6000, answer_tokens=99, keep_alive="7m")
    assert "".join(chat.stream(SKY)) == ANSWER
    body = ollama.chats()[0].body
    assert body["model"] == "llama3.1:8b"
    assert body["options"] == {"num_ctx": 6000, "num_predict": 99, "temperature": 0.0, "seed": 0}
    assert body["keep_alive"] == "7m"
    assert body["think"] is False
    assert body["stream"] is True
    assert body["messages"] == [{"role": message.role, "content": message.content} for message in SKY]
    assert not body.get("tools")
    assert not body.get("format")


def test_never_more_context_is_asked_for_than_the_model_has(ollama: OllamaStandIn) -> None:
    ollama.models = [StandInModel("llama3.1:8b", Scripted([ANSWER], context=2048))]
    chat = scripted_chat(ollama, context_window=8192)
    assert chat.context_window() == 2048
    list(chat.stream(SKY))
    assert ollama.chats()[0].body["options"]["num_ctx"] == 2048


def test_the_text_arrives_in_pieces_as_written_and_usage_afterwards(ollama: OllamaStandIn) -> None:
    chat = scripted_chat(ollama)
    pieces = list(chat.stream(SKY))
    assert len(pieces) == len(ANSWER.split())
    assert "".join(pieces) == ANSWER
    assert (chat.usage.prompt_tokens, chat.usage.completion_tokens, chat.usage.cut_short) == (12, 14, False)


def test_an_answer_that_hits_the_limit_of_tokens_is_known_to_be_cut_short(ollama: OllamaStandIn) -> None:
    chat = scripted_chat(ollama)
    list(chat.stream(SKY))
    assert not chat.usage.cut_short
    ollama.models = [StandInModel("llama3.1:8b", Scripted(["word " * 100]))]
    chat = scripted_chat(ollama, answer_tokens=40)
    assert len("".join(chat.stream(SKY)).split()) == 40
    assert chat.usage.cut_short


def test_thoughts_are_not_part_of_the_answer(ollama: OllamaStandIn) -> None:
    ollama.models = [
        StandInModel("llama3.1:8b", Scripted([f"<think>\nHe asks about claims [9].\n</think>\n\n{ANSWER}"]))
    ]
    assert "".join(scripted_chat(ollama).stream(SKY)) == ANSWER


def test_without_a_server_the_command_that_starts_one_is_named() -> None:
    nowhere = f"http://127.0.0.1:{unused_port()}"
    chat = open_chat(ModelName("ollama", "llama3.1:8b"), Settings(_env_file=None, ollama_url=nowhere))
    _, error = error_of(chat)
    assert isinstance(error, ChatUnavailable)
    assert error.message == f"Ollama does not answer at {nowhere}."
    assert "`ollama serve`" in error.remedy


def test_without_the_model_the_command_that_fetches_it_is_named(ollama: OllamaStandIn) -> None:
    ollama.models = []
    _, error = error_of(scripted_chat(ollama))
    assert isinstance(error, ChatModelMissing)
    assert "llama3.1:8b" in error.message
    assert "`ollama pull llama3.1:8b`" in error.remedy


def test_a_model_that_is_removed_between_two_questions_is_missing(ollama: OllamaStandIn) -> None:
    chat = scripted_chat(ollama)
    assert "".join(chat.stream(SKY)) == ANSWER
    ollama.models = []
    _, error = error_of(chat)
    assert isinstance(error, ChatModelMissing)
    assert "`ollama pull llama3.1:8b`" in error.remedy


@pytest.mark.parametrize(
    ("fault", "kind", "before", "said"),
    [
        (Fault.HANG_FIRST, ChatTimeout, "", "in time"),
        (Fault.HANG_MIDDLE, ChatTimeout, "Claims are", "in time"),
        (Fault.CUT, ChatBroken, "Claims are", "broke off"),
        (Fault.END_EARLY, ChatBroken, "Claims are", "stopped in the middle"),
        (Fault.ERROR_500, ChatBroken, "", "llama runner process has terminated: signal: killed"),
        (Fault.ERROR_IN_STREAM, ChatBroken, "Claims are", "an error was encountered while running the model"),
        (Fault.GARBAGE, ChatBroken, "Claims are", "does not speak as Ollama does"),
        (Fault.WRONG_SHAPE, ChatBroken, "Claims are", "does not speak as Ollama does"),
    ],
)
def test_each_way_to_fail_keeps_what_was_written_and_says_what_happened(
    ollama: OllamaStandIn, fault: Fault, kind: type[ChatError], before: str, said: str
) -> None:
    chat = scripted_chat(ollama, request_timeout=2.0 if kind is ChatTimeout else 60.0)
    with ollama.misbehaving(fault):
        written, error = error_of(chat)
    assert type(error) is kind
    assert written == before
    assert said in error.message
    assert error.remedy
    assert "".join(chat.stream(SKY)) == ANSWER  # and the next question is answered


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(ollama: OllamaStandIn) -> None:
    with ollama.misbehaving(Fault.SILENT), pytest.raises(ChatTimeout) as failure:
        ollama_models.installed(ollama.settings())
    assert ollama.url in failure.value.message


def test_another_program_on_ollamas_port_is_recognised() -> None:
    """It answers HTTP, but not as Ollama."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>Hi</html>")

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ChatBroken, match="does not speak as Ollama does"):
            ollama_models.installed(Settings(_env_file=None, ollama_url=url))


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.HANG_MIDDLE])
def test_a_reader_who_leaves_ends_the_call_so_that_the_server_stops(ollama: OllamaStandIn, fault: Fault) -> None:
    ollama.models = [StandInModel("llama3.1:8b", Scripted(["word " * 200_000]))]
    with ollama.misbehaving(fault):
        reply = scripted_chat(ollama, answer_tokens=1_000_000).stream(SKY)
        assert next(iter(reply)) == "word"
        reply.close()  # type: ignore[attr-defined]
        assert ollama.chats()[0].caller_left.wait(30)


@pytest.mark.slow
def test_a_real_model_stops_writing_when_the_reader_leaves() -> None:
    engine = LlamaCpp(smollm2())
    with OllamaStandIn([StandInModel("smollm2:135m", engine)]) as server:
        chat = open_chat(ModelName("ollama", "smollm2:135m"), server.settings(answer_tokens=4000))
        reply = chat.stream([Message("user", "Count from 1 to 1000, one number a line.")])
        next(iter(reply))
        reply.close()  # type: ignore[attr-defined]
        assert server.chats()[0].caller_left.wait(60)
    engine.close()


def test_a_redirect_does_not_carry_the_prompt_elsewhere(ollama: OllamaStandIn) -> None:
    with OllamaStandIn([StandInModel("llama3.1:8b", Scripted(["Stolen."]))]) as elsewhere:
        ollama.redirect_to = elsewhere.url
        with ollama.misbehaving(Fault.REDIRECT):
            written, error = error_of(scripted_chat(ollama))
        assert isinstance(error, ChatBroken)
        assert written == ""
        assert elsewhere.requests == []


def test_a_proxy_in_the_environment_never_hears_of_a_question(
    ollama: OllamaStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OllamaStandIn([]) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert "".join(scripted_chat(ollama).stream(SKY)) == ANSWER
        assert [model.name for model in ollama_models.installed(ollama.settings())] == ["llama3.1:8b"]
        assert [step.status for step in ollama_models.pull(ollama.settings(), "llama3.1:8b")][-1] == "success"
        assert proxy.requests == []


def test_a_model_that_turns_out_to_run_elsewhere_gets_no_prompt(ollama: OllamaStandIn) -> None:
    """Its name says nothing; only the server's description does."""
    ollama.models = [StandInModel("llama3.1:8b", Scripted([ANSWER]), remote_host="https://ollama.com:443")]
    with pytest.raises(RemoteNotAllowed, match="cloud"):
        list(scripted_chat(ollama).stream(SKY))
    assert ollama.chats() == []


def test_two_readers_at_once_get_their_own_answers(ollama: OllamaStandIn) -> None:
    chats = [scripted_chat(ollama) for _ in range(2)]
    first, second = (iter(chat.stream(SKY)) for chat in chats)
    taken: tuple[list[str], list[str]] = ([], [])
    for one, two in zip(first, second, strict=True):
        taken[0].append(one)
        taken[1].append(two)
    assert "".join(taken[0]) == "".join(taken[1]) == ANSWER
    assert all(chat.usage.completion_tokens == 14 for chat in chats)


def test_pulling_reports_its_progress(ollama: OllamaStandIn) -> None:
    steps = list(ollama_models.pull(ollama.settings(), "llama3.1:8b"))
    assert steps[0].status == "pulling manifest"
    assert steps[-1].status == "success"
    done = [(step.completed, step.total) for step in steps if step.total]
    assert done == [(49_181_216, 98_362_432), (98_362_432, 98_362_432)]


def test_pulling_what_is_nowhere_or_in_a_cloud_fails_with_its_name(ollama: OllamaStandIn) -> None:
    with pytest.raises(ChatModelMissing, match="no-such-model"):
        list(ollama_models.pull(ollama.settings(), "no-such-model"))
    before = len(ollama.requests)
    with pytest.raises(RemoteNotAllowed, match="cloud"):
        list(ollama_models.pull(ollama.settings(), "gpt-oss:120b-cloud"))
    assert len(ollama.requests) == before
