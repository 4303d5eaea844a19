"""A GGUF inside the process: SmolLM2 under llama.cpp, and reading the head of a GGUF file."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import llama_cpp
from rag.chat import QUOTES, ModelName, check_ready, choose_model, list_models, open_chat
from rag.chat_base import Chat
from rag.errors import ChatBroken, ChatModelMissing, ChatTimeout, ChatUnavailable
from rag.gguf import context_length, read_metadata
from rag.settings import Settings
from rag.types import Message
from tests.model_files import smollm2
from tests.ollama_stand_in import unused_port

SKY = [Message("system", "You are helpful."), Message("user", "Why is the sky blue? Answer in one sentence.")]
COUNT = [Message("user", "Count from 1 to 1000, one number a line.")]


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **({"answer_tokens": 32, "context_window": 2048} | changes))


def smol_chat(**changes: Any) -> Chat:
    return open_chat(ModelName("gguf", str(smollm2())), settings(**changes))


@pytest.fixture(scope="module", autouse=True)
def free_the_model_afterwards() -> Iterator[None]:
    yield
    llama_cpp.close()


def tcp_listeners() -> set[tuple[int, str]]:
    """The TCP ports that this process listens on, by `/proc`."""
    ours = {link.name: link for link in Path("/proc/self/fd").iterdir()}
    inodes = {str(link.readlink()) for link in ours.values() if link.is_symlink()}
    listening = set()
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                listening.add((int(fields[1].rpartition(":")[2], 16), table))
    return listening


@pytest.mark.slow
def test_it_streams_its_answer_and_says_what_it_took() -> None:
    chat = smol_chat()
    pieces = list(chat.stream(SKY))
    assert len([piece for piece in pieces if piece]) > 3
    assert len("".join(pieces).split()) > 5
    assert chat.usage.prompt_tokens is not None
    assert 10 < chat.usage.prompt_tokens < 100
    assert chat.usage.completion_tokens is not None
    assert 3 < chat.usage.completion_tokens <= 32
    assert chat.usage.cut_short == (chat.usage.completion_tokens == 32)
    assert "".join(smol_chat().stream(SKY)) == "".join(pieces)  # the same question, the same answer


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="reads /proc")
def test_no_port_is_opened() -> None:
    """llama.cpp would open one that every web page can call, and show the prompts on it."""
    with socket.create_server(("127.0.0.1", 0)) as ours:
        before = tcp_listeners()
        assert ours.getsockname()[1] in {port for port, _ in before}  # it can see a port
        llama_cpp.close()
        list(smol_chat().stream(SKY))
        assert tcp_listeners() == before


@pytest.mark.slow
def test_it_is_loaded_once_and_another_context_takes_its_place() -> None:
    first = llama_cpp.load(smollm2(), 2048)
    assert llama_cpp.load(smollm2(), 2048) is first
    second = llama_cpp.load(smollm2(), 1024)
    assert second is not first
    assert llama_cpp.load(smollm2(), 1024) is second
    with pytest.raises(ChatBroken, match="taken out of memory"):
        list(first.generate({"messages": [{"role": "user", "content": "Hello"}]}, 30.0))


@pytest.mark.slow
def test_a_reader_who_leaves_ends_the_reply_and_the_next_one_is_served() -> None:
    chat = smol_chat(answer_tokens=1900)
    reply = chat.stream(COUNT)
    next(iter(reply))
    model = llama_cpp.load(smollm2(), 2048)
    assert model.is_busy()
    reply.close()  # type: ignore[attr-defined]
    assert "".join(smol_chat(request_timeout=120).stream(SKY))
    assert not model.is_busy()


@pytest.mark.slow
def test_a_second_question_waits_its_turn_but_not_for_ever() -> None:
    reply = smol_chat(answer_tokens=1900).stream(COUNT)
    next(iter(reply))
    with pytest.raises(ChatTimeout, match="busy"):
        list(smol_chat(request_timeout=0.1).stream(SKY))
    assert next(iter(reply))  # the first one is not disturbed by it
    reply.close()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers() -> None:
    with pytest.raises(ChatBroken, match=r"\(\d+ tokens\) exceeds the available context size \(2048 tokens\)"):
        list(smol_chat().stream([Message("user", "blue " * 3000)]))


@pytest.mark.slow
def test_it_is_a_llama_index_model_like_any_other() -> None:
    from llama_index.core.llms import LLM, ChatMessage

    from rag.gguf_llm import GgufLLM

    model = llama_cpp.load(smollm2(), 2048)
    llm = GgufLLM(model, max_tokens=8, temperature=0.0, seed=0, silence=60.0)
    assert isinstance(llm, LLM)
    assert (llm.metadata.context_window, llm.metadata.num_output, llm.metadata.is_chat_model) == (2048, 8, True)
    whole = llm.chat([ChatMessage(role="user", content="Say hello.")]).message.content
    assert whole
    assert llm.complete("Say hello.").text == whole
    assert [part.text for part in llm.stream_complete("Say hello.")][-1] == whole


@pytest.mark.slow
def test_nothing_is_said_on_stderr_and_the_process_ends_cleanly_in_the_middle_of_a_reply(tmp_path: Path) -> None:
    script = f"""
from rag.chat import ModelName, open_chat
from rag.settings import Settings
from rag.types import Message
settings = Settings(_env_file=None, context_window=1024, answer_tokens=900)
reply = open_chat(ModelName("gguf", {str(smollm2())!r}), settings).stream([Message("user", "Count to 1000.")])
print(repr(next(iter(reply))))
"""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parent.parent), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
    assert list(tmp_path.glob("footnote-*")) == []  # and it leaves nothing behind


@pytest.mark.slow
def test_a_model_can_be_freed_right_after_it_was_loaded() -> None:
    """llama.cpp's loop may not run yet then, and misses the order to end; in a process of its own, for it would hang."""
    script = f"""
from pathlib import Path
from rag import llama_cpp
for _ in range(4):
    llama_cpp.load(Path({str(smollm2())!r}), 512)
    llama_cpp.close()
"""
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", script], timeout=200, check=True, cwd=root)


def test_the_context_is_never_more_than_the_model_was_trained_for() -> None:
    assert smol_chat(context_window=100_000).context_window() == 8192
    assert smol_chat(context_window=4096).context_window() == 4096


def test_a_missing_file_names_the_command_that_fetches_one(tmp_path: Path) -> None:
    name = ModelName("gguf", str(tmp_path / "absent.gguf"))
    with pytest.raises(ChatModelMissing, match=r"absent\.gguf.*`footnote models fetch --chat`"):
        list(open_chat(name, settings()).stream(SKY))


def test_without_the_extra_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # how Python itself says that a module cannot be had
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "small.gguf").symlink_to(smollm2())
    without = settings(models=tmp_path, ollama_url=f"http://127.0.0.1:{unused_port()}")
    assert choose_model(without) == QUOTES
    assert list_models(without).models[0].reason == "needs `pip install 'footnote[local]'`"
    with pytest.raises(ChatUnavailable, match=r"`pip install 'footnote\[local\]'`"):
        list(open_chat(ModelName("gguf", str(smollm2())), without).stream(SKY))


def test_a_file_that_is_no_gguf_or_torn_is_refused(tmp_path: Path) -> None:
    whole = smollm2().read_bytes()[:4096]
    for content in (b"", b"GGUF", b"PK\x03\x04" + whole[4:], whole[:200], b"GGUF" + struct.pack("<IQQ", 9, 0, 0)):
        path = tmp_path / "bad.gguf"
        path.write_bytes(content)
        with pytest.raises(ChatBroken, match="not a GGUF model, or it is damaged"):
            check_ready(ModelName("gguf", str(path)), settings())


@pytest.mark.slow
def test_a_file_with_a_good_head_and_no_body_is_refused_by_llama_cpp(tmp_path: Path) -> None:
    path = tmp_path / "torn.gguf"
    path.write_bytes(smollm2().read_bytes()[:4_000_000])
    with pytest.raises(ChatBroken, match=r"llama\.cpp cannot load"):
        list(open_chat(ModelName("gguf", str(path)), settings()).stream(SKY))


def test_the_head_of_a_gguf_is_read() -> None:
    head = read_metadata(smollm2())
    assert head["general.architecture"] == "llama"
    assert head["general.basename"] == "smollm2"
    assert context_length(head) == 8192


def test_every_kind_of_value_is_read_and_arrays_are_stepped_over(tmp_path: Path) -> None:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    pairs = [
        text("general.architecture") + struct.pack("<I", 8) + text("tiny"),
        text("numbers") + struct.pack("<IIQ", 9, 4, 3) + struct.pack("<III", 1, 2, 3),
        text("words") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"),
        text("flag") + struct.pack("<I?", 7, True),
        text("weight") + struct.pack("<If", 6, 0.5),
        text("tiny.context_length") + struct.pack("<IQ", 10, 4096),
        text("tokenizer.ggml.tokens") + b"whatever follows is not read",
    ]
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))
    head = read_metadata(path)
    assert head == {"general.architecture": "tiny", "flag": True, "weight": 0.5, "tiny.context_length": 4096}
    assert context_length(head) == 4096
