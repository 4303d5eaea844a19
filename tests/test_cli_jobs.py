"""Jobs in the terminal: handed over, shown, cancelled in the middle, tried again; and the report of a document."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ingest.records import JobRecord
from rag.errors import AmbiguousName
from tests.documents import pdf
from tests.test_reports import JOB
from tests.test_serving import FOOTNOTE, Serving, environment, free_port
from ui.cli_jobs import _found
from ui.face import Face

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PATIENCE = 300.0
BROKEN = b"%PDF-1.7\nbroken"


def long_text(parts: int, subject: str = "tower crane") -> str:
    return "\n\n".join(f"# Part {n}\n\n" + f"The {subject} number {n} stands in yard {n}. " * 40 for n in range(parts))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(data: Path, tmp_path: Path) -> Run:
    """Runs `footnote` over a data folder of its own, without a server."""
    given = environment(data, free_port())

    def call(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        command = [str(FOOTNOTE), *map(str, arguments)]
        env = given | settings
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=200, check=False)

    return call


@pytest.fixture
def serving(data: Path) -> Iterator[Serving]:
    started = Serving(data)
    yield started
    if started.process.poll() is None:
        started.stop(signal.SIGKILL)


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n\nEverybody has 25 days of annual leave a year.\n")
    (folder / "broken.pdf").write_bytes(BROKEN)
    return folder


def shown(result: subprocess.CompletedProcess[str]) -> Any:
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


@contextmanager
def adding(data: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A running `footnote add`."""
    command = [str(FOOTNOTE), "add", str(folder)]
    given = environment(data, free_port())
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process


def until_ended(run: Run, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found: dict[str, Any] = shown(run("jobs", "show", job, "--json"))
        if found["ended"]:
            return found
        time.sleep(0.2)
    raise AssertionError(f"the job did not end: {found}")


@pytest.mark.slow
def test_a_job_is_handed_over_to_the_server_and_can_be_followed(serving: Serving, papers: Path) -> None:
    handed = serving.run("add", papers, "--no-wait")
    job = handed.stdout.strip()
    assert (handed.returncode, handed.stderr, len(job)) == (0, "", 36)
    ended = until_ended(serving.run, job[:8])
    assert (ended["job"], ended["state"], ended["files"], ended["done"], ended["failed"]) == (job, "done", 2, 2, 1)
    outcomes = {one["document"]: one for one in ended["documents"]}
    assert {name: one["status"] for name, one in outcomes.items()} == {"broken.pdf": "damaged", "leave.md": "indexed"}
    assert "broken.pdf" in outcomes["broken.pdf"]["reason"]
    listed = shown(serving.run("jobs", "list", "--json"))["jobs"]
    assert [one["job"] for one in listed] == [job]
    table = serving.run("jobs", "show", job).stdout.splitlines()
    files = [line for line in table if line.startswith(("damaged", "indexed"))]
    assert [line.split()[0] for line in files] == ["damaged", "indexed"], "what was not indexed comes first"
    assert serving.run("jobs", "list").stdout.splitlines()[1].split()[:3] == [job[:8], "done", "2/2"]


@pytest.mark.slow
def test_without_a_server_nothing_is_handed_over(run: Run, papers: Path) -> None:
    handed = run("add", papers, "--no-wait", "--json")
    assert (handed.returncode, handed.stdout) == (4, "")
    assert "footnote serve" in handed.stderr
    assert shown(run("jobs", "list", "--json"))["jobs"] == []


@pytest.mark.slow
def test_a_killed_job_is_shown_and_goes_on_when_it_is_followed(data: Path, run: Run, papers: Path) -> None:
    (papers / "x-cranes.md").write_text(long_text(80))
    with adding(data, papers) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    job = shown(run("jobs", "list", "--json"))["jobs"][0]
    assert job["state"] in ("queued", "running")
    assert shown(run("status", "--json"))["jobs"] == 1
    assert job["job"][:8] in run("status").stdout
    followed = run("jobs", "follow", job["job"][:8], "--json")
    outcomes = {one["document"]: one["status"] for one in shown(followed)["documents"]}
    assert (followed.returncode, outcomes) == (
        3,
        {"broken.pdf": "damaged", "leave.md": "indexed", "x-cranes.md": "indexed"},
    )
    assert shown(run("status", "--json"))["jobs"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("interrupts", [1, 2])
def test_an_interrupt_cancels_and_what_was_finished_stays(
    data: Path, run: Run, tmp_path: Path, interrupts: int
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a-leave.md").write_text("# Leave\n\nEverybody has 25 days of annual leave a year.\n")
    assert run("add", folder).returncode == 0
    (folder / "b-cranes.md").write_text(long_text(80))
    with adding(data, folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("unchanged     a-leave.md")
        for _ in range(interrupts):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode in (130, -signal.SIGINT), errors
    assert "Traceback" not in errors
    if interrupts == 1:
        assert "cancelled; what was finished stays" in errors
        job = shown(run("jobs", "list", "--json"))["jobs"][0]
        assert (job["state"], job["failed"]) == ("cancelled", 1)
    found = {one["document"] for one in shown(run("search", "tower crane", "--json"))["passages"]}
    assert found == {"a-leave.md"}


@pytest.mark.slow
def test_what_was_cancelled_is_tried_again(data: Path, run: Run, papers: Path) -> None:
    (papers / "x-cranes.md").write_text(long_text(100))
    with adding(data, papers) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    job = shown(run("jobs", "list", "--json"))["jobs"][0]["job"]
    again = run("jobs", "retry", job[:10], "--json")
    outcomes = {one["document"]: one["status"] for one in shown(again)["documents"]}
    assert outcomes["x-cranes.md"] == "indexed"
    nothing_left = run("jobs", "retry", job)
    assert nothing_left.returncode == 2
    assert "Nothing in this job can be tried again" in nothing_left.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_an_unknown_job_is_a_usage_error(run: Run, command: str) -> None:
    result = run("jobs", command, "absent")
    assert (result.returncode, result.stdout) == (2, "")
    assert "absent" in result.stderr


@pytest.mark.slow
def test_the_report_of_a_document_says_what_was_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "handbook.pdf").write_bytes(pdf([["Leave lasts 25 days."], [], ["Sick notes are due on day three."]]))
    added = shown(run("add", tmp_path / "handbook.pdf", "--json"))["documents"][0]
    assert (added["status"], added["pages"]) == ("indexed", 3)
    report = shown(run("list", "handbook.pdf", "--json"))["report"]
    assert report == added["report"], "the same report comes with `add`"
    assert (report["coverage"], report["ocr_pages"], len(report["page_characters"])) == (1.0, [], 3)
    assert report["page_characters"][1] == 0
    assert sum(report["page_characters"]) <= report["characters"]
    assert {"parser", "embedder", "seconds", "warnings", "version", "sha256", "attachments"} <= set(report)
    table = run("list", "handbook.pdf").stdout
    assert f"pages 1-3: {report['characters']:,} characters" in table
    assert "100% of the text" in table


class Listed:
    """A library that knows its jobs and nothing else."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    def jobs(self, limit: int) -> list[JobRecord]:
        return [replace(JOB, id=one) for one in self._ids[:limit]]


def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one() -> None:
    library = cast(Face, Listed("aaa1", "aab2", "aa"))
    assert _found(library, "aab") == "aab2"
    assert _found(library, "aa") == "aa", "a whole id is never ambiguous"
    assert _found(library, "zzz") == "zzz", "the library itself says that it knows no such job"
    with pytest.raises(AmbiguousName, match="3 jobs begin"):
        _found(library, "a")
