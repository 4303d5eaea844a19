"""PowerPoint: slides are pages with their titles, read as people read them, with tables, charts and notes."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import pytest

from ingest.loading import load, pptx
from ingest.loading.limits import Limits
from rag.errors import FileRefused
from rag.types import Document, Section
from tests.office_files import edited, slides, with_part

EMU = 914_400
TITLE_ONLY, TITLE_AND_CONTENT, BLANK = 5, 1, 6


def read(data: bytes, name: str = "deck.pptx") -> Document:
    return load(name, data).document


def page(document: Document, number: int) -> str:
    found = document.pages[number - 1]
    return document.text[found.start : found.end].rstrip("\n")


def new_slide(presentation: Any, layout: int, title: str = "") -> Any:
    slide = presentation.slides.add_slide(presentation.slide_layouts[layout])
    if title:
        slide.shapes.title.text = title
    return slide


def add_box(slide: Any, left: float, top: float, text: str) -> Any:
    box = slide.shapes.add_textbox(int(left * EMU), int(top * EMU), EMU, EMU // 2)
    box.text_frame.text = text
    return box


def test_slides_are_pages_with_their_titles() -> None:
    def build(presentation: Any) -> None:
        new_slide(presentation, TITLE_ONLY, "Results\vof 2024")
        add_box(new_slide(presentation, BLANK), 1, 1, "No title here")
        new_slide(presentation, TITLE_ONLY, "Outlook")

    document = read(slides(build))
    assert [(each.number, each.label) for each in document.pages] == [(1, "Results of 2024"), (2, None), (3, "Outlook")]
    assert [page(document, number) for number in (1, 2, 3)] == ["Results\nof 2024", "No title here", "Outlook"]
    assert document.sections == (Section(0, "Results of 2024"), Section(document.pages[2].start, "Outlook"))
    assert document.title == "Results of 2024"
    assert document.warnings == ()
    assert document.pages[-1].end == len(document.text)


def test_shapes_are_read_from_top_to_bottom_and_left_to_right() -> None:
    def build(presentation: Any) -> None:
        slide = new_slide(presentation, TITLE_ONLY)
        add_box(slide, 5, 3.1, "right")
        add_box(slide, 1, 5, "below")
        add_box(slide, 1, 3.2, "left")
        slide.shapes.title.text = "Title"

    assert page(read(slides(build)), 1) == "Title\n\nleft\n\nright\n\nbelow"


def test_a_group_stays_together() -> None:
    def build(presentation: Any) -> None:
        slide = new_slide(presentation, BLANK)
        add_box(slide, 1, 4, "outside")
        inside = [add_box(slide, 1, 5, "second"), add_box(slide, 1, 2, "first")]
        slide.shapes.add_group_shape(inside)

    assert page(read(slides(build)), 1) == "first\n\nsecond\n\noutside"


def test_a_placeholder_without_a_place_stands_where_its_layout_says() -> None:
    def build(presentation: Any) -> None:
        slide = new_slide(presentation, TITLE_AND_CONTENT, "Title")
        add_box(slide, 1, 7, "at the bottom")
        slide.placeholders[1].text = "content"
        slide.shapes._spTree.append(slide.placeholders[1]._element)  # written last, shown in the middle

    assert page(read(slides(build)), 1) == "Title\n\ncontent\n\nat the bottom"


def test_items_of_a_list_keep_their_levels() -> None:
    def build(presentation: Any) -> None:
        frame = new_slide(presentation, TITLE_AND_CONTENT, "Plan").placeholders[1].text_frame
        frame.text = "Buy"
        for text, level in (("bolts", 1), ("nuts", 1), ("Sell", 0)):
            paragraph = frame.add_paragraph()
            paragraph.text, paragraph.level = text, level

    assert page(read(slides(build)), 1) == "Plan\n\n- Buy\n  - bolts\n  - nuts\n- Sell"


def test_numbered_items_carry_their_numbers() -> None:
    def build(presentation: Any) -> None:
        frame = add_box(new_slide(presentation, BLANK), 1, 1, "One").text_frame
        for text in ("Two", "Three"):
            frame.add_paragraph().text = text
        for paragraph in frame.paragraphs:
            paragraph._p.get_or_add_pPr().append(
                paragraph._p.makeelement("{http://schemas.openxmlformats.org/drawingml/2006/main}buAutoNum", {})
            )

    assert page(read(slides(build)), 1) == "1. One\n2. Two\n3. Three"


def test_tables_are_markdown_and_merged_cells_repeat() -> None:
    def build(presentation: Any) -> None:
        table = new_slide(presentation, BLANK).shapes.add_table(3, 2, EMU, EMU, 4 * EMU, EMU).table
        for row, cells in enumerate([("Item", "Price | EUR"), ("Bolt", "1.20"), ("", "1.30")]):
            for column, text in enumerate(cells):
                table.cell(row, column).text = text
        table.cell(1, 0).merge(table.cell(2, 0))

    expected = "| Item | Price \\| EUR |\n| --- | --- |\n| Bolt | 1.20 |\n| Bolt | 1.30 |"
    assert page(read(slides(build)), 1) == expected


def test_charts_are_read_as_tables() -> None:
    def build(presentation: Any) -> None:
        from pptx.chart.data import CategoryChartData
        from pptx.enum.chart import XL_CHART_TYPE

        untyped: Any = CategoryChartData
        data = untyped()
        data.categories = ["2023", "2024"]
        data.add_series("Sales", (19.2, 21.4))
        data.add_series("Costs", (8, None))
        frame = new_slide(presentation, BLANK).shapes.add_chart(XL_CHART_TYPE.LINE, EMU, EMU, EMU, EMU, data)
        frame.chart.has_title = True
        frame.chart.chart_title.text_frame.text = "In millions"

    expected = "In millions\n\n|  | Sales | Costs |\n| --- | --- | --- |\n| 2023 | 19.2 | 8 |\n| 2024 | 21.4 |  |"
    assert page(read(slides(build)), 1) == expected


def test_smart_art_is_a_list() -> None:
    a, dgm = (
        "http://schemas.openxmlformats.org/drawingml/2006/main",
        "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    )
    points = "".join(
        f'<dgm:pt modelId="{number}"{kind}><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for number, (kind, text) in enumerate([("", "Plan"), (' type="pres"', "never shown"), ("", "Do")])
    )
    model = f'<dgm:dataModel xmlns:dgm="{dgm}" xmlns:a="{a}"><dgm:ptLst>{points}</dgm:ptLst></dgm:dataModel>'
    frame = (
        "<p:graphicFrame><p:nvGraphicFramePr/><p:xfrm/><a:graphic><a:graphicData>"
        f'<dgm:relIds xmlns:dgm="{dgm}" r:dm="rId77"/></a:graphicData></a:graphic></p:graphicFrame></p:spTree>'
    )
    data = slides(lambda presentation: new_slide(presentation, BLANK))
    data = edited(data, "ppt/slides/slide1.xml", "</p:spTree>", frame)
    data = with_part(data, "ppt/slides/_rels/slide1.xml.rels", "diagramData", "ppt/diagrams/data1.xml", model)
    assert page(read(data), 1) == "- Plan\n- Do"


def test_notes_stand_under_the_slide() -> None:
    def build(presentation: Any) -> None:
        slide = new_slide(presentation, TITLE_ONLY, "Title")
        slide.notes_slide.notes_text_frame.text = "Speak slowly.\nPause."
        new_slide(presentation, BLANK).notes_slide.notes_text_frame.text = "Only notes."

    document = read(slides(build))
    assert page(document, 1) == "Title\n\nNotes: Speak slowly.\nPause."
    assert page(document, 2) == "Notes: Only notes."


def test_hidden_slides_are_read_and_said() -> None:
    def build(presentation: Any) -> None:
        new_slide(presentation, TITLE_ONLY, "Shown")
        new_slide(presentation, TITLE_ONLY, "Secret")._element.set("show", "0")

    document = read(slides(build))
    assert page(document, 2) == "Secret"
    assert document.warnings == ("Hidden slides were read too: 2.",)


def test_footers_dates_and_numbers_are_left_out() -> None:
    def build(presentation: Any) -> None:
        slide = new_slide(presentation, TITLE_ONLY, "Title")
        for kind, text in (("ftr", "Company, confidential"), ("dt", "1 May"), ("sldNum", "7")):
            box = add_box(slide, 1, 6, text)
            box._element.nvSpPr.nvPr.append(
                box._element.makeelement(
                    "{http://schemas.openxmlformats.org/presentationml/2006/main}ph", {"type": kind, "idx": "11"}
                )
            )

    assert page(read(slides(build)), 1) == "Title"


def test_what_is_written_twice_for_old_readers_is_read_once() -> None:
    data = slides(lambda presentation: add_box(new_slide(presentation, BLANK), 1, 1, "new"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = re.search(r"<p:sp>.*</p:sp>", archive.read("ppt/slides/slide1.xml").decode(), re.DOTALL)
    assert found
    both = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice>{found[0]}</mc:Choice><mc:Fallback>{found[0].replace('new', 'old')}</mc:Fallback></mc:AlternateContent>"
    )
    assert page(read(edited(data, "ppt/slides/slide1.xml", "<p:sp>.*</p:sp>", both)), 1) == "new"


@pytest.mark.parametrize("junk", ["PowerPoint Presentation", "PowerPoint-Präsentation", "Slide 1", "", "deck_v3.pptx"])
def test_titles_that_programs_write_are_none(junk: str) -> None:
    def build(presentation: Any) -> None:
        presentation.core_properties.title = junk
        new_slide(presentation, TITLE_ONLY, "Annual review")

    assert read(slides(build)).title == "Annual review"


def test_the_title_is_the_property_where_a_person_wrote_it() -> None:
    def build(presentation: Any) -> None:
        presentation.core_properties.title = "Review of 2024"
        new_slide(presentation, TITLE_ONLY, "Welcome")

    assert read(slides(build)).title == "Review of 2024"
    assert read(slides(lambda deck: add_box(new_slide(deck, BLANK), 1, 1, "x")), "my_deck.pptx").title == "my deck"


def test_more_slides_than_are_allowed_are_refused() -> None:
    data = slides(lambda presentation: [new_slide(presentation, TITLE_ONLY, str(number)) for number in range(4)])
    assert len(pptx.load("a.pptx", data, Limits(pages=4)).document.pages) == 4
    with pytest.raises(FileRefused) as caught:
        pptx.load("a.pptx", data, Limits(pages=3))
    assert caught.value.state == "too large"
    assert "4 slides" in caught.value.message


def test_a_slide_that_is_missing_is_said() -> None:
    data = slides(lambda presentation: [new_slide(presentation, TITLE_ONLY, name) for name in ("One", "Two")])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name != "ppt/slides/slide1.xml":
                new.writestr(name, old.read(name))
    document = read(out.getvalue())
    assert [each.label for each in document.pages] == [None, "Two"]
    assert document.warnings == ("Slides that are missing in the file: 1.",)


def picture_slide(presentation: Any) -> None:
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(picture, "PNG")
    new_slide(presentation, BLANK).shapes.add_picture(io.BytesIO(picture.getvalue()), 0, 0)


def test_slides_of_pictures_are_said() -> None:
    def build(presentation: Any) -> None:
        new_slide(presentation, TITLE_ONLY, "Title")
        picture_slide(presentation)

    assert read(slides(build)).warnings == ("Slides with pictures only, whose text was not read: 2.",)
    with pytest.raises(FileRefused) as caught:
        read(slides(picture_slide))
    assert caught.value.state == "no text (scanned)"


@pytest.mark.parametrize("kind", ["slideshow", "template"])
def test_shows_and_templates_are_read_like_presentations(kind: str) -> None:
    data = slides(lambda presentation: new_slide(presentation, TITLE_ONLY, "Title"))
    data = edited(data, "[Content_Types].xml", r"presentation\.main\+xml", f"{kind}.main+xml")
    assert page(read(data), 1) == "Title"


def test_text_is_clean() -> None:
    data = slides(lambda presentation: add_box(new_slide(presentation, BLANK), 1, 1, "e\u0301 \ufb01ne\u200b\u202e!"))
    assert page(read(data), 1) == "é fine!"


def test_entities_are_refused() -> None:
    data = slides(lambda presentation: new_slide(presentation, TITLE_ONLY, "Title"))
    data = edited(data, "ppt/slides/slide1.xml", "<p:sld ", '<!DOCTYPE x [<!ENTITY e "x">]><p:sld ')
    with pytest.raises(FileRefused) as caught:
        read(data)
    assert caught.value.state == "damaged"
