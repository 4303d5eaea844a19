"""What a file is: its content says so first, its name second; what cannot be read is refused and told what it is."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from typing import Any

import pytest

from ingest.loading import READS, SUPPORTED, load, parsers
from ingest.loading.formats import BY_SUFFIX, FORMATS
from rag.errors import FileRefused
from rag.types import State
from tests.documents import pdf, with_member, word
from tests.ole_files import ole, properties

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
EML = b"Received: by x\nFrom: a@example.org\nMIME-Version: 1.0\nSubject: s\n\nHello"
HTML = b"<!DOCTYPE html><html><body><p>Hello</p></body></html>"


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def epub() -> bytes:
    package = b'<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>'
    return zipped(
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", b'<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'),
        ("p.opf", package),
        ("a.xhtml", b"<html><body>Hello</body></html>"),
    )


def presentation() -> bytes:
    import pptx

    show = pptx.Presentation()
    show.slides.add_slide(show.slide_layouts[0]).shapes.title.text = "Hello"
    return saved(show)


def workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.active["A1"] = "Hello"
    return saved(book)


def saved(document: Any) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"Hello"))
    return out.getvalue()


FILES: dict[str, bytes] = {
    "pdf": pdf([["Hello"]]),
    "docx": word(lambda document: document.add_paragraph("Hello")),
    "pptx": presentation(),
    "xlsx": workbook(),
    "epub": epub(),
    "msg": ole(properties({0x0037: "Hello"}, head=32)),
    "rtf": b"{\\rtf1 Hello}",
    "zip": zipped(("a.txt", b"Hello")),
    "html": HTML,
    "eml": EML,
    "mbox": b"From a@example.org Sat Jan  3 01:05:34 1996\nFrom: a\nSubject: s\n\nHello\n",
}
"""Small real files of what is known by its content alone."""

NAMED: dict[str, tuple[str, bytes]] = {
    "csv": ("a.csv", b"a,b\n1,2\n"),
    "markdown": ("a.md", b"# Hello"),
    "text": ("a.txt", b"Hello"),
    "rst": ("a.rst", b"Hello\n=====\n"),
    "json": ("a.json", b'{"a": 1}'),
    "jsonl": ("a.jsonl", b'{"a": 1}\n{"a": 2}\n'),
    "notebook": ("a.ipynb", json.dumps({"cells": [{"cell_type": "markdown", "source": ["# Hello"]}]}).encode()),
    "source": ("a.py", b"def hello():\n    pass\n"),
}
"""And of what is known by its name."""


def kind(name: str, data: bytes) -> str:
    return load(name, data).document.parser.split("/")[0]


def refused(name: str, data: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        load(name, data)
    assert name in caught.value.message
    assert caught.value.remedy
    return caught.value


def test_there_is_a_file_of_every_kind() -> None:
    assert {*FILES, *NAMED, "legacy"} == {each.kind for each in FORMATS}


@pytest.mark.parametrize("expected", FILES)
@pytest.mark.parametrize("name", ["a", "a.xyz", "a.txt", "a.pdf", "a.docx", "a.xlsx", "a.doc", "dir.pdf/a"])
def test_content_goes_before_the_name(name: str, expected: str) -> None:
    assert kind(name, FILES[expected]) == expected


@pytest.mark.parametrize("expected", [*FILES, *NAMED])
def test_a_file_under_its_own_name_is_read_without_a_word(expected: str) -> None:
    name, data = NAMED[expected] if expected in NAMED else (f"a.{expected}", FILES[expected])
    parsed = load(name, data)
    assert kind(name, data) == expected
    assert parsed.document.warnings == ()
    assert parsed.document.parser in parsers()
    assert kind(name.upper(), data) == expected


def test_a_name_that_says_something_else_is_told() -> None:
    assert load("report.pdf", FILES["docx"]).document.warnings == (
        "The name ends in .pdf, but the file is a Word document: it was read as that.",
    )
    assert load("report.bin", FILES["docx"]).document.warnings == ()


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("README", b"Hello", "text"),
        ("Makefile", b"all:\n\techo\n", "text"),
        ("a.unknown", "Größe".encode(), "text"),
        ("a.unknown", b'{"a": [1, 2]}', "json"),
        ("a.unknown", b"{ not json }", "text"),
        ("a.unknown", b"<?xml version='1.0'?><a>Hello</a>", "source"),
        ("a.xml", b"<?xml version='1.0'?><a>Hello</a>", "source"),
        ("a.php", HTML, "source"),
        ("a.md", b"<html>\n# Hello", "markdown"),
        ("a.md", b"A PDF begins with %PDF-1.7.\n", "markdown"),
        ("a.txt", b"BM GIF89a MZ Rar! are marks of files", "text"),
        ("a.txt", b"From: a\nTo: b\nSubject: c\n\nSome notes.", "text"),
        ("a.txt", b"\x00".join([b"A log that a crash cut off. " * 20] * 3), "text"),
        ("a.txt", "Hello".encode("utf-16-le"), "text"),
        ("a.xls", b"a\tb\n1\t2\n", "csv"),
        ("a.xls", b"<html><table><tr><td>a<td>b</table></html>", "html"),
        ("a.doc", b"Plain text.", "text"),
        ("a.doc", EML, "eml"),
        ("page.html", b"Just words", "html"),
        ("note.eml", b"Just words", "eml"),
        ("blog.json", b"Just words", "json"),
        ("a.pdf", b"\n\n" + FILES["pdf"], "pdf"),
        ("a.txt", b"%PDF is a format", "text"),
    ],
)  # fmt: skip
def test_text_is_read_as_what_its_name_says_where_its_content_says_nothing(
    name: str, data: bytes, expected: str
) -> None:
    assert kind(name, data) == expected


def test_a_word_file_with_macros_is_a_word_file() -> None:
    with zipfile.ZipFile(io.BytesIO(FILES["docx"])) as archive:
        types = archive.read("[Content_Types].xml")
    macros = types.replace(
        b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
        b"application/vnd.ms-word.document.macroEnabled.main+xml",
    )
    assert macros != types
    assert load("a.docm", with_member(FILES["docx"], "[Content_Types].xml", macros)).document.text == "Hello"


@pytest.mark.parametrize(
    ("name", "data", "state"),
    [
        ("a.pdf", b"Hello", "damaged"),
        ("a.docx", b"Hello", "damaged"),
        ("a.docx", b"PK\x03\x04 cut off", "damaged"),
        ("a.xlsx", FILES["xlsx"][:700], "damaged"),
        ("a.rtf", b"Hello", "damaged"),
        ("empty.txt", b"", "damaged"),
        ("empty.pdf", b"", "damaged"),
        ("blank.md", b" \n\t\xef\xbb\xbf ", "damaged"),
        ("program.txt", b"MZ\x00\x01\x02", "damaged"),
        ("noise.txt", bytes(range(1, 32)) * 20, "damaged"),
        ("noise", bytes(range(1, 32)) * 20, "unsupported"),
        ("noise.dat", bytes(range(256)) * 20, "unsupported"),
        ("old.doc", OLE + bytes(500), "damaged"),
        ("old", OLE + bytes(500), "unsupported"),
        ("old.xls", ole({"Workbook": bytes(200)}), "unsupported"),
        ("plan.vsd", ole({"VisioDocument": b"x"}), "unsupported"),
        ("secret.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "password-protected"),
        ("secret.docx", ole({"EncryptedPackage": b"x", "EncryptionInfo": b"y"}), "password-protected"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_state(name: str, data: bytes, state: State) -> None:
    assert refused(name, data).state == state


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ("a JPEG picture", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"),
        ("a PNG picture", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
        ("a GIF picture", b"GIF89a\x01\x00\x01\x00\x80\x00\x00"),
        ("a TIFF picture", b"II*\x00\x08\x00\x00\x00"),
        ("a WebP picture", b"RIFF\x24\x00\x00\x00WEBPVP8 "),
        ("a HEIF picture", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"),
        ("an SVG picture", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>'),
        ("a video (mp4)", b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00"),
        ("a video (mkv or webm)", b"\x1a\x45\xdf\xa3\x01\x00\x00\x00"),
        ("a sound recording (mp3)", b"ID3\x04\x00\x00\x00\x00\x00\x00"),
        ("a sound recording (wav)", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        ("a gzip archive", gzip.compress(b"Hello", mtime=0)),
        ("a tar archive", tarred()),
        ("a 7z archive", b"7z\xbc\xaf\x27\x1c\x00\x04"),
        ("a RAR archive", b"Rar!\x1a\x07\x01\x00"),
        ("a program", b"\x7fELF\x02\x01\x01\x00"),
        ("a program", b"MZ\x90\x00\x03\x00\x00\x00" + bytes(60) + b"PE\x00\x00"),
        ("an SQLite database", b"SQLite format 3\x00\x10\x00"),
        ("an Outlook attachment (winmail.dat)", b"\x78\x9f\x3e\x22\x01\x00"),
        ("a PostScript file", b"%!PS-Adobe-3.0\n"),
        ("a Java program", zipped(("META-INF/MANIFEST.MF", b"x"), ("a.class", b"\xca\xfe\xba\xbe"))),
        ("an Apple document", zipped(("Index/Document.iwa", b"x"))),
        ("a Visio drawing", zipped(("[Content_Types].xml", b"application/vnd.ms-visio.drawing.main+xml"))),
    ],
)
@pytest.mark.parametrize("name", ["a", "a.bin", "a.txt", "a.pdf"])
def test_what_is_something_else_is_told_what_it_is(name: str, said: str, data: bytes) -> None:
    error = refused(name, data)
    assert error.state == "unsupported"
    assert f"{name} is {said}" in error.message


def test_what_goes_wrong_inside_a_library_means_damaged() -> None:
    broken = with_member(FILES["docx"], "word/document.xml", b"<w:document>")
    error = refused("broken.docx", broken)
    assert error.state == "damaged"
    assert error.__cause__ is not None


def test_what_is_read_is_said_in_one_table() -> None:
    assert all(each.startswith(".") and each == each.lower() for each in SUPPORTED)
    assert len(set(SUPPORTED)) == sum(len(each.suffixes) for each in FORMATS)
    assert {".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".tsv", ".html", ".md", ".txt", ".rst", ".rtf", ".epub"} < set(
        BY_SUFFIX
    )
    assert all(word in READS for word in ("PDF", "docx", "pptx", "xlsx", "CSV", "EPUB", "eml", "zip", "source code"))
    assert refused("a.bin", bytes(range(256)) * 9).remedy == READS
