"""The child's side of a child process: its pipe to the parent, and its end with it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from ingest.frames import Channel
from ingest.guardian import end_with

AUTOGROUP_TRIES = 20
AUTOGROUP_WAIT = 0.05


def connect() -> Channel:
    """Take stdin and stdout for frames, so that no library can write between them, and end when the parent does."""
    end_with(int(sys.argv[2]))
    reading, writing = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # what a library prints goes where its complaints go
    os.close(null)
    return Channel(reading, writing)


def step_back(niceness: int) -> None:
    """Lower this process's priority, against the one that answers questions too.

    A child has a session of its own, and Linux gives every session an equal share of the cores, whatever the niceness of a
    process is within it (autogroups, man 7 sched): the session's own niceness has to be lowered as well.
    """
    os.nice(niceness)
    for _ in range(AUTOGROUP_TRIES):
        try:
            Path("/proc/self/autogroup").write_text(str(niceness))
        except BlockingIOError:  # it may be done ten times a second, by all processes together
            time.sleep(AUTOGROUP_WAIT)
        except OSError:  # this system has no such thing
            return
        else:
            return


def hold_lifeline() -> None:
    """Start a thread that ends this process and its group when the parent's end of the lifeline closes."""
    threading.Thread(target=_hold, args=(int(sys.argv[1]),), name="lifeline", daemon=True).start()


def _hold(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)
