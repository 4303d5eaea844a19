"""Files are read in children that cannot do harm: each limit is hit for real, by a real child."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest import landlock
from ingest.children import Closing, bare_environment
from ingest.codec import pack_parsed, unpack_parsed
from ingest.loading.limits import Limits
from ingest.loading.parsed import Attachment, Parsed, Refused
from ingest.sandbox import TASKS_PER_CHILD, Sandbox, open_sandbox
from rag.errors import FileRefused, NotReady, ParserDied
from rag.settings import Settings
from rag.types import Document, Page, Section
from tests.conftest import REPOSITORY, settings_for
from tests.documents import pdf, word
from tests.office_files import ole
from tests.processes import is_alive, within
from tests.sandbox_tasks import ATTEMPTS

LIMITS = Limits(seconds=20, memory_mb=256, output_mb=16)
SHORT = replace(LIMITS, seconds=0.3)
TASKS = "tests.sandbox_tasks"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with_tasks = Sandbox(LIMITS, 1, TASKS)
    yield with_tasks
    with_tasks.close()


def do(sandbox: Sandbox, task: str, *blobs: bytes, limits: Limits = LIMITS, **header: Any) -> Any:
    found, _ = sandbox.run(task, {"name": "report.pdf", **header}, blobs, limits)
    return found["told"]


def refused(sandbox: Sandbox, task: str, *blobs: bytes, limits: Limits = LIMITS, **header: Any) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        do(sandbox, task, *blobs, limits=limits, **header)
    assert "report.pdf" in caught.value.message
    return caught.value


def died(sandbox: Sandbox, task: str, *blobs: bytes, limits: Limits = LIMITS, **header: Any) -> ParserDied:
    with pytest.raises(ParserDied) as caught:
        do(sandbox, task, *blobs, limits=limits, **header)
    assert "report.pdf" in caught.value.message
    return caught.value


def test_bytes_go_in_and_come_out_whole(sandbox: Sandbox) -> None:
    blobs = [b"", os.urandom(3 << 20), b"\0" * 17]
    assert sandbox.run("echo", {"name": "naïve 名 \ud800.pdf"}, blobs, LIMITS) == (
        {"told": "naïve 名 \ud800.pdf"},
        blobs,
    )


def test_a_child_is_kept_between_tasks(sandbox: Sandbox) -> None:
    assert do(sandbox, "pid") == do(sandbox, "pid")


def test_a_child_sees_nothing_private(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_OPENAI_API_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    assert "secret" not in bare_environment().values()
    assert str(Path("somewhere").absolute()) in bare_environment()["PYTHONPATH"]
    seen = do(sandbox, "environment")
    assert not [name for name in seen["environ"] if name.startswith(("FOOTNOTE_", "AWS"))]
    assert seen["cwd"] == "/"
    assert seen["nice"] == 19
    assert len(seen["files"]) <= 7  # three, its two pipes, the lifeline, and this very look at them


def test_a_child_reads_and_does_nothing_else(sandbox: Sandbox) -> None:
    may = {"signal itself", "read a library", "compress"}
    if ctypes.CDLL(None).syscall(landlock.CREATE_RULESET, None, 0, landlock.ASK_VERSION) < 0:
        may |= {"write a file", "write another file"}  # an older kernel
    assert do(sandbox, "try_all") == {name: "done" if name in may else "PermissionError" for name in ATTEMPTS}


def test_what_is_refused_in_a_child_is_possible_here() -> None:
    """Else the test before this one proves nothing."""
    for name in ("internet", "unix", "pair", "fork", "program", "signal parent", "write another file"):
        ATTEMPTS[name]()


@pytest.mark.parametrize("task", ["loop", "hang_in_c", "sleep"])
def test_time_is_limited(sandbox: Sandbox, task: str) -> None:
    do(sandbox, "pid")
    begun = time.monotonic()
    error = refused(sandbox, task, limits=SHORT, seconds=1000)
    assert time.monotonic() - begun < 30
    assert (error.state, error.remedy.split()[-1]) == ("failed", "FOOTNOTE_PARSE_SECONDS.")
    assert "0.3 s" in error.message


def test_processor_time_is_limited_by_the_child_itself(sandbox: Sandbox) -> None:
    error = refused(sandbox, "burn_processor_time", limits=replace(LIMITS, seconds=100))
    assert (error.state, error.remedy.split()[-1]) == ("failed", "FOOTNOTE_PARSE_SECONDS.")


@pytest.mark.parametrize("task", ["fill_memory", "abort_full"])
def test_memory_is_limited(sandbox: Sandbox, task: str) -> None:
    error = refused(sandbox, task)
    assert (error.state, error.remedy.split()[-1]) == ("too large", "FOOTNOTE_PARSE_MEMORY_MB.")
    assert "256 MB" in error.message


def test_nearly_all_of_the_memory_can_be_used_and_no_more(sandbox: Sandbox) -> None:
    for size in (150, 230, 270):
        if size < LIMITS.memory_mb:
            assert do(sandbox, "take_memory", mb=size) == size << 20
        else:
            assert refused(sandbox, "take_memory", mb=size).state == "too large"


def test_the_file_itself_counts_as_memory(sandbox: Sandbox) -> None:
    assert refused(sandbox, "take_memory", bytes(100 << 20), mb=150).state == "too large"


def test_output_is_limited_before_it_is_read(sandbox: Sandbox) -> None:
    assert do(sandbox, "write_much", mb=15) == "much"
    error = refused(sandbox, "write_much", mb=17)
    assert (error.state, error.remedy.split()[-1]) == ("too large", "FOOTNOTE_UNZIP_MB.")
    assert refused(sandbox, "write_long_json", mb=20, limits=replace(LIMITS, output_mb=100)).state == "too large"


@pytest.mark.parametrize("task", ["crash", "leave"])
def test_a_child_that_ends_by_itself_may_be_tried_again(sandbox: Sandbox, task: str) -> None:
    died(sandbox, task)
    assert do(sandbox, "echo") == "report.pdf"


def test_how_a_child_crashed_is_told(sandbox: Sandbox) -> None:
    assert "SIGSEGV" in died(sandbox, "crash").message


def test_a_refusal_travels_and_the_child_goes_on(sandbox: Sandbox) -> None:
    child = do(sandbox, "pid")
    error = refused(sandbox, "refuse")
    assert (error.state, error.remedy) == ("password-protected", "Save it without.")
    with pytest.raises(NotReady, match="not there"):
        do(sandbox, "not_ready")
    assert refused(sandbox, "fail").state == "failed"
    assert do(sandbox, "pid") == child


RAW = {
    "no frame": b"Segmentation fault\n" * 3,
    "a frame cut short": b"fnf1\0\0\0\x10\0\0\0\0abc",
    "no JSON": b"fnf1\0\0\0\x04\0\0\0\0oops",
    "another status": b'fnf1\0\0\0\x13\0\0\0\0{"status":"sudo..."}',
    "a state of its own": b'fnf1\0\0\0\x25\0\0\0\0{"status":"refused","state":"indexed"}',
    "done without an answer": b'fnf1\0\0\0\x11\0\0\0\0{"status":"done"}',
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
def test_rubbish_on_the_pipe_is_a_dead_child(sandbox: Sandbox, raw: bytes) -> None:
    died(sandbox, "write_raw", raw)


def test_a_frame_that_never_ends_is_cut_at_the_time(sandbox: Sandbox) -> None:
    assert refused(sandbox, "write_raw", RAW["a frame cut short"], limits=SHORT, seconds=1000).state == "failed"


@pytest.mark.parametrize(
    "head",
    [b"fnf1\xff\xff\xff\xff\0\0\0\0", b"fnf1\0\0\0\x01\xff\xff\xff\xff", b"fnf1\0\0\0\x01\0\0\0\x01\x7f" + b"\xff" * 7],
    ids=["header", "count", "blob"],
)
def test_what_is_announced_is_not_believed(sandbox: Sandbox, head: bytes) -> None:
    assert refused(sandbox, "write_raw", head, seconds=1000).state == "too large"


DOCUMENT = b'{"title":"T","text":"","parser":"p","pages":%b,"sections":%b,"warnings":[]}'
GOOD = DOCUMENT % (b'[{"number":1,"start":0,"end":4}]', b'[{"start":0,"path":"A"}]')
AROUND = b'{"document":%b,"attachments":%b,"needs_ocr":%b,"refused":[]}'

PARSED = {
    "good": (AROUND % (GOOD, b'["a.txt"]', b"[1]"), b"text", b"attached"),
    "no JSON": (b"[[[", b"text"),
    "deep": (b"[" * 1_000_000, b"text"),
    "no text": (AROUND % (GOOD, b"[]", b"[]"),),
    "no attachment": (AROUND % (GOOD, b'["a.txt"]', b"[]"), b"text"),
    "page 0": (AROUND % (GOOD, b"[]", b"[0]"), b"text"),
    "not UTF-8": (AROUND % (GOOD, b"[]", b"[]"), b"\xff\xfe\xfa\xfb"),
    "a page beyond the text": (AROUND % (GOOD, b"[]", b"[]"), b"tex"),
    "a page backwards": (AROUND % (DOCUMENT % (b'[{"number":1,"start":4,"end":0}]', b"[]"), b"[]", b"[]"), b"text"),
    "a section before the text": (AROUND % (DOCUMENT % (b"[]", b'[{"start":-1,"path":""}]'), b"[]", b"[]"), b"text"),
    "another type": (AROUND % (DOCUMENT % (b'"pages"', b"[]"), b"[]", b"[]"), b"text"),
}


@pytest.mark.parametrize("answer", [each for name, each in PARSED.items() if name != "good"], ids=list(PARSED)[1:])
def test_a_malformed_document_is_a_dead_child(answer: tuple[bytes, ...]) -> None:
    """The table's task `parse` answers with what the file says."""
    with pytest.raises(ValueError):
        unpack_parsed(answer[0], answer[1:])


def test_a_document_is_taken_as_it_is_said() -> None:
    parsed = unpack_parsed(PARSED["good"][0], PARSED["good"][1:])
    assert (parsed.document.text, parsed.needs_ocr, parsed.attachments[0].data) == ("text", (1,), b"attached")


def test_a_child_that_has_grown_is_replaced() -> None:
    sandbox = Sandbox(LIMITS, 1, TASKS)
    try:
        first = do(sandbox, "grow", mb=60)
        second = do(sandbox, "grow", mb=100)
        assert first == second
        assert do(sandbox, "pid") != second
        assert within(30, lambda: not is_alive(second))
    finally:
        sandbox.close()


def test_a_child_that_has_done_much_is_replaced() -> None:
    sandbox = Sandbox(LIMITS, 1, TASKS)
    try:
        assert len({do(sandbox, "pid") for _ in range(TASKS_PER_CHILD + 1)}) == 2
    finally:
        sandbox.close()


def test_a_child_that_is_not_needed_ends() -> None:
    sandbox = Sandbox(LIMITS, 1, TASKS, idle_seconds=0.4)
    try:
        first = do(sandbox, "pid")
        assert within(30, lambda: not is_alive(first))
        assert do(sandbox, "pid") != first
    finally:
        sandbox.close()


def test_without_seccomp_there_is_no_network_either() -> None:
    """On a machine that the filter is not built for."""
    program = """
import platform, socket
platform.machine = lambda: "riscv64"
from ingest.confine import confine
print(confine(programs=False))
try:
    socket.create_connection(("127.0.0.1", 9), 1)
except ConnectionRefusedError:
    print("there is a network")
except OSError as error:
    print("there is none")
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert ran.stdout.split("\n")[0] in ("namespace", "hook")
    assert ran.stdout.split("\n")[1] == "there is none"


def test_a_bad_file_does_not_hold_up_the_good() -> None:
    sandbox = Sandbox(LIMITS, 2, TASKS)
    try:
        with ThreadPoolExecutor(9) as threads:
            bad = threads.submit(refused, sandbox, "hang_in_c", limits=replace(LIMITS, seconds=8))
            time.sleep(0.2)
            good = [threads.submit(do, sandbox, "echo") for _ in range(8)]
            assert [each.result(timeout=7) for each in good] == ["report.pdf"] * 8
            assert not bad.done()
            assert bad.result().state == "failed"
        assert len(sandbox.pids()) == 1
    finally:
        sandbox.close()


def test_more_callers_than_children_take_turns() -> None:
    sandbox = Sandbox(LIMITS, 2, TASKS)
    try:
        with ThreadPoolExecutor(16) as threads:
            pids = set(threads.map(lambda _: do(sandbox, "pid"), range(200)))
        assert len(pids) <= 2
        assert len(sandbox.pids()) == len(pids)
    finally:
        sandbox.close()


def test_closing_ends_all_children_and_wakes_all_callers() -> None:
    sandbox = Sandbox(LIMITS, 2, TASKS)

    def fails(task: str) -> bool:
        with pytest.raises(Closing):
            do(sandbox, task, seconds=1000)
        return True

    with ThreadPoolExecutor(5) as threads:
        calls = [threads.submit(fails, task) for task in ("sleep", "hang_in_c", "echo", "echo", "echo")]
        assert within(30, lambda: len(sandbox.pids()) == 2)
        time.sleep(0.3)
        pids = sandbox.pids()
        sandbox.close()
        assert all(call.result(timeout=30) for call in calls)
    assert not [pid for pid in pids if is_alive(pid)]
    assert fails("echo")


PARENT = """
import sys, threading, time
from ingest.codec import pack_parsed, unpack_parsed
from ingest.loading.limits import Limits
from ingest.loading.parsed import Attachment, Parsed
from ingest.sandbox import Sandbox
sandbox = Sandbox(Limits(), 1, "tests.sandbox_tasks")
task, mark, how = sys.argv[1:]
def work():
    sandbox.run(task, {"name": "x", "mark": mark, "seconds": 1000}, [], Limits())
thread = threading.Thread(target=work, daemon=True)
thread.start()
while not sandbox.pids():
    time.sleep(0.01)
print(*sandbox.pids(), flush=True)
thread.join()
"""


@pytest.fixture
def parent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """A process whose child is in the midst of a task, the child, and the file that the task has written."""
    mark = tmp_path / "mark"
    command = [sys.executable, "-c", PARENT, request.param, str(mark), ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        try:
            yield process, child, mark
        finally:
            process.kill()


@pytest.mark.parametrize("parent", ["hang_in_c", "loop"], indirect=True)
def test_a_busy_child_ends_with_its_parent(parent: tuple[subprocess.Popen[bytes], int, Path]) -> None:
    process, child, _ = parent
    time.sleep(0.5)
    assert is_alive(child)
    process.send_signal(signal.SIGKILL)
    assert within(30, lambda: not is_alive(child))


@pytest.mark.parametrize("parent", ["convert"], indirect=True)
@pytest.mark.parametrize("victim", ["parent", "child"])
def test_outside_programs_end_with_the_child(parent: tuple[subprocess.Popen[bytes], int, Path], victim: str) -> None:
    """The task runs a program that has started another one in a session of its own."""
    process, child, mark = parent
    assert within(30, mark.exists)
    programs = [int(pid) for pid in mark.read_text().split()]
    assert all(is_alive(pid) for pid in (child, *programs))
    os.kill(process.pid if victim == "parent" else child, signal.SIGKILL)
    assert within(30, lambda: not any(is_alive(pid) for pid in (child, *programs)))


def test_an_outside_program_reads_and_answers(sandbox: Sandbox) -> None:
    assert sandbox.run("ocr", {"name": "x"}, [b"hello" * 50_000], LIMITS) == ({"told": 0}, [b"hello" * 50_000])


def test_an_outside_program_ends_at_its_time_with_all_it_started(sandbox: Sandbox, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    error = refused(sandbox, "convert", mark=str(mark), seconds=1)
    assert "longer than" in error.message
    assert not any(is_alive(int(pid)) for pid in mark.read_text().split())


def test_the_limit_of_a_task_ends_its_programs_too(sandbox: Sandbox, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    refused(sandbox, "convert", mark=str(mark), seconds=1000, limits=replace(LIMITS, seconds=1))
    assert within(30, lambda: not any(is_alive(int(pid)) for pid in mark.read_text().split()))


def test_children_outlive_the_thread_that_asked_for_them() -> None:
    """The kernel ends a child with the thread that started it: that must not be the caller's."""
    sandbox = Sandbox(LIMITS, 1, TASKS)
    try:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(do(sandbox, "pid")))
        thread.start()
        thread.join()
        time.sleep(0.2)
        assert do(sandbox, "pid") == found[0]
    finally:
        sandbox.close()


def test_a_document_travels_whole(tmp_path: Path) -> None:
    document = Document(
        title="Naïve \ud800",
        text="One 😀\ud800\nTwo",
        parser="t/1",
        pages=(Page(1, 0, 6, "i", ((0, 3), (5, 6)), ocr=True), Page(2, 7, 10)),
        sections=(Section(0, "A > B"),),
        warnings=("w",),
    )
    parsed = Parsed(document, (Attachment("a/b.txt", b"\0\xff"),), (2,), (Refused("c.exe", "unsupported", "not read"),))
    found = unpack_parsed(*pack_parsed(parsed))
    assert found == replace(parsed, document=replace(document, title="Naïve ?", text="One 😀?\nTwo"))


def test_a_file_over_the_limit_reaches_no_child() -> None:
    """Files inside others come here too, and nothing has looked at their size before."""
    sandbox = Sandbox(replace(LIMITS, file_mb=1))
    try:
        with pytest.raises(FileRefused, match=r"has 1 MB, more than the limit of 1 MB.*FOOTNOTE_MAX_FILE_MB") as caught:
            sandbox.parse("long.txt", bytes(1_000_001))
        assert caught.value.state == "too large"
        assert sandbox.pids() == []
    finally:
        sandbox.close()


def test_real_files_are_read(tmp_path: Path) -> None:
    sandbox = open_sandbox(settings_for(tmp_path))
    try:
        paper = sandbox.parse("leave.pdf", pdf([["Parental leave lasts twenty weeks."], ["Page two."]]))
        assert [page.number for page in paper.document.pages] == [1, 2]
        assert "twenty weeks" in paper.document.text
        with pytest.raises(FileRefused) as caught:
            sandbox.parse("broken.pdf", b"%PDF-1.7 nothing")
        assert caught.value.state == "damaged"
        assert len(sandbox.pids()) == 1
    finally:
        sandbox.close()


def test_an_old_word_file_is_converted_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in for LibreOffice, which is a program that writes a file."""
    (tmp_path / "result").write_bytes(word(lambda document: document.add_paragraph("It was old.")))
    program = tmp_path / "soffice"
    copy = "folder = pathlib.Path(sys.argv[-1]).parent; shutil.copyfile(result, folder / 'document.docx')"
    result = str(tmp_path / "result")
    program.write_text(f"#!{sys.executable}\nimport pathlib, shutil, sys\nresult = {result!r}\n{copy}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = open_sandbox(settings_for(tmp_path))
    try:
        parsed = sandbox.parse("a.doc", ole({"WordDocument": b"\xec\xa5" + bytes(100), "1Table": b""}))
        assert parsed.document.text == "It was old."
        assert "LibreOffice" in parsed.document.warnings[-1]
    finally:
        sandbox.close()


def test_limits_are_the_settings_defaults() -> None:
    assert Limits.of(Settings(_env_file=None)) == Limits()
