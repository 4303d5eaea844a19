"""Files of older Office programs and of LibreOffice: refused with what to do, or converted where LibreOffice is installed."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

from ingest.loading import ole
from ingest.loading.archive import Archive, opened
from ingest.loading.containers import OLE_MAGIC
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from rag.errors import FileRefused

PROGRAMS = ("soffice", "libreoffice")
CONVERT_SECONDS = 55.0
"""Longest time of a conversion: a little less than the sandbox gives it."""

_INSTALL = "or install LibreOffice, and Footnote converts it."
_LOCKED = "Save a copy without the password and add that."
_FIB_ENCRYPTED = 0x0100
_FILEPASS = 0x002F
_ENCRYPTED_PPT = 0xF3D1C4DF
_BIFF_RECORDS = 20
"""Records at the beginning of a workbook among which the one is that says it is encrypted."""

_OPTIONS = ("--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo", "--nofirststartwizard")
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse">
<value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse">
<value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>1</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""
"""Settings of LibreOffice: no macros, and no links to other files or addresses are followed."""


@dataclass(frozen=True, slots=True)
class OldFormat:
    """A format that is not read itself: what people call it, its suffix, and the suffix of what it is converted to."""

    said: str
    suffix: str
    newer: str


_STREAMS = {
    "WordDocument": OldFormat("the old Word format (doc)", "doc", "docx"),
    "Workbook": OldFormat("the old Excel format (xls)", "xls", "xlsx"),
    "Book": OldFormat("the old Excel format (xls)", "xls", "xlsx"),
    "PowerPoint Document": OldFormat("the old PowerPoint format (ppt)", "ppt", "pptx"),
}
_BINARY_WORKBOOK = OldFormat("Excel's binary format (xlsb)", "xlsb", "xlsx")
_OPEN = {
    b"application/vnd.oasis.opendocument.text": OldFormat("the OpenDocument format (odt)", "odt", "docx"),
    b"application/vnd.oasis.opendocument.spreadsheet": OldFormat("the OpenDocument format (ods)", "ods", "xlsx"),
    b"application/vnd.oasis.opendocument.presentation": OldFormat("the OpenDocument format (odp)", "odp", "pptx"),
}


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """Always raises `FileRefused`: "unsupported" with what to do, "password-protected", or "damaged" for none of these."""
    found = _format_of(name, data, limits)
    raise FileRefused(
        "unsupported", f"{name} is in {found.said}.", f"Save it as {found.newer} and add that; {_INSTALL}"
    )


def converter() -> str | None:
    """The path of LibreOffice, where it is installed."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


def can_convert(refusal: FileRefused) -> bool:
    """Whether what `load` refused can be converted here: then `convert` is to be tried, in the sandbox."""
    return refusal.state == "unsupported" and refusal.remedy.endswith(_INSTALL) and converter() is not None


def convert(name: str, data: bytes) -> tuple[str, bytes]:
    """A file in an old format as a newer one: its name with the new suffix, and its bytes.

    Starts LibreOffice, in a profile of its own that is thrown away, so it is a task for the sandbox. Raises `FileRefused`
    for what it cannot read, and `TimeoutError`.
    """
    from ingest.confine import run_program

    found, program = _format_of(name, data, Limits()), converter()
    if program is None:
        load(name, data, Limits())
    with tempfile.TemporaryDirectory(prefix="footnote-convert-") as temporary:
        folder = Path(temporary)
        (folder / "profile" / "user").mkdir(parents=True)
        (folder / "profile" / "user" / "registrymodifications.xcu").write_text(_PROFILE, encoding="utf-8")
        source = folder / f"document.{found.suffix}"
        source.write_bytes(data)
        argv = [str(program), f"-env:UserInstallation={(folder / 'profile').as_uri()}", *_OPTIONS]
        run_program(
            [*argv, "--convert-to", found.newer, "--outdir", str(folder), str(source)], CONVERT_SECONDS, folder=folder
        )
        result = source.with_suffix(f".{found.newer}")
        if not result.is_file() or not result.stat().st_size:
            _refuse_unconverted(name, found)
        return str(PurePosixPath(name).with_suffix(f".{found.newer}")), result.read_bytes()


def _refuse_unconverted(name: str, found: OldFormat) -> NoReturn:
    raise FileRefused(
        "damaged",
        f"{name} is in {found.said}, and LibreOffice could not convert it: it is damaged, or opens only with a password.",
        f"Open it in its own program, save it as {found.newer}, and add that.",
    )


def _format_of(name: str, data: bytes, limits: Limits) -> OldFormat:
    """By content alone. Raises `FileRefused` for a file with a password, and for one of no such format."""
    if data.startswith(OLE_MAGIC):
        found = _in_ole(name, data)
    else:
        with opened(name, data, limits) as archive:
            found = _in_zip(archive)
    if found is None:
        suffix = PurePosixPath(name).suffix or "older Office"
        raise FileRefused(
            "damaged", f"{name} is damaged: it is not the {suffix} file that its name says.", "Fetch it again."
        )
    return found


def _in_zip(archive: Archive) -> OldFormat | None:
    if archive.find("xl/workbook.bin"):
        return _BINARY_WORKBOOK
    mimetype = archive.find("mimetype")
    return _OPEN.get(archive.read(mimetype).strip()) if mimetype and mimetype.size < 200 else None


def _in_ole(name: str, data: bytes) -> OldFormat | None:
    try:
        streams = ole.read(data).streams
    except ValueError:
        return next((found for entry, found in _STREAMS.items() if entry.encode("utf-16-le") in data), None)
    entry = next((entry for entry in _STREAMS if entry in streams), None)
    if "EncryptedPackage" in streams or (entry and _IS_LOCKED[entry](streams)):
        raise FileRefused("password-protected", f"{name} opens only with a password.", _LOCKED)
    return _STREAMS[entry] if entry else None


def _is_locked_doc(streams: Mapping[str, bytes]) -> bool:
    """Word says so in a bit of the file information block."""
    head = streams["WordDocument"][:12]
    return len(head) == 12 and bool(struct.unpack_from("<H", head, 10)[0] & _FIB_ENCRYPTED)


def _is_locked_xls(streams: Mapping[str, bytes]) -> bool:
    """Excel has a record for it near the beginning."""
    stream = streams.get("Workbook") or streams.get("Book") or b""
    place = 0
    for _ in range(_BIFF_RECORDS):
        if place + 4 > len(stream):
            break
        kind, size = struct.unpack_from("<HH", stream, place)
        if kind == _FILEPASS:
            return True
        place += 4 + size
    return False


def _is_locked_ppt(streams: Mapping[str, bytes]) -> bool:
    """PowerPoint marks it beside the document."""
    head = streams.get("Current User", b"")[:16]
    return len(head) == 16 and struct.unpack_from("<L", head, 12)[0] == _ENCRYPTED_PPT


_IS_LOCKED: dict[str, Callable[[Mapping[str, bytes]], bool]] = {
    "WordDocument": _is_locked_doc,
    "Workbook": _is_locked_xls,
    "Book": _is_locked_xls,
    "PowerPoint Document": _is_locked_ppt,
}
