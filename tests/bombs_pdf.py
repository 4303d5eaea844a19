"""PDFs made to bring a reader down, written by hand."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial

Bomb = tuple[str, bytes]

_CATALOG = "<< /Type /Catalog /Pages 2 0 R >>"
_PAGES = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
_FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
_TEXT = "BT /F1 12 Tf 50 200 Td (An ordinary line of text.) Tj ET"


def written(*objects: str | bytes, trailer: str = "", start: int | None = None) -> bytes:
    """A PDF of these objects, numbered from 1, the first of which is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, item in enumerate(objects, 1):
        places.append(len(out))
        body = item if isinstance(item, bytes) else item.encode("latin-1")
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    at = len(out)
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R {trailer} >>\n".encode()
    return bytes(out) + b"startxref\n%d\n%%%%EOF\n" % (at if start is None else start)


def stream(data: bytes, entries: str = "") -> bytes:
    """A stream, with more entries in its dictionary."""
    return f"<< /Length {len(data)} {entries} >>\nstream\n".encode() + data + b"\nendstream"


def page(entries: str = "", box: str = "0 0 400 300", resources: str = "") -> str:
    """A page whose content is object 4, with font 5."""
    return (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R "
        f"/Resources << /Font << /F1 5 0 R >> {resources} >> {entries} >>"
    )


def plain(
    name: str,
    *more: str | bytes,
    catalog: str = _CATALOG,
    pages: str = _PAGES,
    first: str = "",
    content: str | bytes = _TEXT,
    font: str = _FONT,
    trailer: str = "",
    start: int | None = None,
) -> Bomb:
    """A PDF of one page, of which some parts are other than they should be. `more` are objects from 6 on."""
    body = stream(content.encode()) if isinstance(content, str) else content
    data = written(catalog, pages, first or page(), body, font, *more, trailer=trailer, start=start)
    return f"{name}.pdf", data


def _catalog(entries: str) -> str:
    return f"<< /Type /Catalog /Pages 2 0 R {entries} >>"


def flate(name: str, unit: bytes, times: int, layers: int = 1) -> Bomb:
    """A content stream that grows a thousandfold in each layer."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(unit * 10_000) for _ in range(times // 10_000)) + packer.flush()
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)
    return plain(f"flate-{name}", content=stream(data, f"/Filter [{'/FlateDecode ' * layers}]"))


def predictor() -> Bomb:
    parms = "/Filter /FlateDecode /DecodeParms << /Predictor 15 /Columns 2147483647 /Colors 32 /BitsPerComponent 16 >>"
    return plain("predictor", content=stream(zlib.compress(_TEXT.encode()), parms))


def kids_deep() -> Bomb:
    """A page tree 20,000 levels deep."""
    nodes = [f"<< /Type /Pages /Kids [{n + 1} 0 R] /Count 1 /Parent {n - 1} 0 R >>" for n in range(6, 20_006)]
    return plain("kids-deep", *nodes, page(), pages="<< /Type /Pages /Kids [6 0 R] /Count 1 >>")


def outline_deep() -> Bomb:
    items = [f"<< /Title (t) /Parent {n - 1} 0 R /First {n + 1} 0 R /Dest [3 0 R /Fit] >>" for n in range(7, 20_007)]
    return plain("outline-deep", "<< /First 7 0 R >>", *items, catalog=_catalog("/Outlines 6 0 R"))


def operators_deep() -> Bomb:
    return plain("operators-deep", content="q " * 500_000 + _TEXT + " Q" * 500_000)


def text_everywhere() -> Bomb:
    """Three hundred thousand words at scattered places of one page."""
    words = "".join(f"1 0 0 1 {n * 37 % 400} {n * 91 % 300} Tm (w{n}) Tj " for n in range(300_000))
    return plain("words", content=stream(zlib.compress(f"BT /F1 1 Tf {words} ET".encode()), "/Filter /FlateDecode"))


def paths_everywhere() -> Bomb:
    lines = "".join(f"{n * 37 % 400} {n * 91 % 300} m {n % 400} {n % 300} l S " for n in range(300_000))
    return plain("paths", content=stream(zlib.compress((lines + _TEXT).encode()), "/Filter /FlateDecode"))


def xref_stream_loop() -> Bomb:
    """Two tables of objects, each of which says that the other comes before it."""
    name, data = plain("xref-loop")
    at = data.rindex(b"xref\n0", 0, data.rindex(b"startxref"))
    return name, data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d /XRefStm %d" % (at, at))


def object_streams() -> Bomb:
    """Streams of objects that claim to lie in each other."""
    body = stream(b"6 0 7 0 << >> << >>", "/Type /ObjStm /N 1000000000 /First 8 /Extends 7 0 R")
    return plain("object-streams", body, stream(b"", "/Type /ObjStm /N 1 /First 0 /Extends 6 0 R"))


_FORM = "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>"
_TYPE3 = (
    "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /FirstChar 0 /LastChar 255 "
    "/CharProcs << /a 4 0 R >> /Encoding << /Differences [0 /a /a /a] >> /Widths 6 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
)
_CMAP = (
    "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <FFFFFFFF> endcodespacerange "
    "1 beginbfrange <00000000> <FFFFFFFF> <0041> endbfrange endcmap end"
)
_CODED = (
    "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [5 0 R] /ToUnicode 6 0 R >>"
)
_PICTURE = "/Type /XObject /Subtype /Image /Width 1000000 /Height 1000000 /ColorSpace /DeviceRGB /BitsPerComponent 16"
_DRAW = f"{_TEXT} /X Do"
_WITH_X = page(resources="/XObject << /X 6 0 R >>")

BUILDERS: tuple[Callable[[], Bomb], ...] = (
    partial(plain, "kids-itself", pages="<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
    partial(plain, "kids-itself-too", pages="<< /Type /Pages /Kids [3 0 R 2 0 R 2 0 R] /Count 5 >>"),
    partial(plain, "kids-catalog", pages="<< /Type /Pages /Kids [1 0 R 3 0 R] /Count 2 >>"),
    kids_deep,
    *(partial(plain, f"count-{n}", pages=f"<< /Type /Pages /Kids [3 0 R] /Count {n} >>") for n in (100_000, -1, 2**31)),
    partial(plain, "pages-100000", pages=f"<< /Type /Pages /Kids [{'3 0 R ' * 100_000}] /Count 100000 >>"),
    partial(plain, "pages-4000", pages=f"<< /Type /Pages /Kids [{'3 0 R ' * 4000}] /Count 4000 >>"),
    partial(plain, "box-huge", first=page(box="0 0 1000000000 1000000000")),
    partial(plain, "box-odd", first=page(box="-1e38 nan 1e308 -5 7 8")),
    partial(plain, "box-empty", first=page("/UserUnit 1000000000 /Rotate 2147483647", box="0 0 0 0")),
    partial(
        plain,
        "outline-itself",
        "<< /First 7 0 R /Last 7 0 R >>",
        "<< /Title (t) /Next 7 0 R /Prev 7 0 R /First 7 0 R /Parent 7 0 R /Dest [3 0 R /Fit] >>",
        catalog=_catalog("/Outlines 6 0 R"),
    ),
    outline_deep,
    partial(
        plain,
        "labels-itself",
        "<< /Kids [6 0 R 6 0 R] /Nums [0 << /S /D /St 999999999999 >> 0 << /S /R /St 1000000000 >>] >>",
        catalog=_catalog("/PageLabels 6 0 R"),
    ),
    partial(plain, "labels-roman", catalog=_catalog("/PageLabels << /Nums [0 << /S /R /St 2000000000 >>] >>")),
    partial(plain, "labels-letters", catalog=_catalog("/PageLabels << /Nums [0 << /S /a /St 2000000000 >>] >>")),
    partial(
        plain,
        "names-itself",
        "<< /Kids [6 0 R] /Limits [(a) (b)] >>",
        catalog=_catalog("/Names << /EmbeddedFiles 6 0 R /Dests 6 0 R >>"),
    ),
    partial(
        plain,
        "form-fields-itself",
        "<< /Kids [6 0 R] /Parent 6 0 R /T (x) /FT /Tx /V 6 0 R >>",
        catalog=_catalog("/AcroForm << /Fields [6 0 R] /XFA 6 0 R >>"),
        first=page("/Annots [6 0 R 6 0 R]"),
    ),
    partial(
        plain,
        "structure-itself",
        "<< /Type /StructTreeRoot /K [6 0 R] /ParentTree 6 0 R /Kids [6 0 R] >>",
        catalog=_catalog("/StructTreeRoot 6 0 R /MarkInfo << /Marked true >>"),
    ),
    partial(
        plain,
        "reference-itself",
        "6 0 R",
        catalog=_catalog("/Lang 6 0 R /Outlines 6 0 R /PageLabels 6 0 R"),
        trailer="/Info 6 0 R",
    ),
    partial(plain, "length-itself", content=b"<< /Length 4 0 R >>\nstream\n" + _TEXT.encode() + b"\nendstream"),
    partial(plain, "length-huge", content=b"<< /Length 99999999999 >>\nstream\n" + _TEXT.encode() + b"\nendstream"),
    partial(plain, "arrays-deep", "[" * 1_000_000, catalog=_catalog("/Outlines 6 0 R")),
    partial(plain, "arrays-in-catalog", catalog=_catalog("/Outlines " + "[" * 1_000_000)),
    partial(plain, "dictionaries-deep", "<< /A " * 300_000, catalog=_catalog("/Outlines 6 0 R")),
    partial(plain, "arrays-in-content", content="[" * 1_000_000),
    operators_deep,
    predictor,
    xref_stream_loop,
    partial(plain, "xref-nowhere", start=99999999999),
    partial(plain, "xref-header", start=0),
    partial(plain, "prev-itself", trailer="/Prev 9"),
    partial(plain, "size-huge", trailer="/Size 2147483647"),
    object_streams,
    partial(plain, "form-itself", stream(b"/X Do /X Do", _FORM), first=_WITH_X, content=_DRAW),
    partial(plain, "type3-itself", content="BT /F1 9 Tf (\0\1\2) Tj ET", font=_TYPE3),
    partial(plain, "unicode-map", stream(_CMAP.encode()), content="BT /F1 9 Tf <00410042> Tj ET", font=_CODED),
    partial(plain, "picture", stream(b"x", _PICTURE), first=_WITH_X, content=_DRAW),
    partial(
        plain, "picture-jbig2", stream(b"\0" * 99, _PICTURE + " /Filter /JBIG2Decode"), first=_WITH_X, content="/X Do"
    ),
    partial(
        plain,
        "encrypted-oddly",
        trailer="/ID [(a) (b)] /Encrypt << /Filter /Standard /V 5 /R 6 /Length 2147483647 /O (x) /U (y) /P -1 >>",
    ),
)
HEAVY: tuple[Callable[[], Bomb], ...] = (
    partial(flate, "blanks", b" " * 100, 5_000_000),
    partial(flate, "nested", b"\0" * 100, 5_000_000, 3),
    partial(flate, "text", b"BT /F1 12 Tf 1 1 Td (many many words) Tj ET\n", 1_000_000),
    text_everywhere,
    paths_everywhere,
)
