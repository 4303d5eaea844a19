"""PowerPoint (pptx, pptm, ppsx, potx): each slide is a page with its title, read from top to bottom, then its notes."""

from __future__ import annotations

from ingest.loading import archive
from ingest.loading.cleaning import one_line
from ingest.loading.limits import Limits
from ingest.loading.ooxml import REL, Package
from ingest.loading.paging import Pages, TextBudget, pictures_only, too_many_pages
from ingest.loading.parsed import Parsed
from ingest.loading.pptx_shapes import LayoutPlaces, P, SlideReader, notes_text
from ingest.loading.sections import sections_of, title_from
from rag.types import Document

_NO = ("0", "false", "off")
_PICTURE = f"{P}pic"


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """Read a presentation. Numbers, dates and footers of slides are left out. Raises `FileRefused`."""
    with archive.opened(name, data, limits) as opened:
        return Parsed(_read(Package(opened), limits))


def _read(package: Package, limits: Limits) -> Document:
    main = package.main("ppt/presentation.xml")
    root = package.tree(main)
    if root is None or root.tag != f"{P}presentation":
        raise package.damaged("it holds no presentation that can be read")
    links = package.links(main)
    slides = [links.get(slide.get(f"{REL}id") or "") for slide in root.iterfind(f"{P}sldIdLst/{P}sldId")]
    if len(slides) > limits.pages:
        raise too_many_pages(package.name, len(slides), "slides", limits)
    presentation = _Presentation(package, TextBudget(package.name, limits))
    for slide in slides:
        presentation.add(slide.target if slide else "")
    return presentation.document()


class _Presentation:
    """Collects the slides and what must be said of them."""

    def __init__(self, package: Package, budget: TextBudget) -> None:
        self._package = package
        self._budget = budget
        self._places = LayoutPlaces(package)
        self._pages = Pages()
        self._headings: list[tuple[int, int, str]] = []
        self._hidden: list[int] = []
        self._missing: list[int] = []
        self._pictures: list[int] = []
        self._count = 0

    def add(self, path: str) -> None:
        """Read a slide and its notes."""
        self._count += 1
        slide = self._package.tree(path)
        if slide is None:
            self._missing.append(self._count)
            self._pages.add("", None)
            return
        links = self._package.links(path)
        title, text = SlideReader(self._package, links, self._places.of_slide(links)).read(slide)
        if not text and next(slide.iter(_PICTURE), None) is not None:
            self._pictures.append(self._count)
        if notes := notes_text(self._package, links):
            text = f"{text}\n\nNotes: {notes}".strip()
        start = self._pages.add(self._budget.spend(text), title or None)
        if title:
            self._headings.append((start, 1, title))
        if slide.get("show") in _NO:
            self._hidden.append(self._count)

    def document(self) -> Document:
        """The whole presentation."""
        text, pages = self._pages.result()
        if not text and self._pictures:
            raise pictures_only(self._package.name)
        first = one_line(self._headings[0][2]) if self._headings else ""
        return Document(
            title=self._package.title() or first or title_from(self._package.name),
            text=text,
            parser="",
            pages=pages,
            sections=sections_of(self._headings),
            warnings=tuple(
                f"{said}: {', '.join(map(str, numbers))}."
                for said, numbers in (
                    ("Hidden slides were read too", self._hidden),
                    ("Slides that are missing in the file", self._missing),
                    ("Slides with pictures only, whose text was not read", self._pictures),
                )
                if numbers
            ),
        )
