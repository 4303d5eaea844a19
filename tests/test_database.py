"""Where the catalog's database may be, and how its address may be written."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ingest.database import database_url
from ingest.schema import open_engine
from rag.errors import NotReady, RemoteNotAllowed, UsageError
from tests.conftest import settings_for


@pytest.fixture(autouse=True)
def _no_libpq_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


def url_of(folder: Path, url: str, allowed: str = "") -> str:
    return database_url(settings_for(folder, database_url=url, allow_remote=allowed))


def test_without_a_setting_it_is_sqlite_in_the_data_folder(tmp_path: Path) -> None:
    assert url_of(tmp_path, "") == f"sqlite:///{tmp_path}/catalog.sqlite"
    assert url_of(tmp_path, "sqlite:////elsewhere/c.sqlite") == "sqlite:////elsewhere/c.sqlite"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_always_gets_the_driver_that_is_there(tmp_path: Path, scheme: str) -> None:
    assert url_of(tmp_path, f"{scheme}://me:s%40cret@127.0.0.1:5433/notes") == (
        "postgresql+psycopg://me:s%40cret@127.0.0.1:5433/notes"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@db.example.com/notes",
        "postgresql://me@/notes?host=db.example.com",
        "postgresql:///notes?hostaddr=203.0.113.7",
        "postgresql://localhost/notes?host=db.example.com",
        "postgresql:///notes?host=/run/postgresql,db.example.com",
        "postgresql:///notes?service=main",
    ],
)
def test_another_machine_must_be_allowed(tmp_path: Path, url: str) -> None:
    with pytest.raises(RemoteNotAllowed, match="documents would be sent"):
        url_of(tmp_path, url)


def test_the_environment_of_the_client_library_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert url_of(tmp_path, "postgresql:///notes")
    monkeypatch.setenv("PGHOST", "db.example.com")
    with pytest.raises(RemoteNotAllowed, match="is not on this machine"):
        url_of(tmp_path, "postgresql:///notes")
    assert url_of(tmp_path, "postgresql://localhost/notes")
    monkeypatch.setenv("PGHOSTADDR", "203.0.113.7")
    with pytest.raises(RemoteNotAllowed, match="is not on this machine"):
        url_of(tmp_path, "postgresql://localhost/notes")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/notes",
        "postgresql://[::1]/notes",
        "postgresql:///notes",
        "postgresql:///notes?host=/run/postgresql",
        "postgresql://db.example.com/notes",
    ],
)
def test_this_machine_and_allowed_ones_are_fine(tmp_path: Path, url: str) -> None:
    assert url_of(tmp_path, url, allowed="db.example.com").startswith("postgresql+psycopg://")


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x", "postgresql+psycopg2://localhost/x"])
def test_what_is_not_understood_says_how_to_write_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="FOOTNOTE_DATABASE_URL"):
        url_of(tmp_path, url)


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotReady) as raised:
            open_engine(f"postgresql://me:secret@127.0.0.1:{taken.getsockname()[1]}/notes")
    assert "127.0.0.1" in raised.value.message
    assert "secret" not in str(raised.value)
    assert "FOOTNOTE_DATABASE_URL" in raised.value.remedy


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="cannot be opened"):
        open_engine(f"sqlite:///{tmp_path}")
