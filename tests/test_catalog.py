"""The catalog: what is live, what it is called, and that nothing half-done is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.catalog import Source, SqlCatalog
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
        catalog.flip([(document_id, 1)])
    return document_id


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
    catalog.flip([(document_id, 1)])
    live = catalog.live([document_id, "unknown"])
    assert {key: (value.version, value.name, value.space) for key, value in live.items()} == {
        document_id: (1, "x.md", "default")
    }


def test_a_new_version_replaces_the_old_in_one_step(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    stage(catalog, document_id, 2)
    assert catalog.live([document_id])[document_id].version == 1
    assert catalog.dead_versions() == [(document_id, 2)]
    catalog.flip([(document_id, 2)])
    assert catalog.live([document_id])[document_id].version == 2
    assert catalog.dead_versions() == [(document_id, 1)]


def test_a_tombstone_hides_at_once_and_keeps_what_must_be_collected(catalog: SqlCatalog) -> None:
    document_id = add(catalog, "/a/x.md", "x.md")
    catalog.tombstone([document_id])
    assert catalog.live([document_id]) == {}
    assert catalog.documents() == []
    assert catalog.totals() == (0, 0)
    assert catalog.dead_versions() == [(document_id, 1)]
    catalog.flip([(document_id, 1)])
    assert catalog.live([document_id]) == {}, "what was removed does not come back"


def test_adding_again_after_removal_is_a_new_document(catalog: SqlCatalog) -> None:
    first = add(catalog, "/a/x.md", "x.md")
    catalog.tombstone([first])
    second = add(catalog, "/a/x.md", "x.md")
    assert second != first
    assert [record.id for record in catalog.documents()] == [second]


def test_content_is_an_orphan_only_when_its_last_version_goes(catalog: SqlCatalog) -> None:
    one, two = add(catalog, "/a/x.md", "x.md"), add(catalog, "/a/y.md", "y.md")
    assert catalog.forget_version(one, 1) is None
    assert catalog.forget_version(two, 1) == "a" * 64


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
    catalog.note_outcome(document_id, "damaged", "cut off")
    record = catalog.document(document_id)
    assert record is not None
    assert (record.state, record.reason, record.live_version) == ("damaged", "cut off", 1)


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "x" * 101])
def test_bad_names_of_spaces_are_refused(catalog: SqlCatalog, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a space"):
        catalog.spaces.add(name)


def test_spaces_are_renamed_and_removed_when_empty(catalog: SqlCatalog) -> None:
    catalog.spaces.add("Old")
    assert catalog.spaces.rename("Old", "New").name == "New"
    with pytest.raises(UsageError, match="already"):
        catalog.spaces.add("New")
    add(catalog, "/a/x.md", "x.md", space="New")
    with pytest.raises(UsageError, match="still has documents"):
        catalog.spaces.remove("New")
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
