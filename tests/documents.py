"""Builders of small real files for tests: each returns the bytes of a file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Page = Sequence[str]


def pdf(
    pages: Sequence[Page],
    outline: Sequence[tuple[int, int, str]] = (),
    labels: Sequence[tuple[int, str, int]] = (),
    title: str = "",
    user_password: str | None = None,
) -> bytes:
    """A PDF with a line of text for each string of a page.

    `outline` is `(page from 1, level from 0, title)`, `labels` is `(page from 1, style, first number)`.
    """
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    encrypt = None if user_password is None else StandardEncryption(user_password, ownerPassword="owner", strength=128)
    canvas = Canvas(out, pagesize=(420, 595), encrypt=encrypt, pageCompression=0)
    canvas.setTitle(title or "untitled")
    for number, style, start in labels:
        canvas.addPageLabel(number - 1, style, start)
    for number, lines in enumerate(pages, 1):
        canvas.setFont("Helvetica", 12)
        for row, line in enumerate(lines):
            canvas.drawString(50, 540 - 20 * row, line)
        for on, level, heading in outline:
            if on == number:
                canvas.bookmarkPage(f"{number} {heading}")
                canvas.addOutlineEntry(heading, f"{number} {heading}", level)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def coded_pdf(
    content: str, meanings: Mapping[str, str] | None = None, page: str = "", media_box: str = "0 0 400 300"
) -> bytes:
    """A PDF of one page written by hand: its content stream in Latin letters of Helvetica (`/F1`).

    `meanings` says what text a letter stands for (an emoji, a ligature of two or three letters); `page` adds entries to
    the page's dictionary (`/Rotate 90`, `/CropBox [...]`).
    """
    codes = {chr(code): chr(code) for code in range(32, 127)} | dict(meanings or {})
    rows = "".join(
        f"<{ord(code):02X}> <{text.encode('utf-16-be', 'surrogatepass').hex()}>\n" for code, text in codes.items()
    )
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        "1 begincodespacerange <00> <FF> endcodespacerange "
        f"{len(codes)} beginbfchar\n{rows}endbfchar endcmap end end"
    )
    resources = "/Resources << /Font << /F1 5 0 R >> >>"
    return _written(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [{media_box}] /Contents 4 0 R {resources} {page} >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 6 0 R >>",
        f"<< /Length {len(cmap)} >>\nstream\n{cmap}\nendstream",
    )


def _written(*objects: str) -> bytes:
    out = b"%PDF-1.5\n"
    places = []
    for number, item in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{item}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()


def word(build: Callable[[Any], None]) -> bytes:
    """A docx that `build` writes with python-docx."""
    import docx

    document = docx.Document()
    build(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def with_member(archive: bytes, name: str, data: bytes) -> bytes:
    """A copy of a zip with one member replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, data)
    return out.getvalue()


def picture(lines: Sequence[str], size: tuple[int, int] = (1240, 1754)) -> Any:
    """A picture (`PIL.Image`) of a page with a line of text for each string, as a scanner would give it."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=40)
    for row, line in enumerate(lines):
        draw.text((120, 150 + 80 * row), line, fill="black", font=font)
    return image


def scan(pages: Sequence[Page]) -> bytes:
    """A PDF without a text layer: each page is a picture of its lines."""
    first, *more = (picture(lines) for lines in pages)
    out = io.BytesIO()
    first.save(out, "PDF", save_all=True, append_images=more, resolution=150)
    return out.getvalue()


def drawn_pdf(draw: Callable[[Any], None], size: tuple[float, float] = (420, 595)) -> bytes:
    """A PDF that `draw` draws on a canvas of reportlab (`canvas.showPage()` ends a page)."""
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, pageCompression=0)
    draw(canvas)
    canvas.save()
    return out.getvalue()


def with_attached(data: bytes, files: Sequence[tuple[str, bytes]]) -> bytes:
    """A copy of a PDF with files attached to it."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    for name, content in files:
        writer.add_attachment(name, content)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
