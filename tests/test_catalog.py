"""The catalog: what is live, what it is called, and that nothing half-done is seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.catalog import Draft, Family, Refusal, Source, SqlCatalog
from ingest.catalog_rows import Entry
from ingest.records import VersionRecord
from rag.errors import AmbiguousName, UnknownName, UsageError
from rag.types import Document, Page, Section


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    opened = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    yield opened
    opened.close()


def add(catalog: SqlCatalog, path: str, *names: str, space: str = "default", live: bool = True) -> str:
    """Register a document, stage one version and make it live."""
    found = catalog.spaces.find(space) or catalog.spaces.add(space)
    document_id = catalog.register(found.id, Source.of_path(path), names)
    stage(catalog, document_id, 1)
    if live:
        flip(catalog, document_id, 1)
    return document_id


def flip(catalog: SqlCatalog, document_id: str, number: int) -> None:
    catalog.flip([Family(((document_id, number),))])


def stage(catalog: SqlCatalog, document_id: str, number: int, content_hash: str = "a" * 64) -> None:
    record = VersionRecord(
        document_id, number, content_hash, 10, "text/1", "c", "Title", None, 5, 3, ("w",), 0.1, "2026-01-01"
    )
    catalog.stage(record, Document("Title", "hello", "text/1", (Page(1, 0, 5, "i"),), (Section(0, "A > B"),)))


def test_the_default_space_is_there(catalog: SqlCatalog) -> None:
    assert [space.name for space in catalog.spaces.all()] == ["default"]


def test_a_staged_version_is_not_live_until_the_flip(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md", live=False)
    assert catalog.live([document_id]) == {}
    flip(catalog, document_id, 1)
    live = catalog.live([document_id, "unknown"])
    assert {key: (value.version, value.name, value.space) for key, value in live.items()} == {
        document_id: (1, "x.md", "default")
    }


def test_a_new_version_replaces_the_old_in_one_step(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    stage(catalog, document_id, 2)
    assert catalog.live([document_id])[document_id].version == 1
    assert catalog.dead_versions() == [(document_id, 2)]
    flip(catalog, document_id, 2)
    assert catalog.live([document_id])[document_id].version == 2
    assert catalog.dead_versions() == [(document_id, 1)]


def test_a_tombstone_hides_at_once_and_keeps_what_must_be_collected(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    catalog.tombstone([document_id])
    assert catalog.live([document_id]) == {}
    assert catalog.documents() == []
    assert catalog.totals() == (0, 0)
    assert catalog.dead_versions() == [(document_id, 1)]
    flip(catalog, document_id, 1)
    assert catalog.live([document_id]) == {}, "what was removed does not come back"


def test_adding_again_after_removal_is_a_new_document(catalog: SqlCatalog) -> None:
    first = add(catalog, "/a/x.md", "x.md")
    catalog.tombstone([first])
    second = add(catalog, "/a/x.md", "x.md")
    assert second != first
    assert [record.id for record in catalog.documents()] == [second]


def test_content_is_an_orphan_only_when_its_last_version_goes(catalog: SqlCatalog) -> None:
    one, two = add(catalog, "/a/x.md", "x.md"), add(catalog, "/a/y.md", "y.md")
    assert catalog.forget_versions([(one, 1)]) == []
    assert catalog.forget_versions([(two, 1)]) == ["a" * 64]


def test_the_parsed_document_comes_back_equal(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    parsed = catalog.parsed(document_id, 1)
    assert parsed == Document("Title", "hello", "text/1", (Page(1, 0, 5, "i"),), (Section(0, "A > B"),))


def test_a_taken_name_gets_parent_folders_in_front(catalog: SqlCatalog) -> None:
    add(catalog, "/a/x.md", "x.md", "a/x.md")
    add(catalog, "/b/x.md", "x.md", "b/x.md")
    assert [record.name for record in catalog.documents()] == ["b/x.md", "x.md"]


def test_the_same_name_in_two_spaces_is_ambiguous_without_the_space(catalog: SqlCatalog) -> None:
    add(catalog, "/a/x.md", "x.md")
    add(catalog, "/b/x.md", "x.md", space="Other")
    with pytest.raises(AmbiguousName, match=r"x\.md \(in Other\), x\.md \(in default\)"):
        catalog.resolve("x.md")
    assert catalog.resolve("x.md", "Other").space == "Other"


def test_an_unknown_name_says_how_to_see_the_names(catalog: SqlCatalog) -> None:
    with pytest.raises(UnknownName, match="footnote list"):
        catalog.resolve("nothing.pdf")


def test_match_prefers_the_whole_name_to_the_file_name(catalog: SqlCatalog) -> None:
    add(catalog, "/a/x.md", "x.md")
    add(catalog, "/a/sub/x.md", "sub/x.md")
    assert [record.name for record in catalog.match("x.md")] == ["x.md"]
    assert {record.name for record in catalog.match("elsewhere/x.md")} == {"x.md", "sub/x.md"}


def test_a_failed_attempt_keeps_the_old_version_live(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    catalog.note([(document_id, "damaged", "cut off")])
    record = catalog.document(document_id)
    assert record is not None
    assert (record.state, record.reason, record.live_version) == ("damaged", "cut off", 1)


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "x" * 101])
def test_bad_names_of_spaces_are_refused(catalog: SqlCatalog, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a space"):
        catalog.spaces.add(name)


def test_spaces_are_renamed_and_never_share_a_name(catalog: SqlCatalog) -> None:
    catalog.spaces.add("Old")
    assert catalog.spaces.rename("Old", "New").name == "New"
    with pytest.raises(UsageError, match="already"):
        catalog.spaces.add("New")
    with pytest.raises(UnknownName, match="There are: New, default"):
        catalog.spaces.named("Old")


def test_a_catalog_opens_again_with_all_it_had(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    first = SqlCatalog(url)
    document_id = add(first, "/a/x.md", "x.md")
    first.close()
    second = SqlCatalog(url)
    assert second.live([document_id])[document_id].name == "x.md"
    second.close()


def test_ten_thousand_ids_are_looked_up_at_once(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    assert set(catalog.live([f"id{n}" for n in range(10_000)] + [document_id])) == {document_id}


def test_the_migrations_make_what_the_schema_says(tmp_path: Path) -> None:
    import sqlalchemy as sa

    from ingest.schema import METADATA, open_engine

    engine = open_engine(f"sqlite:///{tmp_path / 'a.sqlite'}")
    migrated = sa.inspect(engine)
    plain = sa.create_engine(f"sqlite:///{tmp_path / 'b.sqlite'}")
    METADATA.create_all(plain)
    created = sa.inspect(plain)
    assert set(migrated.get_table_names()) - {"alembic_version"} == set(created.get_table_names())
    for table in created.get_table_names():
        wanted = {(c["name"], str(c["type"]), c["nullable"]) for c in created.get_columns(table)}
        assert {(c["name"], str(c["type"]), c["nullable"]) for c in migrated.get_columns(table)} == wanted
    engine.dispose()
    plain.dispose()


def test_removing_a_space_takes_its_documents_with_it_in_one_step(catalog: SqlCatalog) -> None:
    catalog.spaces.add("Other")
    gone, stays = add(catalog, "/a/x.md", "x.md", space="Other"), add(catalog, "/a/x.md", "x.md")
    assert catalog.spaces.remove("Other") == [gone]
    assert [space.name for space in catalog.spaces.all()] == ["default"]
    assert set(catalog.live([gone, stays])) == {stays}
    assert catalog.dead_versions() == [(gone, 1)]
    assert catalog.forget_versions([(gone, 1)]) == []
    assert catalog.totals() == (1, 3)


def test_a_document_without_an_outcome_is_not_seen(catalog: SqlCatalog) -> None:
    add(catalog, "/a/x.md", "x.md", live=False)
    assert catalog.documents() == []
    assert catalog.match("x.md") == []
    assert list(catalog.known(catalog.spaces.named("default").id, ["path:/a/x.md"])) == ["path:/a/x.md"]


def test_many_are_staged_at_once_each_under_a_name_of_its_own(catalog: SqlCatalog) -> None:
    add(catalog, "/a/x.md", "x.md")
    space = catalog.spaces.named("default").id
    entries = [
        Entry(space, Source.of_path("/a/x.md"), ("x.md",)),
        Entry(space, Source.of_path("/b/x.md"), ("x.md", "b/x.md")),
        Entry(space, Source.of_path("/b/b/x.md"), ("x.md", "b/x.md")),
        Entry("no space", Source.of_path("/c.md"), ("c.md",)),
    ]
    staged = catalog.stage_all([draft(entry) for entry in entries])
    assert [one and (one.name, one.number) for one in staged] == [("x.md", 2), ("b/x.md", 1), ("b/x.md (2)", 1), None]


def draft(entry: Entry) -> Draft:
    record = VersionRecord("", 0, "a" * 64, 10, "text/1", "c", "Title", None, 5, 3, (), 0.1, "2026-01-01")
    return Draft(entry, record, Document("Title", "hello", "text/1"))


def test_what_was_removed_meanwhile_is_not_staged_again(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    entry = Entry(catalog.spaces.named("default").id, Source.of_path("/a/x.md"), ("x.md",), None, document_id)
    catalog.tombstone([document_id])
    assert catalog.stage_all([draft(entry)]) == [None]
    assert catalog.flip([Family(refusals=(Refusal(entry, "damaged", "torn"),))]).refused == {}
    assert catalog.documents() == []


def test_a_flip_says_what_it_supersedes_and_what_came_too_late(catalog: SqlCatalog) -> None:
    one, two = add(catalog, "/a/x.md", "x.md"), add(catalog, "/a/y.md", "y.md")
    stage(catalog, one, 2)
    stage(catalog, two, 2)
    catalog.tombstone([two])
    flipped = catalog.flip([Family(((one, 2),)), Family(((two, 2),))])
    assert flipped.superseded == [(one, 1)]
    assert flipped.removed == {two}


def container(catalog: SqlCatalog, *inner: str) -> tuple[str, dict[str, str]]:
    """A container with documents inside it, all live; their ids."""
    space = catalog.spaces.named("default").id
    top = add(catalog, "/a/x.zip", "x.zip", live=False)
    members = {}
    for name in inner:
        entry = Entry(space, Source.of_member(top, name), (f"x.zip/{name}",), top)
        (staged,) = catalog.stage_all([draft(entry)])
        assert staged
        members[name] = staged.document_id
    catalog.flip([Family(((top, 1), *((member, 1) for member in members.values())))])
    return top, members


def test_what_a_new_version_does_not_contain_any_more_goes_in_the_same_step(catalog: SqlCatalog) -> None:
    top, inside = container(catalog, "a.md", "b.md", "c.md")
    stage(catalog, top, 2)
    stage(catalog, inside["a.md"], 2)
    catalog.flip([Family(((top, 2), (inside["a.md"], 2)), kept=frozenset([inside["b.md"]]))])
    assert {name for name, member in inside.items() if member in catalog.live(inside.values())} == {"a.md", "b.md"}


def test_removing_a_container_removes_what_is_inside(catalog: SqlCatalog) -> None:
    top, inside = container(catalog, "a.md", "b.md")
    assert set(catalog.tombstone([top])) == {top, *inside.values()}
    assert catalog.live([top, *inside.values()]) == {}


def test_of_a_removed_container_nothing_becomes_live(catalog: SqlCatalog) -> None:
    top, _ = container(catalog, "a.md")
    space = catalog.spaces.named("default").id
    new, late, torn = (
        Entry(space, Source.of_member(top, name), (f"x.zip/{name}",), top) for name in ("new.md", "late.md", "torn.md")
    )
    stage(catalog, top, 2)
    (staged,) = catalog.stage_all([draft(new)])
    assert staged
    catalog.tombstone([top])
    assert catalog.stage_all([draft(late)]) == [None]
    flipped = catalog.flip([Family(((top, 2), (staged.document_id, 1)), (Refusal(torn, "damaged", "torn"),))])
    assert flipped.removed == {top, staged.document_id}
    assert flipped.refused == {}
    assert catalog.documents() == []
    catalog.forget_versions(catalog.dead_versions())
    catalog.forget_removed()
    assert catalog.known(space, [new.source.key]) == {}


def test_what_no_text_column_can_hold_is_replaced(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "a\x00b\ud800.md")
    catalog.note([(document_id, "damaged", "NUL \x00")])
    (record,) = catalog.documents()
    assert (record.name, record.reason) == ("a\ufffdb\ufffd.md", "NUL \ufffd")
    assert catalog.match("a\x00b\ud800.md") == [record]


def test_a_name_is_found_whatever_a_pattern_would_make_of_it(catalog: SqlCatalog) -> None:
    add(catalog, "/a/100%_x.md", "in/100%_x.md")
    add(catalog, "/a/100AAx.md", "in/100AAx.md")
    assert [record.name for record in catalog.match("100%_x.md")] == ["in/100%_x.md"]
    assert catalog.match("100%_X.md") == []


def test_what_reads_first_and_writes_then_waits_for_its_turn(catalog: SqlCatalog) -> None:
    """Eight threads enter the same and other sources: nobody fails, and each source is one document."""
    space = catalog.spaces.named("default").id
    found: list[dict[str, str]] = [{} for _ in range(8)]

    def enter(mine: dict[str, str]) -> None:
        for n in range(20):
            mine[f"/a/{n}.md"] = catalog.register(space, Source.of_path(f"/a/{n}.md"), ("x.md",))

    threads = [threading.Thread(target=enter, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == found[0] for mine in found)
    assert len(set(found[0].values())) == 20
    catalog.note((one, "damaged", "") for one in found[0].values())
    assert len({record.name for record in catalog.documents()}) == 20


def test_a_reader_sees_one_state_and_waits_for_no_writer(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    with catalog.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE documents SET state = 'damaged'")
        assert list(catalog.live([document_id])) == [document_id]
