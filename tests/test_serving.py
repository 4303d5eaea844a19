"""`footnote serve`, as a process: it says where it is, the command line works through it, it ends cleanly."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ui.address import Address, read_address, write_address

pytestmark = pytest.mark.slow

FOOTNOTE = Path(sys.executable).parent / "footnote"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FOOTNOTE_") or name == "FOOTNOTE_MODELS"
    }
    return {**kept, "FOOTNOTE_DATA": str(data), "FOOTNOTE_PORT": str(port), "FOOTNOTE_MODEL": "quotes"}


class Serving:
    """A running `footnote serve`, and commands in its environment."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data, self.port = data, free_port()
        self.environment = environment(data, self.port)
        self.process = subprocess.Popen(
            [str(FOOTNOTE), "serve", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.errors = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("http://"):
                break

    @property
    def url(self) -> str:
        return self.lines[-1]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(FOOTNOTE), *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, check=False)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        _, self.errors = self.process.communicate(timeout=120)
        return self.process.returncode


@pytest.fixture
def serving(sample_folder: Path, tmp_path: Path) -> Iterator[Serving]:
    data = tmp_path / "data"
    shutil.copytree(sample_folder, data)
    started = Serving(data)
    yield started
    if started.process.poll() is None:
        started.stop(signal.SIGKILL)


def test_the_address_stands_on_a_line_of_its_own(serving: Serving) -> None:
    assert serving.url == f"http://127.0.0.1:{serving.port}"
    assert httpx.get(f"{serving.url}/api/health", trust_env=False, timeout=120).status_code == 200


def test_the_local_token_is_private_and_needed(serving: Serving) -> None:
    note = serving.data / "server.json"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    for headers in ({}, {"X-Footnote-Token": "wrong"}):
        answer = httpx.post(f"{serving.url}/api/local/documents", content="[null]", headers=headers, trust_env=False)
        assert answer.status_code == 403
    address = read_address(serving.data)
    assert address is not None
    good = httpx.post(
        f"{serving.url}/api/local/documents",
        content="[null]",
        headers={"X-Footnote-Token": address.token},
        trust_env=False,
    )
    assert good.status_code == 200


def test_the_command_line_works_through_the_server(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "crane.md").write_text("The tower crane may be used until a wind of 72 km/h.\n")
    added = serving.run("add", tmp_path / "crane.md", tmp_path / "crane.md", "--json")
    assert (added.returncode, json.loads(added.stdout)["documents"][0]["status"]) == (0, "indexed")
    found = json.loads(serving.run("search", "tower crane wind", "-k", "1", "--json").stdout)["passages"]
    assert found[0]["document"] == "crane.md"
    answer = json.loads(serving.run("ask", "Until what wind may the tower crane be used?", "--json").stdout)
    assert "72 km/h" in answer["answer"]
    assert {one["document"] for one in json.loads(serving.run("list", "--json").stdout)["documents"]} >= {"crane.md"}
    assert serving.run("spaces", "add", "Yard").returncode == 0
    assert serving.run("remove", "crane.md").returncode == 0
    unknown = serving.run("remove", "crane.md")
    assert (unknown.returncode, "no document named 'crane.md'" in unknown.stderr) == (2, True), (
        "errors come through whole"
    )
    missing = serving.run("add", tmp_path / "nowhere.md")
    assert (missing.returncode, "no file or folder" in missing.stderr) == (2, True)


def test_the_same_through_the_server_and_without_it(serving: Serving) -> None:
    question = ("ask", "How long is the probation period for a new employee?", "--json")
    through = json.loads(serving.run(*question).stdout)
    assert serving.stop() == 0
    alone = json.loads(serving.run(*question).stdout)
    for one in (through, alone):
        del one["seconds"]
        for note in one["citations"]:
            del note["score"]
    assert through == alone


def test_it_ends_cleanly_and_takes_its_note_away(serving: Serving) -> None:
    assert serving.stop(signal.SIGINT) in (0, 130)
    assert not (serving.data / "server.json").exists()
    assert serving.run("status").returncode == 0


def test_after_a_kill_the_stale_note_is_ignored(serving: Serving) -> None:
    serving.stop(signal.SIGKILL)
    assert (serving.data / "server.json").exists()
    started = time.monotonic()
    assert serving.run("status", "--json").returncode == 0
    assert time.monotonic() - started < 25, "it does not wait for a server that is not there"


def test_a_job_that_a_stopped_server_left_goes_on_at_the_next_start(tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    for number in range(40):
        text = " ".join(f"Rule {n} of yard {number} is about crane {n}." for n in range(80))
        (papers / f"yard{number:02}.md").write_text(text)
    first = Serving(tmp_path / "data")
    adding = subprocess.Popen(
        [str(FOOTNOTE), "add", str(papers)], env=first.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    (left,) = jobs_of(first, lambda jobs: bool(jobs) and jobs[0]["done"] > 0)
    assert (left["state"], left["files"]) == ("running", 40)
    assert (first.stop(), first.errors) == (0, "")
    _, said = adding.communicate(timeout=120)
    assert (adding.returncode, "goes on at the next start" in said) == (4, True)
    second = Serving(tmp_path / "data")
    (ended,) = jobs_of(second, lambda jobs: jobs[0]["state"] == "done")
    assert (ended["job"], ended["done"], ended["failed"]) == (left["job"], 40, 0)
    assert (second.stop(), second.errors) == (0, "")


def jobs_of(serving: Serving, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The server's jobs, once they are as they should be."""
    until = time.monotonic() + 200
    while True:
        jobs: list[dict[str, Any]] = httpx.get(f"{serving.url}/api/jobs", trust_env=False, timeout=120).json()["jobs"]
        if enough(jobs):
            return jobs
        assert time.monotonic() < until, jobs
        time.sleep(0.1)


def test_a_second_server_on_the_data_folder_is_refused(serving: Serving) -> None:
    second = serving.run("serve")
    assert (second.returncode, "runs already" in second.stderr) == (4, True)


def test_a_taken_port_is_said_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [str(FOOTNOTE), "serve"],
            env=environment(tmp_path, port),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert result.returncode == 4
    assert str(port) in result.stderr
    assert re.search("FOOTNOTE_PORT|--port", result.stderr)


def test_samples_come_once_and_never_again_when_removed(tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "a.md").write_text("The crane is yellow.\n")
    first = Serving(tmp_path / "data", "--samples", str(papers))
    assert json.loads(first.run("spaces", "list", "--json").stdout)["spaces"][0] == {"space": "Samples", "documents": 1}
    assert first.run("spaces", "remove", "Samples").returncode == 0
    first.stop()
    second = Serving(tmp_path / "data", "--samples", str(papers))
    assert json.loads(second.run("spaces", "list", "--json").stdout)["spaces"] == [{"space": "default", "documents": 0}]
    second.stop()


def test_a_stranger_on_the_noted_port_is_not_talked_to(tmp_path: Path) -> None:
    """The note says a port where something else listens now: the command line opens the library itself."""
    (tmp_path / "data").mkdir()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        write_address(tmp_path / "data", Address(f"http://127.0.0.1:{stranger.getsockname()[1]}", "token", 1))
        result = subprocess.run(
            [str(FOOTNOTE), "status", "--json"],
            env=environment(tmp_path / "data", 1),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert json.loads(result.stdout)["documents"] == 0
