"""Jobs of a process that is killed: nothing that was acknowledged is lost, nothing comes twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.records import Where
from tests.conftest import REPOSITORY
from tests.quick_library import open_quick

pytestmark = pytest.mark.slow

FILES = 30


def start(*arguments: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.quick_library", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment)


def outcomes_until(process: subprocess.Popen[str], enough: int, seconds: float = 0.0) -> list[list[str]]:
    """The lines of the process until there are enough outcomes, and some seconds more; then it is killed."""
    assert process.stdout
    lines: list[list[str]] = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if len(lines) > enough:
            break
    time.sleep(seconds)
    process.kill()
    lines += [json.loads(line) for line in process.stdout.read().splitlines() if line.endswith("]")]
    process.wait()
    process.stdout.close()
    return [line for line in lines if line[0] not in ("started", "ended")]


def write_papers(folder: Path) -> None:
    folder.mkdir()
    for number in range(FILES):
        (folder / f"paper{number:02}.md").write_text(f"# Paper {number}\n\nThe word of this one is subject{number}.\n")


def test_a_job_survives_two_kills_and_ends_with_every_file_once(tmp_path: Path) -> None:
    chance = random.Random(20)
    data, papers = tmp_path / "data", tmp_path / "papers"
    write_papers(papers)
    acknowledged = {name for name, _ in outcomes_until(start(data, papers), 3, chance.random() * 0.5)}
    assert 0 < len(acknowledged) < FILES, "it was killed in the middle"
    again = {name for name, _ in outcomes_until(start(data), len(acknowledged), chance.random())}
    assert acknowledged <= again, "what was acknowledged is there"
    with start(data) as last:
        assert last.stdout
        lines = [json.loads(line) for line in last.stdout]
    assert (lines[0], lines[-1], last.returncode) == (["started", 1], ["ended"], 0)
    assert sorted(lines[1:-1]) == [[f"paper{number:02}.md", "indexed"] for number in range(FILES)]
    with open_quick(data) as library:
        assert [record.name for record in library.documents()] == [f"paper{number:02}.md" for number in range(FILES)]
        assert {record.live_version for record in library.documents()} <= {1, 2}
        assert library.catalog.dead_versions() == []
        for number in range(FILES):
            found = [
                one.document
                for one in library.search(f"subject{number}", Where(), 30)
                if f"subject{number}." in one.text
            ]
            assert found == [f"paper{number:02}.md"]
        (job,) = library.jobs()
        assert (job.state, job.files, job.done, job.failed) == ("done", FILES, FILES, 0)
        assert all(file.attempts == 0 for file in library.job(job.id)[1]), "a killed process is not a failed try"
        assert library.status().jobs == 0


def test_a_kill_between_submit_and_the_queue_loses_nothing(tmp_path: Path) -> None:
    data, papers = tmp_path / "data", tmp_path / "papers"
    write_papers(papers)
    process = start(data, papers)
    assert process.stdout
    assert json.loads(process.stdout.readline()) == ["started", 1]
    process.kill()
    process.wait()
    process.stdout.close()
    with start(data) as last:
        assert last.stdout
        assert len([line for line in last.stdout if json.loads(line)[-1] == "indexed"]) == FILES
