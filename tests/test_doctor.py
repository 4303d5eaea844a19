"""The doctor finds exactly the damage that was done by hand, mends it, and finds nothing afterwards."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import qdrant_edge as edge

from ingest.doctor_books import VersionKey
from ingest.points import point_id
from ingest.records import Finding
from rag.errors import IndexUnavailable
from rag.index_edge import EdgeIndex
from rag.types import Chunk, Document, Point
from tests.stored import PARAGRAPHS, Store

OTHER = "\n\n".join(f"Something else, number {n}, stands in this other paper of ours today." for n in range(5))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "data")
    (tmp_path / "data").mkdir(exist_ok=True)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()


def kinds(findings: list[Finding]) -> list[tuple[str, str]]:
    return sorted((one.kind, one.subject) for one in findings)


def points_of(store: Store, document: str) -> list[str]:
    assert store.index is not None
    return [key.id for key in store.index.inventory() if key.document_id == document]


def shard(store: Store) -> edge.EdgeShard:
    assert isinstance(store.index, EdgeIndex)
    return store.index._shard


def delete_all_points(store: Store, document: str) -> None:
    assert store.index is not None
    store.index.delete(document)


def delete_one_point(store: Store, document: str) -> None:
    assert store.index is not None
    store.index.delete_points([point_id(document, 1, 2)])


def tear_one_point(store: Store, document: str) -> None:
    shard(store).update(edge.UpdateOperation.clear_payload([point_id(document, 1, 2)]))


def tear_half_a_payload(store: Store, document: str) -> None:
    shard(store).update(edge.UpdateOperation.delete_payload([point_id(document, 1, 0)], ["text", "section"]))


def change_a_document_id(store: Store, document: str) -> None:
    shard(store).update(edge.UpdateOperation.set_payload([point_id(document, 1, 1)], {"ordinal": 99}))


def add_a_point(store: Store, document: str) -> None:
    assert store.index is not None
    store.index.upsert([foreign(document, 1, store.space)])


def move_to_another_space(store: Store, document: str) -> None:
    shard(store).update(edge.UpdateOperation.set_payload([point_id(document, 1, 1)], {"space": "elsewhere"}))


def shorten_the_text(store: Store, document: str) -> None:
    store.sql("update versions set parsed = (select parsed from versions where document_id != ?) where document_id = ?",
              document, document)  # fmt: skip


def garble_the_text(store: Store, document: str) -> None:
    store.sql("update versions set parsed = ? where document_id = ?", b"not zlib at all", document)


def count_wrong(store: Store, document: str) -> None:
    store.sql("update versions set chunks = chunks - 1 where document_id = ?", document)


def say_that_the_text_is_short(store: Store, document: str) -> None:
    store.sql("update versions set characters = 100 where document_id = ?", document)


def lose_the_index(store: Store, document: str) -> None:
    assert store.index is not None
    store.index.close()
    shutil.rmtree(store.folder / "index")
    store.index = None


def foreign(document: str, version: int, space: str) -> Point:
    vector = (1.0,) + (0.0,) * 511
    return Point(str(uuid.uuid4()), document, version, space, Chunk(0, 0, 5, "ghost"), vector)


Damage = Callable[[Store, str], None]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (delete_all_points, [("missing", "a.txt")]),
        (delete_one_point, [("wrong count", "a.txt")]),
        (tear_one_point, [("torn", "a.txt")]),
        (tear_half_a_payload, [("torn", "a.txt")]),
        (change_a_document_id, [("torn", "a.txt")]),
        (add_a_point, [("wrong count", "a.txt")]),
        (move_to_another_space, [("torn", "a.txt")]),
        (shorten_the_text, [("unreadable", "text of a.txt")]),
        (garble_the_text, [("unreadable", "text of a.txt")]),
        (count_wrong, [("wrong count", "a.txt")]),
        (say_that_the_text_is_short, [("unreadable", "a.txt"), ("unreadable", "text of a.txt")]),
        (lose_the_index, [("missing", "a.txt"), ("missing", "b.txt")]),
    ],
)
def test_a_damaged_document_is_found_and_indexed_anew(
    store: Store, damage: Damage, expected: list[tuple[str, str]]
) -> None:
    document = store.put("a.txt")
    store.put("b.txt", OTHER)
    assert store.examine() == []
    damage(store, document)
    found = store.examine()
    assert kinds(found) == expected
    assert all(one.repairable and not one.repaired for one in found)
    assert store.examine() == found  # looking changes nothing
    mended = store.examine(repair=True)
    assert kinds(mended) == expected
    assert all(one.repaired for one in mended)
    assert store.examine() == []
    assert store.index is not None
    whole = store.catalog.live_version(document)
    assert whole is not None
    assert store.index.count(document) == whole.chunks == 8
    parsed = store.catalog.parsed(document, whole.number)
    assert parsed is not None
    assert parsed.text == PARAGRAPHS


def test_points_of_nobody_are_extra_and_go(store: Store) -> None:
    document = store.put("a.txt")
    assert store.index is not None
    store.index.upsert([foreign("gone-long-ago", 3, store.space), foreign(document, 7, store.space)])
    found = store.examine()
    assert kinds(found) == [("extra", "a.txt"), ("extra", "document gone-long-ago")]
    assert "version 7" in found[0].detail + found[1].detail
    assert all(one.repaired for one in store.examine(repair=True))
    assert store.index.count() == 8
    assert store.examine() == []


def test_torn_points_of_nobody_go(store: Store) -> None:
    store.put("a.txt")
    assert store.index is not None
    ghost = foreign("x", 1, store.space)
    store.index.upsert([ghost])
    shard(store).update(edge.UpdateOperation.clear_payload([ghost.id]))
    assert kinds(store.examine()) == [("torn", "the index")]
    store.examine(repair=True)
    assert store.examine() == []
    assert store.index.count() == 8


def test_a_dead_version_is_collected_unless_it_is_being_written(store: Store) -> None:
    document = store.put("a.txt")
    number = store.stage(document, Document("a", OTHER, "test/1"), store.originals.put(OTHER.encode()))
    assert kinds(store.examine()) == [("orphaned", f"a.txt, version {number}")]
    store.catalog.in_flight.add((document, number))
    assert store.examine() == []
    store.catalog.in_flight.clear()
    assert [one.repaired for one in store.examine(repair=True)] == ["It was collected."]
    assert store.examine() == []
    assert store.index is not None
    assert store.index.count() == 8
    assert sum(path.is_file() for path in (store.folder / "originals").rglob("*")) == 1


def test_a_tombstone_is_collected(store: Store) -> None:
    store.put("a.txt")
    store.catalog.tombstone([store.put("b.txt", OTHER)])
    assert kinds(store.examine()) == [("orphaned", "b.txt")]
    store.examine(repair=True)
    assert store.examine() == []
    assert store.index is not None
    assert store.index.count() == 8


def test_a_version_without_its_document_is_deleted_with_its_points(store: Store) -> None:
    document = store.put("a.txt")
    store.sql("delete from documents where id = ?", document)
    assert kinds(store.examine()) == [("orphaned", f"document {document}, version 1")]
    store.examine(repair=True)
    assert store.examine() == []
    assert store.index is not None
    assert store.index.count() == 0
    assert not list((store.folder / "originals").rglob("?" * 64))


def test_a_lost_report_leaves_nothing_to_find(store: Store) -> None:
    document = store.put("a.txt")
    store.sql("delete from versions where document_id = ?", document)
    found = store.examine()
    assert [one.kind for one in found if one.subject == "a.txt"] == ["missing", "extra"]
    store.examine(repair=True)
    assert store.examine() == []
    record = store.catalog.document(document)
    assert record is not None
    assert (record.state, record.live_version) == ("failed", None)
    assert "Add the file again" in record.reason


def test_a_member_without_its_container_is_removed(store: Store) -> None:
    container = store.put("mail.eml")
    member = store.put("mail.eml/a.txt", OTHER, container=container)
    assert store.examine() == []
    store.catalog.tombstone([container])
    assert ("orphaned", "mail.eml/a.txt") in kinds(store.examine())
    store.examine(repair=True)
    assert store.examine() == []
    assert store.catalog.document(member) is None


@pytest.mark.parametrize("damage", ["gone", "cut off", "changed"])
def test_a_lost_original_is_stored_again_from_where_it_was_added(store: Store, tmp_path: Path, damage: str) -> None:
    document = store.put("a.txt", path=tmp_path / "a.txt")
    spoil(store.original(document), damage)
    found = store.examine()
    assert kinds(found) == [("missing" if damage == "gone" else "unreadable", "file of a.txt")]
    mended = store.examine(repair=True)
    assert [str(tmp_path / "a.txt") in one.repaired for one in mended] == [True]
    assert store.examine() == []
    assert store.original(document).read_text() == PARAGRAPHS


def spoil(original: Path, damage: str) -> None:
    data = original.read_bytes()
    original.unlink()
    if damage == "cut off":
        original.write_bytes(data[:-10])
    elif damage == "changed":
        original.write_bytes(b"X" + data[1:])


def test_an_original_that_nothing_brings_back_is_said_and_the_text_stays(store: Store, tmp_path: Path) -> None:
    document = store.put("a.txt", path=tmp_path / "a.txt")
    store.original(document).unlink()
    (tmp_path / "a.txt").write_text("It has another text now.")
    (left,) = store.examine(repair=True)
    assert (left.kind, left.subject, left.repairable, left.repaired) == ("missing", "file of a.txt", False, "")
    assert "add the file anew" in left.detail
    assert store.catalog.live_version(document) is not None


def test_without_original_and_points_a_document_is_indexed_from_its_text(store: Store) -> None:
    document = store.put("a.txt")
    store.original(document).unlink()
    delete_all_points(store, document)
    left = store.examine(repair=True)
    assert [one.subject for one in left if one.repaired] == ["a.txt"]
    assert store.index is not None
    assert store.index.count(document) == 8


def test_where_original_and_text_are_lost_the_document_is_given_up_only_by_repair(store: Store) -> None:
    document = store.put("a.txt")
    store.original(document).unlink()
    garble_the_text(store, document)
    assert len(store.examine()) == 2
    assert store.catalog.live([document])
    assert all(one.repaired for one in store.examine(repair=True))
    assert store.catalog.live([document]) == {}
    assert store.examine() == []


def test_files_that_nobody_needs_are_deleted(store: Store) -> None:
    store.put("a.txt")
    originals = store.folder / "originals"
    content = store.originals.put(b"nobody's")
    (originals / "ab").mkdir(exist_ok=True)
    (originals / "ab" / "tmpx1y2.part").write_bytes(b"half")
    (originals / "notes.txt").write_text("mine")
    (originals / "link").symlink_to("/etc/passwd")
    assert kinds(store.examine()) == [
        ("extra", "file link"),
        ("extra", "file notes.txt"),
        ("extra", f"stored file {content[:12]}…"),
        ("torn", "file tmpx1y2.part"),
    ]
    store.examine(repair=True)
    assert store.examine() == []
    assert Path("/etc/passwd").exists()


def test_what_a_job_is_to_read_is_needed_and_missed(store: Store) -> None:
    content = store.originals.put(b"on its way")
    store.sql(
        "insert into jobs (id, space_id, space, label, state, cancelling, problem, created_at, ended_at)"
        " values ('j1', 's', 'default', 'x', 'queued', 0, '', '', '')"
    )
    store.sql(
        "insert into job_files (job_id, ordinal, source, names, content_hash, document, status, reason, chunks,"
        " document_id, attempts, quarantined) values ('j1', 0, 'upload:x', '[]', ?, 'x.txt', '', '', 0, '', 0, 0)",
        content,
    )
    assert store.examine() == []
    store.originals.delete(content)
    assert kinds(store.examine()) == [("orphaned", "x.txt")]
    assert all(one.repaired for one in store.examine(repair=True))
    assert store.examine() == []


def test_recognised_text_of_nothing_is_deleted(store: Store) -> None:
    store.put("a.txt")
    store.sql("insert into ocr_pages values ('ff', 1, 'engine', 'secret')")
    assert [one.kind for one in store.examine()] == ["orphaned"]
    store.examine(repair=True)
    assert store.examine() == []


def test_other_generations_are_deleted_once_nobody_makes_them(store: Store) -> None:
    store.put("a.txt")
    name = store.generations.begin()
    EdgeIndex(store.folder / "index" / name, store.embedder.fingerprint).close()
    assert store.examine() == []
    store.generations.end(name)
    (store.folder / "index" / "shard.new").mkdir()
    assert kinds(store.examine()) == [("extra", f"index {name}"), ("extra", "index/shard.new")]
    store.examine(repair=True)
    assert store.examine() == []
    assert {path.name for path in (store.folder / "index").iterdir()} == {"shard", "fingerprint.json"}


def test_what_cannot_be_indexed_anew_is_left_with_the_reason(store: Store) -> None:
    document = store.put("a.txt")
    delete_one_point(store, document)
    store.unable = "The embedding model is missing."
    (left,) = store.examine(repair=True)
    assert (left.kind, left.repairable, left.repaired) == ("wrong count", True, "")
    assert "The embedding model is missing." in left.detail
    store.unable = ""
    assert store.examine(repair=True)[0].repaired
    assert store.examine() == []


def test_an_index_that_cannot_be_opened_is_unreadable_and_the_rest_is_examined(store: Store, tmp_path: Path) -> None:
    document = store.put("a.txt", path=tmp_path / "a.txt")
    store.original(document).unlink()

    store.broken = IndexUnavailable("The index cannot be opened.", "`footnote rebuild` makes it anew.")
    found = store.examine()
    assert kinds(found) == [("missing", "file of a.txt"), ("unreadable", "the index")]
    assert [one.repairable for one in found if one.subject == "the index"] == [False]
    assert [one.subject for one in store.examine(repair=True) if not one.repaired] == ["the index"]


def test_what_is_seen_only_once_was_just_being_changed(store: Store) -> None:
    document = store.put("a.txt")
    store.stage(document, Document("a", OTHER, "test/1"), store.originals.put(OTHER.encode()))

    class Collecting(set[VersionKey]):
        """What a job is writing: when it is asked for a second time, the job has done with it."""

        def copy(self) -> set[VersionKey]:
            looks.append(1)
            return {(document, 2)} if len(looks) > 1 else set()

    looks: list[int] = []
    store.catalog.in_flight = Collecting()
    assert store.examine() == []
    assert len(looks) == 2


def test_a_broken_chunk_end_is_not_hidden_by_a_right_count(store: Store) -> None:
    document = store.put("a.txt")
    assert store.index is not None
    points = points_of(store, document)
    store.index.delete_points([point_id(document, 1, 3)])
    store.index.upsert([replace(foreign(document, 1, store.space), chunk=Chunk(3, 0, 5, "ghost"))])
    assert len(points_of(store, document)) == len(points)
    assert kinds(store.examine()) == [("torn", "a.txt")]
    store.examine(repair=True)
    assert store.examine() == []
    assert store.index.count(document) == 8
