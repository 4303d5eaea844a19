"""Good files of every format, and seeded mutations of them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from tests.bombs import epub
from tests.bombs_zip import zipped
from tests.documents import pdf, scan, word
from tests.office_files import ole, slides, workbook

WORDS = ("report", "budget", "meeting", "contract", "holiday", "notice", "supplier", "invoice", "travel", "safety")


def good_files(token: str) -> Iterator[tuple[str, bytes]]:
    """A small good file of every format, with the token in its text."""
    random = Random(token)
    for suffix, build in _GOOD.items():
        sentences = [f"The {suffix} file {token} is about the {random.choice(WORDS)}."]
        sentences += [f"{' '.join(random.choices(WORDS, k=12)).capitalize()}." for _ in range(8)]
        yield f"good-{token}.{suffix}", build(sentences)


def mutations(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Seeded mutations of good files, all formats in turn. The names end as the files' do, and say what was done."""
    random = Random(seed)
    files = [*good_files("seed"), ("scan.pdf", scan([["Scanned"]])), ("old.doc", ole({"WordDocument": b"word"}))]
    for number in range(count):
        name, data = files[number % len(files)]
        ways = [*_WAYS, *([_member] * 3 if zipfile.is_zipfile(io.BytesIO(data)) else [])]
        way = random.choice(ways)
        mutated = way(random, data)
        if random.random() < 0.1:
            mutated = _splice(random, mutated, random.choice(files)[1])
        suffix = name.rpartition(".")[2]
        yield f"mutation-{number:04}{way.__name__}.{suffix}", mutated


# Mutations


def _flip(random: Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(random.choice((1, 4, 32, 256))):
        if out:
            out[random.randrange(len(out))] ^= 1 << random.randrange(8)
    return bytes(out)


def _overwrite(random: Random, data: bytes) -> bytes:
    start, stop = _range(random, data)
    return data[:start] + random.choice((random.randbytes(stop - start), b"\0" * (stop - start))) + data[stop:]


def _truncate(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _behead(random: Random, data: bytes) -> bytes:
    return data[random.randrange(min(len(data), 2000) + 1) :]


def _repeat(random: Random, data: bytes) -> bytes:
    start, stop = _range(random, data)
    return data[:stop] + data[start:stop] * random.choice((1, 3, 50)) + data[stop:]


def _delete(random: Random, data: bytes) -> bytes:
    start, stop = _range(random, data)
    return data[:start] + data[stop:]


def _number(random: Random, data: bytes) -> bytes:
    """A number written in it becomes another one."""
    places = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        return _flip(random, data)
    place = random.choice(places)
    new = random.choice((b"-1", b"0", b"99999999999999999999", b"2147483648", b"1e999", b"65536"))
    return data[:place] + new + data[place + 1 :]


def _member(random: Random, data: bytes) -> bytes:
    """A file inside a zip is mutated, and the zip is whole again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = random.choice([name for name in members if not name.endswith("/")] or [""])
    way = random.choice((*_WAYS, _markup, _markup, _drop))
    if way is _drop:
        members.pop(name, None)
    elif name:
        members[name] = way(random, members[name])
    return zipped(members)


def _markup(random: Random, data: bytes) -> bytes:
    """An element of an XML goes, comes twice, or swaps its name."""
    ends = [place for place, byte in enumerate(data) if byte == 60]
    if len(ends) < 3:
        return _flip(random, data)
    first, second = sorted(random.sample(ends, 2))
    piece = data[first:second]
    return data[:first] + random.choice((b"", piece * 2, piece * 200, b"<x>", b"&#0;", b"]]>")) + data[second:]


def _drop(_random: Random, data: bytes) -> bytes:
    return data


def _splice(random: Random, one: bytes, other: bytes) -> bytes:
    return one[: random.randrange(len(one) + 1)] + other[random.randrange(len(other) + 1) :]


def _range(random: Random, data: bytes) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((1, 16, 300, 4000)))


_WAYS: Sequence[Callable[[Random, bytes], bytes]] = (_flip, _overwrite, _truncate, _behead, _repeat, _delete, _number)

# Good files


def _docx(sentences: Sequence[str]) -> bytes:
    def build(document: Any) -> None:
        document.add_heading("A heading")
        for sentence in sentences:
            document.add_paragraph(sentence, "List Bullet" if "meeting" in sentence else None)
        table = document.add_table(2, 2)
        table.cell(0, 0).text, table.cell(1, 1).text = sentences[0], sentences[1]

    return word(build)


def _xlsx(sentences: Sequence[str]) -> bytes:
    def build(book: Any) -> None:
        for row, sentence in enumerate(sentences):
            book.active.append([sentence, row, row / 7])
        book.active.merge_cells("A12:B13")
        book.create_sheet("Second")["C3"] = sentences[0]

    return workbook(build)


def _pptx(sentences: Sequence[str]) -> bytes:
    def build(deck: Any) -> None:
        for sentence in sentences[:3]:
            slide = deck.slides.add_slide(deck.slide_layouts[1])
            slide.shapes.title.text, slide.placeholders[1].text = "A slide", sentence
            slide.notes_slide.notes_text_frame.text = sentence

    return slides(build)


def _pdf(sentences: Sequence[str]) -> bytes:
    return pdf([sentences, sentences[:2]], [(1, 0, "One"), (2, 1, "Two")], [(1, "ROMAN_LOWER", 1)])


def _epub(sentences: Sequence[str]) -> bytes:
    chapter = f"<html><body><h1>One</h1><p>{' '.join(sentences)}</p></body></html>"
    return epub("book", chapter.encode(), '<itemref idref="c"/>')[1]


def _eml(sentences: Sequence[str]) -> bytes:
    from email.message import EmailMessage

    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.org", "b@example.org", "The weather"
    mail.set_content("\n".join(sentences))
    mail.add_attachment(sentences[0].encode(), "text", "plain", filename="inside.txt")
    return mail.as_bytes()


def _msg(sentences: Sequence[str]) -> bytes:
    return ole(
        {
            "__properties_version1.0": bytes(32),
            "__substg1.0_0037001F": "The weather".encode("utf-16-le"),
            "__substg1.0_1000001F": ("\n".join(sentences)).encode("utf-16-le"),
        }
    )


def _notebook(sentences: Sequence[str]) -> bytes:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": [sentence]} for sentence in sentences]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def _mailbox(sentences: Sequence[str]) -> bytes:
    head = "From a@b.c Thu Jan 01 00:00:00 2026\nSubject: {n}\nFrom: a@b.c\n\n{text}\n\n"
    return "".join(head.format(n=n, text=text) for n, text in enumerate(sentences)).encode()


def _lines(start: str, before: str = "", after: str = "", end: str = "") -> Callable[[Sequence[str]], bytes]:
    return lambda sentences: (start + "".join(f"{before}{each}{after}\n" for each in sentences) + end).encode()


_GOOD: dict[str, Callable[[Sequence[str]], bytes]] = {
    "pdf": _pdf,
    "docx": _docx,
    "xlsx": _xlsx,
    "pptx": _pptx,
    "epub": _epub,
    "eml": _eml,
    "msg": _msg,
    "zip": lambda sentences: zipped({"a/one.txt": sentences[0].encode(), "two.pdf": _pdf(sentences)}),
    "html": _lines("<html><body><h1>Head</h1><table><tr><td>1</td></tr></table>", "<p>", "</p>", "</body></html>"),
    "md": _lines("# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n", "- "),
    "txt": _lines(""),
    "csv": _lines("name,amount\n", '"', '",17'),
    "rst": _lines("Head\n====\n\n", "* "),
    "rtf": _lines("{\\rtf1\\ansi ", "\\par ", "", "}"),
    "json": lambda sentences: json.dumps({"rows": [{"text": each, "n": 1} for each in sentences]}).encode(),
    "jsonl": lambda sentences: "\n".join(json.dumps({"text": each}) for each in sentences).encode(),
    "ipynb": _notebook,
    "mbox": _mailbox,
    "py": _lines("def f():\n", "    # "),
}
