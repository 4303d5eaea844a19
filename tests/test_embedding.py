"""The real embedders and the cross-encoder: the fetched ONNX models, and sentence-transformers with the packaged MiniLM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ingest.library import open_library
from ingest.records import Where
from rag.compose import open_reranker
from rag.embedding import open_embedder
from rag.errors import FingerprintMismatch, ModelFilesMissing
from rag.model_files import EMBEDDER, RERANKER, verify
from rag.ports import Embedder
from tests.conftest import SAMPLES, settings_for
from tests.model_files import minilm

pytestmark = pytest.mark.slow

LEAVE = "Every employee has 25 days of annual leave."
PUMP = "The pump delivers 600 litres an hour."
QUESTION = "How many holidays do I get?"

OPENERS: dict[str, Callable[[Path], Embedder]] = {
    "onnx": lambda folder: open_embedder(settings_for(folder)),
    "sentence-transformers": lambda folder: open_embedder(settings_for(folder, embedder=str(minilm()))),
}


@pytest.fixture(scope="module", params=OPENERS)
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return OPENERS[request.param](tmp_path_factory.mktemp("embedder"))


def test_vectors_have_length_one_and_the_dimension_of_the_fingerprint(embedder: Embedder) -> None:
    vectors = embedder.embed_passages([LEAVE, PUMP, LEAVE * 20])
    assert vectors.shape == (3, embedder.fingerprint.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert embedder.embed_query(QUESTION).shape == (embedder.fingerprint.dimension,)


def test_a_question_is_nearer_to_what_answers_it(embedder: Embedder) -> None:
    near, far = embedder.embed_passages([LEAVE, PUMP]) @ embedder.embed_query(QUESTION)
    assert near > far + 0.1


def test_the_order_of_texts_is_kept(embedder: Embedder) -> None:
    """Batches are sorted by length inside: each vector must come back at its own text's place."""
    texts = [PUMP * 5, LEAVE, PUMP, LEAVE * 3]
    together = embedder.embed_passages(texts)
    for text, vector in zip(texts, together, strict=True):
        assert float(embedder.embed_passages([text])[0] @ vector) > 0.98


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.fingerprint.dimension)


def test_tokens_are_the_models_own_without_special_ones(embedder: Embedder) -> None:
    assert embedder.tokenize("Parental leave") == ["parental", "leave"]
    assert len(embedder.tokenize("word " * 2000)) == 2000, "nothing is cut when sizes are counted"


def test_the_fingerprint_is_the_same_each_time(embedder: Embedder, tmp_path: Path) -> None:
    again = OPENERS["onnx" if "bge" in embedder.fingerprint.model else "sentence-transformers"](tmp_path)
    assert again.fingerprint == embedder.fingerprint


def test_the_fetched_files_are_those_of_the_hashes(tmp_path: Path) -> None:
    folder = settings_for(tmp_path).models_folder
    assert verify(EMBEDDER, folder / EMBEDDER.folder) == []
    assert verify(RERANKER, folder / RERANKER.folder) == []


def test_an_embedder_that_is_not_here_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFilesMissing, match="footnote models fetch --embedder nobody/nothing"):
        open_embedder(settings_for(tmp_path, embedder="nobody/nothing"))


def test_the_cross_encoder_knows_what_answers(tmp_path: Path) -> None:
    reranker = open_reranker(settings_for(tmp_path))
    assert reranker is not None
    good, bad = reranker.score("How many days of annual leave are there?", [LEAVE, PUMP])
    assert good > 0.9 > 0.1 > bad
    assert open_reranker(settings_for(tmp_path, rerank=False)) is None


def test_the_whole_way_with_sentence_transformers_and_a_mismatch_refused(tmp_path: Path) -> None:
    with_minilm = settings_for(tmp_path / "data", embedder=str(minilm()))
    library = open_library(with_minilm)
    assert library is not None
    with library:
        list(library.add([SAMPLES / "documents" / "it-policy.html"]))
        assert library.search("stolen laptop", Where(), 1)[0].document == "it-policy.html"
    other = open_library(settings_for(tmp_path / "data"))
    assert other is not None
    with other, pytest.raises(FingerprintMismatch, match="FOOTNOTE_EMBEDDER"):
        other.search("stolen laptop", Where(), 1)
