"""Everything that can happen to a library, in any order, against a plain dictionary of what must be found."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ingest.records import Added, Progress
from rag.errors import IndexUnavailable
from tests.indexing_bench import Bench, incoming
from tests.test_indexing_members import zipped

NAMES = ("a.md", "b.md", "c.md", "d.zip")
INNER = ("x.md", "y.md", "z.md")
MARK = re.compile(r"Crane \d+ \S+ \d+\.")
"""What stands in one part of one revision of one file, and nowhere else."""

TORN = b"%PDF-1.4 torn"

names = st.sampled_from(NAMES)
parts = st.lists(
    st.tuples(st.sampled_from(INNER), st.integers(1, 3)), min_size=1, max_size=3, unique_by=lambda one: one[0]
)
files = st.lists(names, min_size=1, max_size=4, unique=True)


class Library(RuleBasedStateMachine):
    """`model` is what must be found: for each document its text. A revision is never used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.bench = Bench(self.folder)
        self.model: dict[str, str] = {}
        self.sources: dict[str, bytes] = {}
        self.revision = 0

    def teardown(self) -> None:
        self.bench.close()
        shutil.rmtree(self.folder)

    # What a file holds

    def content(self, name: str, inner: list[tuple[str, int]], chunks: int) -> tuple[bytes, dict[str, str]]:
        """The bytes of a new revision of a file, and the documents that come of it."""
        self.revision += 1
        if not name.endswith(".zip"):
            text = self.text(name, chunks)
            return text.encode(), {name: text}
        texts = {f"{name}/{path}": self.text(path, size) for path, size in inner}
        packed = zipped({path: texts[f"{name}/{path}"] for path, _ in inner})
        return packed, {name: "", **texts}

    def text(self, name: str, paragraphs: int) -> str:
        return "\n\n".join(
            f"# Part {n}\n\nCrane {self.revision} {name} {n}. " + "It lifts. " * 30 for n in range(paragraphs)
        )

    def replace(self, name: str, documents: dict[str, str], data: bytes) -> None:
        """The model of a file that became live: it, and nothing else that came of it before."""
        self.forget(name)
        self.model |= documents
        self.sources[name] = data

    def forget(self, name: str) -> None:
        self.model = {key: text for key, text in self.model.items() if key != name and not key.startswith(f"{name}/")}
        self.sources.pop(name, None)

    # What can happen

    @initialize()
    def begin(self) -> None:
        self.bench.run([incoming("first.md", "Crane 0 first.md 0.")])
        self.model["first.md"] = "Crane 0 first.md 0."

    @rule(chosen=files, inner=parts, chunks=st.integers(1, 40))
    def add(self, chosen: list[str], inner: list[tuple[str, int]], chunks: int) -> None:
        made = {name: self.content(name, inner, chunks) for name in chosen}
        outcomes = self.bench.run([incoming(name, data) for name, (data, _) in made.items()])
        expected = {document for _, documents in made.values() for document in documents}
        assert {one.document: one.status for one in outcomes if isinstance(one, Added)} == dict.fromkeys(
            expected, "indexed"
        )
        for name, (data, documents) in made.items():
            self.replace(name, documents, data)

    @rule(name=names)
    def add_again(self, name: str) -> None:
        if name in self.sources:
            outcomes = self.bench.run([incoming(name, self.sources[name])])
            assert {one.status for one in outcomes if isinstance(one, Added)} == {"unchanged"}

    @rule(name=names)
    def add_damaged(self, name: str) -> None:
        (outcome,) = self.bench.run([incoming(name, TORN)])
        assert isinstance(outcome, Added)
        assert outcome.status == "damaged"
        if name not in self.model:
            self.bench.indexer.remove([outcome.document_id])

    @rule(name=names)
    def remove(self, name: str) -> None:
        if name in self.model:
            self.bench.indexer.remove([self.bench.catalog.resolve(name).id])
            self.forget(name)

    @rule(
        chosen=files,
        inner=parts,
        chunks=st.integers(1, 40),
        after=st.integers(0, 3),
        how=st.sampled_from(["cancel", "close", "fail"]),
    )
    def stop_in_the_middle(
        self, chosen: list[str], inner: list[tuple[str, int]], chunks: int, after: int, how: str
    ) -> None:
        made = {name: self.content(name, inner, chunks) for name in chosen}
        begun = len(self.bench.worker.batches)

        def is_time() -> bool:
            return len(self.bench.worker.batches) - begun >= after

        def fail(_: object) -> None:
            if is_time():
                raise IndexUnavailable("The index is away.")

        if how == "fail":
            self.bench.index.on_upsert = fail
        events = self.bench.indexer.run(
            [incoming(name, data) for name, (data, _) in made.items()], self.bench.space,
            is_time if how == "cancel" else lambda: False,
        )  # fmt: skip
        done = set()
        try:
            for event in events:
                if isinstance(event, Added) and event.status == "indexed":
                    done.add(event.document)
                if how == "close" and isinstance(event, Progress) and is_time():
                    break
        except IndexUnavailable:
            assert how == "fail"
        events.close()
        self.bench.index.on_upsert = len
        self.note(made, done)

    @rule(chosen=files, inner=parts, chunks=st.integers(1, 40), after=st.integers(0, 3), recover=st.booleans())
    def crash(self, chosen: list[str], inner: list[tuple[str, int]], chunks: int, after: int, *, recover: bool) -> None:
        """The process is killed in the middle of a run: what lies in its folder then is opened by the next."""
        made = {name: self.content(name, inner, chunks) for name in chosen}
        begun = len(self.bench.worker.batches)
        events = self.bench.indexer.run([incoming(name, data) for name, (data, _) in made.items()], self.bench.space)
        done = set()
        for event in events:
            if isinstance(event, Added):
                done.add(event.document)
            if isinstance(event, Progress) and len(self.bench.worker.batches) - begun >= after:
                break
        crashed = Path(tempfile.mkdtemp())
        self.quiet()
        shutil.copytree(self.folder, crashed, dirs_exist_ok=True)
        events.close()
        self.bench.close()
        shutil.rmtree(self.folder)
        self.folder, self.bench = crashed, Bench(crashed)
        if recover:
            self.bench.indexer.recover()
        self.note(made, done)

    @rule()
    def reopen(self) -> None:
        self.bench.close()
        self.bench = Bench(self.folder)
        self.bench.indexer.recover()

    @rule(name=names, inner=parts, chunks=st.integers(5, 40))
    def remove_while_it_is_added(self, name: str, inner: list[tuple[str, int]], chunks: int) -> None:
        if name not in self.model:
            return
        document_id = self.bench.catalog.resolve(name).id
        data, documents = self.content(name, inner, chunks)
        self.bench.worker.before = lambda _: self.bench.indexer.remove([document_id])
        outcomes = self.bench.run([incoming(name, data)])
        self.bench.worker.before = len
        assert {one.status for one in outcomes if isinstance(one, Added)} == {"cancelled"}
        assert len(outcomes) == len(documents)
        self.forget(name)

    @rule(chosen=files, inner=parts, chunks=st.integers(1, 20))
    def add_twice_at_once(self, chosen: list[str], inner: list[tuple[str, int]], chunks: int) -> None:
        made = {name: self.content(name, inner, chunks) for name in chosen}
        coming = [incoming(name, data) for name, (data, _) in made.items()]
        results: list[Any] = []
        runs = [
            threading.Thread(target=lambda f=some: results.extend(self.bench.run(f))) for some in (coming, coming[::-1])
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        expected = sorted(document for _, documents in made.values() for document in documents)
        for status in ("indexed", "unchanged"):
            assert sorted(one.document for one in results if one.status == status) == expected
        for name, (data, documents) in made.items():
            self.replace(name, documents, data)

    def note(self, made: dict[str, tuple[bytes, dict[str, str]]], done: set[str]) -> None:
        """Of a run that did not end, those files are live whose outcome came."""
        for name, (data, documents) in made.items():
            if name in done:
                self.replace(name, documents, data)

    def quiet(self) -> None:
        """Wait until no thread writes anything: the copy of a folder must be one that a kill can leave."""
        for executor in (self.bench.indexer._reading, self.bench.indexer._embedding, self.bench.indexer._storing):
            for future in [executor.submit(int) for _ in range(4)]:
                future.result()

    # What must always hold

    @invariant()
    def all_is_well(self) -> None:
        """What people see is right at once, whatever is left over; then it is collected, and nothing may be left."""
        for _ in range(2):
            self.what_is_found_is_what_is_live()
            self.the_catalog_lists_what_is_live()
            self.originals_are_byte_identical()
            self.bench.indexer.collect()
        self.bench.indexer.recover()
        self.bench.check()

    def what_is_found_is_what_is_live(self) -> None:
        expected = {mark for text in self.model.values() for mark in MARK.findall(text)}
        assert {mark for text in self.bench.found_all("crane") for mark in MARK.findall(text)} == expected

    def the_catalog_lists_what_is_live(self) -> None:
        assert {one.name for one in self.bench.catalog.documents() if one.live_version} == set(self.model)
        assert self.bench.catalog.totals()[0] == len(self.model)

    def originals_are_byte_identical(self) -> None:
        for name, data in self.sources.items():
            record = self.bench.catalog.resolve(name)
            version = self.bench.catalog.live_version(record.id)
            assert version
            assert self.bench.originals.get(version.content_hash) == data


@pytest.mark.slow
def test_in_any_order_what_is_found_is_what_must_be() -> None:
    run_state_machine_as_test(
        Library,
        settings=settings(
            max_examples=8,
            stateful_step_count=12,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a dozen steps are read faster than shrunk
            suppress_health_check=list(HealthCheck),
        ),
    )
