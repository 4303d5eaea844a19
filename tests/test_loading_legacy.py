"""Older Office files: a clear word on what to do, or LibreOffice, here a small program that does what it would do."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from ingest.loading import legacy, load
from ingest.loading.limits import Limits
from rag.errors import FileRefused
from tests.documents import word
from tests.office_files import ole
from tests.test_loading_archive import zipped

WORD = ole({"WordDocument": b"\xec\xa5" + bytes(100), "1Table": b""})
EXCEL = ole({"Workbook": struct.pack("<HHHH", 0x809, 4, 0x600, 5)})
SLIDES = ole({"PowerPoint Document": b"", "Current User": struct.pack("<LLLL", 0, 0, 0x14, 0xE391C05F)})
OPEN_TEXT = zipped(("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"<x/>"))
OPEN_SHEET = zipped(("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", b"<x/>"))
BINARY = zipped(("[Content_Types].xml", b"<x/>"), ("xl/workbook.bin", b"x"))


def refusal(name: str, data: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        legacy.load(name, data, Limits())
    assert name in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("name", "data", "said", "newer"),
    [
        ("a.doc", WORD, "the old Word format (doc)", "docx"),
        ("a.xls", EXCEL, "the old Excel format (xls)", "xlsx"),
        ("a.ppt", SLIDES, "the old PowerPoint format (ppt)", "pptx"),
        ("wrong.xls", WORD, "the old Word format (doc)", "docx"),
        ("a.odt", OPEN_TEXT, "the OpenDocument format (odt)", "docx"),
        ("a.ods", OPEN_SHEET, "the OpenDocument format (ods)", "xlsx"),
        ("a.xlsb", BINARY, "Excel's binary format (xlsb)", "xlsx"),
    ],
)
def test_old_formats_are_refused_with_what_to_do(name: str, data: bytes, said: str, newer: str) -> None:
    refused = refusal(name, data)
    assert refused.state == "unsupported"
    assert said in refused.message
    assert f"Save it as {newer}" in refused.remedy
    assert "LibreOffice" in refused.remedy


@pytest.mark.parametrize(
    "data",
    [
        ole({"WordDocument": b"\xec\xa5" + bytes(8) + b"\x00\x01"}),
        ole({"Workbook": struct.pack("<HHHHHH", 0x809, 4, 0x600, 5, 0x2F, 0)}),
        ole({"PowerPoint Document": b"", "Current User": struct.pack("<LLLL", 0, 0, 0x14, 0xF3D1C4DF)}),
        ole({"EncryptionInfo": b"", "EncryptedPackage": b""}),
    ],
    ids=["doc", "xls", "ppt", "docx"],
)
def test_a_password_is_noticed(data: bytes) -> None:
    assert refusal("a.doc", data).state == "password-protected"


def test_an_encrypted_docx_is_noticed_under_its_own_name() -> None:
    with pytest.raises(FileRefused) as caught:
        load("a.docx", ole({"EncryptionInfo": b"", "EncryptedPackage": b""}))
    assert caught.value.state == "password-protected"


@pytest.mark.parametrize("data", [WORD[:700], WORD[:512] + bytes(9000), ole({"Something": b""}), zipped(("a", b"b"))])
def test_broken_files_end_in_a_state(data: bytes) -> None:
    assert refusal("a.doc", data).state in ("damaged", "unsupported")


@pytest.mark.parametrize("place", range(0, 512, 7))
def test_a_changed_head_ends_in_a_state(place: int) -> None:
    changed = bytearray(WORD)
    changed[place] ^= 0xFF
    assert refusal("a.doc", bytes(changed)).state in ("damaged", "unsupported", "password-protected")


def install(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a `soffice` written in Python on the path."""
    script = folder / "soffice"
    script.write_text(f"#!{sys.executable}\nimport pathlib, sys, os\n{program}")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


CONVERTS = """
arguments = sys.argv[1:]
source = pathlib.Path(arguments[-1])
out = pathlib.Path(arguments[arguments.index("--outdir") + 1])
assert "--headless" in arguments and source.read_bytes()[:4] == b"\\xd0\\xcf\\x11\\xe0"
profile = next(each for each in arguments if each.startswith("-env:UserInstallation=file://")).split("file://")[1]
assert "DisableMacrosExecution" in pathlib.Path(profile, "user", "registrymodifications.xcu").read_text()
assert os.environ["HOME"] == str(source.parent) == str(pathlib.Path(profile).parent)
kind = arguments[arguments.index("--convert-to") + 1]
(out / f"{source.stem}.{kind}").write_bytes(pathlib.Path(__file__).with_name("result").read_bytes())
"""


def test_libreoffice_converts_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not legacy.can_convert(refusal("a.pdf", ole({"Something": b""})))
    install(tmp_path, CONVERTS, monkeypatch)
    (tmp_path / "result").write_bytes(word(lambda document: document.add_paragraph("It was old.")))
    assert legacy.converter() == str(tmp_path / "soffice")
    assert legacy.can_convert(refusal("in/a.doc", WORD))
    name, data = legacy.convert("in/a.doc", WORD)
    assert name == "in/a.docx"
    assert load(name, data).document.text == "It was old."


def test_what_libreoffice_cannot_convert_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "sys.exit(1)", monkeypatch)
    with pytest.raises(FileRefused) as caught:
        legacy.convert("a.xls", EXCEL)
    assert caught.value.state == "damaged"
    assert "LibreOffice could not convert" in caught.value.message


def test_a_conversion_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "import time; time.sleep(60)", monkeypatch)
    monkeypatch.setattr(legacy, "CONVERT_SECONDS", 1.0)
    with pytest.raises(TimeoutError):
        legacy.convert("a.xls", EXCEL)


def test_without_libreoffice_nothing_can_be_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert legacy.converter() is None
    assert not legacy.can_convert(refusal("a.doc", WORD))
    with pytest.raises(FileRefused) as caught:
        legacy.convert("a.doc", WORD)
    assert caught.value.state == "unsupported"
