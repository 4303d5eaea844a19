"""Reads files in confined children, each file within its limits: bytes in, what a loader hands back out."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from typing import Any, Literal, NamedTuple

from ingest import sandbox_child
from ingest.children import Child, bare_environment
from ingest.codec import unpack_parsed
from ingest.files import too_large
from ingest.frames import MOST_HEADER, Blob, Garbled, Gone, Late, Oversized
from ingest.loading.legacy import can_convert
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.pool import IDLE_SECONDS, Lease, Pool
from ingest.verdict import BY_OCR, BY_PARSING, Reply, Settable, ended, garbled, not_started, told
from rag.errors import FileRefused
from rag.settings import Settings

LOG = logging.getLogger(__name__)

START_SECONDS = 60.0
"""How long a child may take until it listens: a tenth of a second, unless the machine is very busy."""

SLACK_SECONDS = 0.5
"""What a child gets beyond a file's time, so that the answer of one that was in time arrives."""

TASKS_PER_CHILD = 1000
GROWN = 0.5
"""A child is replaced after so many tasks, or when it keeps more than this share of the memory that a file may take."""

OVERTIME = 1.5
"""By what share longer than the pool counts on it a child waits for a task, before it ends by itself."""

_MEBI = 1 << 20
_FAILURES = (Gone, Late, Garbled, Oversized)


class Kind(NamedTuple):
    """Children of one kind serve the same tasks. `programs`: they may start outside programs; `own_threads`: as many as they like."""

    settable: Settable = BY_PARSING
    programs: bool = False
    own_threads: bool = False


KINDS = {
    "parse": Kind(),
    "ocr": Kind(BY_OCR, programs=True, own_threads=True),
    "convert": Kind(programs=True),
}
"""The kind of child by task. A task that is not named here runs as one that parses does."""


class Sandbox:
    """Warm pools of children, one of each kind. Threads share it, and each call holds up its own thread only.

    `module` names the table of tasks; the default is the real one.
    """

    def __init__(
        self,
        limits: Limits,
        workers: int = 2,
        module: str = sandbox_child.__name__,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._limits = limits
        self._pools = {
            name: Pool(
                partial(_start, name, kind, module, idle_seconds * OVERTIME),
                max(1, workers // 2) if kind.programs else workers,
                idle_seconds,
            )
            for name, kind in KINDS.items()
        }

    def parse(self, name: str, data: bytes, recognised: Mapping[int, str] | None = None) -> Parsed:
        """Read a file; `recognised` gives the text of pages (from 1) that were read from their pictures.

        A file over the limit is refused before any child sees it: one inside another comes here too.
        A file in an old Office format is converted first, where LibreOffice is installed. Raises `FileRefused`, which is
        final; `ParserDied`, after which another try may help; `Closing` at the end.
        """
        if len(data) > (most := self._limits.file_mb * 1_000_000):
            raise FileRefused("too large", too_large(name, len(data), most))
        try:
            return self._parse(name, data, recognised or {})
        except FileRefused as refusal:
            if not can_convert(refusal):
                raise
        found, converted = self.run("convert", {"name": name}, [data], self._limits)
        if len(converted) != 1:
            raise garbled(name)
        parsed = self._parse(str(found.get("name", name)), converted[0], {})
        said = (*parsed.document.warnings, "LibreOffice converted it from an older format.")
        return replace(parsed, document=replace(parsed.document, warnings=said))

    def run(
        self, task: str, header: Mapping[str, Any], blobs: Sequence[Blob], limits: Limits
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Do a task of the table: its answer's header and blobs. `name` in the header is what messages call the file.

        Raises as `parse` does.
        """
        said, answer = self._call(task, header, blobs, limits)
        try:
            found = json.loads(said)
        except (ValueError, RecursionError) as error:
            raise garbled(_named(header)) from error
        if not isinstance(found, dict):
            raise garbled(_named(header))
        return found, answer

    def pids(self) -> list[int]:
        """The children that there are now."""
        return [pid for pool in self._pools.values() for pid in pool.pids()]

    def close(self) -> None:
        """End all children. Calls that wait or run raise `Closing`."""
        for pool in self._pools.values():
            pool.close()

    def _parse(self, name: str, data: bytes, recognised: Mapping[int, str]) -> Parsed:
        header = {"name": name, "recognised": {str(page): text for page, text in recognised.items()}}
        said, blobs = self._call("parse", header, [data], self._limits)
        try:
            return unpack_parsed(said, blobs)
        except ValueError as error:
            raise garbled(name) from error

    def _call(
        self, task: str, header: Mapping[str, Any], blobs: Sequence[Blob], limits: Limits
    ) -> tuple[bytes, list[bytes]]:
        name, kind = _named(header), KINDS.get(task, KINDS["parse"])
        with self._pools[task if task in KINDS else "parse"].lease() as lease:
            _make_ready(lease)
            try:
                reply, answer = _ask(lease, task, header, blobs, limits)
            except _FAILURES as error:
                raise ended(error, lease.child, name, limits, kind.settable) from error
        if reply.status != "done":
            raise told(reply, name, limits, kind.settable)
        return answer[0], answer[1:]


def open_sandbox(settings: Settings) -> Sandbox:
    """The sandbox that the settings describe. Children are started when they are needed."""
    return Sandbox(Limits.of(settings), settings.parse_workers)


def _start(name: str, kind: Kind, module: str, idle_seconds: float) -> Child:
    threads = {} if kind.own_threads else {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        child = Child(sandbox_child.__name__, bare_environment(**threads), watched=True)
    except OSError as error:
        raise not_started() from error
    options = {
        "module": module, "kind": name, "programs": kind.programs, "idle_seconds": idle_seconds,
        "verbose": LOG.isEnabledFor(logging.DEBUG),
    }  # fmt: skip
    child.channel.send(options)  # the pipe keeps it until the child reads
    return child


def _make_ready(lease: Lease) -> None:
    """Wait until a new child listens. Raises `NotReady`."""
    if lease.ready:
        return
    try:
        said, _ = lease.child.channel.receive(0, time.monotonic() + START_SECONDS)
        network = _reader(Literal["seccomp", "namespace", "hook"]).validate_json(said)
    except (*_FAILURES, ValueError) as error:
        raise not_started() from error
    if network == "hook":
        LOG.warning("This system cannot keep native code in the children that read files off the network, only Python.")
    lease.ready = True


def _ask(
    lease: Lease, task: str, header: Mapping[str, Any], blobs: Sequence[Blob], limits: Limits
) -> tuple[Reply, list[bytes]]:
    """Send a task and wait for what becomes of it. Raises what a channel raises."""
    child = lease.child
    child.forget_peak()
    deadline = time.monotonic() + limits.seconds + SLACK_SECONDS
    child.channel.send({"task": task, "header": header, "limits": asdict(limits)}, blobs, deadline)
    said, answer = child.channel.receive(limits.output_mb * _MEBI, deadline)
    try:
        reply: Reply = _reader(Reply).validate_json(said)
    except ValueError as error:
        raise Garbled from error
    if reply.status == "done" and not answer:
        raise Garbled
    if answer and len(answer[0]) > MOST_HEADER:
        raise Oversized
    lease.spent = lease.tasks + 1 >= TASKS_PER_CHILD or child.memory().resident > GROWN * limits.memory_mb
    return reply, answer


def _named(header: Mapping[str, Any]) -> str:
    return str(header.get("name", "The file"))


@cache
def _reader(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
