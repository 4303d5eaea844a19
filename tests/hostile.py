"""One batch of bad and good files through a library with real children: what must be true of it afterwards."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil

from ingest.embedding_worker import EmbeddingWorker
from ingest.library import Library
from ingest.loading.parsed import Parsed
from ingest.lock import LibraryLock
from ingest.ports import Parser, Recogniser, Worker
from ingest.records import Added
from ingest.sandbox import Sandbox
from rag.ports import Embedder, Reranker
from rag.settings import Settings
from tests.conftest import settings_for
from tests.fakes import WordEmbedder

GOOD = "good-"
"""How the names of good files begin."""

SLACK_SECONDS = 3.0
"""What a file may take beyond its time: a child is ended half a second after it, and another started."""

SLACK_SHARE = 1.1
"""What a child may take of its memory: it is held to its address space, so this is for what it took before."""

_TECHNICAL = re.compile(
    r"Traceback|\b[A-Za-z]*(Error|Exception)\b|\b0x[0-9a-f]{4}|[Ee]rrno|<class|\bNone(Type)?\b|\bself\b|\\x[0-9a-f]{2}"
    r"|pypdf|pdfium|openpyxl|lxml|libxml|zipfile|zlib|docutils|striprtf|selectolax|olefile|codec|xmlns|\bline \d+, in\b",
)
_TOKEN = re.compile(r"\w{1,12}|[^\w\s]")
_PLAIN = re.compile(r"\S.{10,}[.!?]", re.DOTALL)


@dataclass(slots=True)
class Verdict:
    """What became of a batch. `wrong` says in words what must not be."""

    files: int = 0
    seconds: float = 0.0
    states: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    good: int = 0
    good_indexed: int = 0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    peak_mib: float = 0.0
    own_mib: float = 0.0
    died: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class TimedSandbox:
    """The real sandbox, and how long each file took in it. `peaks` are the most memory in MiB that its children had."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.took: list[tuple[float, str]] = []
        self.peak = 0.0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def parse(self, name: str, data: bytes, recognised: Mapping[int, str] | None = None) -> Parsed:
        started = time.monotonic()
        try:
            return self._sandbox.parse(name, data, recognised)
        finally:
            self.took.append((time.monotonic() - started, name))

    def close(self) -> None:
        self._over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            for pid in self._sandbox.pids():
                try:
                    self.peak = max(self.peak, psutil.Process(pid).memory_info().rss / 1024**2)
                except psutil.Error:
                    continue


class HostileLibrary(Library):
    """A library with the real sandbox, and the real child that embeds, with a model that counts words."""

    @cached_property
    def _embedder(self) -> Embedder:
        return SignEmbedder()

    @cached_property
    def _worker(self) -> Worker:
        return EmbeddingWorker(self.settings, f"{__name__}:open_words")

    @cached_property
    def timed(self) -> TimedSandbox:
        """What reads files."""
        return TimedSandbox(self._sandbox)

    @cached_property
    def _parser(self) -> Parser:
        return self.timed

    @cached_property
    def _recogniser(self) -> Recogniser | None:
        return None

    @cached_property
    def _reranker(self) -> Reranker | None:
        return None


class SignEmbedder(WordEmbedder):
    """Counts words in its vectors; its tokens are words and signs, as those of real models are."""

    def tokenize(self, text: str) -> list[str]:
        return _TOKEN.findall(text)


def open_words(_settings: Settings) -> Embedder:
    """The embedder in the child."""
    return SignEmbedder()


def open_hostile(folder: Path, **changes: object) -> HostileLibrary:
    """A library in a data folder. It needs no models."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = LibraryLock(folder)
    lock.acquire(5.0)
    return HostileLibrary(settings_for(folder, rerank=False, **changes), lock)


def write_files(folder: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Put files into a folder, folders in their names included; how many."""
    count = 0
    for name, data in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        count += 1
    return count


def try_batch(
    folder: Path, library: HostileLibrary, say: Callable[[str], object] = lambda _: None, good: str = GOOD
) -> Verdict:
    """Add a folder as one job. `say` gets a line for each outcome."""
    verdict = Verdict()
    started, me = time.monotonic(), psutil.Process()
    errors = _Errors()
    logging.getLogger("ingest").addHandler(errors)
    try:
        job = library.submit([folder])
        for event in library.follow(job):
            if isinstance(event, Added):
                _take(verdict, event, good)
                say(f"{time.monotonic() - started:7.1f} s {event.status}: {event.document[-90:]} {event.reason}")
                verdict.own_mib = max(verdict.own_mib, me.memory_info().rss / 1024**2)
    finally:
        logging.getLogger("ingest").removeHandler(errors)
        library.timed.close()
    verdict.seconds = time.monotonic() - started
    verdict.wrong += [f"logged: {line}" for line in errors.lines]
    _judge(verdict, library, job, folder, good)
    return verdict


class _Errors(logging.Handler):
    """Keeps what is logged as an error: a fault of ours, not of a file."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage()[:500])


def _take(verdict: Verdict, event: Added, good: str) -> None:
    verdict.documents += 1
    verdict.states[event.status] += 1
    if event.reason:
        verdict.reasons[event.document] = event.reason
    if problem := improper(event):
        verdict.wrong.append(f"{event.document}: {event.status}: {problem}")
    name = event.document.rpartition("/")[2]
    if name.startswith(good):
        verdict.good += 1
        verdict.good_indexed += event.status == "indexed"
        if event.status != "indexed":
            verdict.wrong.append(f"the good file {event.document} is {event.status}: {event.reason}")


def improper(event: Added) -> str:
    """What is wrong with the message of an outcome; nothing, in all likelihood."""
    if event.status in ("indexed", "unchanged"):
        return ""
    said = event.reason
    for name in (event.document, *event.document.split("/")):
        said = said.replace(name, "FILE")
    if not said:
        return "no reason is given"
    if found := _TECHNICAL.search(said):
        return f"the reason speaks of {found[0]!r}: {event.reason[:300]}"
    return "" if _PLAIN.fullmatch(said) else f"the reason is no sentence: {event.reason[:300]}"


def _judge(verdict: Verdict, library: HostileLibrary, job: str, folder: Path, good: str) -> None:
    record, files = library.job(job)
    verdict.files = sum(path.is_file() for path in folder.rglob("*"))
    timed, limits = library.timed, library.settings
    verdict.slowest = sorted(timed.took, reverse=True)[:10]
    verdict.peak_mib = timed.peak
    verdict.died = [file.document for file in files if file.quarantined]
    if record.state != "done":
        verdict.wrong.append(f"the job is {record.state}: {record.problem}")
    if open_ones := [file.document for file in files if not file.status]:
        verdict.wrong.append(f"{len(open_ones)} files have no outcome: {open_ones[:5]}")
    if len(files) < verdict.files:
        verdict.wrong.append(f"of {verdict.files} files, {len(files)} are in the job")
    verdict.wrong += [
        f"{name} took {seconds:.1f} s in its reader"
        for seconds, name in timed.took
        if seconds > limits.parse_seconds + SLACK_SECONDS
    ]
    if timed.peak > limits.parse_memory_mb * SLACK_SHARE:
        verdict.wrong.append(f"a reader took {timed.peak:.0f} MiB; it may take {limits.parse_memory_mb}")
    here = sum(path.name.startswith(good) for path in folder.rglob("*"))
    if verdict.good_indexed < here:
        verdict.wrong.append(f"of {here} good files, {verdict.good_indexed} are indexed")
    verdict.wrong += [f"doctor: {each.kind}: {each.subject}: {each.detail}" for each in library.doctor()]
