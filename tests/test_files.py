"""From paths to files: names, order, what is left alone, what cannot be read."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ingest.files import find_files, printable, read_whole, uploaded
from rag.errors import FileRefused, UsageError


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


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    assert read_whole(str(write(tmp_path / "a.txt", "all of it")), "a.txt", 1000) == b"all of it"


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="FOOTNOTE_MAX_FILE_MB") as refused:
        read_whole(str(write(tmp_path / "big.txt", "x" * 2000)), "big.txt", 1000)
    assert refused.value.state == "too large"


def test_a_file_that_vanished_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_whole(str(tmp_path / "a.txt"), "a.txt", 1000)


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(FileRefused, match="not a regular file"):
        read_whole(str(tmp_path / "a.txt"), "a.txt", 1000)


def test_a_file_that_changes_all_the_time_is_refused_in_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log")
    os.truncate(path, 30_000_000)
    begun, ended = threading.Event(), threading.Event()

    def touch() -> None:
        size = 0
        while not ended.wait(0.001):
            size = (size + 1) % 1000
            os.truncate(path, 30_000_000 + size)
            begun.set()

    writer = threading.Thread(target=touch)
    writer.start()
    begun.wait()
    try:
        with pytest.raises(FileRefused, match="changed all the time"):
            read_whole(str(path), "a.log", 200_000_000)
    finally:
        ended.set()
        writer.join()


def test_no_two_paths_are_one_source(tmp_path: Path) -> None:
    names = [b"caf\xe9.txt", b"caf\\xe9.txt", b"caf\xc3\xa9.txt", b"caf \xe2\x80\x8b.txt", b"caf  .txt"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_text("x")
    keys = {file.source().key for file in find_files([tmp_path])}
    assert len(keys) == len(names)
    "".join(keys).encode()


def test_any_text_can_be_printed() -> None:
    assert printable("a\ud800b\udce9c\x00") == "a\ufffdb\\xe9c "


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
