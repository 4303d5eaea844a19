"""Indexing over a real catalog and a real edge shard: add, change, remove, and the report of what was read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.chunking import chunk
from ingest.points import header_of
from ingest.preparing import require_whole
from ingest.records import Added, Postponed, Progress
from rag.errors import FootnoteError
from rag.types import Document, Scope
from tests.fakes import words
from tests.indexing_bench import Bench, incoming, long_text


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_new_file_is_found(bench: Bench) -> None:
    assert bench.add("a.md", "The crane is yellow.").status == "indexed"
    assert bench.found("crane") == {"The crane is yellow."}
    bench.check()


def test_adding_again_unchanged_does_nothing(bench: Bench) -> None:
    first = bench.add("a.md", "The crane is yellow.")
    embedded, flushes = len(bench.embedder.embedded), bench.index.flushes
    second = bench.add("a.md", "The crane is yellow.")
    assert second.status == "unchanged"
    assert (second.chunks, second.document_id, second.source) == (1, first.document_id, "path:/papers/a.md")
    assert second.version == bench.catalog.live_version(first.document_id)
    assert (len(bench.embedder.embedded), bench.index.flushes) == (embedded, flushes)
    bench.check()


def test_a_changed_file_replaces_the_old_text_and_keeps_its_id(bench: Bench) -> None:
    first = bench.add("a.md", "The crane is yellow.")
    second = bench.add("a.md", "The crane is green.")
    assert (second.status, second.document_id) == ("indexed", first.document_id)
    assert bench.found("crane yellow green") == {"The crane is green."}
    bench.check()


def test_removing_leaves_nothing(bench: Bench) -> None:
    added = bench.add("a.md", "The crane is yellow.")
    bench.indexer.remove([added.document_id])
    assert bench.found("crane") == set()
    assert bench.index.count() == 0
    assert bench.stored() == 0
    assert bench.catalog.documents() == []
    assert bench.catalog.parsed(added.document_id, 1) is None
    assert bench.add("a.md", "The crane is yellow.").document_id != added.document_id


def test_two_documents_of_the_same_content_share_the_original(bench: Bench) -> None:
    first, second = bench.add("a.md", "Same text here."), bench.add("b.md", "Same text here.")
    assert bench.stored() == 1
    bench.indexer.remove([first.document_id])
    assert bench.stored() == 1
    assert bench.found("same text") == {"Same text here."}
    bench.indexer.remove([second.document_id])
    assert bench.stored() == 0


def test_a_damaged_new_version_leaves_the_old_one_live(bench: Bench) -> None:
    bench.add("a.pdf.md", "The crane is yellow.")
    outcome = bench.add("a.pdf.md", b"%PDF-1.7 nothing of a PDF follows")
    assert (outcome.status, outcome.chunks) == ("damaged", 1)
    assert bench.found("crane") == {"The crane is yellow."}
    (record,) = bench.catalog.documents()
    assert (record.state, record.live_version) == ("damaged", 1)
    assert bench.add("a.pdf.md", "The crane is yellow.").status == "unchanged"
    (record,) = bench.catalog.documents()
    assert (record.state, record.reason) == ("indexed", "")
    bench.check()


def test_a_bad_file_holds_nobody_up(bench: Bench) -> None:
    files: dict[str, str | bytes] = {"a.md": "Apples.", "b.pdf": b"%PDF-1.4 nope", "c.md": "Cherries."}
    assert bench.add_all(files) == {"a.md": "indexed", "b.pdf": "damaged", "c.md": "indexed"}
    assert bench.found("apples cherries") == {"Apples.", "Cherries."}
    assert {record.name: record.state for record in bench.catalog.documents()} == {
        "a.md": "indexed", "b.pdf": "damaged", "c.md": "indexed",
    }  # fmt: skip
    bench.check()


def test_an_empty_file_is_said_to_be(bench: Bench) -> None:
    outcome = bench.add("a.md", " \n\n ")
    assert outcome.status == "damaged"
    assert "is empty" in outcome.reason


def test_what_was_decided_before_comes_out_as_it_is(bench: Bench) -> None:
    refused, later = Added("x.md", "too large"), Postponed("path:/y.md", "busy", counts=False)
    outcomes = bench.run([refused, incoming("a.md", "Apples."), later])
    assert [one for one in outcomes if one is refused or one is later] == [refused, later]
    assert len(outcomes) == 3


def test_the_same_file_twice_in_one_run_ends_as_one_document(bench: Bench) -> None:
    outcomes = bench.run(
        [incoming("a.md", "Old words."), incoming("a.md", "New words."), incoming("a.md", "New words.")]
    )
    assert [one.status for one in outcomes if isinstance(one, Added)] == ["indexed", "indexed", "unchanged"]
    assert bench.found("words") == {"New words."}
    bench.check()


def test_a_dead_version_is_passed_over_and_the_places_are_filled_up(bench: Bench) -> None:
    bench.run([incoming(f"{n}.md", f"The crane number {n} is yellow.") for n in range(60)])
    ids = [record.id for record in bench.catalog.documents()]
    bench.catalog.tombstone(ids[:50])
    assert len(bench.retriever.retrieve("crane number", Scope(), 10)) == 10


def test_a_space_limits_what_is_found(bench: Bench) -> None:
    bench.add("a.md", "The crane is yellow.")
    other = bench.catalog.spaces.add("Other")
    bench.add("b.md", "The crane is green.", other)
    found = bench.retriever.retrieve("crane", Scope(spaces=frozenset({other.id})), 10)
    assert [(p.text, p.space) for p in found] == [("The crane is green.", "Other")]
    assert bench.indexer.remove_space("Other") == 1
    assert bench.found("crane") == {"The crane is yellow."}
    bench.check()


def test_the_report_says_what_was_read(bench: Bench) -> None:
    outcome = bench.add("crane.md", long_text("crane", 20))
    report = bench.catalog.live_version(outcome.document_id)
    assert report is not None
    assert report == replace(outcome.version or report, document_id=outcome.document_id)
    assert (report.chunks, report.embedder, report.coverage, report.attachments) == (outcome.chunks, "words", 1.0, 0)
    assert report.parser.startswith("markdown/")
    assert report.seconds > 0


def test_progress_tells_of_reading_and_of_every_batch(bench: Bench) -> None:
    events = list(bench.indexer.run([incoming("a.md", long_text("crane"))], bench.space))
    steps = [(event.step, event.done, event.total) for event in events if isinstance(event, Progress)]
    assert steps[0] == ("reading", 0, 1)
    embedding = [step for step in steps if step[0] == "embedding"]
    assert len(embedding) == len(bench.worker.batches) > 3
    assert embedding[-1][1] == embedding[-1][2]
    assert isinstance(events[-1], Added)


def test_small_documents_share_batches_and_groups(bench: Bench) -> None:
    files = [incoming(f"{n}.md", f"The crane number {n} is yellow.") for n in range(500)]
    outcomes = bench.run(files)
    assert len(outcomes) == 500
    assert sum(bench.worker.batches) == 500
    assert len(bench.worker.batches) < 300
    assert bench.index.flushes <= 10
    bench.check()


def test_a_batch_holds_texts_of_about_one_length(bench: Bench) -> None:
    lengths: list[list[int]] = []
    bench.worker.before = lambda texts: lengths.append([len(text) for text in texts])
    many = "\n\n".join(f"# {n}\n\n" + "word " * (1 + n * 7 % 50) for n in range(2000))
    bench.add("a.md", many)
    spread = [max(batch) - min(batch) for batch in lengths[1:-1]]
    assert sorted(spread)[len(spread) // 2] < (max(map(max, lengths)) - min(map(min, lengths))) / 3


@pytest.mark.parametrize("lost", [slice(0, 1), slice(1, 2), slice(-1, None)])
def test_a_text_that_did_not_reach_the_chunks_is_refused(lost: slice) -> None:
    document = Document("t", long_text("crane", 5), "text/1")
    chunks = chunk(document, words, 64)
    assert require_whole("a.md", document, chunks) == 1.0
    with pytest.raises(FootnoteError, match="did not get into any passage"):
        require_whole("a.md", document, [piece for piece in chunks if piece not in chunks[lost]])
    with pytest.raises(FootnoteError, match="did not get into any passage"):
        require_whole("a.md", document, [replace(chunks[0], text="other"), *chunks[1:]])


@pytest.mark.parametrize(
    ("name", "title", "header"),
    [
        ("ACME_2022_10K.pdf", "", "ACME 2022 10K"),
        ("ACME_2022_10K.pdf", "acme 2022", "ACME 2022 10K"),
        ("sub/leave-policy.md", "Leave and absence", "leave policy: Leave and absence"),
    ],
)
def test_the_header_names_the_document_in_words(name: str, title: str, header: str) -> None:
    assert header_of(name, title) == header
