"""The command line as its contract says: JSON on stdout and nothing else, exit codes, messages with remedies.

Every test runs the real program in a process of its own, over the real models.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow

Run = Callable[..., "subprocess.CompletedProcess[str]"]
FOOTNOTE = Path(sys.executable).parent / "footnote"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `footnote` over a data folder of its own. `data=FOLDER` takes another one."""

    def call(*arguments: str | Path, data: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("FOOTNOTE_") or name == "FOOTNOTE_MODELS"
        }
        kept |= {"FOOTNOTE_DATA": str(data or tmp_path / "data"), "FOOTNOTE_MODEL": "quotes", **environment}
        command = [str(FOOTNOTE), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=kept, cwd=tmp_path, timeout=200, check=False)

    return call


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    (folder / "sub").mkdir(parents=True)
    (folder / "leave.md").write_text("# Leave\n\nEverybody has 25 days of annual leave a year.\n")
    (folder / "sub" / "travel.txt").write_text("Travel costs are paid back within 14 days by the payroll office.\n")
    return folder


def documents_of(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {one["document"]: one["status"] for one in json.loads(result.stdout)["documents"]}


def test_add_then_list_then_remove(run: Run, papers: Path) -> None:
    added = run("add", papers, "--json")
    assert (added.returncode, documents_of(added)) == (0, {"leave.md": "indexed", "sub/travel.txt": "indexed"})
    assert set(json.loads(added.stdout)) == {"documents", "seconds"}
    assert documents_of(run("add", papers, "--json")) == {"leave.md": "unchanged", "sub/travel.txt": "unchanged"}
    (papers / "leave.md").write_text("# Leave\n\nEverybody has 30 days of annual leave a year.\n")
    assert documents_of(run("add", papers, "--json")) == {"leave.md": "indexed", "sub/travel.txt": "unchanged"}
    found = json.loads(run("search", "annual leave", "--json").stdout)["passages"]
    assert "30 days" in found[0]["text"]
    assert not any("25 days" in passage["text"] for passage in found)
    listed = json.loads(run("list", "--json").stdout)["documents"]
    assert [(one["document"], one["status"]) for one in listed] == [
        ("leave.md", "indexed"),
        ("sub/travel.txt", "indexed"),
    ]
    report = json.loads(run("list", "leave.md", "--json").stdout)
    assert report["report"]["parser"].startswith("markdown")
    assert run("remove", "travel.txt").returncode == 0, "a file name is enough where it is the only one"
    assert [one["document"] for one in json.loads(run("list", "--json").stdout)["documents"]] == ["leave.md"]
    assert not any(
        "Travel" in passage["text"]
        for passage in json.loads(run("search", "travel costs", "--json").stdout)["passages"]
    )


def test_refused_inputs_give_exit_code_3_and_every_file_an_answer(run: Run, papers: Path) -> None:
    (papers / "broken.pdf").write_bytes(b"%PDF-1.7\nbroken")
    (papers / "program.exe").write_bytes(b"MZ\x00\x01")
    result = run("add", papers, "--json")
    assert result.returncode == 3
    assert documents_of(result) == {
        "broken.pdf": "damaged",
        "leave.md": "indexed",
        "program.exe": "unsupported",
        "sub/travel.txt": "indexed",
    }
    reasons = {one["document"]: one.get("reason") for one in json.loads(result.stdout)["documents"]}
    assert "broken.pdf" in reasons["broken.pdf"]
    assert reasons["leave.md"] is None
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("add", "nowhere.pdf"), 2, "no file or folder"),
        (("search",), 2, "either a question or --file"),
        (("ask", "x", "--file", "y"), 2, "either a question or --file"),
        (("search", "x", "--space", "None"), 2, "no space named"),
        (("ask", "x", "--document", "none.pdf"), 2, "no document named"),
        (("ask", "x", "--model", "gpt-4"), 2, "`ollama:NAME`"),
        (("remove", "none.pdf"), 2, "no document named"),
        (("ask", "--file", "nowhere.jsonl"), 2, "cannot be read"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_usage_errors_say_what_is_wrong(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = run(*arguments)
    assert result.returncode == code
    assert says in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_wrong_setting_is_named(run: Run) -> None:
    result = run("list", FOOTNOTE_PORT="many")
    assert result.returncode == 2
    assert "FOOTNOTE_PORT" in result.stderr


def test_an_empty_library_refuses_and_that_is_no_error(run: Run) -> None:
    asked = run("ask", "How many days of leave?", "--json")
    answer = json.loads(asked.stdout)
    assert asked.returncode == 0
    assert (answer["refused"], answer["claims"], answer["citations"], answer["closest"]) == (True, [], [], [])
    assert json.loads(run("search", "leave", "--json").stdout)["passages"] == []
    assert json.loads(run("status", "--json").stdout)["documents"] == 0


def test_an_answer_has_the_shape_of_the_contract(run: Run, sample_folder: Path) -> None:
    result = run("ask", "How long is the probation period for a new employee?", "--json", data=sample_folder)
    answer = json.loads(result.stdout)
    assert result.returncode == 0
    assert {"question", "answer", "refused", "model", "claims", "citations", "seconds"} <= set(answer)
    assert answer["model"] == "quotes"
    assert {"text", "citations", "status"} <= set(answer["claims"][0])
    first = answer["citations"][0]
    assert (first["n"], first["document"], first["page"]) == (1, "employee-handbook.pdf", 8)
    assert "six months" in first["quote"]


def test_a_file_of_questions_gives_a_line_each(run: Run, sample_folder: Path, tmp_path: Path) -> None:
    asked = tmp_path / "questions.jsonl"
    rows = [
        {"id": "a", "question": "How long is the probation period?", "documents": ["employee-handbook.pdf"]},
        {"id": "b", "question": "How long is the probation period?", "documents": ["it-policy.html"]},
        {"id": "c", "question": "How long is the probation period?", "documents": ["elsewhere.pdf"]},
    ]
    asked.write_text("\n".join(json.dumps(row) for row in rows))
    result = run("search", "--file", asked, "--within-documents", "-k", "5", "--json", data=sample_folder)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [next(iter(line)) for line in lines] == ["id"] * 3
    documents = {line["id"]: {passage["document"] for passage in line["passages"]} for line in lines}
    assert documents == {"a": {"employee-handbook.pdf"}, "b": {"it-policy.html"}, "c": set()}
    answers = run("ask", "--file", asked, "--within-documents", "--json", data=sample_folder)
    refused = {line["id"]: line["refused"] for line in map(json.loads, answers.stdout.splitlines())}
    assert (answers.returncode, refused["a"], refused["c"]) == (0, False, True)


def test_a_bad_line_in_a_file_of_questions_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "1", "question": "x"}\nnot json\n')
    result = run("ask", "--file", tmp_path / "q.jsonl")
    assert result.returncode == 2
    assert "line 2" in result.stderr


def test_spaces_are_made_renamed_and_removed_with_what_is_in_them(run: Run, papers: Path) -> None:
    assert run("spaces", "add", "Team").returncode == 0
    assert run("spaces", "add", "Team").returncode == 2
    run("add", papers, "--space", "Team")
    assert json.loads(run("spaces", "list", "--json").stdout)["spaces"] == [
        {"space": "Team", "documents": 2},
        {"space": "default", "documents": 0},
    ]
    assert run("spaces", "rename", "Team", "Crew").returncode == 0
    assert (
        json.loads(run("search", "leave", "--space", "Crew", "-k", "1", "--json").stdout)["passages"][0]["space"]
        == "Crew"
    )
    assert json.loads(run("search", "leave", "--space", "default", "--json").stdout)["passages"] == []
    assert json.loads(run("spaces", "remove", "Crew", "--json").stdout) == {"space": "Crew", "removed": 2}
    assert json.loads(run("status", "--json").stdout)["chunks"] == 0


def test_a_missing_model_is_not_ready_and_names_the_command(run: Run, papers: Path, tmp_path: Path) -> None:
    result = run("add", papers, FOOTNOTE_MODELS=str(tmp_path / "none"))
    assert result.returncode == 4
    assert "footnote models fetch" in result.stderr


def test_no_ollama_still_gives_the_quotes_and_exit_code_4(run: Run, sample_folder: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    question = "How long is the probation period for a new employee?"
    result = run(
        "ask", question, "--model", "ollama:llama3.1:8b", "--json", data=sample_folder, FOOTNOTE_OLLAMA_URL=address
    )
    answer: dict[str, Any] = json.loads(result.stdout)
    assert result.returncode == 4
    assert "ollama serve" in result.stderr
    assert answer["model"] == "quotes"
    assert "ollama serve" in answer["error"]
    assert answer["citations"][0]["page"] == 8


def test_a_library_held_by_another_process_is_waited_for_then_named(run: Run, papers: Path, tmp_path: Path) -> None:
    from ingest.lock import LibraryLock
    from rag.errors import LibraryHeld

    (tmp_path / "data").mkdir()
    holder = LibraryLock(tmp_path / "data")
    holder.acquire()
    other = subprocess.run(
        [sys.executable, "-c", "import sys, pathlib; from ingest.lock import LibraryLock; LibraryLock(pathlib.Path(sys.argv[1])).acquire(0.2)", str(tmp_path / "data")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert LibraryHeld.__name__ in other.stderr
    assert f"process {os.getpid()}" in other.stderr
    holder.release()
    assert run("add", papers).returncode == 0


def test_nothing_but_json_is_on_stdout_and_no_bar_in_a_pipe(run: Run, papers: Path) -> None:
    result = run("add", papers, "--json")
    json.loads(result.stdout)
    assert "━" not in result.stderr
    assert result.stderr == ""


def test_outcomes_go_where_stdout_goes_while_the_bar_is_on_the_terminal(papers: Path, tmp_path: Path) -> None:
    seen, terminal = os.openpty()
    given = {**os.environ, "FOOTNOTE_DATA": str(tmp_path / "data"), "FOOTNOTE_MODEL": "quotes", "TERM": "xterm"}
    with subprocess.Popen(
        [str(FOOTNOTE), "add", str(papers)], stdout=subprocess.PIPE, stderr=terminal, text=True, env=given
    ) as process:
        os.close(terminal)
        drawn = _drawn(seen)
        assert process.stdout is not None
        outcomes = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert sorted(outcomes) == ["indexed       leave.md  (1 chunk)", "indexed       sub/travel.txt  (1 chunk)"]
    assert "files" in drawn
    assert "indexed" not in drawn


def _drawn(seen: int) -> str:
    """What a terminal shows until the program at its other end has let go of it."""
    pieces = []
    try:
        while piece := os.read(seen, 4096):
            pieces.append(piece)
    except OSError:  # the other end is closed: Linux says it so
        pass
    os.close(seen)
    return b"".join(pieces).decode(errors="replace")


def test_an_unreadable_data_folder_is_said_plainly(run: Run, papers: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = run("list", data=tmp_path / "file" / "data")
    assert result.returncode == 2
    assert "FOOTNOTE_DATA" in result.stderr


def test_a_killed_add_leaves_what_was_there(run: Run, sample_folder: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle; the next start finds the old documents whole and nothing of the half one."""
    import signal
    import time

    data = tmp_path / "copy"
    shutil.copytree(sample_folder, data)
    big = tmp_path / "big.md"
    big.write_text(
        "\n\n".join(f"# Part {n}\n\n" + f"The tower crane number {n} stands in yard {n}. " * 40 for n in range(80))
    )
    before = json.loads(run("status", "--json", data=data).stdout)["chunks"]
    environment = {**os.environ, "FOOTNOTE_DATA": str(data), "FOOTNOTE_MODEL": "quotes"}
    process = subprocess.Popen([str(FOOTNOTE), "add", str(big)], env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list((data / "originals").rglob(_hash(big))):
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    after = json.loads(run("status", "--json", data=data).stdout)
    assert after["chunks"] == before
    assert not any(
        one["document"] == "big.md"
        for one in json.loads(run("search", "tower crane", "--json", data=data).stdout)["passages"]
    )
    assert documents_of(run("add", big, "--json", data=data))["big.md"] in ("indexed", "unchanged"), (
        "the killed job goes on meanwhile, and may be done first"
    )
    assert json.loads(run("search", "tower crane", "--json", data=data).stdout)["passages"][0]["document"] == "big.md"


def _hash(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_sample_paper_is_indexed_whole(sample_folder: Path, run: Run) -> None:
    listed = json.loads(run("list", "--json", data=sample_folder).stdout)["documents"]
    assert {one["document"] for one in listed} == {path.name for path in (SAMPLES / "documents").iterdir()}
    assert {one["status"] for one in listed} == {"indexed"}
    handbook = next(one for one in listed if one["document"] == "employee-handbook.pdf")
    assert handbook["pages"] >= 20
