"""Processes that end with the one that started them, whatever they are doing and however that one ends.

Run as a script (`python guardian.py LIFELINE PARENT PROGRAM ...`) it is the guardian of an outside program: it starts the program, and
kills all that came of it as soon as the program ends or the lifeline does. It imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
IS_LINUX = sys.platform == "linux"
POLL_SECONDS = 0.05
"""How often the program is looked at where the system cannot say that it ended."""


def prctl(option: int, *values: int) -> None:
    """The Linux call of that name. Raises `OSError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *(ctypes.c_ulong(value) for value in [*values, 0, 0, 0, 0][:4])) < 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def end_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that started it ends, and end now if its process already has."""
    if IS_LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: list[str]) -> int:
    """Run a program, and leave nothing of it behind. Its exit code is ours; 128 and the signal where one ended it."""
    lifeline, parent, *command = int(arguments[0]), int(arguments[1]), *arguments[2:]
    os.setsid()
    if IS_LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)  # what the program leaves behind becomes ours
    if os.getppid() != parent:
        return 1
    own = os.getpid()
    try:
        # One thread only, so that a function may run in the child before the program does.
        program = subprocess.Popen(command, preexec_fn=lambda: end_with(own))  # noqa: S603
    except OSError:
        return 127
    try:
        _wait(program, lifeline)
    finally:
        _end_all(program)
    return program.returncode if program.returncode >= 0 else 128 - program.returncode


def _wait(program: subprocess.Popen[bytes], lifeline: int) -> None:
    """Return when the program has ended or the lifeline has."""
    poller = select.poll()
    poller.register(lifeline, select.POLLIN)
    patience: float | None = POLL_SECONDS * 1000
    if hasattr(os, "pidfd_open"):
        with suppress(OSError):
            poller.register(os.pidfd_open(program.pid), select.POLLIN)
            patience = None
    while not poller.poll(patience) and program.poll() is None:
        pass


def _end_all(program: subprocess.Popen[bytes]) -> None:
    """Kill the program, if it still runs, and all that it left behind, until there is nothing."""
    if program.poll() is None:
        program.kill()
        program.wait()
    with suppress(ChildProcessError):
        while True:
            left = _children()
            for child in left:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            if os.waitpid(-1, 0 if left else os.WNOHANG) == (0, 0):
                os.killpg(0, signal.SIGKILL)  # the system does not say what is left: all of the group, this one too


def _children() -> list[int]:
    with suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
