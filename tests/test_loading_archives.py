"""Zip archives and EPUB books: what is inside, in its order, and nothing that is not."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from ingest.loading import load
from ingest.loading.limits import Limits
from ingest.loading.parsed import Attachment
from rag.errors import FileRefused
from rag.types import State


def zipped(*members: tuple[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def encrypted(data: bytes, *names: str) -> bytes:
    """The same zip, saying that these members are encrypted."""
    changed = bytearray(data)
    for signature, flags, name_at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        at = data.find(signature)
        while at >= 0:
            if any(data.startswith(name.encode(), at + name_at) for name in names):
                changed[at + flags] |= 1
            at = data.find(signature, at + 1)
    return bytes(changed)


def refused(name: str, data: bytes, limits: Limits | None = None) -> State:
    with pytest.raises(FileRefused) as caught:
        load(name, data, limits or Limits())
    assert name in caught.value.message
    assert caught.value.remedy
    return caught.value.state


def test_a_zip_is_its_files() -> None:
    parsed = load(
        "a.zip",
        zipped(
            ("folder/", b""),
            ("folder/größe.txt", "Größe"),
            ("../../etc/passwd", b"x"),
            ("C:\\Users\\a.txt", b"y"),
            ("/abs.txt", b"z"),
            ("__MACOSX/folder/._a", b"junk"),
            (".DS_Store", b"junk"),
            ("~$lock.docx", b"junk"),
            ("inner.zip", zipped(("a.txt", b"deep"))),
        ),
    )
    assert parsed.document.text == ""
    assert [each.name for each in parsed.attachments] == [
        "folder/größe.txt",
        "etc/passwd",
        "Users/a.txt",
        "abs.txt",
        "inner.zip",
    ]
    assert load("inner.zip", parsed.attachments[-1].data).attachments == (Attachment("a.txt", b"deep"),)


def test_an_empty_zip_is_damaged() -> None:
    assert refused("a.zip", zipped()) == "damaged"
    assert refused("a.zip", zipped((".DS_Store", b"x"))) == "damaged"


def test_what_is_encrypted_inside_is_told() -> None:
    data = zipped(("a.txt", b"Hello " * 9), ("b.txt", b"World " * 9))
    assert refused("a.zip", encrypted(data, "a.txt", "b.txt")) == "password-protected"
    parsed = load("a.zip", encrypted(data, "b.txt"))
    assert [each.name for each in parsed.attachments] == ["a.txt"]
    assert [(one.name, one.state) for one in parsed.refused] == [("b.txt", "password-protected")]


def test_a_broken_member_does_not_hold_up_the_others() -> None:
    data = bytearray(zipped(("a.txt", b"Hello " * 500), ("b.txt", b"World")))
    data[40:50] = b"\xff" * 10
    parsed = load("a.zip", bytes(data))
    assert [each.name for each in parsed.attachments] == ["b.txt"]
    [one] = parsed.refused
    assert (one.name, one.state, "damaged" in one.reason) == ("a.txt", "damaged", True)


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped(("a.txt", bytes(30 * 1024 * 1024)))
    assert refused("a.zip", bomb) == "too large"
    assert refused("a.zip", bomb, Limits(unzip_ratio=10**6, unzip_mb=20)) == "too large"
    assert refused("a.zip", bomb, Limits(unzip_ratio=10**6, output_mb=20)) == "too large"
    assert (
        refused("a.zip", zipped(*((f"{each}.txt", b"x") for each in range(11))), Limits(unzip_files=10)) == "too large"
    )


def test_a_zip_that_breaks_off_is_damaged() -> None:
    data = zipped(("a.txt", b"Hello " * 500))
    for end in (10, len(data) // 2, len(data) - 10):
        assert refused("a.zip", data[:end]) == "damaged"
    lying = bytearray(data)
    lying[data.rfind(b"PK\x01\x02") + 24 :][:4] = struct.pack("<I", 5)
    assert refused("a.zip", bytes(lying[:-1])) == "damaged"


CONTAINER = '<?xml version="1.0"?><container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The &amp; Handbook</dc:title><dc:creator>Ann Lee</dc:creator><dc:creator>Bob</dc:creator><meta name="cover" content="x"/></metadata>
<manifest><item id="two" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/><item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/>
<item id="pic" href="a.png" media-type="image/png"/></manifest>
<spine toc="ncx"><itemref idref="nav"/><itemref idref="one"/><itemref idref="gone"/><itemref idref="two" linear="no"/></spine></package>"""
NCX = """<?xml version="1.0"?><ncx><navMap><navPoint><navLabel><text>The second</text></navLabel><content src="text/two%20b.xhtml"/>
<navPoint><navLabel><text>Below it</text></navLabel><content src="text/two%20b.xhtml#x"/></navPoint></navPoint></navMap></ncx>"""
MEMBERS: dict[str, bytes | str] = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OPS/book.opf": PACKAGE,
    "OPS/toc.ncx": NCX,
    "OPS/nav.xhtml": "<html><body><nav><a href='x'>Contents</a></nav></body></html>",
    "OPS/text/two b.xhtml": "<html><head><title/></head><body><p>Second text.</p></body></html>",
    "OPS/text/one.xhtml": '<?xml version="1.0"?><html><head><title/></head><body><h1>Chapter One</h1><p>First<br/>text.</p></body></html>',
    "OPS/a.png": b"\x89PNG",
}


def epub(**changed: bytes | str) -> bytes:
    return zipped(*{**MEMBERS, **changed}.items())


def test_a_book_is_its_chapters_in_the_order_of_reading() -> None:
    document = load("a.epub", epub()).document
    assert document.text == "The & Handbook\nAnn Lee, Bob\n\n# Chapter One\n\nFirst\ntext.\n\nSecond text."
    assert document.title == "The & Handbook"
    assert [(each.path, document.text[each.start :][:6]) for each in document.sections] == [
        ("Chapter One", "# Chap"),
        ("The second", "Second"),
    ]


def test_a_book_without_a_package_is_all_its_pages() -> None:
    text = load("a.epub", epub(**{"OPS/book.opf": "<package>"})).document.text
    assert "Second text." in text
    assert "Chapter One" in text


def test_a_book_under_copy_protection_says_so() -> None:
    def encryption(method: str, path: str) -> str:
        return (
            '<encryption xmlns:enc="x"><enc:EncryptedData><enc:EncryptionMethod Algorithm="'
            f'{method}"/><enc:CipherData><enc:CipherReference URI="{path}"/></enc:CipherData></enc:EncryptedData></encryption>'
        )

    locked = encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OPS/text/one.xhtml")
    assert refused("a.epub", epub(**{"META-INF/encryption.xml": locked})) == "password-protected"
    fonts = encryption("http://www.idpf.org/2008/embedding", "OPS/font.otf")
    assert load("a.epub", epub(**{"META-INF/encryption.xml": fonts})).document.sections
