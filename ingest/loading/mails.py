"""A mail, whatever file it came in: as text to be found by, and as a file of its own where it was inside another."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.loading.cleaning import clean, one_line
from ingest.loading.html import read
from ingest.loading.parsed import Attachment, Parsed, Refused
from ingest.loading.sections import sections_of, title_from
from rag.types import Document

ENOUGH = 400
"""Characters from which on the HTML of a mail is taken for its text, where its plain text says less than a fifth of it."""

_BOUNDARY = "=_inside_="
"""Between the parts of a mail that is written here: no text in base 64 holds it."""

Heading = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Body:
    """A piece of a mail's text in the forms it was sent in; one of them is read."""

    plain: str = ""
    html: str = ""

    def read(self) -> tuple[str, tuple[Heading, ...], tuple[str, ...]]:
        """The text, its headings, and warnings: the plain text, unless that is there for form's sake only."""
        plain = clean(self.plain).strip()
        if not self.html.strip() or (plain and len(plain) * 5 > len(self.html)):
            return plain, (), ()
        page = read(self.html)
        if plain and not (len(page.text) > ENOUGH and len(plain) * 5 < len(page.text)):
            return plain, (), ()
        return page.text, page.headings, page.warnings


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail: its header lines in the order they are shown, its text, and what is attached to it."""

    header: tuple[tuple[str, str], ...]
    bodies: tuple[Body, ...]
    attachments: tuple[Attachment, ...] = ()
    refused: tuple[Refused, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def subject(self) -> str:
        """What it is about."""
        return next((one_line(value) for key, value in self.header if key == "Subject"), "")

    def parsed(self, name: str) -> Parsed:
        """The mail as a document: who wrote to whom, when and about what, then the text."""
        lines = [f"{key}: {words}" for key, value in self.header if (words := one_line(value))]
        text = "\n".join(lines)
        headings: list[Heading] = []
        warnings = list(self.warnings)
        for body in self.bodies:
            words, found, said = body.read()
            if not words:
                continue
            text += "\n\n" if text else ""
            headings += [(len(text) + start, level, heading) for start, level, heading in found]
            text += words
            warnings += said
        title = self.subject or title_from(name)
        document = Document(title, text, "", (), sections_of(headings), tuple(dict.fromkeys(warnings)))
        return Parsed(document, self.attachments, refused=self.refused)

    def as_eml(self) -> bytes:
        """The mail as a file, to be read again by itself."""
        header = [f"{key}: {_encoded_words(one_line(value))}" for key, value in self.header if value.strip()]
        header += ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"', ""]
        parts = "".join(f"\n--{_BOUNDARY}\n{part}" for part in self._parts())
        return ("\n".join(header) + parts + f"\n--{_BOUNDARY}--\n").encode("ascii")

    def _parts(self) -> Iterator[str]:
        for body in self.bodies:
            words = body.plain if body.plain.strip() else body.html
            kind = "plain" if body.plain.strip() else "html"
            yield _part(f"text/{kind}; charset=utf-8", "", words.encode("utf-8", "replace"))
        for each in self.attachments:
            yield _part("application/octet-stream", each.name, each.data)


def _part(kind: str, name: str, data: bytes) -> str:
    named = f'Content-Disposition: attachment; filename="{_encoded_words(name)}"\n' if name else ""
    return f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n{named}\n{encodebytes(data).decode('ascii')}"


def _encoded_words(value: str) -> str:
    """Words as a header of ASCII has them, in pieces that a reader puts together again without a blank between."""
    if value.isascii() and '"' not in value and "=?" not in value:
        return value
    return " ".join(f"=?utf-8?b?{encodebytes(piece).decode('ascii').strip()}?=" for piece in _pieces(value))


def _pieces(value: str) -> Iterable[bytes]:
    return (value[at : at + 10].encode("utf-8", "replace") for at in range(0, len(value), 10))
