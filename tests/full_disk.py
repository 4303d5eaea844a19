"""A disk that becomes full while a library works on it: a small tmpfs that only this process and its children see.

`unshare --map-root-user --mount python -m tests.full_disk FOLDER FREE` mounts it on FOLDER, and says on stdout what happened, a JSON
list a line. A library in a child adds one document, then another with only FREE bytes left. Where the full disk kills the
child (a memory-mapped page that finds no room is a SIGBUS), the next child goes on.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ingest.records import Added, Progress, Where
from rag.errors import FootnoteError
from tests.conftest import REPOSITORY
from tests.indexing_bench import long_text
from tests.small_library import SmallLibrary

DISK = "256m"
FIRST, SECOND = "The walrus sleeps on the pier.\n" * 20, long_text("crane", 1500)


def main() -> None:
    """Be the outer process, or with a third argument the library in it."""
    disk, free = Path(sys.argv[1]), int(sys.argv[2])
    if sys.argv[3:]:
        live(disk, crashed=sys.argv[3] == "again")
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(disk)], check=True)
    (disk / "first.txt").write_text(FIRST)
    (disk / "second.txt").write_text(SECOND)
    child = _start(disk, free, "library")
    assert child.stdin
    _tell(child, until="ready")
    _fill(disk, free)
    child.stdin.write("full\n")
    child.stdin.flush()
    _tell(child, until="waits")
    (disk / "ballast").unlink()
    if child.poll() is None:
        child.stdin.write("room\n")
        child.stdin.flush()
        _tell(child)
    if child.wait():
        say("died", signal.Signals(-child.returncode).name if child.returncode < 0 else child.returncode)
        child = _start(disk, free, "again")
        _tell(child)
        say("ended", child.wait())


def _start(disk: Path, free: int, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.full_disk", str(disk), str(free), how]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def _tell(child: subprocess.Popen[str], until: str = "") -> None:
    """Pass on what the child says, until it says a certain thing or ends."""
    assert child.stdout
    for line in child.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if until and json.loads(line)[0] == until:
            return
    child.wait()


def _fill(disk: Path, free: int) -> None:
    """Leave only so many bytes; with 0 not a single page."""
    with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        ballast.write(bytes(shutil.disk_usage(disk).free - free))
        while not free:
            ballast.write(bytes(1024))


def live(disk: Path, *, crashed: bool) -> None:
    """Add, and add again when the disk is full; once there is room, go on to the end."""
    with SmallLibrary(disk / "data") as library:
        if not crashed:
            say("first", library.outcomes(disk / "first.txt"))
            say("ready", None)
            sys.stdin.readline()
            fill_up(library, disk / "second.txt")
            sys.stdin.readline()
        library.start()
        for job in library.jobs():
            for event in library.follow(job.id):
                if isinstance(event, Added):
                    say("outcome", [event.document, event.status, event.reason])
        if "second.txt" not in [record.name for record in library.documents() if record.live_version]:
            say("once more", library.outcomes(disk / "second.txt"))
        say("found", found(library))
        say("doctor", [str(finding) for finding in library.doctor(repair=False)])
        say("originals", [original_of(library, name) for name in ("first.txt", "second.txt")])


def fill_up(library: SmallLibrary, paper: Path) -> None:
    """Add a document that does not fit, and say what people see of it."""
    try:
        for event in library.follow(library.submit([paper])):
            if isinstance(event, Added) or (isinstance(event, Progress) and event.step.startswith("waiting")):
                say("told", event.reason if isinstance(event, Added) else event.step)
                break
    except FootnoteError as error:
        say("told", str(error))
    say("found", found(library))
    say("waits", [[job.state, job.problem] for job in library.jobs(1)])


def found(library: SmallLibrary) -> list[str]:
    """Which of the documents can be found."""
    questions = {"first.txt": "walrus pier", "second.txt": "crane yard"}
    return [
        name
        for name, question in questions.items()
        if any(passage.document == name for passage in library.search(question, Where(), 10))
    ]


def original_of(library: SmallLibrary, name: str) -> bool:
    """Whether a document's original is what was added."""
    record, version = library.document(name)
    assert version is not None
    content = FIRST if name == "first.txt" else SECOND
    return library.original(record.id, version.number) == content.encode()


def say(event: str, value: Any) -> None:
    """Tell it, at once."""
    sys.stdout.write(json.dumps([event, value]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
