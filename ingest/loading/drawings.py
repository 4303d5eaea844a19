"""What is written in the drawings of Word, PowerPoint and Excel: paragraphs of shapes, charts and SmartArt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.loading.cleaning import clean, one_line
from ingest.loading.ooxml import DGM, MATH, MC, REL, A, C, Link, Package
from ingest.loading.tables import markdown_table

_CHART, _DIAGRAM = f"{C}chart", f"{DGM}relIds"
_RUNS = {f"{A}t", f"{MATH}t"}
_LAYOUT_POINTS = ("pres", "parTrans", "sibTrans")


def drawing_text(package: Package, path: str) -> str:
    """All that is written in a drawing part: its shapes' paragraphs, its charts, its SmartArt."""
    root = package.tree(path)
    if root is None:
        return ""
    lines = [paragraph_text(paragraph) for paragraph in root.iter(f"{A}p") if not in_fallback(paragraph)]
    parts = ["\n".join(line for line in lines if line), *graphics(package, package.links(path), root)]
    return clean("\n\n".join(part for part in parts if part))


def graphics(package: Package, links: dict[str, Link], root: Any) -> Iterator[str]:
    """The text of the charts and SmartArt that an element shows, by the links of the part it is in."""
    for frame in root.iter(_CHART, _DIAGRAM):
        link = links.get(frame.get(f"{REL}{'id' if frame.tag == _CHART else 'dm'}") or "")
        part = package.tree(link.target) if link and not in_fallback(frame) else None
        if part is not None:
            yield chart_text(part) if frame.tag == _CHART else diagram_text(part)


def paragraph_text(paragraph: Any) -> str:
    """The text of a DrawingML paragraph, with its line breaks and formulas; the number of the slide left out."""
    return clean("".join(_pieces(paragraph))).strip()


def _pieces(paragraph: Any) -> Iterator[str]:
    for element in paragraph.iter(f"{A}t", f"{MATH}t", f"{A}br", f"{A}tab"):
        if element.tag not in _RUNS:
            yield "\n" if element.tag == f"{A}br" else "\t"
        elif not in_fallback(element) and element.getparent().get("type") != "slidenum":
            yield element.text or ""


def in_fallback(element: Any) -> bool:
    """Whether it is written for old readers: the same is there once more, for those of today."""
    return any(above.tag == f"{MC}Fallback" for above in element.iterancestors())


def diagram_text(root: Any) -> str:
    """SmartArt: its points as a list, in the order they were written."""
    lines = []
    for point in root.iter(f"{DGM}pt"):
        if point.get("type") not in _LAYOUT_POINTS:
            lines += [one_line(paragraph_text(each)) for each in point.iter(f"{A}p")]
    return "\n".join(f"- {line}" for line in lines if line)


def chart_text(root: Any) -> str:
    """A chart: its titles, then a table of its series by category."""
    titles = [" ".join(paragraph_text(each) for each in title.iter(f"{A}p")) for title in root.iter(f"{C}title")]
    series = list(root.iter(f"{C}ser"))
    names = [one_line(_first(each, "tx")) for each in series]
    columns = [_points(each, "val", "yVal") for each in series]
    labels: dict[int, str] = {}
    for each in series:
        labels = _points(each, "cat", "xVal") | labels
    places = sorted(set(labels).union(*columns))
    rows = [[labels.get(place, ""), *(column.get(place, "") for column in columns)] for place in places]
    table = markdown_table(rows, ["", *(name or f"Series {number}" for number, name in enumerate(names, 1))])
    return "\n\n".join([*(one_line(title) for title in titles if title.strip()), table if rows else ""]).strip()


def _points(series: Any, *kinds: str) -> dict[int, str]:
    """What a series keeps of the cells it was drawn from, by place."""
    found: dict[int, str] = {}
    for kind in kinds:
        for point in series.iterfind(f"{C}{kind}//{C}pt"):
            place = point.get("idx") or ""
            if place.isdigit() and len(place) < 8:
                written = f"{found[int(place)]} / " if int(place) in found else ""
                found[int(place)] = written + _as_written(point.findtext(f"{C}v") or "")
    return found


def _first(series: Any, kind: str) -> str:
    return str(series.findtext(f"{C}{kind}//{C}v") or "")


def _as_written(value: str) -> str:
    """A number without the noise of its last binary digits."""
    try:
        return f"{float(value):.10g}" if "." in value else value
    except ValueError:
        return value
