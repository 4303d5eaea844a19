"""Mail as it is sent (eml), and mailboxes of it (mbox)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from typing import TypeAlias

from ingest.loading.inside import Inside
from ingest.loading.limits import Limits
from ingest.loading.mails import Body, Mail
from ingest.loading.parsed import Parsed
from ingest.loading.sections import title_from
from ingest.loading.text import decode, encoding_of
from rag.errors import FileRefused
from rag.types import Document

SHOWN = ("From", "To", "Cc", "Date", "Subject")
LONGEST_VALUE = 20_000
"""Characters read of a header: a mail to a thousand people has as many."""

_SIGNATURES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"})
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"})
_STYLES = frozenset({"text/css", "text/javascript", "application/javascript", "application/x-javascript"})
_SUFFIXES = {"text/calendar": ".ics", "text/csv": ".csv", "text/markdown": ".md", "text/xml": ".xml", "text/x-vcard": ".vcf",
             "application/pdf": ".pdf", "application/json": ".json", "application/rtf": ".rtf", "text/rtf": ".rtf"}  # fmt: skip
_BLANKS = re.compile(r"\s+")
_FROM_LINE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]{3,300}\r?\n(?=[A-Za-z][A-Za-z0-9-]{1,60}:)")


class _Policy(Compat32):
    """Takes mail as it comes. Headers are cut: reading their parameters takes the square of their length."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """The name and the value of a header."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_VALUE]


POLICY = _Policy()

Tree: TypeAlias = "Message[str, str]"


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """A mail: its header lines and its text. What is attached, other mails too, is handed over as files."""
    try:
        message = BytesParser(policy=POLICY).parsebytes(data)
    except RecursionError:
        return _as_text(name, data)
    return read(name, message, limits).parsed(name)


def load_mailbox(name: str, data: bytes, limits: Limits) -> Parsed:
    """A mailbox: each of its mails is a file inside."""
    inside = Inside(name, limits)
    starts = [(match.start(), match.end()) for match in _FROM_LINE.finditer(data)]
    if len(starts) < 2:
        return load(name, data, limits)
    ends = [start for start, _ in starts[1:]] + [len(data)]
    for number, ((_, start), end) in enumerate(zip(starts, ends, strict=True), 1):
        mail = data[start:end].rstrip(b"\r\n") + b"\n"
        subject = _shown(BytesParser(policy=POLICY).parsebytes(mail, headersonly=True), "Subject")
        inside.add(f"{number:04} {subject[:80]}".strip() + ".eml", mail)
    return Parsed(Document(title_from(name), "", ""), inside.attachments, refused=inside.refused)


def read(name: str, message: Tree, limits: Limits) -> Mail:
    """The mail that a message is. Raises `FileRefused` for one that is encrypted."""
    inside = Inside(name, limits)
    groups: dict[int, dict[str, str]] = {}
    warnings: list[str] = []
    is_sealed = False
    for part, group in _leaves(message):
        kind = part.get_content_type()
        if kind in _SEALED and "signed" not in str(part.get_param("smime-type", "")):
            is_sealed = True
        elif kind.startswith("message/"):
            _take_message(part, kind, inside, groups.setdefault(id(part), {}))
        elif _is_text(part, kind):
            text, said = _text(part)
            groups.setdefault(group, {})[kind] = groups.get(group, {}).get(kind, "") + text
            warnings += said
        elif not (kind in _SIGNATURES or _is_shown_inside(part, kind)):
            inside.add(_file_name(part, kind), _bytes(part))
    if is_sealed and not any(text.strip() for forms in groups.values() for text in forms.values()):
        raise FileRefused(
            "password-protected", f"{name} is encrypted.", "Decrypt the mail in its own program and save that."
        )
    bodies = tuple(Body(forms.get("text/plain", ""), forms.get("text/html", "")) for forms in groups.values())
    header = tuple((key, _shown(message, key)) for key in SHOWN)
    return Mail(header, bodies, inside.attachments, inside.refused, tuple(warnings))


def _leaves(message: Tree) -> Iterator[tuple[Tree, int]]:
    """The parts that hold something, in order, each with a number that only forms of the same text share."""
    stack: list[tuple[Tree, int]] = [(message, 0)]
    while stack:
        part, group = stack.pop()
        below = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(below, list):
            if part.get_content_type() == "multipart/alternative":
                group = group or id(part)
            stack += [(each, group) for each in reversed(below) if isinstance(each, Message)]
        else:
            yield part, group or id(part)


def _is_text(part: Tree, kind: str) -> bool:
    if kind not in ("text/plain", "text/html"):
        return part.get_content_maintype() == "multipart"  # says that it has parts and has none
    return part.get_content_disposition() != "attachment" and part.get_filename() is None


def _is_shown_inside(part: Tree, kind: str) -> bool:
    """Whether it is part of how the text looks: pictures in it, fonts and styles."""
    if not kind.startswith(("image/", "font/")) and kind not in _STYLES:
        return False
    return part.get_content_disposition() != "attachment" or "Content-ID" in part


def _take_message(part: Tree, kind: str, inside: Inside, forms: dict[str, str]) -> None:
    """A mail inside becomes a file, a report on the delivery becomes text."""
    below = part.get_payload()
    if not isinstance(below, list) or kind != "message/rfc822":
        forms["text/plain"] = "\n\n".join(map(str, below)) if isinstance(below, list) else str(below)
        return
    message = below[0] if below else None
    if not isinstance(message, Message):
        return
    name = f"{_shown(message, 'Subject')[:100] or 'mail'}.eml"
    try:
        inside.add(name, message.as_bytes(policy=POLICY))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        inside.refuse(name, "damaged", "The mail inside is damaged and cannot be taken out.")


def _text(part: Tree) -> tuple[str, tuple[str, ...]]:
    """The characters of a part. What it says of its encoding is often wrong; UTF-8 is so strict that it goes first."""
    data = _bytes(part)
    if not data.strip(b"\0"):
        return "", ()
    return decoded(data, str(part.get_content_charset("")))


def decoded(data: bytes, declared: str) -> tuple[str, tuple[str, ...]]:
    """The characters of bytes that must be text, whatever their encoding, and a warning where it had to be guessed."""
    encoding = encoding_of(declared)
    data = data.replace(b"\0", b"") if not encoding.startswith("utf-16") else data
    if not data.isascii():
        try:
            return data.decode("utf-8"), ()
        except UnicodeError:
            pass
    try:
        return decode("", data, encoding)
    except FileRefused:
        return data.decode("latin-1"), ("A part of it holds much that is not text.",)


def _bytes(part: Tree) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        data = None
    if isinstance(data, bytes):
        return data
    return str(part.get_payload()).encode("utf-8", "surrogateescape")


def _file_name(part: Tree, kind: str) -> str:
    try:
        name = part.get_filename()
    except (ValueError, LookupError, TypeError):
        name = None
    return unfolded(name) if name else f"attachment{_SUFFIXES.get(kind, '')}"


def _shown(message: Tree, key: str) -> str:
    """A header's value as people read it; of several the first."""
    value = next((value for name, value in message.raw_items() if name.lower() == key.lower()), "")
    return unfolded(str(value))


def unfolded(value: str) -> str:
    """A header's value on one line, encoded words and stray bytes read."""
    value = _BLANKS.sub(" ", value)
    if any("\udc80" <= character <= "\udcff" for character in value):
        value = decoded(value.encode("utf-8", "surrogateescape"), "")[0]
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(piece if isinstance(piece, str) else decoded(piece, charset or "")[0] for piece, charset in pieces)


def _as_text(name: str, data: bytes) -> Parsed:
    text = decoded(data, "")[0]
    said = "The mail is nested too deeply to be read as one: all of it was read as text."
    return Mail((), (Body(text),), warnings=(said,)).parsed(name)
