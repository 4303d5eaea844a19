"""The catalog in PostgreSQL: its own tests and those of indexing once more, and a whole library over it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from ingest.catalog import Source, SqlCatalog
from ingest.schema import METADATA, open_engine
from tests.conftest import REPOSITORY
from tests.indexing_bench import Bench
from tests.postgres import NewDatabase, postgresql
from tests.small_library import SmallLibrary
from tests.socket_guard import watched_sockets
from tests.stored import Store
from tests.test_catalog import *  # noqa: F403 - all of them, with the fixtures below
from tests.test_indexing import *  # noqa: F403

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def new_database() -> Iterator[NewDatabase]:
    with postgresql() as make:
        yield make


@pytest.fixture(name="catalog")
def catalog_in_postgresql(new_database: NewDatabase) -> Iterator[SqlCatalog]:
    opened = SqlCatalog(new_database())
    yield opened
    opened.close()


@pytest.fixture(name="bench")
def bench_over_postgresql(new_database: NewDatabase, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, url=new_database())
    yield made
    made.close()


def test_the_migrations_go_up_and_down(new_database: NewDatabase) -> None:
    engine = open_engine(new_database())
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        config = Config()
        config.set_main_option("script_location", str(REPOSITORY / "ingest" / "migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(config, "head")
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_many_open_a_new_database_at_once(new_database: NewDatabase) -> None:
    url = new_database()
    wrong: list[BaseException] = []

    def open_it() -> None:
        try:
            SqlCatalog(url).close()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must say it
            wrong.append(error)

    openers = [threading.Thread(target=open_it) for _ in range(5)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert wrong == []


def test_an_address_without_a_driver_is_understood(new_database: NewDatabase) -> None:
    catalog = SqlCatalog(new_database().replace("postgresql+psycopg", "postgresql"))
    assert catalog.spaces.named("default")
    catalog.close()


def test_two_processes_that_add_one_file_make_one_document(new_database: NewDatabase) -> None:
    """Two catalogs over one database stand for two processes."""
    url = new_database()
    first, second = SqlCatalog(url), SqlCatalog(url)
    space = first.spaces.named("default").id
    found: set[str] = set()
    wrong: list[BaseException] = []

    def register(catalog: SqlCatalog) -> None:
        try:
            for n in range(30):
                found.add(catalog.register(space, Source.of_path(f"/papers/{n}.md"), [f"{n}.md"]))
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    adders = [threading.Thread(target=register, args=(one,)) for one in (first, second, first, second)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    assert wrong == []
    assert len(found) == 30
    first.close()
    second.close()


def test_a_library_over_postgresql(new_database: NewDatabase, tmp_path: Path) -> None:
    """Add, change, refuse, remove, search, doctor and rebuild; nothing but loopback is spoken to."""
    url = new_database().replace("postgresql+psycopg", "postgresql")
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "a.md").write_text("The crane is yellow and \u202e odd.")
    (papers / "b.md").write_text("The heron is green.")
    (papers / "c.pdf").write_bytes(b"%PDF-1.7 nonsense")
    with watched_sockets() as foreign:
        with SmallLibrary(tmp_path / "data", database_url=url) as library:
            assert library.outcomes(papers) == {"a.md": "indexed", "b.md": "indexed", "c.pdf": "damaged"}
            (papers / "b.md").write_text("The heron is blue.")
            assert library.outcomes(papers)["b.md"] == "indexed"
            assert library.found("heron blue") == ["b.md", "a.md"]
            library.add_space("other")
            library.upload("x.txt", b"The ibis is red.", "other")
            library.remove(["a.md"])
            assert "a.md" not in library.found("crane yellow")
            assert library.doctor() == []
            *_, made = library.rebuild()
            assert library.doctor(repair=True) == []
        with SmallLibrary(tmp_path / "data", database_url=url) as library:
            assert library.found("heron blue")[0] == "b.md"
            assert library.status().documents == made.documents  # type: ignore[union-attr]
            library.remove_space("other")
            assert library.doctor() == []
    assert foreign == []
    assert not (tmp_path / "data" / "catalog.sqlite").exists()


def test_the_doctor_over_postgresql(new_database: NewDatabase, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    store = Store(tmp_path / "data", new_database())
    document = store.put("a.txt")
    store.catalog.tombstone([store.put("b.txt", "The heron is green.")])
    assert store.index is not None
    store.index.delete(document)
    with store.catalog.engine.begin() as connection:
        connection.execute(sa.text("insert into ocr_pages values ('ff', 1, 'engine', 'secret')"))
    assert sorted(one.kind for one in store.examine()) == ["missing", "orphaned", "orphaned"]
    assert all(one.repaired for one in store.examine(repair=True))
    assert store.examine() == []
    store.close()
