"""What every index must do, over each engine: edge, Qdrant's local mode, the REST interface, and a real server."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient

from rag import compose
from rag.errors import FingerprintMismatch, IndexUnavailable
from rag.index_edge import EdgeIndex
from rag.index_server import ServerIndex, connect
from rag.ports import IndexWriter, Vector
from rag.settings import Settings
from rag.types import Chunk, Fingerprint, Hit, Point, PointKey, Scope
from tests.conftest import settings_for
from tests.qdrant_stand_in import qdrant_stand_in

FINGERPRINT = Fingerprint("letters", "r1", 4, "sum")
ANYWHERE = Scope()
Open = Callable[[Fingerprint], IndexWriter]
ENGINES = ["edge", "memory", "rest", pytest.param("server", marks=pytest.mark.server)]


def opener(engine: str, folder: Path, stack: ExitStack) -> Open:
    """How to open one and the same index of the engine, again and again."""
    if engine == "edge":
        return lambda fingerprint: EdgeIndex(folder, fingerprint)
    if engine == "memory":
        client = stack.enter_context(closing(QdrantClient(":memory:")))
        return lambda fingerprint: ServerIndex(client, fingerprint, "contract")
    if engine == "rest":
        url, collection = stack.enter_context(qdrant_stand_in()).url, "contract"
    else:
        url, collection = os.environ.get("FOOTNOTE_TEST_QDRANT_URL", ""), f"footnote-test-{uuid.uuid4()}"
        if not url:
            pytest.skip("FOOTNOTE_TEST_QDRANT_URL is not set")
        cleaner = stack.enter_context(closing(connect(url)))
        stack.callback(cleaner.delete_collection, collection)
    return lambda fingerprint: ServerIndex(connect(url), fingerprint, collection)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_index(engine: str, tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:
        yield opener(engine, tmp_path / "index", stack)


@pytest.fixture
def index(open_index: Open) -> Iterator[IndexWriter]:
    index = open_index(FINGERPRINT)
    yield index
    index.close()


def vector(*numbers: float) -> Vector:
    return np.array(numbers, dtype=np.float32)


def point(n: int, text: str, *, at: tuple[float, ...] = (1, 0, 0, 0), document: str = "d1", **more: object) -> Point:
    fields: dict[str, object] = {"version": 1, "space": "s1", "context": ""} | more
    return Point(
        id=str(uuid.UUID(int=n)),
        document_id=document,
        chunk=Chunk(ordinal=n, start=n * 100, end=n * 100 + len(text), text=text),
        vector=at,
        **fields,  # type: ignore[arg-type]
    )


def texts(hits: list[Hit]) -> list[str]:
    return [hit.chunk.text for hit in hits]


FRUIT = [
    point(1, "green apples", at=(1, 0, 0, 0), document="d1", space="s1"),
    point(2, "ripe bananas", at=(0.8, 0.6, 0, 0), document="d2", space="s1"),
    point(3, "sour cherries", at=(0.6, 0.8, 0, 0), document="d2", space="s2"),
    point(4, "dried dates", at=(0, 1, 0, 0), document="d3", space="s2"),
]


def test_found_by_vector_with_its_cosine(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    hits = index.query(vector(1, 0, 0, 0), None, ANYWHERE, 3)
    assert texts(hits) == ["green apples", "ripe bananas", "sour cherries"]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 0.8, 0.6], abs=1e-5)


def test_found_by_text_in_another_form_of_the_word(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    hits = index.query(None, "A BANANA, please", ANYWHERE, 3)
    assert texts(hits) == ["ripe bananas"]
    assert hits[0].score > 0


def test_found_by_both_and_the_one_in_both_rankings_comes_first(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    hits = index.query(vector(1, 0, 0, 0), "cherry", ANYWHERE, 4)
    # cherries: third by vector and first by words; dates and the others by vector alone
    assert texts(hits) == ["sour cherries", "green apples", "ripe bananas", "dried dates"]
    assert [hit.score for hit in hits] == pytest.approx([1 / 62 + 1 / 61, 1 / 60, 1 / 61, 1 / 63])


def test_found_by_the_words_of_its_context(index: IndexWriter) -> None:
    index.upsert([point(1, "Twenty days a year.", context="Handbook > Vacation"), point(2, "Ten pens a year.")])
    assert texts(index.query(None, "vacation", ANYWHERE, 5)) == ["Twenty days a year."]


def test_rare_words_count_more_than_common_ones(index: IndexWriter) -> None:
    index.upsert([point(n, f"report number{n}") for n in range(1, 9)] + [point(9, "zebra number9")])
    assert texts(index.query(None, "report zebra", ANYWHERE, 3))[0] == "zebra number9"


def test_same_ids_are_replaced(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    index.upsert([point(1, "elderberries", at=(0, 0, 1, 0))])
    assert index.count() == 4
    assert index.query(None, "apples", ANYWHERE, 5) == []
    assert texts(index.query(vector(0, 0, 1, 0), None, ANYWHERE, 1)) == ["elderberries"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(spaces=frozenset({"s2"})), {"sour cherries", "dried dates"}),
        (Scope(documents=frozenset({"d2", "d3"})), {"ripe bananas", "sour cherries", "dried dates"}),
        (Scope(spaces=frozenset({"s1"}), documents=frozenset({"d2", "d3"})), {"ripe bananas"}),
        (Scope(spaces=frozenset({"s1"}), documents=frozenset({"d3"})), set()),
        (Scope(spaces=frozenset({"unknown"})), set()),
        (Scope(spaces=frozenset()), set()),
        (Scope(documents=frozenset()), set()),
        (Scope(spaces=frozenset({"s1"}), documents=frozenset()), set()),
        (Scope(spaces=frozenset({"s\ud800"})), set()),
    ],
)
def test_only_what_is_in_scope_is_found(index: IndexWriter, scope: Scope, expected: set[str]) -> None:
    index.upsert(FRUIT)
    words = "apples bananas cherries dates"
    assert set(texts(index.query(vector(1, 1, 0, 0), None, scope, 10))) == expected
    assert set(texts(index.query(None, words, scope, 10))) == expected
    assert set(texts(index.query(vector(1, 1, 0, 0), words, scope, 10))) == expected


def test_a_scope_of_ten_thousand_documents(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    scope = Scope(documents=frozenset({"d3"} | {str(uuid.UUID(int=n)) for n in range(10_000)}))
    assert texts(index.query(vector(1, 0, 0, 0), "apples dates", scope, 10)) == ["dried dates"]


def test_one_version_is_deleted_and_the_other_stays(index: IndexWriter) -> None:
    index.upsert([point(1, "old rule", version=1), point(2, "new rule", version=2), point(3, "rule", document="d2")])
    index.delete("d1", 1)
    assert set(texts(index.query(None, "rule", ANYWHERE, 5))) == {"new rule", "rule"}
    assert (index.count("d1", 1), index.count("d1", 2), index.count("d1"), index.count()) == (0, 1, 1, 2)


def test_all_versions_are_deleted(index: IndexWriter) -> None:
    index.upsert([point(1, "old rule", version=1), point(2, "new rule", version=2), point(3, "rule", document="d2")])
    index.delete("d1")
    index.delete("d1")
    assert texts(index.query(vector(1, 0, 0, 0), "rule", ANYWHERE, 5)) == ["rule"]
    assert (index.count("d1"), index.count()) == (0, 1)


def test_count(index: IndexWriter) -> None:
    assert index.count() == 0
    index.upsert(FRUIT)
    assert (index.count(), index.count("d2"), index.count("d2", 1), index.count("d2", 2), index.count("d9")) == (
        4,
        2,
        2,
        0,
        0,
    )


def test_more_points_than_a_batch(index: IndexWriter) -> None:
    index.upsert([point(n, f"line{n}", document=f"d{n % 3}") for n in range(1, 1000)])
    assert (index.count(), index.count("d0")) == (999, 333)
    assert texts(index.query(None, "line998", ANYWHERE, 5)) == ["line998"]


NAUGHTY = "nul\0 tab\t \u2028 e\u0301 \U0001f468\u200d\U0001f469 \u202eright to left \ufeff \U000e0041 <b>&amp;\\ \" '"


@pytest.mark.parametrize("page", [None, 7])
def test_a_hit_is_the_chunk_that_was_stored(index: IndexWriter, page: int | None) -> None:
    chunk = Chunk(3, 10, 10 + len(NAUGHTY), NAUGHTY, f"A > {NAUGHTY}", page, None if page is None else f"vii{NAUGHTY}")
    stored = Point(str(uuid.UUID(int=5)), "d\u00e9", 12, "s \u2028", chunk, (0, 0, 0, 1), NAUGHTY)
    index.upsert([stored])
    (hit,) = index.query(vector(0, 0, 0, 1), None, Scope(frozenset({"s \u2028"}), frozenset({"d\u00e9"})), 1)
    assert hit == Hit("d\u00e9", 12, "s \u2028", chunk, hit.score)


def test_lone_surrogates_become_replacement_characters_of_the_same_length(index: IndexWriter) -> None:
    index.upsert([point(1, "broken \ud83d mango \udc00", context="\udfff")])
    (hit,) = index.query(None, "mango \ud800", ANYWHERE, 5)
    assert hit.chunk.text == "broken \ufffd mango \ufffd"
    assert len(hit.chunk.text) == hit.chunk.end - hit.chunk.start


def test_a_limit_larger_than_the_index(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    assert len(index.query(vector(1, 0, 0, 0), "apples", ANYWHERE, 500)) == 4
    assert index.query(vector(1, 0, 0, 0), "apples", ANYWHERE, 0) == []


@pytest.mark.parametrize("text", ["xylophone", "", "   ", "the of and", "?!", "\0"])
def test_no_hits_for_a_text_without_a_word_that_is_there(index: IndexWriter, text: str) -> None:
    index.upsert(FRUIT)
    assert index.query(None, text, ANYWHERE, 5) == []
    assert len(index.query(vector(1, 0, 0, 0), text, ANYWHERE, 5)) == 4


def test_an_empty_index_finds_nothing(index: IndexWriter) -> None:
    assert index.query(vector(1, 0, 0, 0), "apples", ANYWHERE, 5) == []
    index.delete("d1")
    index.upsert([])
    index.flush()


def test_a_query_for_nothing_and_a_wrong_dimension_are_mistakes_of_the_caller(index: IndexWriter) -> None:
    with pytest.raises(ValueError, match="vector"):
        index.query(None, None, ANYWHERE, 5)
    with pytest.raises(ValueError, match="3 dimensions"):
        index.upsert([FRUIT[0], point(9, "short", at=(1, 0, 0))])
    assert index.count() == 0


def test_another_embedder_is_refused_with_both_names(open_index: Open) -> None:
    index = open_index(FINGERPRINT)
    index.upsert(FRUIT)
    index.flush()
    if isinstance(index, EdgeIndex):
        index.close()
    for other in (Fingerprint("numbers", "r1", 4, "sum"), Fingerprint("numbers", "r9", 8, "mean")):
        with pytest.raises(FingerprintMismatch) as raised:
            open_index(other)
        assert "letters" in raised.value.message
        assert "numbers" in raised.value.message
        assert "FOOTNOTE_EMBEDDER back to letters" in raised.value.remedy
    with pytest.raises(FingerprintMismatch) as raised:
        open_index(Fingerprint("letters", "r2", 4, "sum"))
    assert "r1" in raised.value.message
    assert "r2" in raised.value.message
    again = open_index(FINGERPRINT)
    assert again.count() == 4
    again.close()


def test_an_empty_index_of_another_embedder_is_made_anew(open_index: Open) -> None:
    index = open_index(FINGERPRINT)
    index.upsert(FRUIT)
    for name in ("d1", "d2", "d3"):
        index.delete(name)
    if isinstance(index, EdgeIndex):
        index.close()
    other = open_index(Fingerprint("words", "r1", 2, "sum"))
    other.upsert([point(1, "fig", at=(1, 0))])
    assert texts(other.query(vector(1, 0), "fig", ANYWHERE, 5)) == ["fig"]
    other.close()


def test_a_closed_index_says_so(open_index: Open) -> None:
    index = open_index(FINGERPRINT)
    index.upsert(FRUIT)
    index.close()
    index.close()
    with pytest.raises(IndexUnavailable):
        index.query(vector(1, 0, 0, 0), None, ANYWHERE, 5)
    with pytest.raises(IndexUnavailable):
        index.upsert(FRUIT)


def test_questions_are_answered_while_points_are_written(index: IndexWriter, engine: str) -> None:
    if engine == "memory":
        return  # Qdrant's local mode is not made for several threads, and nothing here uses it so
    index.upsert([point(1, "anchor", at=(0, 0, 0, 1), document="fixed")])
    done = threading.Event()
    wrong: list[object] = []

    def ask() -> None:
        while not done.is_set():
            try:
                hits = index.query(vector(0, 0, 0, 1), "anchor", ANYWHERE, 3)
                if texts(hits)[:1] != ["anchor"] or index.count("fixed") != 1:
                    wrong.append(hits)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must say it
                wrong.append(error)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for start in range(2, 602, 100):
        index.upsert([point(n, f"filler number{n}", document=f"d{start}") for n in range(start, start + 100)])
        index.delete(f"d{start - 100}")
        index.flush()
    done.set()
    for asker in askers:
        asker.join()
    assert wrong == []
    assert index.count() == 101


def test_all_engines_rank_alike(tmp_path: Path) -> None:
    """Equal texts, equal vectors and equal fused scores included: those come in the order of their ids."""
    corpus = [
        point(n, text, at=(float(np.cos(angle)), float(np.sin(angle)), 0, 0), document=f"d{n}")
        for n, (text, angle) in enumerate(
            [
                ("annual leave is thirty days", 0.0),
                ("parental leave is twelve weeks", 0.1),
                ("annual report of the works council", 0.2),
                ("parental leave is twelve weeks", 0.1),
                ("travel costs are paid within thirty days", 0.9),
                ("the annual annual annual leave plan", 0.7),
                ("annual leave is thirty days", 0.0),
                ("nothing that matters", 0.05),
            ],
            start=1,
        )
    ]
    near = vector(float(np.cos(0.04)), float(np.sin(0.04)), 0, 0)
    queries: list[tuple[Vector | None, str | None]] = [
        (near, None),
        (None, "annual leave days"),
        (near, "annual leave days"),
        (vector(0, 1, 0, 0), "parental travel"),
    ]
    ranked: dict[str, list[list[int]]] = {}
    with ExitStack() as stack:
        for engine in ("edge", "memory", "rest"):
            index = opener(engine, tmp_path / "index", stack)(FINGERPRINT)
            stack.callback(index.close)
            index.upsert(corpus)
            ranked[engine] = [
                [hit.chunk.ordinal for hit in index.query(like, words, ANYWHERE, limit)]
                for like, words in queries
                for limit in (3, 8)
            ]
    assert ranked["edge"] == ranked["memory"] == ranked["rest"]
    assert ranked["edge"][1] == [8, 1, 7, 2, 4, 3, 6, 5]
    assert ranked["edge"][3] == [1, 7, 6, 5, 3, 2, 4]


WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), st.integers(1, 12), st.sampled_from("abc"), st.integers(1, 2)),
        st.tuples(st.just("delete"), st.just(0), st.sampled_from("abc"), st.sampled_from([None, 1, 2])),
    ),
    max_size=25,
)


@pytest.mark.parametrize("engine", ["edge", "memory"])
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=WRITES)
def test_what_is_deleted_is_never_found(
    engine: str, tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, int, str, int | None]]
) -> None:
    """After any writes, every way of looking finds exactly what a dictionary would hold."""
    model: dict[int, tuple[str, int]] = {}
    with ExitStack() as stack:
        open_index = opener(engine, tmp_path_factory.mktemp("index"), stack)
        index = open_index(FINGERPRINT)
        stack.callback(index.close)
        for action, n, document, version in writes:
            if action == "upsert":
                assert version is not None
                index.upsert([point(n, f"word{n} shared", document=document, version=version)])
                model[n] = (document, version)
            else:
                index.delete(document, version)
                model = {n: (d, v) for n, (d, v) in model.items() if d != document or version not in (None, v)}
        for near, words in ((vector(1, 0, 0, 0), None), (None, "shared"), (vector(1, 0, 0, 0), "shared")):
            found = {
                hit.chunk.ordinal: (hit.document_id, hit.version) for hit in index.query(near, words, ANYWHERE, 99)
            }
            assert found == model
        for document in "abc":
            assert index.count(document) == sum(d == document for d, _ in model.values())
        assert index.count() == len(model)


def test_the_inventory_lists_every_point_once(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    index.delete("d3")
    assert {(key.id, key.document_id, key.version, key.ordinal, key.space, key.end) for key in index.inventory()} == {
        (each.id, each.document_id, each.version, each.chunk.ordinal, each.space, each.chunk.end) for each in FRUIT[:3]
    }


def test_the_inventory_goes_through_all_pages(index: IndexWriter) -> None:
    assert list(index.inventory()) == []
    index.upsert([point(n, f"line{n}") for n in range(1, 2502)])
    listed = [key.ordinal for key in index.inventory()]
    assert len(listed) == 2501
    assert set(listed) == set(range(1, 2502))


def test_a_torn_point_is_listed_with_its_id_alone(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    index.upsert([replace(FRUIT[0], chunk=replace(FRUIT[0].chunk, text="green", end=999))])
    listed = {key.id: key for key in index.inventory()}
    assert listed[FRUIT[0].id] == PointKey(FRUIT[0].id)
    assert listed[FRUIT[1].id].document_id == "d2"


def test_points_are_deleted_by_their_ids(index: IndexWriter) -> None:
    index.upsert(FRUIT)
    index.delete_points([FRUIT[1].id, str(uuid.UUID(int=99)), FRUIT[3].id])
    index.delete_points([])
    assert sorted(key.id for key in index.inventory()) == [FRUIT[0].id, FRUIT[2].id]
    assert texts(index.query(vector(0, 1, 0, 0), None, ANYWHERE, 5)) == ["sour cherries", "green apples"]


GENERATIONS = ["", "one", "two"]


@pytest.mark.parametrize("where", ["edge", "rest"])
def test_generations_are_indexes_of_their_own(where: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(qdrant_stand_in()).url if where == "rest" else ""
        given = settings_for(tmp_path, qdrant_url=url)
        for number, generation in enumerate(GENERATIONS, 1):
            assert compose.open_stored_index(given, tmp_path, generation) is None
            other = replace(FINGERPRINT, model=f"letters {number}")
            with closing(compose.open_index(given, tmp_path, other, generation)) as index:
                index.upsert([point(n, "apples") for n in range(1, number + 1)])
        compose.drop_index(given, tmp_path, "one")
        compose.drop_index(given, tmp_path, "one")
        assert _stored(given, tmp_path) == {"": 1, "two": 3}
        compose.drop_index(given, tmp_path, "")
        assert _stored(given, tmp_path) == {"two": 3}
    assert where == "rest" or {path.name for path in tmp_path.iterdir()} == {"two"}


def _stored(given: Settings, folder: Path) -> dict[str, int]:
    """How many points each generation holds that is there, whichever embedder made it."""
    found = {}
    for generation in GENERATIONS:
        index = compose.open_stored_index(given, folder, generation)
        if index is not None:
            with closing(index):
                found[generation] = index.count()
    return found
