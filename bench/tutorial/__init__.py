"""Adding ten annual reports: Footnote against the stack of the tutorials, one after the other in one run.

`python -m bench tutorial [--files 10] [--documents FOLDER]`. The tutorial's embedder has bge-small's architecture (384 wide, 12
layers) with random weights: only time is compared. Both split into chunks of the same size, counted in bge's own tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.measured import add_folder
from rag.model_files import EMBEDDER
from rag.settings import Settings

HERE = Path(__file__).parent
LIBRARIES = Path("~/.cache/footnote/bench/tutorial").expanduser()


def main(arguments: Sequence[str]) -> None:
    """Run both and print the ratio."""
    shared = Path(os.environ.get("FOOTNOTE_SHARED") or "../shared")
    parser = argparse.ArgumentParser(prog="bench tutorial", description=__doc__)
    parser.add_argument("--documents", type=Path, default=shared / "bench" / "financebench" / "documents")
    parser.add_argument("--files", type=int, default=10, help="how many of them, spread over the sorted list")
    chosen = parser.parse_args(arguments)
    _install()
    with tempfile.TemporaryDirectory() as scratch:
        documents = _some(chosen.documents, chosen.files, Path(scratch) / "documents")
        settings = Settings(data=Path(scratch) / "data", model="quotes")
        ours = add_folder(documents, settings)
        print(
            f"Footnote: {ours.chunks} chunks of {ours.pages} pages in {ours.seconds:.1f} s, {ours.peak_mib:.0f} MiB",
            flush=True,
        )
        theirs = _tutorial(documents, _model(Path(scratch) / "model", settings), Path(scratch) / "store", settings)
        print(
            f"tutorial: {theirs['chunks']} chunks of {theirs['pages']} pages in {theirs['seconds']:.1f} s "
            f"(imports {theirs['imports']:.1f}, parse {theirs['parse']:.1f}, split {theirs['split']:.1f}, embed and store "
            f"{theirs['embed_and_store']:.1f}), {theirs['peak_mib']:.0f} MiB"
        )
        print(f"ratio: {theirs['seconds'] / ours.seconds:.2f} times as fast")


def _install() -> None:
    """The three integrations, beside the project's own libraries and out of their way."""
    if not (LIBRARIES / "llama_index").is_dir():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(LIBRARIES)]
        subprocess.run([*command, "-r", str(HERE / "requirements.txt")], check=True)


def _some(folder: Path, count: int, target: Path) -> Path:
    target.mkdir()
    files = sorted(folder.glob("*.pdf"))
    for index in range(count):
        shutil.copy(files[index * len(files) // count], target)
    return target


def _model(folder: Path, settings: Settings) -> str:
    """A model of bge-small's size with random weights, and bge's own tokenizer."""
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(settings.models_folder / EMBEDDER.folder / "tokenizer.json"),
        pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", model_max_length=512,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    size = BertConfig(hidden_size=384, num_hidden_layers=12, num_attention_heads=12, intermediate_size=1536)
    BertModel(size).save_pretrained(folder)
    return str(folder)


def _tutorial(documents: Path, model: str, store: Path, settings: Settings) -> dict[str, float]:
    """The stack in a process of its own; `llama_index` is a namespace package, found in both folders."""
    command = [sys.executable, str(HERE / "stack.py"), str(documents), model, str(store), str(settings.chunk_tokens)]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": str(LIBRARIES)}
    result = subprocess.run(command, capture_output=True, text=True, env=env)
    if result.returncode:
        sys.exit(result.stderr[-2000:])
    measured: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return measured
