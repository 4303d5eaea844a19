"""Child processes of ours: how they are started, spoken to and ended. They end with this process, at SIGKILL too."""

from __future__ import annotations

import fcntl
import logging
import os
import queue
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from ingest.confine import Memory, memory_of
from ingest.frames import Channel, Gone
from rag.errors import NotReady

LOG = logging.getLogger(__name__)

END_SECONDS = 2.0
"""How long a child that closed its pipe may take to say how it ended."""

PIPE_BYTES = 1 << 20
"""What a pipe holds: large files go through in a tenth of the switches between processes."""

KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""What a child that reads strangers' files sees of the environment."""

ROOT = Path("/")
_PACKAGES = Path(__file__).parents[1]


def bare_environment(**more: str) -> dict[str, str]:
    """An environment without anything private in it."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {"LANG": "C.UTF-8", "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "2", **kept, **_python_path(), **more}


def trusted_environment() -> dict[str, str]:
    """Ours, for a child that runs libraries which are set up by it; without Footnote's own settings, some of them secret."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("FOOTNOTE_")}
    return {**kept, **_python_path()}


def _python_path() -> dict[str, str]:
    """Where the child finds this package: where we did, if that is not where installed packages are."""
    given = [str(Path(folder).absolute()) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    root = [] if Path(sysconfig.get_path("purelib")) == _PACKAGES else [str(_PACKAGES)]
    return {"PYTHONPATH": os.pathsep.join([*root, *given])}


class Closing(NotReady):
    """What was being done in a child was stopped, because all children are ended."""

    def __init__(self) -> None:
        super().__init__("The work was stopped: Footnote is closing.", "It goes on when Footnote is started again.")


class Child:
    """A process running `python -m MODULE`, in a session of its own. One thread uses it; any may `kill` it.

    The growth of one that is `watched` is measured while its answer is awaited. Raises `OSError` where it cannot be started.
    """

    def __init__(self, module: str, environment: Mapping[str, str], folder: Path = ROOT, *, watched: bool) -> None:
        self._process, self._lifeline = _spawner().start(module, environment, folder)
        assert self._process.stdin
        assert self._process.stdout
        for pipe in (self._process.stdin, self._process.stdout):
            os.set_blocking(pipe.fileno(), False)
            with suppress(AttributeError, OSError):  # Linux only
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.channel = Channel(
            self._process.stdout.fileno(), self._process.stdin.fileno(), self._look if watched else None
        )
        self._first = self._peak = Memory()
        self._killed = False
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group and session too."""
        return self._process.pid

    def memory(self) -> Memory:
        """What it takes now."""
        return memory_of(self.pid)

    def forget_peak(self) -> None:
        """Measure `growth` from now on."""
        self._first = self._peak = self.memory()

    def growth(self) -> float:
        """By how many MiB its address space has grown at most, as far as it was seen while waiting for an answer."""
        return self._peak.virtual - self._first.virtual

    def kill(self) -> None:
        """End it and its group at once. The thread that waits for it gets `Gone`."""
        with self._lock:
            if not self._killed:
                self._killed = True
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)

    def end(self, patience: float = 0.0) -> int:
        """Let go of it and say how it ended: its exit code, or minus the signal. It gets some seconds to do so by itself."""
        with suppress(subprocess.TimeoutExpired):
            if patience:
                self._process.wait(patience)
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        return self._process.wait()

    def _look(self) -> None:
        if self._killed:
            raise Gone
        self._peak = max(self._peak, self.memory())


class _Spawner:
    """The one thread that starts children: the kernel ends them when the thread that started them ends, so it never does."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._wanted: queue.SimpleQueue[
            tuple[str, Mapping[str, str], Path, Future[tuple[subprocess.Popen[bytes], int]]]
        ] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="footnote-spawner", daemon=True).start()

    def start(self, module: str, environment: Mapping[str, str], folder: Path) -> tuple[subprocess.Popen[bytes], int]:
        """The process, and our end of its lifeline. Raises `OSError`."""
        started: Future[tuple[subprocess.Popen[bytes], int]] = Future()
        self._wanted.put((module, environment, folder, started))
        return started.result()

    def _run(self) -> None:
        while True:
            module, environment, folder, started = self._wanted.get()
            try:
                started.set_result(_spawn(module, environment, folder))
            except OSError as error:
                started.set_exception(error)


def _spawn(module: str, environment: Mapping[str, str], folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    theirs, ours = os.pipe()
    # -P: a file in the current folder must not take a library's place.
    command: Sequence[str] = [sys.executable, "-P", "-m", module, str(theirs), str(os.getpid())]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if LOG.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
            bufsize=0,
            env=dict(environment),
            cwd=folder,
            pass_fds=(theirs,),
            start_new_session=True,
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return process, ours


_SPAWNING = threading.Lock()
_spawners: list[_Spawner] = []


def _spawner() -> _Spawner:
    with _SPAWNING:
        if not _spawners or _spawners[0].owner != os.getpid():
            _spawners[:] = [_Spawner()]
        return _spawners[0]
