"""Settings: where they are read from, and what they make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.settings import Settings


def test_defaults_write_to_data_and_listen_on_loopback() -> None:
    settings = Settings(_env_file=None)
    assert (settings.data, settings.host, settings.port) == (Path("data"), "127.0.0.1", 8501)


def test_unknown_names_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_SOMETHING_ELSE", "x")
    Settings(_env_file=None)


@pytest.mark.parametrize(("text", "on"), [("on", True), ("off", False)])
def test_rerank_is_on_or_off(monkeypatch: pytest.MonkeyPatch, text: str, on: bool) -> None:  # noqa: FBT001
    monkeypatch.setenv("FOOTNOTE_RERANK", text)
    assert Settings(_env_file=None).rerank is on


def test_an_env_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("FOOTNOTE_PORT=9000\nOTHER=1\n")
    monkeypatch.chdir(tmp_path)
    assert Settings().port == 9000


@pytest.mark.parametrize(
    ("setting", "host", "address"),
    [
        ("", "", "http://127.0.0.1:11434"),
        ("", "0.0.0.0", "http://127.0.0.1:11434"),
        ("", "127.0.0.1:9999", "http://127.0.0.1:9999"),
        ("", "http://gpu:11434/", "http://gpu:11434"),
        ("http://127.0.0.1:1", "gpu", "http://127.0.0.1:1"),
        ("", "[::1]", "http://[::1]:11434"),
    ],
)
def test_the_address_of_ollama(monkeypatch: pytest.MonkeyPatch, setting: str, host: str, address: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert Settings(_env_file=None, ollama_url=setting).ollama_address == address


def test_a_secret_is_not_printed() -> None:
    assert "hush" not in repr(Settings(_env_file=None, openai_api_key="hush", qdrant_api_key="hush"))
