"""The names of chat models, which one is chosen when none is named, and what `models list` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chat import QUOTES, ModelName, check_ready, choose_model, list_models, open_chat, parse_model
from rag.errors import ChatModelMissing, ChatUnavailable, RemoteNotAllowed, UsageError
from rag.settings import Settings
from tests.model_files import smollm2
from tests.ollama_stand_in import Fault, OllamaStandIn, Scripted, StandInModel, unused_port

CLOUD = StandInModel("gpt-oss:120b-cloud", size=384, family="gptoss", remote_host="https://ollama.com:443")
HIDDEN_CLOUD = StandInModel("llama-of-ours:latest", size=1, remote_host="https://ollama.com:443")
EMBEDDER = StandInModel("llama-embed:latest", size=2, family="bert", capabilities=("embedding",))
TINY = StandInModel("tinydolphin:latest", size=600)
QWEN = StandInModel("qwen3:4b", size=500, family="qwen3")
CODER = StandInModel("codellama:7b", size=400)
MISTRAL = StandInModel("mistral:7b", size=4_000)
LLAMA_8B = StandInModel("llama3.1:8b", size=5_000)
LLAMA_3B = StandInModel("llama3.2:3b", size=2_000)
ALL = [CLOUD, HIDDEN_CLOUD, EMBEDDER, TINY, QWEN, CODER, MISTRAL, LLAMA_8B, LLAMA_3B]


@pytest.fixture
def ollama() -> Iterator[OllamaStandIn]:
    with OllamaStandIn([]) as server:
        yield server


def no_ollama(tmp_path: Path, **changes: object) -> Settings:
    nowhere = f"http://127.0.0.1:{unused_port()}"
    return Settings(_env_file=None, **({"ollama_url": nowhere, "models": tmp_path} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("quotes", QUOTES),
        ("ollama:llama3.1:8b", ModelName("ollama", "llama3.1:8b")),
        ("ollama:hf.co/org/model:Q4_K_M", ModelName("ollama", "hf.co/org/model:Q4_K_M")),
        ("openai:qwen@http://localhost:8080/v1", ModelName("openai", "qwen", "http://localhost:8080/v1")),
        ("openai:org/model@main@https://[::1]:8000", ModelName("openai", "org/model@main", "https://[::1]:8000")),
        ("gguf:/models/a model.gguf", ModelName("gguf", "/models/a model.gguf")),
        ("gguf:C:\\models\\a.gguf", ModelName("gguf", "C:\\models\\a.gguf")),
        (" quotes ", QUOTES),
    ],
)
def test_the_four_forms_are_read(text: str, name: ModelName) -> None:
    assert parse_model(text) == name
    assert str(name) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "llama3.1:8b",
        "Quotes",
        "quotes:",
        "ollama",
        "ollama:",
        "ollama: ",
        "gguf:",
        "openai:model",
        "openai:@http://localhost",
        "openai:model@",
        "openai:model@localhost:8080",
        "openai:model@http://me@localhost",
        "claude:opus",
    ],
)
def test_other_names_are_refused_and_the_forms_listed(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_model(text)
    for form in ("`quotes`", "`ollama:NAME`", "`openai:NAME@URL`", "`gguf:PATH`"):
        assert form in refusal.value.remedy


printable = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1).filter(
    lambda text: text == text.strip()
)


@given(
    st.one_of(
        st.builds(ModelName, st.sampled_from(["ollama", "gguf"]), printable),
        st.builds(
            ModelName,
            st.just("openai"),
            printable,
            printable.filter(lambda rest: "@" not in rest).map(lambda rest: f"http://{rest}"),
        ),
    )
)
def test_every_name_survives_being_written_and_read(name: ModelName) -> None:
    assert parse_model(str(name)) == name


def test_a_named_model_is_taken_without_asking_anyone(ollama: OllamaStandIn) -> None:
    settings = ollama.settings(model="openai:m@http://127.0.0.1:1")
    assert choose_model(settings) == ModelName("openai", "m", "http://127.0.0.1:1")
    assert ollama.requests == []


@pytest.mark.parametrize(
    ("without", "chosen"),
    [
        ([], "ollama:llama3.2:3b"),
        ([LLAMA_3B], "ollama:llama3.1:8b"),
        ([LLAMA_3B, LLAMA_8B], "ollama:mistral:7b"),
        ([LLAMA_3B, LLAMA_8B, MISTRAL], "ollama:codellama:7b"),
        ([LLAMA_3B, LLAMA_8B, MISTRAL, CODER], "ollama:qwen3:4b"),
        ([LLAMA_3B, LLAMA_8B, MISTRAL, CODER, QWEN], "ollama:tinydolphin:latest"),
        ([LLAMA_3B, LLAMA_8B, MISTRAL, CODER, QWEN, TINY], "quotes"),
    ],
)
def test_a_llama_then_a_mistral_then_the_smallest_that_chats_here(
    ollama: OllamaStandIn, tmp_path: Path, without: list[StandInModel], chosen: str
) -> None:
    ollama.models = [model for model in ALL if model not in without]
    assert str(choose_model(ollama.settings(models=tmp_path))) == chosen


def test_an_ollama_too_old_to_list_capabilities_is_judged_by_family(ollama: OllamaStandIn, tmp_path: Path) -> None:
    old_embedder = StandInModel("nomic-embed-text:latest", size=1, family="nomic-bert", capabilities=None)
    ollama.models = [old_embedder, StandInModel("llama2:7b", capabilities=None)]
    assert str(choose_model(ollama.settings(models=tmp_path))) == "ollama:llama2:7b"
    ollama.models = [old_embedder]
    assert choose_model(ollama.settings(models=tmp_path)) == QUOTES


def test_without_ollama_the_fetched_gguf_then_quotes(tmp_path: Path) -> None:
    settings = no_ollama(tmp_path)
    assert choose_model(settings) == QUOTES
    chat = tmp_path / "chat"
    chat.mkdir()
    (chat / "a-models-own.gguf").touch()
    assert str(choose_model(settings)) == f"gguf:{chat / 'a-models-own.gguf'}"
    (chat / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf").touch()
    assert str(choose_model(settings)) == f"gguf:{chat / 'qwen2.5-coder-1.5b-instruct-q4_k_m.gguf'}"


def test_an_ollama_that_never_answers_is_passed_over(ollama: OllamaStandIn, tmp_path: Path) -> None:
    with ollama.misbehaving(Fault.SILENT):
        assert choose_model(ollama.settings(models=tmp_path)) == QUOTES


def test_a_remote_ollama_is_refused_when_configured_for_us_and_passed_over_when_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "gpu.example.com")
    assert choose_model(Settings(_env_file=None, models=tmp_path)) == QUOTES
    with pytest.raises(RemoteNotAllowed):
        choose_model(Settings(_env_file=None, models=tmp_path, ollama_url="http://gpu.example.com"))


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "glm-4.6:cloud", "gpt-oss:20b:cloud", "x:20b-CLOUD"])
def test_a_cloud_model_is_refused_by_name_before_any_call(ollama: OllamaStandIn, name: str) -> None:
    with pytest.raises(RemoteNotAllowed, match="cloud"):
        open_chat(ModelName("ollama", name), ollama.settings())
    with pytest.raises(RemoteNotAllowed, match="cloud"):
        check_ready(ModelName("ollama", name), ollama.settings())
    assert ollama.requests == []


def test_remote_addresses_are_refused_at_opening() -> None:
    settings = Settings(_env_file=None, ollama_url="http://gpu.example.com")
    for name in ("ollama:llama3.1:8b", "openai:m@https://api.openai.com/v1"):
        with pytest.raises(RemoteNotAllowed, match=r"gpu\.example\.com|api\.openai\.com"):
            open_chat(parse_model(name), settings)
        with pytest.raises(RemoteNotAllowed):
            check_ready(parse_model(name), settings)


def test_the_list_shows_what_is_there_and_why_some_cannot_be_used(ollama: OllamaStandIn, tmp_path: Path) -> None:
    ollama.models = ALL
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "small.gguf").symlink_to(smollm2())
    (tmp_path / "chat" / "torn.gguf").write_bytes(smollm2().read_bytes()[:100])
    found = list_models(ollama.settings(models=tmp_path))
    assert found.ollama == ""
    lines = {model.name: model for model in found.models}
    assert {name for name, line in lines.items() if line.usable} == {
        "ollama:tinydolphin:latest",
        "ollama:qwen3:4b",
        "ollama:codellama:7b",
        "ollama:mistral:7b",
        "ollama:llama3.1:8b",
        "ollama:llama3.2:3b",
        f"gguf:{tmp_path}/chat/small.gguf",
        "quotes",
    }
    assert "cloud" in lines["ollama:gpt-oss:120b-cloud"].reason
    assert "cloud" in lines["ollama:llama-of-ours:latest"].reason
    assert "chat" in lines["ollama:llama-embed:latest"].reason
    assert "not a GGUF" in lines[f"gguf:{tmp_path}/chat/torn.gguf"].reason
    gguf = lines[f"gguf:{tmp_path}/chat/small.gguf"]
    assert (gguf.size, gguf.family, gguf.context) == (98_362_432, "llama", 8192)
    llama = lines["ollama:llama3.1:8b"]
    assert (llama.size, llama.family, llama.context) == (5_000, "llama", 8192)
    for model in found.models:
        assert str(parse_model(model.name)) == model.name


def test_the_list_says_why_ollama_is_absent(tmp_path: Path) -> None:
    settings = no_ollama(tmp_path)
    found = list_models(settings)
    assert [model.name for model in found.models] == ["quotes"]
    assert settings.ollama_address in found.ollama
    assert "`ollama serve`" in found.ollama
    remote = list_models(no_ollama(tmp_path, ollama_url="http://gpu.example.com"))
    assert "FOOTNOTE_ALLOW_REMOTE=gpu.example.com" in remote.ollama


def test_quotes_are_always_ready_and_a_missing_file_or_server_is_not(tmp_path: Path) -> None:
    settings = no_ollama(tmp_path)
    check_ready(QUOTES, settings)
    with pytest.raises(ChatModelMissing, match=r"footnote models fetch --chat"):
        check_ready(ModelName("gguf", str(tmp_path / "absent.gguf")), settings)
    with pytest.raises(ChatUnavailable, match=r"ollama serve"):
        check_ready(ModelName("ollama", "llama3.1:8b"), settings)
    with pytest.raises(ChatUnavailable):
        check_ready(ModelName("openai", "m", settings.ollama_address), settings)


def test_a_ready_model_is_ready_and_others_say_what_to_do(ollama: OllamaStandIn) -> None:
    ollama.models = [StandInModel("llama3.1:8b", Scripted(["Hello."])), EMBEDDER, HIDDEN_CLOUD]
    check_ready(ModelName("ollama", "llama3.1:8b"), ollama.settings())
    with pytest.raises(ChatModelMissing, match=r"`ollama pull llama3\.2`"):
        check_ready(ModelName("ollama", "llama3.2"), ollama.settings())
    with pytest.raises(ChatModelMissing, match="not a chat model"):
        check_ready(ModelName("ollama", "llama-embed"), ollama.settings())
    with pytest.raises(RemoteNotAllowed, match="cloud"):
        check_ready(ModelName("ollama", "llama-of-ours"), ollama.settings())
    assert ollama.chats() == []
