"""Typesets the supplier contract as a Word document whose bytes are the same on every run."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import paper
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

TEAL = RGBColor(0x0F, 0x5C, 0x66)
GREY = RGBColor(0x6B, 0x76, 0x80)
NUMBER = re.compile(r"[\d.,]+( %)?|-")


def typeset(source: paper.Paper, target: Path) -> None:
    """Write the contract to `target`."""
    document = docx.Document()
    issued = datetime.strptime(source.facts["issued"], "%d %B %Y")
    _styles(document)
    _properties(document, source.facts, issued)
    _furniture(document, source.facts)
    document.add_paragraph(source.facts["title"], style="Title")
    clauses = False
    for block in source.blocks:
        if isinstance(block, paper.Heading):
            clauses = clauses or block.text[0].isdigit()
            document.add_heading(block.text, level=block.level)
        elif isinstance(block, paper.Clause):
            _clause(document, block)
        elif isinstance(block, paper.Items):
            for item in block.items:
                _runs(document.add_paragraph(style="List Number" if block.ordered else "List Bullet"), item)
        elif isinstance(block, paper.Grid):
            if block.rows[1][0].startswith("Drumkeelin"):
                _signatures(document, block)
            else:
                _table(document, block)
        elif isinstance(block, paper.Text):
            paragraph = document.add_paragraph()
            _runs(paragraph, block.text)
    _save(document, target, issued)


def _styles(document: Any) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.4)
    section.top_margin, section.bottom_margin = Cm(2.4), Cm(2.2)
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(10.5)
    normal.paragraph_format.space_after = Pt(6)
    for name, size in (("Title", 24), ("Heading 1", 13)):
        style = document.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = "Calibri", Pt(size), TEAL
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(attribute), None)
    document.styles["Heading 1"].paragraph_format.space_before = Pt(14)
    document.styles["Heading 1"].paragraph_format.space_after = Pt(4)


def _properties(document: Any, facts: dict[str, str], issued: datetime) -> None:
    core = document.core_properties
    core.title = f"{facts['title']}, {facts['edition']}"
    core.subject = facts["subject"]
    core.author = core.last_modified_by = f"{facts['company']}, {facts['author']}"
    core.created = core.modified = issued
    core.revision, core.comments, core.keywords = 1, "", "contract, supplier, service levels"
    core.language = "en-GB"


def _furniture(document: Any, facts: dict[str, str]) -> None:
    """Write the running header, and a footer that counts the pages."""
    section = document.sections[0]
    header = section.header.paragraphs[0]
    header.text = f"{facts['company']}  |  {facts['title']}  |  {facts['edition']}"
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer.add_run(f"Dated {facts['issued']}  |  Page ")
    _field(footer, "PAGE")
    for paragraph in (header, footer):
        for run in paragraph.runs:
            run.font.size, run.font.color.rgb = Pt(8.5), GREY


def _field(paragraph: Any, code: str) -> None:
    run = paragraph.add_run()
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), code)
    field.append(run._r)
    run.text = "1"
    run.font.size, run.font.color.rgb = Pt(8.5), GREY
    paragraph._p.append(field)


def _runs(paragraph: Any, text: str) -> None:
    for span in paper.spans(text):
        run = paragraph.add_run(span.text)
        run.bold, run.italic = span.bold or None, span.italic or None


def _clause(document: Any, block: paper.Clause) -> None:
    paragraph = document.add_paragraph()
    form = paragraph.paragraph_format
    form.left_indent, form.first_line_indent = Cm(1.2), Cm(-1.2)
    form.tab_stops.add_tab_stop(Cm(1.2))
    _runs(paragraph, f"{block.number}\t{block.text}")


def _table(document: Any, block: paper.Grid) -> None:
    table = document.add_table(rows=0, cols=len(block.rows[0]), style="Light Grid Accent 1")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    for number, row in enumerate(block.rows):
        cells = table.add_row().cells
        for cell, text in zip(cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(2)
            if number and NUMBER.fullmatch(text):
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            _runs(paragraph, text)
            for run in paragraph.runs:
                run.font.size = Pt(9)
    head = table.rows[0]._tr.get_or_add_trPr()
    head.append(OxmlElement("w:tblHeader"))
    document.add_paragraph()


def _signatures(document: Any, block: paper.Grid) -> None:
    table = document.add_table(rows=0, cols=len(block.rows[0]))
    for number, row in enumerate(block.rows):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            run = cell.paragraphs[0].add_run(text)
            run.bold = number == 0 or None
            if text.startswith("_"):
                cell.paragraphs[0].paragraph_format.space_before = Pt(28)


def _save(document: Any, target: Path, issued: datetime) -> None:
    """Save the document, and pack it again with one date on every part."""
    loose = io.BytesIO()
    document.save(loose)
    moment = (issued.year, issued.month, issued.day, 0, 0, 0)
    with zipfile.ZipFile(loose) as parts, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in parts.namelist():
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            packed.writestr(entry, parts.read(name))
