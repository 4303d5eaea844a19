"""What a file is: by its content first, by its name second."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import PurePosixPath
from typing import NoReturn

from ingest.loading.containers import OLE_MAGIC, ZIP_MAGICS, in_ole, in_zip
from ingest.loading.foreign import Foreign, foreign, refuse
from ingest.loading.formats import (
    BY_SUFFIX,
    CSV,
    EML,
    HTML,
    JSON,
    MARKDOWN,
    MBOX,
    PDF,
    READS,
    RTF,
    SOURCE,
    TEXT,
    Format,
)
from ingest.loading.limits import Limits
from ingest.loading.text import is_text
from rag.errors import FileRefused

PDF_MAGIC = b"%PDF-"
RTF_MAGIC = b"{\\rtf"
MAGIC_WITHIN = 1024
"""Readers of PDF accept this much rubbish before the magic."""

HEAD_BYTES = 8192
"""How much of a text is looked at to say what it is."""

_HTML = re.compile(
    r"\s*(<\?xml[^>]{0,200}>\s*)?(<!--[^>]{0,2000}-->\s*){0,9}<(!doctype\s+html|html)[\s>]", re.IGNORECASE
)
_XML = re.compile(r"\s*<\?xml\s")
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,50}):")
_OF_A_MAIL = frozenset(
    {"received", "message-id", "mime-version", "return-path", "delivered-to", "x-mailer", "dkim-signature"}
)
_IN_A_MAIL = frozenset({"from", "to", "date", "subject"})
_OF_A_MAILBOX = re.compile(r"From \S+ .{0,20}\d\d:\d\d.{0,20}\d{4}.{0,10}\n[A-Za-z-]+:")

_TEXT_UNDER_AN_OLD_NAME = {".xls": CSV, ".doc": TEXT}
"""What programs that cannot write Excel's or Word's own formats put under their names."""


def detect(name: str, data: bytes, limits: Limits) -> tuple[Format, tuple[str, ...]]:
    """The format of a file, and a warning where its name says something else.

    Raises `FileRefused` ("unsupported", or whatever can be told already) for one that cannot be read.
    """
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    named = BY_SUFFIX.get(suffix)
    found = _by_marks(name, data, named, limits)
    if found is None:
        found = _as_text(name, data, suffix, named)
    if isinstance(found, Foreign):
        refuse(name, found)
    if named is None or found is named:
        return found, ()
    return found, (f"The name ends in {suffix}, but the file is {found.said}: it was read as that.",)


def _by_marks(name: str, data: bytes, named: Format | None, limits: Limits) -> Format | Foreign | None:
    head = data[:MAGIC_WITHIN]
    if head.lstrip().startswith(PDF_MAGIC) or (named is PDF and PDF_MAGIC in head):
        return PDF
    if data.startswith(ZIP_MAGICS):
        return in_zip(name, data, limits)
    if data.startswith(OLE_MAGIC):
        return in_ole(name, data, named)
    return RTF if head.lstrip().startswith(RTF_MAGIC) else None


def _as_text(name: str, data: bytes, suffix: str, named: Format | None) -> Format | Foreign:
    """The format of what has no marks of a binary one: text of some kind, or nothing that is known."""
    if not is_text(data):
        if named is EML and _mail_headers(_head(data)):  # some programs send bytes that no mail may hold
            return EML
        return foreign(data, text=False) or _refuse_binary(name, suffix, named)
    if named is SOURCE:
        return SOURCE
    head = _head(data)
    found = foreign(data, text=True) or _kind_of_text(head, named)
    if found is not None:
        return found
    if named is None:
        return _of_unknown_name(head, data)
    if named.binary:
        return _TEXT_UNDER_AN_OLD_NAME.get(suffix) or _refuse_other(name, named)
    return named


def _kind_of_text(head: str, named: Format | None) -> Format | None:
    """What a text is beyond doubt, whatever its name says."""
    if named is not MARKDOWN and _HTML.match(head):
        return HTML
    if _OF_A_MAILBOX.match(head):
        return MBOX
    if (named is None or named is TEXT or named.binary) and _is_mail(head):
        return EML
    return None


def _of_unknown_name(head: str, data: bytes) -> Format:
    if _XML.match(head):
        return SOURCE
    if head.lstrip()[:1] in ("{", "["):
        try:
            json.loads(data)
        except (ValueError, RecursionError):
            return TEXT
        return JSON
    return TEXT


def _head(data: bytes) -> str:
    """The first characters, near enough to know names and marks of ASCII among them."""
    head = data[:HEAD_BYTES]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", errors="replace")
    return head.removeprefix(codecs.BOM_UTF8).decode("latin-1").replace("\r\n", "\n")


def _is_mail(head: str) -> bool:
    """Whether it begins with lines that only mails have, a name and a colon each."""
    names = _mail_headers(head)
    return len(names) > 1 and not names.isdisjoint(_OF_A_MAIL)


def _mail_headers(head: str) -> set[str]:
    """The names of headers that it begins with, of those that mails have."""
    names = set()
    for line in head.split("\n"):
        if line.startswith((" ", "\t", ">From ", "From ")):
            continue
        if not (header := _HEADER.match(line)):
            break
        names.add(header[1].lower())
    return names & (_OF_A_MAIL | _IN_A_MAIL)


def _refuse_binary(name: str, suffix: str, named: Format | None) -> NoReturn:
    if named is None:
        kind = f"{suffix} files are" if suffix else "a file of its kind is"
        raise FileRefused("unsupported", f"{name} was not read: {kind} not supported.", READS)
    if named.binary:
        _refuse_other(name, named)
    raise FileRefused("damaged", f"{name} holds no text, though its name ends in {suffix}.", "Fetch the file again.")


def _refuse_other(name: str, named: Format) -> NoReturn:
    raise FileRefused(
        "damaged",
        f"{name} is not {named.said}, though its name says so.",
        "Open it in its own program, or fetch it again.",
    )
