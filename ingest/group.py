"""Files that are ready and wait for the next flush: they become visible together, in one step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ingest.catalog import Flipped, Version
from ingest.publishing import Publisher
from ingest.records import Added, Postponed
from ingest.work import Bundle, Work

GROUP_DOCUMENTS = 100
GROUP_SECONDS = 2.0
"""A flush costs 0.1-0.3 s on edge, so versions are flushed and flipped together."""

FLUSH_SHARE = 20
"""A group is at least so many times older than a flush takes, which stops every search in this process: else of a busy
machine's time a tenth would go there."""

TORN = "The index did not keep all passages of {name}. Nothing new of it was made visible; it is tried again by itself."
REMOVED = "{name} was removed while it was being indexed."


@dataclass(slots=True)
class Published:
    """What became of a group: an outcome for each of its documents, and the versions that can be collected now."""

    outcomes: list[Added | Postponed] = field(default_factory=list)
    live: list[Version] = field(default_factory=list)
    dead: list[Version] = field(default_factory=list)
    superseded: list[Version] = field(default_factory=list)


class Group:
    """The group that is being filled."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._started = 0.0
        self.bundles: list[Bundle] = []

    def add(self, bundle: Bundle) -> None:
        """A file is ready, with all inside it."""
        self._started = self._started if self.bundles else time.monotonic()
        self.bundles.append(bundle)

    def due(self) -> bool:
        """Whether it is full, or old enough."""
        if not self.bundles:
            return False
        full = sum(len(bundle.works) for bundle in self.bundles) >= GROUP_DOCUMENTS
        oldest = max(GROUP_SECONDS, FLUSH_SHARE * self._publisher.flush_seconds)
        return full or time.monotonic() - self._started >= oldest

    def publish(self) -> Published:
        """Flush, count what was written against what was meant to be, and make it all live in one step."""
        bundles, self.bundles = self.bundles, []
        torn = self._torn(bundles)
        whole = [bundle for bundle in bundles if torn.isdisjoint(bundle.versions)]
        flipped = self._publisher.flip([bundle.family() for bundle in whole])
        published = Published(superseded=flipped.superseded)
        for bundle in bundles:
            if torn.isdisjoint(bundle.versions):
                published.outcomes += _outcomes(bundle, flipped)
                published.live += [work.at for work in bundle.works if work.at and not work.ended]
            else:
                reason = TORN.format(name=bundle.top.name)
                published.outcomes.append(Postponed(bundle.top.entry.source.key, reason, counts=True))
        live = set(published.live)
        published.dead = [version for bundle in bundles for version in bundle.versions if version not in live]
        return published

    def _torn(self, bundles: list[Bundle]) -> set[Version]:
        works = [work for bundle in bundles for work in bundle.works]
        for work in works:
            if work.stored:
                work.stored.result()  # on disk, or raises why not
        meant = [(work.at, work.version.chunks) for work in works if work.at and work.version and not work.ended]
        return self._publisher.torn(meant) if meant else set()


def _outcomes(bundle: Bundle, flipped: Flipped) -> Iterator[Added]:
    for work in bundle.works:
        _settle(work, flipped)
    return bundle.outcomes()


def _settle(work: Work, flipped: Flipped) -> None:
    """Fill in what the catalog made of a work."""
    if work.document_id in flipped.removed:
        work.end("cancelled", REMOVED.format(name=work.name))
    if work.ended and work.ended.status != "cancelled":
        if work.entry in flipped.refused:
            document_id, name = flipped.refused[work.entry]
            work.ended = replace(work.ended, document=name, document_id=document_id)
        else:
            work.end("cancelled", REMOVED.format(name=work.name))
