"""Files made to bring a reader down: each builder gives a name and the bytes. All are small; what they unpack or point to is not."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from tests import bombs_office, bombs_pdf, bombs_zip
from tests.bombs_zip import MEGA, Bomb, zipped
from tests.documents import pdf


def all_bombs(*, heavy: bool = True) -> Iterator[Bomb]:
    """Every bomb there is, one at a time. Without the `heavy` ones it goes fast: they are long to build or to index."""
    modules = (bombs_zip, bombs_office, bombs_pdf)
    for build in (*_BUILDERS, *(build for module in modules for build in module.BUILDERS)):
        yield build()
    if heavy:
        for build in (*_HEAVY, *(build for module in modules for build in module.HEAVY)):
            yield build()


# Markup


def html_deep(tag: str) -> Bomb:
    return f"html-deep-{tag}.html", b"<html><body>" + f"<{tag}>".encode() * 100_000 + b"heart"


def html_deep_tables() -> Bomb:
    return "html-tables.html", b"<html>" + b"<table><tr><td>" * 20_000 + b"heart"


def html_wide_table() -> Bomb:
    cell = b'<td colspan="1000000000" rowspan="1000000000">x</td>'
    return "html-spans.html", b"<html><table>" + (b"<tr>" + cell * 20) * 500 + b"</table></html>"


def html_attribute() -> Bomb:
    return "html-attribute.html", b'<html><p title="' + b"a" * (20 * MEGA) + b'">text</p>'


def html_many_attributes() -> Bomb:
    attributes = b" ".join(b"a%d=1" % n for n in range(200_000))
    return "html-attributes.html", b"<html><p " + attributes + b">text</p></html>"


def html_unclosed(tag: str) -> Bomb:
    """Formatting that is never closed is opened anew in every paragraph."""
    return f"html-unclosed-{tag}.html", b"<html>" + f"<p><{tag}>x".encode() * 20_000


def xhtml_laughs() -> Bomb:
    return "laughs.xhtml", LAUGHS + b"<html xmlns='http://www.w3.org/1999/xhtml'><body>&i;</body></html>"


def xml_laughs() -> Bomb:
    return "laughs.xml", LAUGHS + b"<lolz>&i;</lolz>"


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lollollollol">'
    + b"".join(
        b'<!ENTITY %c "%s">' % (after, b"&%c;" % before * 10)
        for before, after in zip(b"abcdefgh", b"bcdefghi", strict=True)
    )
    + b"]>"
)


# Text


def one_line(suffix: str, unit: bytes = b"word ", size: int = 20 * MEGA) -> Bomb:
    return f"line-{zlib.crc32(unit)}{suffix}", unit * (size // len(unit))


def markdown(name: str, unit: bytes, times: int, end: bytes = b"\n") -> Bomb:
    return f"md-{name}.md", b"# Head\n\n" + unit * times + end


def many_headings() -> Bomb:
    return "md-headings.md", b"".join(b"%s h%d\n" % (b"#" * (1 + n % 6), n) for n in range(200_000))


def rst_nest() -> Bomb:
    return "deep.rst", b"\n".join(b" " * n + b"* item" for n in range(0, 2000, 2))


def rst_includes() -> Bomb:
    lines = b".. include:: /etc/passwd\n.. raw:: html\n   :file: /etc/passwd\n\n.. |a| replace:: |b| |b|\n.. |b| replace:: |a| |a|\n\n|a|\n"
    return "includes.rst", lines


def rst_table() -> Bomb:
    bar = b"+" + b"-+" * 5000
    return "wide.rst", (bar + b"\n|" + b"x|" * 5000 + b"\n") * 20 + bar + b"\n"


def csv_wide() -> Bomb:
    return "wide.csv", b",".join(b"c%d" % n for n in range(100_000)) + b"\n" + b",".join([b"1"] * 100_000) + b"\n"


def csv_sparse() -> Bomb:
    """One wide row in a long table: as a grid it has a thousand million cells."""
    return "sparse.csv", b"a,b\n" * 50_000 + b"," * 20_000 + b"x\n" + b"a,b\n" * 50_000


def csv_open_quote() -> Bomb:
    return "quote.csv", b'a,b\n1,"' + b"never closed, \n" * 100_000


def json_deep(opening: bytes) -> Bomb:
    return f"deep-{len(opening)}.json", opening * 100_000


def json_closed() -> Bomb:
    return "deep-closed.json", b"[" * 100_000 + b"1" + b"]" * 100_000


def json_digits() -> Bomb:
    return "digits.json", b"[" + b"9" * (5 * MEGA) + b", 1e999999, NaN]"


def json_crowd() -> Bomb:
    return "crowd.json", json.dumps({f"key{n}": {"a": n} for n in range(40_000)}).encode()


def json_lines_deep() -> Bomb:
    return "deep.jsonl", (b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"\n") * 50


def notebook_deep() -> Bomb:
    cell = {"cell_type": "markdown", "source": ["x"] * 20_000}
    return "crowd.ipynb", json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell] * 10}).encode()


def rtf_deep() -> Bomb:
    return "deep.rtf", b"{\\rtf1 " + b"{" * 200_000 + b"heart"


def rtf_binary() -> Bomb:
    return "binary.rtf", b"{\\rtf1 {\\bin2147483647 " + b"x" * 1000 + b"} \\u999999999? \\'zz \\uc2147483647 \\u65?end}"


def rtf_words() -> Bomb:
    return "words.rtf", b"{\\rtf1 " + b"\\" + b"a" * MEGA + b"1" * MEGA + b" text}"


# Mail and books


def mail_crowd() -> Bomb:
    part = b"--B\nContent-Type: text/plain\n\npart\n"
    return "parts.eml", _MAIL + b"Content-Type: multipart/mixed; boundary=B\n\n" + part * 10_000 + b"--B--\n"


def mail_attachments() -> Bomb:
    part = b'--B\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a.txt"\n\npart\n'
    return "attachments.eml", _MAIL + b"Content-Type: multipart/mixed; boundary=B\n\n" + part * 3000 + b"--B--\n"


def mail_in_mail() -> Bomb:
    data = _MAIL + b"\nThe innermost.\n"
    for _ in range(100):
        data = _MAIL + b"Content-Type: message/rfc822\n\n" + data
    return "nested.eml", data


def mail_multiparts() -> Bomb:
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=B%d\n\n--B%d\n" % (n, n) for n in range(5000))
    return "multiparts.eml", _MAIL + opening + b"\nheart\n"


def mail_headers() -> Bomb:
    return "headers.eml", _MAIL + b"".join(b"X-H%d: v\n" % n for n in range(100_000)) + b"\ntext\n"


def mail_addresses() -> Bomb:
    return "addresses.eml", b"To: " + b"(" * 50_000 + b"a@b.c, " * 50_000 + b"\n" + _MAIL + b"\ntext\n"


def mail_words() -> Bomb:
    return "words.eml", b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n" + _MAIL + b"\ntext\n"


def mailbox_crowd() -> Bomb:
    return "crowd.mbox", b"From a@b.c Thu Jan 01 00:00:00 2026\nSubject: s\nFrom: a@b.c\n\ntext\n\n" * 50_000


_MAIL = (
    b"From: a@example.org\nTo: b@example.org\nSubject: bomb\nDate: Thu, 01 Jan 2026 00:00:00 +0000\nMIME-Version: 1.0\n"
)


def epub(name: str, chapter: bytes, spine: str, more: Mapping[str, bytes] | None = None) -> Bomb:
    """A book of one chapter, with a spine written by hand."""
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/><manifest>'
        '<item id="c" href="c.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="o" href="content.opf" media-type="application/xhtml+xml"/>'
        '<item id="n" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
        f'<spine toc="n">{spine}</spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
        '<rootfile full-path="content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    return f"{name}.epub", zipped(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": container.encode(),
            "content.opf": package.encode(),
            "c.xhtml": chapter,
            **(more or {}),
        }
    )


def epub_cycle() -> Bomb:
    point = b'<navPoint id="p"><navLabel><text>T</text></navLabel><content src="c.xhtml"/>'
    toc = b'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>' + point * 10_000
    chapter = b"<html><body><p>Again and again.</p></body></html>"
    return epub("cycle", chapter, '<itemref idref="c"/><itemref idref="o"/>' * 50_000, {"toc.ncx": toc})


def epub_itself() -> Bomb:
    return epub("itself", LAUGHS + b"<html><body>&i;</body></html>", '<itemref idref="o"/><itemref idref="c"/>')


def mislabelled(suffix: str) -> Bomb:
    """A PDF under another name."""
    return f"really-a-pdf{suffix}", pdf([["This is a PDF, whatever its name says."]])


_BUILDERS: tuple[Callable[[], Bomb], ...] = (
    *(partial(html_deep, tag) for tag in ("div", "b", "ul", "blockquote", "select", "svg")),
    html_deep_tables,
    html_wide_table,
    html_many_attributes,
    partial(html_unclosed, "b"),
    partial(html_unclosed, "a href=x"),
    xhtml_laughs,
    xml_laughs,
    rst_nest,
    rst_includes,
    partial(json_deep, b"["),
    partial(json_deep, b'{"a":'),
    json_closed,
    rtf_deep,
    rtf_binary,
    mail_crowd,
    mail_in_mail,
    mail_headers,
    mail_addresses,
    mail_words,
    mailbox_crowd,
    epub_cycle,
    epub_itself,
    *(partial(mislabelled, suffix) for suffix in (".docx", ".zip", ".txt", ".eml", "", ".exe")),
)
_HEAVY: tuple[Callable[[], Bomb], ...] = (
    partial(one_line, ".txt"),
    *(
        partial(one_line, suffix, size=MEGA)
        for suffix in (".md", ".html", ".csv", ".rst", ".py", ".eml", ".rtf", ".json")
    ),
    *(
        partial(one_line, ".txt", unit, MEGA)
        for unit in (b"x", b"\0a", "\u0301".encode(), b"1.2", b".. ", b"\n.\n", b"| ", b"\xff\xfe\x00")
    ),
    html_attribute,
    csv_open_quote,
    json_digits,
    json_crowd,
    json_lines_deep,
    notebook_deep,
    rtf_words,
    mail_attachments,
    many_headings,
    csv_sparse,
    csv_wide,
    rst_table,
    mail_multiparts,
    partial(markdown, "brackets", b"[", MEGA),
    partial(markdown, "quotes", b"> ", 100_000),
    partial(markdown, "stars", b"*a **b ", 200_000),
    partial(markdown, "ticks", b"`a``b```c", 100_000),
    partial(markdown, "table", b"|" * 100_000 + b"\n|" + b"-|" * 100_000 + b"\n", 1),
    partial(markdown, "blanks", b"\n" * 1000 + b" " * 1000, 10_000, b"x"),
    partial(markdown, "comments", b"<!-- ", 200_000),
    partial(markdown, "fences", b"```\n~~~\n", 100_000),
)
