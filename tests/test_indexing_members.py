"""Files inside files: each a document of its own, and all of them change together with their container."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest.records import Added
from tests.indexing_bench import Bench, incoming, long_text

Inner = Mapping[str, "str | bytes"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.check()
    made.close()


def zipped(files: Inner) -> bytes:
    """A zip that is the same bytes whenever it is made."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def mail(text: str, attached: Inner) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "About the crane", "a@x.org", "b@x.org"
    message["Date"] = "Mon, 01 Jan 2024 10:00:00 +0000"
    message.set_content(text)
    for name, content in attached.items():
        data = content.encode() if isinstance(content, str) else content
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    message.set_boundary("-" * 20 + "same")
    return message.as_bytes()


def add(bench: Bench, name: str, content: bytes) -> dict[str, str]:
    return bench.add_all({name: content})


def test_the_files_of_a_zip_are_documents_of_their_own(bench: Bench) -> None:
    outcomes = bench.run([incoming("a.zip", zipped({"x.md": "The crane.", "in/y.md": "The bull."}))])
    assert all(isinstance(one, Added) for one in outcomes)
    assert [(one.document, one.status) for one in outcomes if isinstance(one, Added)] == [
        ("a.zip", "indexed"), ("a.zip/x.md", "indexed"), ("a.zip/in/y.md", "indexed"),
    ]  # fmt: skip
    records = {record.name: record for record in bench.catalog.documents()}
    top = records["a.zip"]
    assert (top.chunks, top.container_id) == (0, None)
    assert records["a.zip/in/y.md"].container_id == top.id
    assert [one.source for one in outcomes if isinstance(one, Added)][1] == f"member:{top.id}:x.md"
    assert bench.found("crane bull") == {"The crane.", "The bull."}


def test_a_mail_has_a_text_of_its_own_and_attachments(bench: Bench) -> None:
    assert add(bench, "a.eml", mail("See the crane.", {"note.txt": "The bull."})) == {
        "a.eml": "indexed", "a.eml/note.txt": "indexed",
    }  # fmt: skip
    report = bench.catalog.live_version(bench.catalog.resolve("a.eml").id)
    assert report is not None
    assert report.attachments == 1
    assert "The bull." in bench.found("bull")
    assert any("See the crane." in text for text in bench.found("crane"))


def test_a_bad_member_has_an_outcome_of_its_own_and_holds_nobody_up(bench: Bench) -> None:
    packed = zipped({"x.md": "The crane.", "bad.pdf": "%PDF-1.4 nope", "empty.md": ""})
    expected = {"a.zip": "indexed", "a.zip/x.md": "indexed", "a.zip/bad.pdf": "damaged", "a.zip/empty.md": "damaged"}
    assert add(bench, "a.zip", packed) == expected
    assert {record.name: record.state for record in bench.catalog.documents()} == expected
    assert add(bench, "a.zip", packed) == {
        "a.zip": "unchanged", "a.zip/x.md": "unchanged", "a.zip/bad.pdf": "damaged", "a.zip/empty.md": "damaged",
    }  # fmt: skip


def test_an_unchanged_container_is_not_read_and_nothing_in_it(bench: Bench) -> None:
    packed = zipped({"x.md": "The crane.", "in.zip": zipped({"y.md": "The bull."})})
    add(bench, "a.zip", packed)
    bench.parser.parsed.clear()
    assert set(add(bench, "a.zip", packed).values()) == {"unchanged"}
    assert bench.parser.parsed == []


def test_a_changed_container_changes_all_at_once_and_drops_what_is_not_in_it_any_more(bench: Bench) -> None:
    add(bench, "a.zip", zipped({"x.md": "Old crane.", "gone.md": "Old bull.", "same.md": "Old cow."}))
    old = {record.name: record.id for record in bench.catalog.documents()}
    bench.parser.parsed.clear()
    outcomes = add(bench, "a.zip", zipped({"x.md": "New crane.", "same.md": "Old cow.", "new.md": "New goat."}))
    assert outcomes == {
        "a.zip": "indexed", "a.zip/x.md": "indexed", "a.zip/same.md": "unchanged", "a.zip/new.md": "indexed",
    }  # fmt: skip
    assert "a.zip/same.md" not in bench.parser.parsed
    assert bench.found("crane bull cow goat") == {"New crane.", "Old cow.", "New goat."}
    new = {record.name: record.id for record in bench.catalog.documents()}
    assert new.keys() == {"a.zip", "a.zip/x.md", "a.zip/same.md", "a.zip/new.md"}
    assert {name: new[name] for name in ("a.zip", "a.zip/x.md", "a.zip/same.md")} == {
        name: old[name] for name in ("a.zip", "a.zip/x.md", "a.zip/same.md")
    }


def test_until_the_whole_container_is_ready_the_old_one_is_found(bench: Bench) -> None:
    add(bench, "a.zip", zipped({"x.md": "Old crane.", "y.md": "Old bull."}))
    seen: list[set[str]] = []
    bench.worker.before = lambda _: seen.append(bench.found("crane bull"))
    add(bench, "a.zip", zipped({"x.md": "New crane.", "y.md": long_text("bull")}))
    assert len(seen) > 3
    assert all(texts == {"Old crane.", "Old bull."} for texts in seen)


def test_removing_a_container_removes_what_is_inside(bench: Bench) -> None:
    add(bench, "a.zip", zipped({"x.md": "The crane.", "in.zip": zipped({"y.md": "The bull."}), "bad.pdf": "%PDF-1.4"}))
    bench.indexer.remove([bench.catalog.resolve("a.zip").id])
    assert bench.catalog.documents() == []
    assert bench.found("crane bull") == set()
    assert bench.stored() == 0


def test_a_member_of_a_removed_container_can_be_added_again(bench: Bench) -> None:
    packed = zipped({"x.md": "The crane."})
    add(bench, "a.zip", packed)
    bench.indexer.remove([bench.catalog.resolve("a.zip").id])
    assert add(bench, "a.zip", packed) == {"a.zip": "indexed", "a.zip/x.md": "indexed"}


def test_what_lies_deeper_than_two_files_is_refused_with_the_reason(bench: Bench) -> None:
    third = zipped({"third.md": "The goat."})
    first = zipped({"first.md": "The crane.", "1.zip": zipped({"second.md": "The bull.", "2.zip": third})})
    outcomes = {one.document: one for one in bench.run([incoming("a.zip", first)]) if isinstance(one, Added)}
    assert outcomes["a.zip/1.zip/second.md"].status == "indexed"
    assert outcomes["a.zip/1.zip/2.zip"].status == "indexed"
    deepest = outcomes["a.zip/1.zip/2.zip/third.md"]
    assert deepest.status == "unsupported"
    assert "deep" in deepest.reason
    assert bench.found("crane bull goat") == {"The crane.", "The bull."}


def test_a_container_that_is_damaged_now_keeps_all_that_it_had(bench: Bench) -> None:
    add(bench, "a.zip", zipped({"x.md": "The crane."}))
    assert add(bench, "a.zip", b"PK\x03\x04 nothing more")["a.zip"] == "damaged"
    assert bench.found("crane") == {"The crane."}
    assert bench.names() == {"a.zip", "a.zip/x.md"}


def test_a_member_whose_parser_dies_is_tried_again_and_then_fails_alone(bench: Bench) -> None:
    bench.parser.deaths = {"a.zip/p.md": 99, "a.zip/f.md": 2}
    outcomes = add(bench, "a.zip", zipped({"x.md": "The crane.", "p.md": "poison", "f.md": "fright"}))
    assert outcomes == {
        "a.zip": "indexed", "a.zip/x.md": "indexed", "a.zip/p.md": "failed", "a.zip/f.md": "indexed",
    }  # fmt: skip
    assert bench.parser.parsed.count("a.zip/p.md") == 3
    bench.parser.deaths.clear()
    again = add(bench, "a.zip", zipped({"x.md": "The crane.", "p.md": "poison", "f.md": "fright"}))
    assert again["a.zip/p.md"] == "indexed", "what failed is read again, though the container is the same"


def test_a_member_that_was_removed_stays_away_until_its_container_changes(bench: Bench) -> None:
    add(bench, "a.zip", zipped({"x.md": "The crane.", "y.md": "The bull."}))
    bench.indexer.remove([bench.catalog.resolve("a.zip/y.md").id])
    assert add(bench, "a.zip", zipped({"x.md": "The crane.", "y.md": "The bull."}))["a.zip"] == "unchanged"
    assert bench.found("bull crane") == {"The crane."}


def test_a_container_cancelled_in_the_middle_stays_as_it_was(bench: Bench) -> None:
    add(bench, "a.zip", zipped({"x.md": "Old crane.", "y.md": "Old bull."}))
    new = zipped({"x.md": "New crane.", "y.md": long_text("bull"), "z.md": "New goat."})
    outcomes = bench.run([incoming("a.zip", new)], cancelled=lambda: len(bench.worker.batches) > 3)
    assert {one.status for one in outcomes if isinstance(one, Added)} == {"cancelled"}
    assert bench.found("crane bull goat") == {"Old crane.", "Old bull."}
    assert bench.names() == {"a.zip", "a.zip/x.md", "a.zip/y.md"}


def test_a_container_removed_in_the_middle_is_not_resurrected(bench: Bench) -> None:
    add(bench, "a.zip", zipped({"x.md": "Old crane."}))
    top = bench.catalog.resolve("a.zip").id

    def remove(_: object) -> None:
        if len(bench.worker.batches) == 3:
            bench.indexer.remove([top])

    bench.worker.before = remove
    outcomes = add(bench, "a.zip", zipped({"x.md": "New crane.", "y.md": long_text("bull"), "b.pdf": "%PDF-1.4 nope"}))
    assert set(outcomes.values()) == {"cancelled"}
    assert bench.catalog.documents() == []
    assert bench.found("crane bull") == set()


def test_hundreds_of_members_become_visible_together(bench: Bench) -> None:
    seen: set[int] = set()
    bench.index.on_flush = lambda: seen.add(bench.catalog.totals()[0])
    outcomes = add(bench, "a.zip", zipped({f"{n}.md": f"The crane number {n}." for n in range(300)}))
    assert len(outcomes) == 301
    assert seen == {0}
    assert bench.catalog.totals() == (301, 300)
