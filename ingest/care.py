"""How a library looks after itself: the doctor and the rebuild, over its own parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from ingest.doctor import Holdings, examine
from ingest.doctor_repair import Repair, Tools
from ingest.generations import forget_other_generations
from ingest.parts import Parts
from ingest.preparing import Preparer
from ingest.publishing import Publisher
from ingest.rebuild import Rebuilding, rebuild
from ingest.records import Finding, Progress, Rebuilt
from ingest.rereading import Reader
from ingest.restaging import Restaged, restage
from rag.compose import drop_index, index_strays, open_stored_index
from rag.errors import IndexUnavailable, NotReady
from rag.ports import IndexWriter
from rag.switching import SwitchableIndex

LOG = logging.getLogger(__name__)

OpenIndex = Callable[[], IndexWriter | None]


class Care(Parts):
    """The parts of a library, with what keeps them whole."""

    def doctor(self, repair: bool = False) -> list[Finding]:  # noqa: FBT001 - it travels by position
        """What catalog, index and stored files do not agree on, and with `repair` what was done about it.

        No model is needed to look. Jobs pause while something is mended.
        """
        if not repair:
            with self._stored_index() as index:
                return examine(self._holdings(index))
        with self._runner.gate.paused():
            with suppress(NotReady):
                _ = self._index  # where that cannot be opened, it is looked at as it is
            with self._stored_index() as index:
                return examine(self._holdings(index), Repair(self._tools(index)))

    def rebuild(self) -> Iterator[Progress | Rebuilt]:
        """Make the index anew beside the one in use; the last event is `Rebuilt`. Jobs pause meanwhile, questions go on."""
        with self._runner.gate.paused():
            parts = Rebuilding(self._reader(), self._generations, self._open_index, self._drop_index, self._switch)
            yield from rebuild(parts, lambda: self._runner.gate.closed)

    def _recover(self) -> None:
        """Mend what a crash left. To be called when the library is opened; no model is needed for it.

        Where the index cannot be opened, nobody can find what is left in it either: it waits for the next time.
        """
        if self.settings.qdrant_url:
            self._generations.name_first()
        try:
            forget_other_generations(self._generations, self._drop_index)
            if self.catalog.dead_versions():
                with self._stored_index() as index:
                    self._collect(index)
            else:
                self.catalog.forget_removed()
                self.catalog.forget_unseen()
                self._originals.sweep(self.catalog.contents())
        except NotReady as error:
            LOG.warning("What the last process left is not removed yet: %s", error)

    @contextmanager
    def _stored_index(self) -> Iterator[OpenIndex]:
        """How to get at the index: the one that is open, else the stored one, whichever embedder made it."""
        if "_index" in self.__dict__:
            yield lambda: self._index
            return
        with self._opening:  # nobody opens it beside us
            opened: list[IndexWriter | None] = []

            def stored() -> IndexWriter | None:
                if not opened:
                    live = self._generations.live()
                    opened.append(open_stored_index(self.settings, self._folder / "index", live))
                return opened[0]

            try:
                yield stored
            finally:
                for index in opened:
                    if index is not None:
                        index.close()

    def _holdings(self, index: OpenIndex) -> Holdings:
        strays = partial(index_strays, self.settings, self._folder / "index")
        return Holdings(self.catalog, self._folder / "originals", index, self._generations, strays)

    def _tools(self, index: OpenIndex) -> Tools:
        return Tools(
            self.catalog,
            self._originals,
            index,
            lambda: self._collect(index),
            self._reindex,
            self._forget_generation,
        )

    def _collect(self, index: OpenIndex) -> None:
        if (stored := index()) is not None:
            Publisher(self.catalog, stored, self._originals).recover()

    def _reindex(self, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Index documents anew out of what is stored of them; of those that cannot be, why. Raises `NotReady`."""
        publisher = Publisher(self.catalog, self._index, self._originals)
        done = _value_of(restage(self._reader(), publisher, document_ids))
        with self._originals.lock:
            self._generations.move(list(done.versions))
            self.catalog.in_flight.difference_update(done.versions)
        publisher.collect()
        return done.unable

    def _reader(self) -> Reader:
        worker, has_ocr = self._worker, self._recogniser is not None
        preparer = Preparer(
            self._parser,
            worker,
            self.settings.chunk_tokens,
            has_ocr=has_ocr,
            ocr_off=self.settings.ocr == "off",
        )
        return Reader(self.catalog, self._originals, preparer, worker, self._recogniser)

    def _switch(self, index: IndexWriter, commit: Callable[[], bool]) -> bool:
        """Take another index, where `commit` says so. The one in use may never have been opened, if it can be at all."""
        with self._opening:
            if "_index" in self.__dict__:
                return self._index.switch(index, commit)
            if not commit():
                return False
            self.__dict__["_index"] = SwitchableIndex(index)
            return True

    def _drop_index(self, generation: str) -> None:
        drop_index(self.settings, self._folder / "index", generation)

    def _forget_generation(self, generation: str) -> None:
        if generation == self._generations.live():
            raise IndexUnavailable("The index in use is not removed.")
        self._drop_index(generation)
        self._generations.forget(generation)


def _value_of(events: Generator[Progress, None, Restaged]) -> Restaged:
    """What the generator returns at its end."""
    while True:
        try:
            next(events)
        except StopIteration as end:
            value: Restaged = end.value
            return value
