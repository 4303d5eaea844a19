"""What all chat models share: thoughts are taken out however the reply is cut into pieces, and imports stay light."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chat_base import AfterThought


def shown(pieces: list[str]) -> str:
    answer = AfterThought()
    return "".join(answer.feed(piece) for piece in pieces) + answer.rest()


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Within 30 days [1].", "Within 30 days [1]."),
        ("<think>\nHm, [9].\n</think>\n\nWithin 30 days [1].", "Within 30 days [1]."),
        ("\n<think></think>Within 30 days [1].", "Within 30 days [1]."),
        ("<think>never ends", ""),
        ("<thin", "<thin"),
        ("<thinking is hard>", "<thinking is hard>"),
        ("Use <think> and </think> as marks [1].", "Use <think> and </think> as marks [1]."),
        ("<think>a</think>b<think>c</think>", "b<think>c</think>"),
        ("", ""),
        ("  indented", "  indented"),
    ],
)
@given(data=st.data())
def test_only_a_leading_thought_is_taken_out_whatever_the_pieces(reply: str, answer: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(reply)))) | {0, len(reply)})
    pieces = [reply[start:end] for start, end in itertools.pairwise(cuts)]
    assert shown(pieces) == answer


@given(st.lists(st.text(max_size=5)))
def test_a_reply_without_a_thought_is_not_changed(pieces: list[str]) -> None:
    whole = "".join(pieces)
    if not whole.lstrip().startswith("<think>"):
        assert shown(pieces) == whole


def test_naming_and_listing_models_loads_no_heavy_library() -> None:
    heavy = ("llama_index", "openai", "ollama", "xllamacpp", "tiktoken", "torch")
    script = f"import sys, rag.chat; print([name for name in {heavy} if name in sys.modules])"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
