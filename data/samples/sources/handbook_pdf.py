"""Typesets the employee handbook as a PDF with an outline, page labels and a table of contents."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from unittest.mock import patch

import paper
from reportlab.lib.colors import HexColor, white
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    HRFlowable,
    ListFlowable,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents

INK = HexColor("#1f2933")
TEAL = HexColor("#0f5c66")
PALE = HexColor("#e9f2f3")
GREY = HexColor("#6b7680")
LINE = HexColor("#c3ced2")

WIDTH, HEIGHT = A4
MARGIN = 25 * mm
TOP, BOTTOM = 28 * mm, 24 * mm
MEASURE = WIDTH - 2 * MARGIN
ROOM_FOR_CHAPTER = 85 * mm
NUMBER = re.compile(r"[-\d.,]+( %| euro)?|none|-")

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10, leading=14.4, textColor=INK, spaceAfter=7)
LEAD_IN = ParagraphStyle("lead-in", parent=BODY, keepWithNext=1)
ITEM = ParagraphStyle("item", parent=BODY, spaceAfter=2.5)
CHAPTER = ParagraphStyle(
    "chapter",
    fontName="Helvetica-Bold",
    fontSize=20,
    leading=25,
    textColor=TEAL,
    spaceBefore=20,
    spaceAfter=6,
    keepWithNext=1,
)
SECTION = ParagraphStyle(
    "section",
    fontName="Helvetica-Bold",
    fontSize=12,
    leading=16,
    textColor=TEAL,
    spaceBefore=8,
    spaceAfter=4,
    keepWithNext=1,
)
CELL = ParagraphStyle("cell", fontName="Helvetica", fontSize=9, leading=12, textColor=INK, alignment=TA_LEFT)
CELL_RIGHT = ParagraphStyle("cell-right", parent=CELL, alignment=TA_RIGHT)
HEAD = ParagraphStyle("head", parent=CELL, fontName="Helvetica-Bold", textColor=white)
HEAD_RIGHT = ParagraphStyle("head-right", parent=HEAD, alignment=TA_RIGHT)
TOC_CHAPTER = ParagraphStyle(
    "toc-chapter", fontName="Helvetica-Bold", fontSize=10, leading=15, textColor=TEAL, spaceBefore=6
)
TOC_SECTION = ParagraphStyle(
    "toc-section",
    fontName="Helvetica",
    fontSize=9,
    leading=14,
    textColor=INK,
    leftIndent=12,
)


TOC_TABLE = TableStyle(
    [
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
    ]
)


class Handbook(BaseDocTemplate):  # type: ignore[misc]  # reportlab carries no types
    """A document whose front pages are numbered in Roman figures and whose body begins again at 1."""

    def __init__(self, target: Path, facts: dict[str, str]) -> None:
        super().__init__(
            str(target),
            pagesize=A4,
            invariant=1,
            pageCompression=1,
            title=f"{facts['title']}, {facts['edition']}",
            author=f"{facts['company']}, {facts['author']}",
            subject=facts["subject"],
            creator="Footnote samples",
            lang="en-GB",
        )
        self.facts = facts
        self.front = 0
        self.running = ""
        frame = Frame(
            MARGIN,
            BOTTOM,
            MEASURE,
            HEIGHT - TOP - BOTTOM,
            id="text",
            leftPadding=0,
            rightPadding=0,
            topPadding=0,
            bottomPadding=0,
        )
        self.addPageTemplates(
            [
                PageTemplate("cover", [frame], onPage=self._cover),
                PageTemplate("front", [frame], onPageEnd=self._furniture),
                PageTemplate("body", [frame], onPage=self._begin_body, onPageEnd=self._furniture),
            ]
        )

    def beforeDocument(self) -> None:  # noqa: N802 - the name is reportlab's
        """Forget what the run before this one learned."""
        self.front = 0
        self.running = ""

    def afterFlowable(self, flowable: Any) -> None:  # noqa: N802 - the name is reportlab's
        """Enter each heading in the outline and, in the body, in the table of contents."""
        style = getattr(flowable, "style", None)
        if style not in (CHAPTER, SECTION):
            return
        level = 0 if style is CHAPTER else 1
        text = flowable.getPlainText()
        key = f"h-{self.page}-{re.sub(r'[^a-z0-9]+', '-', text.lower())}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(text, key, level, closed=1)
        if level == 0:
            self.running = text
        if self.front:
            self.notify("TOCEntry", (level, escape(text), self.page - self.front, key))

    def _cover(self, canvas: Any, _: Any) -> None:
        canvas.addPageLabel(0, "ROMAN_LOWER", 1)
        canvas.saveState()
        canvas.setFillColor(TEAL)
        canvas.rect(0, HEIGHT * 0.42, WIDTH, HEIGHT * 0.58, stroke=0, fill=1)
        _drops(canvas)
        canvas.setFillColor(white)
        canvas.setFont("Helvetica", 14)
        canvas.drawString(MARGIN, HEIGHT - 40 * mm, self.facts["company"])
        canvas.setFont("Helvetica-Bold", 40)
        for line, text in enumerate(self.facts["title"].split()):
            canvas.drawString(MARGIN, HEIGHT * 0.42 + (34 - 17 * line) * mm, text)
        canvas.setFillColor(INK)
        canvas.setFont("Helvetica-Bold", 14)
        canvas.drawString(MARGIN, HEIGHT * 0.42 - 20 * mm, self.facts["edition"])
        canvas.setFont("Helvetica", 12)
        canvas.drawString(MARGIN, HEIGHT * 0.42 - 28 * mm, f"Issued {self.facts['issued']}")
        canvas.setFillColor(GREY)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(MARGIN, 30 * mm, "Millrace Park, Drumkeelin  |  Mechelen")
        canvas.drawString(MARGIN, 24 * mm, "For everyone who works here")
        canvas.restoreState()

    def _begin_body(self, canvas: Any, _: Any) -> None:
        if not self.front:
            self.front = self.page - 1
            canvas.addPageLabel(self.front, "ARABIC", 1)

    def _furniture(self, canvas: Any, _: Any) -> None:
        label = str(self.page - self.front) if self.front else _roman(self.page)
        canvas.saveState()
        canvas.setFont("Helvetica", 8)
        canvas.setFillColor(GREY)
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.5)
        edition = f"{self.facts['title']}, {self.facts['edition'].lower()}"
        canvas.drawString(MARGIN, HEIGHT - 17 * mm, f"{self.facts['company']}  |  {edition}")
        canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 17 * mm, self.running)
        canvas.line(MARGIN, HEIGHT - 19 * mm, WIDTH - MARGIN, HEIGHT - 19 * mm)
        canvas.line(MARGIN, 17 * mm, WIDTH - MARGIN, 17 * mm)
        canvas.drawString(MARGIN, 12.5 * mm, f"Issued {self.facts['issued']}")
        canvas.drawRightString(WIDTH - MARGIN, 12.5 * mm, label)
        canvas.restoreState()


def typeset(source: paper.Paper, target: Path) -> None:
    """Write the handbook to `target`, dated with its day of issue and not with today."""
    issued = datetime.strptime(source.facts["issued"], "%d %B %Y").replace(tzinfo=UTC)
    with patch.dict(os.environ, SOURCE_DATE_EPOCH=str(int(issued.timestamp()))):
        Handbook(target, source.facts).multiBuild(_story(source))


def _story(source: paper.Paper) -> list[Flowable]:
    """Turn the blocks of the paper into what reportlab sets on pages."""
    story: list[Flowable] = [NextPageTemplate("front")]
    fresh = True
    for at, block in enumerate(source.blocks):
        if isinstance(block, paper.Mark):
            if block.name == "contents":
                story += [PageBreak(), *_chapter("Contents"), _contents()]
            elif block.name == "body":
                story.append(NextPageTemplate("body"))
            fresh = True
            continue
        if isinstance(block, paper.Heading) and block.level == 1:
            story += [PageBreak() if fresh else CondPageBreak(ROOM_FOR_CHAPTER), *_chapter(block.text)]
        elif isinstance(block, paper.Heading):
            story.append(Paragraph(_markup(block.text), SECTION))
        elif isinstance(block, paper.Items):
            story += _list(block)
        elif isinstance(block, paper.Grid):
            story += [_table(block), Spacer(1, 9)]
        elif isinstance(block, paper.Clause):
            story.append(Paragraph(f"{block.number} {_markup(block.text)}", BODY))
        else:
            leads = any(isinstance(after, paper.Grid) for after in source.blocks[at + 1 : at + 2])
            story.append(Paragraph(_markup(block.text), LEAD_IN if leads else BODY))
        fresh = False
    return story


def _chapter(text: str) -> list[Flowable]:
    rule = HRFlowable(width="100%", thickness=1.2, color=TEAL, spaceBefore=0, spaceAfter=9)
    rule.keepWithNext = 1
    return [Paragraph(_markup(text), CHAPTER), rule]


def _contents() -> TableOfContents:
    return TableOfContents(levelStyles=[TOC_CHAPTER, TOC_SECTION], dotsMinLevel=1, tableStyle=TOC_TABLE)


def _list(block: paper.Items) -> list[Flowable]:
    listed = ListFlowable(
        [Paragraph(_markup(item), ITEM) for item in block.items],
        bulletType="1" if block.ordered else "bullet",
        start=None if block.ordered else "\u2022",
        bulletFontName="Helvetica",
        bulletFontSize=10,
        bulletColor=TEAL,
        bulletFormat="%s." if block.ordered else None,
        leftIndent=16,
        bulletDedent=14,
    )
    return [listed, Spacer(1, 5)]


def _table(block: paper.Grid) -> Table:
    columns = list(zip(*block.rows, strict=True))
    right = [False, *(all(NUMBER.fullmatch(cell) for cell in column[1:]) for column in columns[1:])]
    heads = [HEAD_RIGHT if yes else HEAD for yes in right]
    cells = [CELL_RIGHT if yes else CELL for yes in right]
    rows = [
        [Paragraph(_markup(text), style) for text, style in zip(row, cells if at else heads, strict=True)]
        for at, row in enumerate(block.rows)
    ]
    return Table(
        rows,
        colWidths=_widths(columns),
        splitByRow=0,
        style=[
            ("BACKGROUND", (0, 0), (-1, 0), TEAL),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, PALE]),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 3.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 7),
            ("RIGHTPADDING", (0, 0), (-1, -1), 7),
        ],
    )


def _widths(columns: list[tuple[str, ...]]) -> list[float]:
    """Give each column what its longest cell needs, and share out what is missing or left over."""
    wanted = [max(stringWidth(cell, "Helvetica-Bold", 9) for cell in column) + 16 for column in columns]
    words = [
        max(stringWidth(word, "Helvetica-Bold", 9) for cell in column for word in cell.split()) + 16
        for column in columns
    ]
    spare = MEASURE - sum(wanted)
    if spare >= 0:
        return [width + spare / len(wanted) for width in wanted]
    limit = MEASURE / len(columns)
    least = [max(word, min(width, limit)) for word, width in zip(words, wanted, strict=True)]
    missing = [width - low for width, low in zip(wanted, least, strict=True)]
    left = MEASURE - sum(least)
    return [low + left * gap / (sum(missing) or 1) for low, gap in zip(least, missing, strict=True)]


def _markup(text: str) -> str:
    """Write the runs of a text in reportlab's own small markup."""
    written = []
    for span in paper.spans(text):
        letters = escape(span.text, quote=False)
        letters = f"<b>{letters}</b>" if span.bold else letters
        written.append(f"<i>{letters}</i>" if span.italic else letters)
    return "".join(written)


def _roman(number: int) -> str:
    figures = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
    written = ""
    for value, figure in figures:
        while number >= value:
            written += figure
            number -= value
    return written


def _drops(canvas: Any) -> None:
    """Draw three drops of growing size falling down the right side of the cover."""
    canvas.setFillColor(HexColor("#2b8590"))
    for x, y, size in ((158, 262, 8), (158, 232, 13), (158, 186, 21)):
        _drop(canvas, x * mm, y * mm, size * mm)


def _drop(canvas: Any, x: float, y: float, size: float) -> None:
    path = canvas.beginPath()
    half, tip, waist, foot = size * 0.6, y + size, y - size * 0.2, y - size * 0.98
    path.moveTo(x, tip)
    path.curveTo(x + half / 3, y + size * 0.45, x + half, y + size * 0.2, x + half, waist)
    path.curveTo(x + half, foot, x - half, foot, x - half, waist)
    path.curveTo(x - half, y + size * 0.2, x - half / 3, y + size * 0.45, x, tip)
    canvas.drawPath(path, stroke=0, fill=1)
