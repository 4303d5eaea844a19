"""The queue and the rows of jobs in PostgreSQL, beside the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest import job_runner
from tests.job_fakes import bench, write
from tests.postgres import NewDatabase, postgresql

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def new_database() -> Iterator[NewDatabase]:
    with postgresql() as make:
        yield make


def test_jobs_run_wait_and_go_on_in_postgresql(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "LONGEST_WAIT", 0.0)
    url = new_database()
    papers = tmp_path / "papers"
    write(papers, {"a.txt": "one", "b.txt": "die", "c.txt": "wait"})
    with bench(tmp_path / "data", url=url) as desk:
        job = desk.submit(papers)
        assert desk.indexer.waiting.wait(20)
    with bench(tmp_path / "data", failures=1, url=url) as desk:
        desk.indexer.go.set()
        assert desk.outcomes(job) == {"a.txt": "indexed", "b.txt": "failed", "c.txt": "indexed"}
        assert desk.store.files(job)[1].quarantined
        assert [one.id for one in desk.desk.jobs(5)] == [job]
        upload = desk.desk.submit_uploads([("x.txt", b"one"), ("y.txt", b"bad")], desk.space)
        assert desk.outcomes(upload) == {"x.txt": "indexed", "y.txt": "damaged"}
        schemas = sa.inspect(desk.catalog.engine).get_schema_names()
    assert "footnote_jobs" in schemas
    assert not (tmp_path / "data" / "jobs.sqlite").exists()
