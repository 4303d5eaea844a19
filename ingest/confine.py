"""What a child that reads strangers' files does to itself before the first one, and around each."""

from __future__ import annotations

import ctypes
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ingest import child_side, guardian, landlock, seccomp
from ingest.loading.limits import Limits

if sys.platform != "win32":
    import resource

LOG = logging.getLogger(__name__)

PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWNET = 0x40000000
LOWEST_PRIORITY = 19
MOST_FILES = 512
KILL_FIRST = "1000"
"""For `oom_score_adj`: where memory runs out, the kernel ends this process before any that matters."""

_MEBI = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Memory(NamedTuple):
    """Of a process, in MiB: its address space, and what of that is in memory."""

    virtual: float = 0.0
    resident: float = 0.0


def memory_of(pid: int) -> Memory:
    """The memory of a process; zero where the system does not say, or it is gone."""
    try:
        virtual, resident, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return Memory()
    return Memory(int(virtual) * _PAGE / _MEBI, int(resident) * _PAGE / _MEBI)


def confine(*, programs: bool) -> str:
    """Give up the network, privileges, priority and writing to files, for good; `programs`: keep what outside programs need.

    It is to be called before there is a second thread. Says what keeps the network away: `seccomp`, `namespace`, or, where
    the system can do neither, `hook`, which stops Python code only.
    """
    child_side.step_back(LOWEST_PRIORITY)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(KILL_FIRST)
    _limit("RLIMIT_CORE", 0, hard=True)
    _limit("RLIMIT_NOFILE", MOST_FILES, hard=True)
    if guardian.IS_LINUX:
        guardian.prctl(PR_SET_NO_NEW_PRIVS, 1)
        with suppress(OSError):
            landlock.forbid_writing(except_temporary=programs)
    return _without_network(programs=programs)


def _without_network(*, programs: bool) -> str:
    if guardian.IS_LINUX:
        with suppress(OSError):
            seccomp.install(os.getppid(), programs=programs)
            return "seccomp"
        if ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0:
            return "namespace"
    sys.addaudithook(_refuse_sockets)
    return "hook"


def _refuse_sockets(event: str, _arguments: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        raise PermissionError("There is no network here.")


@contextmanager
def limited(limits: Limits, before: Memory, cores: int = 1) -> Iterator[None]:
    """Hold a task to its limits of memory, processor time and size of files. Raises `MemoryError` inside.

    `before` is the memory before the task's data came in: what the process takes up anyway, libraries above all, is not counted
    twice, and what is in memory already counts. Processor time over the limit ends the process with SIGXCPU.
    """
    room = limits.memory_mb + max(before.virtual - before.resident, 0)
    used = sum(os.times()[:2])
    _limit("RLIMIT_AS", int(room * _MEBI))
    _limit("RLIMIT_FSIZE", limits.output_mb * _MEBI)
    _limit("RLIMIT_CPU", math.ceil(used + limits.seconds * cores) + 1)
    try:
        yield
    finally:
        for name in ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CPU"):
            _limit(name, None)


def _limit(name: str, value: int | None, *, hard: bool = False) -> None:
    """Set a limit, or with `None` lift it as far as it goes. A system that does not know it does without."""
    kind = getattr(resource, name)
    most = resource.getrlimit(kind)[1]
    wanted = most if value is None else value if most == resource.RLIM_INFINITY else min(value, most)
    try:
        resource.setrlimit(kind, (wanted, wanted if hard else most))
    except (OSError, ValueError):
        LOG.warning("This system does not hold a process to %s", name)


class Ran(NamedTuple):
    """How a program ended (its exit code, 127 where it is not there), and what it wrote to stdout."""

    code: int
    output: bytes


def run_program(argv: Sequence[str], seconds: float, data: bytes = b"", folder: Path | None = None) -> Ran:
    """Run an outside program with `data` on its stdin. `folder` is where it starts, and its home.

    It and all that it started is killed when it ends, after the time (`TimeoutError`), and when this process ends, in any way.
    For tasks that may start programs.
    """
    theirs, ours = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - the program that the caller has chosen
            [sys.executable, "-I", "-S", guardian.__file__, str(theirs), str(os.getpid()), *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs,),
            cwd=folder,
            env={**os.environ, "HOME": str(folder)} if folder else None,
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    started = time.monotonic()
    with process:
        try:
            output, _ = process.communicate(data, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{argv[0]} took longer than {time.monotonic() - started:.0f} s.") from error
        finally:
            os.close(ours)
            process.wait()
    return Ran(process.returncode, output)
