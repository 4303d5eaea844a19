"""Tasks that misbehave, for the sandbox's children in tests: everything that a hostile file may make a reader do."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.confine import limited, memory_of, run_program
from ingest.frames import Blob
from ingest.loading.limits import Limits
from ingest.sandbox_child import Result, Task
from rag.errors import FileRefused, NotReady

KEPT: list[bytes] = []


def told(value: Any, *blobs: Blob) -> Result:
    return json.dumps({"told": value}).encode(), blobs


def echo(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    return told(header["name"], *blobs)


def pid(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    return told(os.getpid())


def environment(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    return told(
        {
            "environ": dict(os.environ),
            "cwd": str(Path.cwd()),
            "nice": os.nice(0),
            "files": [each.name for each in Path("/proc/self/fd").iterdir()],
        }
    )


def fill_memory(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    filled = []
    while True:
        filled.append(bytes(4 << 20))
        time.sleep(0)


def take_memory(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    taken = b"x" * (header["mb"] << 20)
    return told(len(taken))


def abort_full(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    """As C code does that gets no more memory."""
    filled = []
    try:
        while True:
            filled.append(bytes(4 << 20))
    except MemoryError:
        time.sleep(0.3)
        os.abort()


def grow(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    KEPT.append(b"x" * (header["mb"] << 20))
    return told(os.getpid())


def loop(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    while True:
        pass


def burn_processor_time(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    with limited(Limits(seconds=0.2), memory_of(os.getpid())):
        return loop(header, blobs, limits)


def sleep(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    time.sleep(header["seconds"])
    return told(header["seconds"])


def hang_in_c(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    """Sleep in C code that holds the interpreter's lock, deaf to all signals that can be blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    ctypes.PyDLL(None).sleep(1000)
    return told("awake")


def write_much(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    return told("much", bytes(header["mb"] << 20))


def write_long_json(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    return told("x" * (header["mb"] << 20))


def crash(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    ctypes.string_at(0)
    return told("alive")


def leave(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    os._exit(3)


def refuse(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    raise FileRefused("password-protected", f"{header['name']} opens only with a password.", "Save it without.")


def not_ready(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    raise NotReady("It is not there.", "Install it.")


def fail(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    raise KeyError("xref")


def write_raw(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    """Write bytes to every open pipe, as a reader does that a file has taken over; then wait."""
    for each in Path("/proc/self/fd").iterdir():
        try:
            os.write(int(each.name), blobs[0])
        except OSError:
            continue
    time.sleep(header.get("seconds", 0))
    os._exit(0)


def answer_raw(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    return blobs[0], blobs[1:]


def try_all(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    """What happens to each thing that a reader must not do."""
    return told({name: _outcome(attempt) for name, attempt in ATTEMPTS.items()})


def run_sleeper(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    """Start a program that starts another in a session of its own, writes both ids down, and waits."""
    run_program([sys.executable, "-c", SLEEPER, header["mark"]], header["seconds"])
    return told("done")


def run_echo(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    ran = run_program(["cat"], 10, blobs[0])
    return told(ran.code, ran.output)


SLEEPER = """
import os, subprocess, sys, time
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
with open(sys.argv[1] + ".part", "w") as mark:
    mark.write(f"{os.getpid()} {other.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
time.sleep(1000)
"""


def _outcome(attempt: Any) -> str:
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    except MemoryError:
        return "MemoryError"
    return "done"


def _socket(family: int, kind: int = socket.SOCK_STREAM) -> Any:
    return lambda: socket.socket(family, kind).close()


def _connect() -> None:
    socket.create_connection(("127.0.0.1", 9), 1)


def _ptrace() -> None:
    """Attach to the parent, as a debugger does."""
    if ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def _in_a_thread() -> None:
    """A filter must hold in every thread; and threads must still be possible."""
    outcomes: list[str] = []
    thread = threading.Thread(target=lambda: outcomes.append(_outcome(_socket(socket.AF_INET))))
    thread.start()
    thread.join()
    if outcomes != ["done"]:
        raise PermissionError


def _compress() -> None:
    zlib.compress(b"x" * 100_000)


def _write(folder: str) -> Any:
    def attempt() -> None:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")

    return attempt


ATTEMPTS: Mapping[str, Any] = {
    "internet": _socket(socket.AF_INET),
    "internet6": _socket(socket.AF_INET6),
    "datagram": _socket(socket.AF_INET, socket.SOCK_DGRAM),
    "netlink": _socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "unix": _socket(socket.AF_UNIX),
    "pair": lambda: list(map(socket.socket.close, socket.socketpair())),
    "connect": _connect,
    "thread": _in_a_thread,
    "fork": lambda: os.fork() or os._exit(0),
    "program": lambda: subprocess.run(["true"], check=True),
    "signal parent": lambda: os.kill(os.getppid(), 0),
    "signal all": lambda: os.kill(-1, 0),
    "signal itself": lambda: os.kill(os.getpid(), 0),
    "ptrace": _ptrace,
    "write a file": _write("/tmp"),
    "write another file": _write("/var/tmp"),
    "read a library": lambda: Path(os.__file__).read_bytes(),
    "compress": _compress,
}


TASKS: Mapping[str, Task] = {
    task.__name__: task
    for task in (
        echo, pid, environment, fill_memory, take_memory, abort_full, grow, loop, burn_processor_time, sleep, hang_in_c, write_much,
        write_long_json, crash, leave, refuse, not_ready, fail, write_raw, answer_raw, try_all,
    )
} | {"parse": answer_raw, "ocr": run_echo, "convert": run_sleeper}  # fmt: skip

WARM: Mapping[str, Sequence[str]] = {}
