"""What Footnote cannot read, told by its first bytes, so that people learn what their file is and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from ingest.loading.formats import READS
from rag.errors import FileRefused


@dataclass(frozen=True, slots=True)
class Foreign:
    """A kind of file that is refused: what people call it, and what they can do about it."""

    said: str
    remedy: str = READS


_PICTURE = "Put it into a PDF and add that: where OCR is installed, the text in it is recognised."
_SOUND = "Add a transcript of it."
_PACKED = "Unpack it and add the files, or pack them as a zip."
_OPENED_ELSEWHERE = "Export it from its own program, as PDF for example."

_MARKS: tuple[tuple[bytes, Foreign], ...] = (
    (rb"\xff\xd8\xff", Foreign("a JPEG picture", _PICTURE)),
    (rb"\x89PNG\r\n", Foreign("a PNG picture", _PICTURE)),
    (rb"GIF8[79]a", Foreign("a GIF picture", _PICTURE)),
    (rb"II\x2a\x00|MM\x00\x2a|II\x2b\x00|MM\x00\x2b", Foreign("a TIFF picture", _PICTURE)),
    (rb"BM.{4}\x00\x00\x00\x00", Foreign("a BMP picture", _PICTURE)),
    (rb"RIFF.{4}WEBP", Foreign("a WebP picture", _PICTURE)),
    (rb"\x00\x00\x01\x00[\x01-\xff]\x00", Foreign("an icon", _PICTURE)),
    (rb"8BPS\x00", Foreign("a Photoshop picture", _PICTURE)),
    (rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", Foreign("a JPEG 2000 picture", _PICTURE)),
    (rb"AT&TFORM", Foreign("a DjVu document", "Convert it to PDF and add that.")),
    (rb".{4}ftyp(heic|heix|mif1|msf1|avif)", Foreign("a HEIF picture", _PICTURE)),
    (rb".{4}ftypM4A", Foreign("a sound recording (m4a)", _SOUND)),
    (rb".{4}ftyp", Foreign("a video (mp4)", _SOUND)),
    (rb"RIFF.{4}AVI ", Foreign("a video (avi)", _SOUND)),
    (rb"\x1a\x45\xdf\xa3", Foreign("a video (mkv or webm)", _SOUND)),
    (rb"\x00\x00\x01[\xb3\xba]", Foreign("a video (mpeg)", _SOUND)),
    (rb"FLV\x01", Foreign("a video (flv)", _SOUND)),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Foreign("a Windows Media file", _SOUND)),
    (rb"RIFF.{4}WAVE", Foreign("a sound recording (wav)", _SOUND)),
    (rb"ID3[\x02-\x04]", Foreign("a sound recording (mp3)", _SOUND)),
    (rb"\xff[\xfb\xf3\xf2][\x10-\xef]", Foreign("a sound recording (mp3)", _SOUND)),
    (rb"OggS\x00", Foreign("a sound recording (ogg)", _SOUND)),
    (rb"fLaC\x00", Foreign("a sound recording (flac)", _SOUND)),
    (rb"FORM.{4}AIF|MThd\x00", Foreign("a sound recording", _SOUND)),
    (rb"\x1f\x8b\x08", Foreign("a gzip archive", _PACKED)),
    (rb"7z\xbc\xaf\x27\x1c", Foreign("a 7z archive", _PACKED)),
    (rb"Rar!\x1a\x07", Foreign("a RAR archive", _PACKED)),
    (rb"\xfd7zXZ\x00", Foreign("an xz archive", _PACKED)),
    (rb"BZh[1-9]\x31\x41\x59\x26\x53\x59", Foreign("a bzip2 archive", _PACKED)),
    (rb"\x28\xb5\x2f\xfd", Foreign("a zstd archive", _PACKED)),
    (rb"\x04\x22\x4d\x18", Foreign("an lz4 archive", _PACKED)),
    (rb"MSCF\x00", Foreign("a cabinet archive", _PACKED)),
    (rb".{257}ustar", Foreign("a tar archive", _PACKED)),
    (rb"\x78\x9f\x3e\x22", Foreign("an Outlook attachment (winmail.dat)", "Save the mail as msg or eml and add that.")),
    (rb"!BDN", Foreign("an Outlook mailbox (pst)", "Export its mails as msg or eml files.")),
    (rb"\x7fELF", Foreign("a program")),
    (rb"MZ.{56,}?PE\x00\x00|MZ[\x00-\xff]{2}\x00", Foreign("a program")),
    (rb"\xcf\xfa\xed\xfe|\xce\xfa\xed\xfe|\xca\xfe\xba\xbe|\xfe\xed\xfa[\xce\xcf]|\x00asm", Foreign("a program")),
    (rb".{2}\x0d\x0a\x00\x00\x00\x00", Foreign("a compiled program")),
    (rb"!<arch>\n", Foreign("a library of programs")),
    (rb"SQLite format 3\x00", Foreign("an SQLite database", "Export its tables as CSV and add those.")),
    (rb"\x00\x01\x00\x00(Standard Jet|Standard ACE)", Foreign("an Access database", "Export its tables as CSV.")),
    (rb"PAR1", Foreign("a Parquet table", "Export it as CSV and add that.")),
    (rb"\x89HDF", Foreign("an HDF5 file", "Export it as CSV and add that.")),
    (rb"\x00\x01\x00\x00\x00[\x04-\x40]|OTTO\x00|wOF[F2]|ttcf\x00", Foreign("a font")),
    (rb"\x80[\x02-\x05][\x00-\xff]", Foreign("a Python pickle")),
    (rb"GGUF", Foreign("a language model")),
    (rb"bplist0", Foreign("a binary property list", _OPENED_ELSEWHERE)),
    (rb"AC10\d\d\x00", Foreign("an AutoCAD drawing", _OPENED_ELSEWHERE)),
    (rb"\xff\x57\x50\x43", Foreign("a WordPerfect document", "Save it as docx and add that.")),
)
_BINARY = tuple((re.compile(mark, re.DOTALL), foreign) for mark, foreign in _MARKS)

_TEXTUAL = (
    (re.compile(rb"%!PS"), Foreign("a PostScript file", "Convert it to PDF and add that.")),
    (re.compile(rb"(<\?xml[^>]*>\s*)?(<!--[^>]*>\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]", re.IGNORECASE), Foreign("an SVG picture", _PICTURE)),
)  # fmt: skip

MARKS_WITHIN = 1024


def foreign(data: bytes, *, text: bool) -> Foreign | None:
    """What a file is that cannot be read, by its first bytes; `text` says whether these are characters."""
    head = data[:MARKS_WITHIN].lstrip() if text else data[:MARKS_WITHIN]
    return next((each for mark, each in (_TEXTUAL if text else _BINARY) if mark.match(head)), None)


def refuse(name: str, kind: Foreign) -> NoReturn:
    """Say what a file is and that it cannot be read."""
    raise FileRefused("unsupported", f"{name} is {kind.said}, which Footnote cannot read.", kind.remedy)
