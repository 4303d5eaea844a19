"""One run of the indexer: files are read and parsed ahead, embedded all the time, and published in groups.

All that a run knows is touched by one thread, the one that asks for its events. Parsing, recognising, storing and embedding
happen in threads that all runs share; they give back values, and touch neither catalog nor index.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from ingest.catalog import Version
from ingest.embedding_line import WINDOW, EmbeddingLine
from ingest.group import REMOVED, Group
from ingest.intake import Intake
from ingest.judging import Judge
from ingest.members import crowded, open_members
from ingest.ocr_line import OcrLine
from ingest.publishing import Publisher
from ingest.reading_line import ReadingLine
from ingest.records import Added, Postponed, Progress
from ingest.staging import Staging
from ingest.work import Bundle, Work
from rag.errors import FileRefused, FootnoteError, ParserDied

LOG = logging.getLogger(__name__)

AHEAD_FILES = 128
AHEAD_BYTES = 64_000_000
"""What is read ahead of the parser, at most; a single file may be larger."""

AHEAD_CHUNKS = 2 * WINDOW
"""No further file is read while so many chunks wait for the embedder."""

OCR_BYTES = 256_000_000
"""Files that wait for OCR hold up nobody until they have so many bytes."""

TICK = 0.2
"""Seconds until a run looks up though nothing has happened: whether it was cancelled, whether its group is due."""

MEMBER_TRIES = 3
"""How often a file inside another one is tried whose parser dies."""

CANCELLED = "Adding {name} was cancelled."

Event = Progress | Added | Postponed


@dataclass(frozen=True, slots=True)
class Lines:
    """What a run works with: its files, the lines that they pass through, and what it publishes to."""

    intake: Intake
    judge: Judge
    reading: ReadingLine
    recognising: OcrLine | None
    embedding: EmbeddingLine
    publisher: Publisher
    storing: Executor


class Run:
    """The files of one `Indexer.run` on their way."""

    def __init__(self, lines: Lines, cancelled: Callable[[], bool]) -> None:
        self._lines = lines
        self._publisher = lines.publisher
        self._is_cancelled = cancelled
        self._group = Group(lines.publisher)
        self._open: dict[Bundle, None] = {}
        self._staging = Staging(lines.publisher, lines.embedding, lines.storing)
        self._superseded: list[Version] = []
        self._took = False

    def events(self) -> Generator[Event, None, None]:
        """Do it all. Whatever ends this, nothing that is half done stays."""
        self._publisher.begin()
        try:
            while not self._is_done():
                if self._is_cancelled():
                    yield from self._cancel()
                    return
                yield from self._take_in()
                yield from self._read()
                yield from self._recognise()
                self._lines.embedding.feed(more=self._has_more())
                yield from self._write()
                self._give_up_removed()
                if self._group.due() or (self._group.bundles and self._is_idle()):
                    yield from self._publish()
                self._wait()
        finally:
            self._clean_up()

    # Where it stands

    def _is_done(self) -> bool:
        intake = self._lines.intake
        return intake.exhausted and not intake.blocked and not self._open and not self._group.bundles

    def _has_more(self) -> bool:
        """Whether more chunks will come soon."""
        return not self._lines.intake.exhausted or self._lines.reading.files > 0

    def _is_idle(self) -> bool:
        """Whether nothing will happen but that the group is published."""
        intake = self._lines.intake
        return not self._open and (intake.exhausted or not self._took)

    def _wait(self) -> None:
        """Wait until something was done elsewhere."""
        recognising = self._lines.recognising
        flying: list[Future[Any]] = [*self._lines.reading.futures, *self._lines.embedding.futures]
        flying += recognising.futures if recognising else []
        if flying and not self._took:
            wait(flying, TICK, FIRST_COMPLETED)
        elif not flying and self._lines.intake.blocked:
            self._lines.intake.wait(TICK)

    # One step each

    def _take_in(self) -> Iterator[Event]:
        """Read the next files, if there is room."""
        self._took = False
        intake, reading, recognising = self._lines.intake, self._lines.reading, self._lines.recognising
        files = reading.files + len(intake.blocked)
        held = reading.held + sum(len(file.data) for file in intake.blocked)
        crowded = self._lines.embedding.waiting >= AHEAD_CHUNKS or (recognising and recognising.held >= OCR_BYTES)
        room = AHEAD_FILES - files if files <= AHEAD_FILES // 2 else 0
        if crowded or not (room or intake.blocked):
            return
        for item in intake.take(room, AHEAD_BYTES - held):
            self._took = True
            if isinstance(item, Bundle):
                self._open[item] = None
                reading.add(item.top)
            else:
                yield item

    def _read(self) -> Iterator[Event]:
        """Stage what was read; begin with what comes next."""
        for work, result in self._lines.reading.landed():
            if isinstance(result, FootnoteError):
                yield from self._refuse(work, result)
            elif result.needs_ocr and self._lines.recognising:
                self._lines.recognising.add(work, result.needs_ocr)
            elif refusal := crowded(work, result):
                yield from self._refuse(work, refusal)
            else:
                self._staging.add(work, result)
        if self._staging.is_due(more=self._lines.reading.files > 0):
            self._stage()
        for work in self._lines.reading.feed():
            yield Progress(work.name, "reading", 0, 1)

    def _refuse(self, work: Work, error: FootnoteError) -> Iterator[Event]:
        work.tries += 1
        if isinstance(error, ParserDied) and not work.depth:
            self._open.pop(work.bundle)
            self._lines.intake.release(work)
            yield Postponed(work.entry.source.key, str(error), counts=True)
            return
        if isinstance(error, ParserDied) and work.tries < MEMBER_TRIES:
            self._lines.reading.add_first([work])
            return
        if not isinstance(error, FileRefused | ParserDied):
            LOG.error("%s cannot be indexed: %s", work.name, error)
        work.end(error.state if isinstance(error, FileRefused) else "failed", str(error))
        self._finish(work)

    def _recognise(self) -> Iterator[Event]:
        """Let the next page be recognised."""
        if self._lines.recognising:
            for page in self._lines.recognising.advance():
                if page.all:
                    self._lines.reading.add_first([page.work], page.all)
                else:
                    yield Progress(page.work.name, "recognising", page.done, page.total)

    def _stage(self) -> None:
        """Write the rows of new versions, and begin with the files inside them."""
        for work, prepared in self._staging.stage():
            if not work.ended:
                self._lines.reading.add_first(open_members(work, prepared, self._lines.judge))
            if work.ended or work.is_whole:
                self._finish(work)

    def _write(self) -> Iterator[Event]:
        """Write the points of a batch that was embedded. Meanwhile the embedder has its next."""
        if not (batch := self._lines.embedding.landed()):
            return
        self._lines.embedding.feed(more=self._has_more())
        works = self._staging.write(batch)
        for work in works:
            if work.is_whole:
                self._finish(work)
        if works and (version := works[-1].version):
            yield Progress(works[-1].name, "embedding", works[-1].embedded, version.chunks)

    def _finish(self, work: Work) -> None:
        """A document is ready, or will not be: once that holds for all of its bundle, the bundle waits for the next flush."""
        work.bundle.unfinished -= 1
        if not work.bundle.unfinished and work.bundle in self._open:
            self._open.pop(work.bundle)
            self._group.add(work.bundle)

    def _give_up_removed(self) -> None:
        """Stop the work on documents that were removed meanwhile."""
        if not self._publisher.any_removed:
            return
        for bundle in list(self._open):
            whole = self._publisher.was_removed(bundle.top.document_id)
            for work in bundle.works:
                if not work.ended and (whole or self._publisher.was_removed(work.document_id)):
                    work.end("cancelled", REMOVED.format(name=work.name))
                    if not work.is_whole:
                        self._finish(work)

    def _publish(self) -> Iterator[Event]:
        """Make a group visible, say so, and then remove what it supersedes."""
        bundles = list(self._group.bundles)
        published = self._group.publish()
        self._staging.became_live(published.live)
        self._superseded += published.superseded
        for bundle in bundles:
            self._lines.intake.release(bundle.top)
        yield from published.outcomes
        superseded, self._superseded = self._superseded, []
        self._publisher.retire(superseded)
        self._staging.drop(published.dead)

    # Ends

    def _cancel(self) -> Iterator[Event]:
        """Say of all that was taken and cannot be found yet that it is given up; what was staged of it goes at the end."""
        works = [work for bundle in (*self._open, *self._group.bundles) for work in bundle.works]
        for work in works:
            work.end("cancelled", CANCELLED.format(name=work.name))
        space = self._lines.judge.space.name
        blocked = [
            Added(name, "cancelled", reason=CANCELLED.format(name=name), space=space, source=file.source.key)
            for file in self._lines.intake.blocked
            for name in file.names[:1]
        ]
        yield from (work.outcome() for work in works)
        yield from blocked

    def _stop(self) -> None:
        for line in (self._lines.reading, self._lines.recognising, self._lines.embedding):
            if line:
                line.stop()

    def _clean_up(self) -> None:
        """Leave nothing behind; what cannot be removed now is invisible, and collected later."""
        self._stop()
        try:
            self._staging.drop_all()
            self._publisher.retire(self._superseded)
            self._publisher.settle()
        except Exception:
            LOG.warning("Some of what is not needed any more could not be removed yet.", exc_info=True)
        finally:
            self._staging.give_up()
            self._lines.intake.release_all()
            self._publisher.end()
