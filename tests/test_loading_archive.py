"""Zips: what they claim is checked before they are unpacked, and their names can do no harm."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.loading.archive import Archive, harmless, opened
from ingest.loading.limits import Limits
from rag.errors import FileRefused

TEXT = b"Hello, world. " * 100


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def refusal(data: bytes, limits: Limits | None = None, member: str = "") -> FileRefused:
    def attempt() -> None:
        with opened("a.zip", data, limits or Limits()) as archive:
            if found := archive.find(member):
                archive.read(found)

    with pytest.raises(FileRefused) as caught:
        attempt()
    assert "a.zip" in caught.value.message
    assert caught.value.remedy
    return caught.value


def paths(data: bytes) -> list[str]:
    with opened("a.zip", data, Limits()) as archive:
        return [member.path for member in archive.members]


def read(archive: Archive, path: str) -> bytes:
    member = archive.find(path)
    assert member is not None
    return archive.read(member)


def test_members_are_read_whole_and_folders_are_none() -> None:
    with opened("a.zip", zipped(("in/", b""), ("in/a.txt", TEXT), ("b.txt", b"")), Limits()) as archive:
        assert [(member.path, member.size) for member in archive.members] == [("in/a.txt", len(TEXT)), ("b.txt", 0)]
        assert read(archive, "in/a.txt") == TEXT
        assert read(archive, "IN/A.TXT") == TEXT
        assert read(archive, "b.txt") == b""
        assert archive.find("c.txt") is None


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 100, zipped(("a", TEXT))[:-30], b"PK\x05\x06" * 9])
def test_what_is_no_zip_is_damaged(data: bytes) -> None:
    assert refusal(data).state == "damaged"


def test_too_many_files_are_refused() -> None:
    data = zipped(*((f"{number}.txt", b"") for number in range(11)))
    assert "11 files" in refusal(data, Limits(unzip_files=10)).message
    with opened("a.zip", data, Limits(unzip_files=11)) as archive:
        assert len(archive.members) == 11


def test_a_crowd_of_entries_is_refused_before_they_are_listed() -> None:
    """One entry, a million times: each would take half a kilobyte of memory."""
    data = zipped(("a", b""))
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry, count = data[start:end], 300_000
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry) * count, start, 0)
    assert refusal(data[:start] + entry * count + last).state == "too large"


def test_entries_of_a_zip_inside_do_not_count() -> None:
    inner = zipped(*((f"{number}.txt", b"") for number in range(50)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("inner.zip", inner)
    with opened("a.zip", out.getvalue(), Limits(unzip_files=10)) as archive:
        assert read(archive, "inner.zip") == inner


def test_size_and_ratio_are_checked_before_unpacking() -> None:
    bomb = zipped(("a.xml", bytes(30 * 1024**2)))
    assert "30 MB" in refusal(bomb).message
    assert refusal(zipped(("a", TEXT)), Limits(unzip_mb=0)).state == "too large"
    with opened("a.zip", bomb, Limits(unzip_ratio=10_000)) as archive:
        assert len(read(archive, "a.xml")) == 30 * 1024**2
    with opened("a.zip", zipped(("a.xml", bytes(9 * 1024**2))), Limits()) as archive:
        assert len(read(archive, "a.xml")) == 9 * 1024**2  # little, whatever its ratio


def claiming(data: bytes, size: int) -> bytes:
    """The zip of one file, whose directory claims another size for it."""
    place = data.index(b"PK\x01\x02") + 24
    return data[:place] + struct.pack("<L", size) + data[place + 4 :]


def test_a_header_that_lies_gives_no_more_than_it_claimed() -> None:
    """A file of 50 MB that claims 10 bytes: the memory it takes stays small, and the lie is seen."""
    import tracemalloc

    data = claiming(zipped(("a", bytes(50 * 1024**2))), 10)
    tracemalloc.start()
    try:
        assert refusal(data, member="a").state == "damaged"
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024**2
    finally:
        tracemalloc.stop()


def test_a_header_that_claims_too_much_is_damaged() -> None:
    assert refusal(claiming(zipped(("a", TEXT)), len(TEXT) + 1), member="a").state == "damaged"


def test_a_broken_member_is_damaged_and_its_neighbours_are_read() -> None:
    data = bytearray(zipped(("a", TEXT), ("b", zlib.compress(TEXT))))
    data[32:40] = bytes(8)
    with opened("a.zip", bytes(data), Limits()) as archive:
        assert zlib.decompress(read(archive, "b")) == TEXT
    assert refusal(bytes(data), member="a").state == "damaged"


def test_an_encrypted_member_needs_a_password() -> None:
    data = bytearray(zipped(("a", TEXT)))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(bytes(data), member="a").state == "password-protected"


def test_an_unknown_method_is_said() -> None:
    data = bytearray(zipped(("a", TEXT)))
    for place in (data.index(b"PK\x03\x04") + 8, data.index(b"PK\x01\x02") + 10):
        data[place] = 97
    assert refusal(bytes(data), member="a").state == "unsupported"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_are_made_harmless_and_unique() -> None:
    data = zipped(
        ("../../etc/passwd", b"1"),
        ("/root/.ssh/key", b"2"),
        ("C:\\Windows\\a.dll", b"3"),
        ("a/./b/../c.txt", b"4"),
        ("a/b/c.txt", b"5"),
        ("a\u202etxt.exe", b"6"),
        ("..", b"7"),
    )
    assert paths(data) == [
        "etc/passwd",
        "root/.ssh/key",
        "Windows/a.dll",
        "a/b/c.txt",
        "a/b/c (2).txt",
        "atxt.exe",
        "unnamed",
    ]
    with opened("a.zip", data, Limits()) as archive:
        assert read(archive, "a/b/c (2).txt") == b"5"
    assert paths(zipped(("README", b"1"), ("README", b"2"))) == ["README", "README (2)"]


def test_names_in_utf8_that_do_not_say_so() -> None:
    assert paths(zipped(("cafXX.txt", b"")).replace(b"XX", "é".encode())) == ["café.txt"]
    assert paths(zipped(("cafX.txt", b"")).replace(b"X", b"\x82")) == ["café.txt"]  # cp437, the oldest rule


@given(st.text(max_size=300))
def test_a_harmless_name_stays_inside(name: str) -> None:
    path = harmless(name)
    parts = PurePosixPath(path).parts
    assert parts
    assert not PurePosixPath(path).is_absolute()
    assert not {"..", "."} & set(parts)
    assert not {"\\", "\0", "\n"} & set(path)
    assert harmless(path) == path
    assert all(len(part) <= 200 for part in parts)


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_mark_are_read_or_refused(tail: bytes) -> None:
    for data in (b"PK\x03\x04" + tail, zipped(("a", TEXT))[: len(tail)] + tail, zipped(("a", TEXT)) + tail):
        try:
            with opened("a.zip", data, Limits()) as archive:
                for member in archive.members:
                    archive.read(member)
        except FileRefused:
            pass
