"""The library adds through jobs: what its faces see of them, over a real index."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import job_runner
from ingest.library import open_library
from ingest.records import Added, Progress, Started, Where
from rag.errors import ModelFilesMissing, NotReady, UnknownName, UsageError
from tests.conftest import REPOSITORY, settings_for
from tests.quick_library import QuickLibrary, TouchyParser, open_quick


@pytest.fixture
def library(tmp_path: Path) -> Iterator[QuickLibrary]:
    with open_quick(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.md").write_text("# Leave\n\nEverybody has 25 days of leave.\n")
    (folder / "b.txt").write_text("Travel costs are paid back within 14 days.\n")
    return folder


def statuses(events: Iterator[Started | Progress | Added]) -> dict[str, str]:
    return {event.document: event.status for event in events if isinstance(event, Added)}


def parser_of(library: QuickLibrary) -> TouchyParser:
    parser = library._parser
    assert isinstance(parser, TouchyParser)
    return parser


def test_add_says_its_job_first_then_progress_and_an_outcome_a_file_with_its_report(
    library: QuickLibrary, papers: Path
) -> None:
    events = list(library.add([papers]))
    assert isinstance(events[0], Started)
    assert events[1] == Progress("", "files", 0, 2)
    outcomes = [event for event in events if isinstance(event, Added)]
    assert {one.document: one.status for one in outcomes} == {"a.md": "indexed", "b.txt": "indexed"}
    assert [one.version.coverage for one in outcomes if one.version] == [1.0, 1.0]
    assert library.search("days of leave", Where(), 1)[0].document == "a.md"
    assert library.jobs()[0].id == events[0].job
    assert statuses(library.add([papers])) == {"a.md": "unchanged", "b.txt": "unchanged"}


def test_what_is_not_there_is_said_at_once_and_makes_no_job(library: QuickLibrary, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        library.submit([tmp_path / "nowhere"])
    assert library.jobs() == []
    with pytest.raises(UnknownName):
        library.follow("nothing")


def test_the_job_does_not_end_where_nobody_listens_any_more(library: QuickLibrary, papers: Path) -> None:
    events = library.add([papers])
    next(events)
    del events
    assert statuses(library.follow(library.jobs()[0].id)) == {"a.md": "indexed", "b.txt": "indexed"}


def test_an_upload_is_indexed_and_its_original_kept_once(library: QuickLibrary) -> None:
    assert statuses(library.upload("a.md", b"# Leave\n\nFive days.\n")) == {"a.md": "indexed"}
    record = library.documents()[0]
    assert library.original(record.id, record.live_version or 0) == b"# Leave\n\nFive days.\n"
    assert statuses(library.upload("a.md", b"# Leave\n\nSix days.\n")) == {"a.md": "indexed"}
    assert sum(path.is_file() for path in library._originals._folder.rglob("*")) == 1


def test_the_original_of_a_refused_upload_is_not_kept(library: QuickLibrary) -> None:
    assert statuses(library.upload("a.pdf", b"%PDF-1.7\nbroken")) == {"a.pdf": "damaged"}
    assert not any(path.is_file() for path in library._originals._folder.rglob("*"))


def test_two_adds_of_one_file_at_once_end_as_one_document(library: QuickLibrary, papers: Path) -> None:
    parser_of(library).delay = 0.2
    jobs = [library.submit([papers / "a.md"]) for _ in range(3)]
    ended = [statuses(library.follow(job))["a.md"] for job in jobs]
    assert sorted(ended) == ["indexed", "unchanged", "unchanged"]
    assert [record.name for record in library.documents()] == ["a.md"]
    assert len(library.search("days of leave", Where(), 10)) == 1


def test_cancelled_in_the_middle_the_old_version_stays_live(library: QuickLibrary, papers: Path) -> None:
    list(library.add([papers]))
    (papers / "a.md").write_text("# Leave\n\nEverybody has 30 days of leave.\n")
    parser_of(library).delay = 0.5
    parser_of(library).parsed.clear()
    job = library.submit([papers / "a.md"])
    while not parser_of(library).parsed:
        time.sleep(0.01)
    record = library.cancel_job(job)
    assert (record.state, record.files, record.failed) == ("cancelled", 1, 1)
    assert "25 days" in library.search("days of leave", Where(), 1)[0].text
    parser_of(library).delay = 0.0
    library.retry_job(job)
    assert statuses(library.follow(job)) == {"a.md": "indexed"}
    assert "30 days" in library.search("days of leave", Where(), 1)[0].text


def test_a_document_removed_while_it_is_indexed_does_not_come_back(library: QuickLibrary, papers: Path) -> None:
    list(library.add([papers]))
    (papers / "a.md").write_text("# Leave\n\nEverybody has 30 days of leave.\n")
    parser_of(library).delay = 0.5
    parser_of(library).parsed.clear()
    job = library.submit([papers / "a.md"])
    while not parser_of(library).parsed:
        time.sleep(0.01)
    library.remove(["a.md"])
    assert statuses(library.follow(job)) == {"a.md": "cancelled"}
    assert [record.name for record in library.documents()] == ["b.txt"]
    assert library.search("days of leave", Where(), 10)[0].document == "b.txt"


def test_a_space_removed_while_it_is_filled_ends_its_jobs(library: QuickLibrary, papers: Path) -> None:
    parser_of(library).delay = 0.3
    job = library.submit([papers], "Team")
    while not parser_of(library).parsed:
        time.sleep(0.01)
    library.remove_space("Team")
    assert set(statuses(library.follow(job)).values()) <= {"cancelled", "indexed"}
    assert library.documents() == []
    assert library.status().spaces == 1


def test_a_parser_that_dies_leaves_the_others_alone_and_is_quarantined(
    library: QuickLibrary, papers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "LONGEST_WAIT", 0.0)
    (papers / "aa.md").write_text("deadly\n")
    job = library.submit([papers])
    assert statuses(library.follow(job)) == {"a.md": "indexed", "aa.md": "failed", "b.txt": "indexed"}
    assert [(file.attempts, file.quarantined) for file in library.job(job)[1]] == [(0, False), (3, True), (0, False)]
    assert parser_of(library).parsed.count("aa.md") == 3
    assert library.document("aa.md")[0].state == "failed"


def test_closing_in_the_middle_takes_little_time_and_the_job_goes_on(tmp_path: Path, papers: Path) -> None:
    with open_quick(tmp_path / "data", delay=1.0) as library:
        job = library.submit([papers])
        while not parser_of(library).parsed:
            time.sleep(0.01)
        failed: list[str] = []

        def listen() -> None:
            try:
                list(library.follow(job))
            except NotReady as error:
                failed.append(str(error))

        listener = threading.Thread(target=listen)
        listener.start()
        started = time.monotonic()
    assert time.monotonic() - started < 50
    listener.join(5)
    assert "next start" in failed[0]
    with open_quick(tmp_path / "data") as library:
        assert library.status().jobs == 1
        assert {file.status for file in library.job(job)[1]} <= {"", "indexed"}
        library.start()
        assert statuses(library.follow(job)) == {"a.md": "indexed", "b.txt": "indexed"}
        assert library.status().jobs == 0


def test_without_models_a_job_that_was_left_is_not_tried_but_said(tmp_path: Path, papers: Path) -> None:
    with open_quick(tmp_path / "data", delay=1.0) as small:
        job = small.submit([papers])
    settings = settings_for(tmp_path / "data", models=tmp_path / "none")
    library = open_library(settings)
    assert library is not None
    with library:
        for begin in (lambda: library.follow(job), lambda: library.submit([papers]), library.start):
            with pytest.raises(ModelFilesMissing):
                begin()
        assert [(one.id, one.state) for one in library.jobs()] == [(job, "queued")]


def test_listing_and_searching_do_not_start_the_queue(library: QuickLibrary) -> None:
    library.documents()
    library.jobs()
    library.search("x", Where(), 1)
    library.status()
    assert "_jobs" not in library.__dict__


def test_listing_imports_neither_the_queue_nor_a_model(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from tests.quick_library import open_quick\n"
        "from pathlib import Path\n"
        f"with open_quick(Path({str(tmp_path / 'data')!r})) as library:\n"
        "    library.documents(), library.jobs(), library.status()\n"
        "print([name for name in ('dbos', 'onnxruntime', 'torch', 'pypdfium2') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"
