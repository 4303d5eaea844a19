"""From paths to files: names, order, what is left alone, what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.files import Incoming, find_files, read_files, uploaded
from ingest.records import Added
from rag.errors import UsageError


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_names_are_relative_to_the_folder_given(tmp_path: Path) -> None:
    write(tmp_path / "papers" / "b.md")
    write(tmp_path / "papers" / "sub" / "a.md")
    assert [file.names()[0] for file in find_files([tmp_path / "papers"])] == ["b.md", "sub/a.md"]


def test_a_lone_file_is_called_by_its_file_name_then_with_its_parents(tmp_path: Path) -> None:
    path = write(tmp_path / "papers" / "a.md")
    assert find_files([path])[0].names()[:2] == ("a.md", "papers/a.md")


def test_a_file_given_twice_is_found_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md")
    assert len(find_files([path, tmp_path])) == 1


def test_links_and_special_files_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.md")
    secret = write(tmp_path / "out" / "secret.md")
    (tmp_path / "in" / "link.md").symlink_to(secret)
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    os.mkfifo(tmp_path / "in" / "pipe.md")
    assert [file.names()[0] for file in find_files([tmp_path / "in"])] == ["a.md"]


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file or folder"):
        find_files([tmp_path / "nothing"])


def test_a_file_over_the_limit_is_an_outcome(tmp_path: Path) -> None:
    write(tmp_path / "big.txt", "x" * 2000)
    write(tmp_path / "small.txt")
    big, small = read_files(find_files([tmp_path]), 1000, "default")
    assert isinstance(big, Added)
    assert big.status == "too large"
    assert "FOOTNOTE_MAX_FILE_MB" in big.reason
    assert isinstance(small, Incoming)


def test_a_file_that_vanished_is_an_outcome_and_holds_nobody_up(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    write(tmp_path / "b.txt")
    found = find_files([tmp_path])
    (tmp_path / "a.txt").unlink()
    gone, there = read_files(found, 1000, "default")
    assert isinstance(gone, Added)
    assert gone.status == "failed"
    assert "a.txt could not be read" in gone.reason
    assert isinstance(there, Incoming)


def test_names_that_are_not_utf8_become_printable(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    (name, *_) = find_files([tmp_path])[0].names()
    assert name == "caf\\xe9.txt"
    name.encode()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/x.md", "x.md"),
        ("C:\\Users\\me\\x.md", "x.md"),
        ("a\nb.md", "a b.md"),
        ("", "document"),
        ("/", "document"),
    ],
)
def test_uploads_are_known_by_their_bare_name(given: str, name: str) -> None:
    assert uploaded(given, b"x").names == (name,)
