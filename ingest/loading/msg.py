"""Outlook's mail (msg): the properties of a message, its recipients and its attachments, out of an OLE container."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from ingest.loading.inside import Inside
from ingest.loading.limits import Limits
from ingest.loading.mail import decoded, unfolded
from ingest.loading.mails import Body, Mail
from ingest.loading.ole import Storage, read
from ingest.loading.parsed import Parsed
from ingest.loading.rtf import text_of
from ingest.loading.rtf_packed import unpacked
from ingest.loading.text import WESTERN, guessed

# Properties of MAPI by their numbers (MS-OXPROPS).
SUBJECT, HEADERS, BODY, HTML, PACKED_RTF = 0x0037, 0x007D, 0x1000, 0x1013, 0x1009
SENDER, SENDER_SMTP, SENDER_ADDRESS, SENT_FOR, SENT_FOR_SMTP = 0x0C1A, 0x5D01, 0x0C1F, 0x0042, 0x5D02
SHOWN_TO, SHOWN_CC, KIND_OF_RECIPIENT, DISPLAY_NAME, ADDRESS, SMTP_ADDRESS = (
    0x0E04,
    0x0E03,
    0x0C15,
    0x3001,
    0x3003,
    0x39FE,
)
SENT_AT, DELIVERED_AT, CREATED_AT = 0x0039, 0x0E06, 0x3007
CODE_PAGE, PAGE_OF_HTML, LOCALE = 0x3FFD, 0x3FDE, 0x3FF1
DATA, LONG_NAME, SHORT_NAME, SUFFIX, MIME, CONTENT_ID, HIDDEN, PLACE = (
    0x3701,
    0x3707,
    0x3704,
    0x3703,
    0x370E,
    0x3712,
    0x7FFE,
    0x370B,
)

SHORT = 60
"""Bytes from which on an encoding can be guessed."""

_HEAD_OF_ROOT, _HEAD_OF_INNER, _HEAD_OF_OTHERS = 32, 24, 8
_EMBEDDED = "__substg1.0_3701000D"
_NOWHERE = b"\xff\xff\xff\xff"
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".emf", ".wmf")
_RECIPIENTS = {"To": 1, "Cc": 2}
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_CODE_PAGES = {65001: "utf-8", 20127: "ascii", 20866: "koi8-r", 21866: "koi8-u", 50220: "iso-2022-jp", 50221: "iso-2022-jp",
               51932: "euc-jp", 51949: "euc-kr", 54936: "gb18030", 52936: "gbk", 10000: "macintosh"}  # fmt: skip
_PAGE_OF_LANGUAGE = {0x19: 1251, 0x22: 1251, 0x02: 1251, 0x05: 1250, 0x0E: 1250, 0x15: 1250, 0x08: 1253, 0x1F: 1254,
                     0x0D: 1255, 0x01: 1256, 0x11: 932, 0x12: 949, 0x1E: 874}  # fmt: skip
"""By the primary language of a locale, for messages that name no code page."""


@dataclass(frozen=True, slots=True)
class _Properties:
    """What a message, a recipient or an attachment says of itself."""

    storage: Storage
    fixed: dict[int, bytes]
    """The eight bytes of each property that is a number or a time."""
    encoding: str

    def text(self, number: int) -> str:
        """A property that is text; without the NUL that ends some."""
        streams = self.storage.streams
        if (wide := streams.get(f"__substg1.0_{number:04X}001F")) is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        data = streams.get(f"__substg1.0_{number:04X}001E", b"")
        return decoded(data, self.encoding)[0].rstrip("\0")

    def data(self, number: int) -> bytes | None:
        return self.storage.streams.get(f"__substg1.0_{number:04X}0102")

    def number(self, number: int) -> int:
        return int(struct.unpack("<I", self.fixed.get(number, bytes(8))[:4])[0])

    def time(self, number: int) -> str:
        """A time as mails write it."""
        ticks = struct.unpack("<Q", self.fixed.get(number, bytes(8)))[0]
        try:
            return format_datetime(_EPOCH + timedelta(microseconds=ticks // 10)) if ticks else ""
        except OverflowError:
            return ""


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """A mail: its header lines and its text. What is attached, other mails too, is handed over as files."""
    return _mail(name, read(data), _HEAD_OF_ROOT, "", limits).parsed(name)


def _mail(name: str, storage: Storage, head: int, encoding: str, limits: Limits) -> Mail:
    own = _properties(storage, head, encoding)
    html = _html(own)
    inside = Inside(name, limits)
    for attached in _below(storage, "__attach"):
        _attach(_properties(attached, _HEAD_OF_OTHERS, own.encoding), html, inside, limits)
    body = Body(own.text(BODY), html)
    if not (body.plain.strip() or body.html.strip()) and (packed := own.data(PACKED_RTF)):
        body = Body(text_of(unpacked(packed)))
    broken = ("Parts of the mail are damaged and were left out.",) if storage.broken else ()
    return Mail(tuple(_header(own)), (body,), inside.attachments, inside.refused, broken)


def _properties(storage: Storage, head: int, encoding: str) -> _Properties:
    table = storage.streams.get("__properties_version1.0", b"")[head:]
    table = table[: len(table) - len(table) % 16]
    fixed = {number: value for _, number, _, value in struct.iter_unpack("<HHI8s", table)}
    found = _Properties(storage, fixed, encoding)
    page = found.number(CODE_PAGE) or _PAGE_OF_LANGUAGE.get(found.number(LOCALE) & 0x3FF, 0)
    return _Properties(storage, fixed, _encoding(page) or encoding or _encoding_of_all(storage))


def _encoding_of_all(storage: Storage) -> str:
    """For a message that says nothing of it, what all its texts together look like: names and subjects are too short."""
    texts = [data for name, data in storage.streams.items() if name.endswith("001E")]
    texts.sort(key=len, reverse=True)
    together = b"\n".join(texts)
    return WESTERN if together.isascii() or len(together) < SHORT else guessed(together)


def _encoding(page: int) -> str:
    if 28591 <= page <= 28605:
        return f"iso-8859-{page - 28590}"
    return _CODE_PAGES.get(page) or (f"cp{page}" if 437 <= page <= 1258 else "")


def _header(own: _Properties) -> Iterator[tuple[str, str]]:
    """The lines that a mail shows. Those it was sent with say most; drafts and notes have none."""
    sent = dict(_sent_with(own.text(HEADERS)))
    yield (
        "From",
        sent.get("from")
        or _person(own.text(SENDER) or own.text(SENT_FOR), own, (SENDER_SMTP, SENT_FOR_SMTP, SENDER_ADDRESS)),
    )
    people = [_properties(each, _HEAD_OF_OTHERS, own.encoding) for each in _below(own.storage, "__recip")]
    for key, kind in _RECIPIENTS.items():
        named = [
            _person(each.text(DISPLAY_NAME), each, (SMTP_ADDRESS, ADDRESS))
            for each in people
            if each.number(KIND_OF_RECIPIENT) == kind
        ]
        yield key, ", ".join(filter(None, named)) or own.text(SHOWN_TO if key == "To" else SHOWN_CC)
    yield "Date", sent.get("date") or own.time(SENT_AT) or own.time(DELIVERED_AT) or own.time(CREATED_AT)
    yield "Subject", own.text(SUBJECT)


def _sent_with(headers: str) -> Iterator[tuple[str, str]]:
    from email.parser import HeaderParser
    from email.policy import compat32

    for key, value in HeaderParser(policy=compat32).parsestr(headers).raw_items():
        if key.lower() in ("from", "date"):
            yield key.lower(), unfolded(str(value))


def _person(name: str, own: _Properties, addresses: tuple[int, ...]) -> str:
    """A name with its address, unless that is one of Exchange's own."""
    name = name.strip().strip("'\"")
    address = next((found for each in addresses if "@" in (found := own.text(each))), "")
    return name if not address or address.lower() == name.lower() else f"{name} <{address}>".strip()


def _html(own: _Properties) -> str:
    if (data := own.data(HTML)) is not None:
        return decoded(data, _encoding(own.number(PAGE_OF_HTML)) or own.encoding)[0]
    return own.text(HTML)


def _below(storage: Storage, prefix: str) -> Iterator[Storage]:
    return (each for name, each in sorted(storage.storages.items()) if name.startswith(prefix))


def _attach(own: _Properties, html: str, inside: Inside, limits: Limits) -> None:
    name = own.text(LONG_NAME) or own.text(SHORT_NAME) or own.text(DISPLAY_NAME) + own.text(SUFFIX)
    if (message := own.storage.storages.get(_EMBEDDED)) is not None:
        if "__properties_version1.0" not in message.streams:
            inside.refuse(
                name or "object", "unsupported", "It is an object of another program, which cannot be taken out."
            )
            return
        mail = _mail(name, message, _HEAD_OF_INNER, own.encoding, limits)
        inside.add(f"{(mail.subject or name)[:100] or 'mail'}.eml", mail.as_eml())
    elif (data := own.data(DATA)) is None:
        inside.refuse(
            name or "attachment", "damaged", "It is a link to a file, which is not in the mail, or it is damaged."
        )
    elif not _is_shown_in(html, own, name):
        is_signed = own.text(MIME).startswith("multipart/")  # the mail as it was signed
        inside.add(name or ("signed mail.eml" if is_signed else "attachment"), data)


def _is_shown_in(html: str, own: _Properties, name: str) -> bool:
    """Whether it is a picture that the text shows, as signatures do."""
    if not (own.text(MIME).startswith("image/") or name.lower().endswith(_PICTURES)):
        return False
    content = own.text(CONTENT_ID)
    stands_in_text = own.fixed.get(PLACE, _NOWHERE)[:4] != _NOWHERE
    return stands_in_text or bool(own.number(HIDDEN) & 0xFF) or (content != "" and f"cid:{content}" in html)
