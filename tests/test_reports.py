"""What is said of documents and jobs, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.records import DocumentRecord, JobFile, JobRecord, Progress, VersionRecord
from ui import reports

NOON = "2026-11-21T12:00:00.000+00:00"

RECORD = DocumentRecord(
    "d1",
    "report.pdf",
    "default",
    "s1",
    "indexed",
    "",
    2,
    20,
    64,
    "Annual report",
    "/papers/report.pdf",
    9000,
    NOON,
    NOON,
)

VERSION = VersionRecord(
    document_id="d1",
    number=2,
    content_hash="ab" * 32,
    size=9000,
    parser="pdf/2 pypdfium2 5",
    chunking="sentences/1 256",
    title="Annual report",
    pages=20,
    characters=31_200,
    chunks=64,
    warnings=("Page 4 has a picture without text.",),
    seconds=1.25,
    created_at=NOON,
    page_characters=(*[1600] * 3, 0, *[1600] * 14, 0, 0),
    ocr_pages=(3, 5, 6, 7, 8, 9),
    coverage=1.0,
    embedder="bge-small",
    attachments=2,
)

JOB = JobRecord("j1", "papers", "default", "running", 12, 3, 1, NOON, "")


def file(name: str, status: str) -> JobFile:
    return JobFile(name, status, "", None, 0, "", 1, False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [((), ""), ((3,), "3"), ((3, 5, 6, 7), "3, 5-7"), ((2, 1), "1-2"), ((9, 9, 11), "9, 11")],
)
def test_numbers_become_ranges(numbers: tuple[int, ...], shown: str) -> None:
    assert reports.ranges(numbers) == shown


@given(st.sets(st.integers(1, 400)))
def test_ranges_name_exactly_the_numbers(numbers: set[int]) -> None:
    shown = reports.ranges(numbers)
    spans = [part.split("-") for part in shown.split(", ") if part]
    assert [n for span in spans for n in range(int(span[0]), int(span[-1]) + 1)] == sorted(numbers)
    assert len(spans) <= len(numbers)


def test_a_report_says_pages_characters_ocr_and_coverage() -> None:
    rows = dict(reports.document_rows(RECORD, VERSION, []))
    assert rows["characters"] == "pages 1-20: 31,200 characters"
    assert rows["OCR"] == "pages 3, 5-9"
    assert rows["without text"] == "pages 4, 19-20"
    assert rows["passages"] == "64, with 100% of the text"
    assert rows["can be found"] == "yes, version 2"
    assert rows["warning"] == "Page 4 has a picture without text."
    assert "reason" not in rows
    assert "members" not in rows


def test_text_that_is_missing_is_never_rounded_away() -> None:
    assert reports.coverage(replace(VERSION, coverage=0.999999)) == "99.99%"
    assert reports.coverage(replace(VERSION, coverage=0.5)) == "50.00%"


def test_a_document_that_was_refused_has_a_reason_and_no_report() -> None:
    refused = replace(RECORD, state="damaged", reason="It cannot be read.", live_version=None, pages=None, chunks=0)
    rows = dict(reports.document_rows(refused, None, []))
    assert (rows["state"], rows["reason"], rows["can be found"]) == ("damaged", "It cannot be read.", "no")
    assert "parser" not in rows
    kept = dict(reports.document_rows(replace(refused, live_version=2), VERSION, []))
    assert kept["can be found"] == "yes, version 2 (the one before)"


def test_members_are_named_with_their_state_and_capped() -> None:
    inside = [replace(RECORD, id=f"m{n}", name=f"mail.eml/{n}.pdf", container_id="d1") for n in range(30)]
    other = replace(RECORD, id="other", name="other.pdf")
    members = reports.members_of(RECORD, [*inside, other, RECORD])
    assert members == inside
    members[0] = replace(members[0], state="damaged")
    shown = dict(reports.document_rows(RECORD, VERSION, members))["members"]
    assert shown.startswith("mail.eml/0.pdf (damaged), mail.eml/1.pdf, ")
    assert shown.endswith("mail.eml/19.pdf and 10 more")


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress("a.pdf", "recognising", 3, 20), "a.pdf: page 3 of 20 is being recognised"),
        (Progress("a.pdf", "embedding", 64, 300), "a.pdf: embedding 64 of 300 passages"),
        (Progress("a.pdf", "reading", 0, 1), "a.pdf: being read"),
        (Progress("a.pdf", "folding", 2, 5), "a.pdf: folding 2 of 5"),
        (Progress("a.pdf", "folding", 0, 1), "a.pdf: folding"),
    ],
)
def test_what_is_being_done_is_a_sentence(progress: Progress, said: str) -> None:
    assert reports.doing(progress) == said


def test_a_job_says_how_far_it_is_and_why_it_waits() -> None:
    assert reports.job_line(JOB) == "3 of 12 files done, 1 not indexed"
    assert reports.job_line(replace(JOB, files=1, done=0, failed=0)) == "0 of 1 file done"
    assert reports.job_now(replace(JOB, state="queued")) == "Waiting for its turn."
    waiting = replace(JOB, state="waiting", problem="The parser died.")
    assert reports.job_now(waiting) == "Waiting for the next try. The parser died."
    assert reports.job_now(replace(JOB, current=Progress("a.pdf", "reading", 0, 1))) == "a.pdf: being read"


def test_files_that_were_not_indexed_come_first() -> None:
    files = [file("a", "indexed"), file("b", ""), file("c", "damaged"), file("d", "unchanged"), file("e", "cancelled")]
    assert [one.document for one in reports.failed_first(files)] == ["c", "e", "b", "a", "d"]
