"""Who writes the answer: the names of chat models, which one is taken, and opening it.

A name is `quotes`, `ollama:NAME`, `openai:NAME@URL` or `gguf:PATH`. The models themselves are in `rag.chat_ollama`,
`rag.chat_openai` and `rag.chat_gguf`; each is a LlamaIndex LLM behind `rag.chat_base.Chat`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag import llama_cpp, ollama_models
from rag.chat_base import Chat, Usage
from rag.chat_gguf import GgufChat
from rag.chat_ollama import OllamaChat
from rag.chat_openai import OpenAIChat
from rag.errors import ChatError, NotReady, RemoteNotAllowed, UsageError
from rag.gguf import context_length, read_metadata
from rag.model_files import CHAT
from rag.settings import Settings

__all__ = [
    "QUOTES",
    "AvailableModel",
    "Chat",
    "ModelList",
    "ModelName",
    "Usage",
    "check_ready",
    "choose_model",
    "list_models",
    "open_chat",
    "parse_model",
    "warm_up",
]

Kind = Literal["quotes", "ollama", "openai", "gguf"]

FORMS = "`quotes`, `ollama:NAME`, `openai:NAME@URL` or `gguf:PATH`"


@dataclass(frozen=True, slots=True)
class ModelName:
    """A chat model: its kind, its name (a path for `gguf`), and for `openai` the server's address."""

    kind: Kind
    name: str = ""
    url: str = ""

    def __str__(self) -> str:
        if self.kind == "quotes":
            return "quotes"
        return f"{self.kind}:{self.name}@{self.url}" if self.kind == "openai" else f"{self.kind}:{self.name}"


QUOTES = ModelName("quotes")


@dataclass(frozen=True, slots=True)
class AvailableModel:
    """A line of `footnote models list`: the name to give `--model`, what is known, and why it cannot be used if so."""

    name: str
    usable: bool
    reason: str = ""
    size: int | None = None
    family: str = ""
    context: int | None = None


@dataclass(frozen=True, slots=True)
class ModelList:
    """All models at hand, and why Ollama's are not among them (empty where they are)."""

    models: tuple[AvailableModel, ...]
    ollama: str = ""


def parse_model(text: str) -> ModelName:
    """Read a model's name. `str()` gives it back. Raises `UsageError`, which lists the four forms."""
    kind, _, rest = text.strip().partition(":")
    name, at, url = rest.rpartition("@")
    if text.strip() == "quotes":
        return QUOTES
    if kind == "ollama" and rest.strip():
        return ModelName("ollama", rest.strip())
    if kind == "gguf" and rest.strip():
        return ModelName("gguf", rest.strip())
    if kind == "openai" and at and name.strip() and url.strip().startswith(("http://", "https://")):
        return ModelName("openai", name.strip(), url.strip())
    raise UsageError(f"{text!r} does not name a model.", f"Write {FORMS}.")


def choose_model(settings: Settings) -> ModelName:
    """The model that is named in the settings; else the best there is, which may be `quotes`.

    Asks Ollama, which takes at most a few seconds. Raises `UsageError` for a bad name and `RemoteNotAllowed` where
    `FOOTNOTE_OLLAMA_URL` names another machine that was not allowed; an `OLLAMA_HOST` that does is passed over.
    """
    if settings.model.strip():
        return parse_model(settings.model)
    try:
        if name := _best_of_ollama(settings):
            return ModelName("ollama", name)
    except RemoteNotAllowed:
        if settings.ollama_url:
            raise
    except ChatError:
        pass
    path = fetched_gguf(settings)
    if path and llama_cpp.installed():
        return ModelName("gguf", str(path))
    return QUOTES


def open_chat(name: ModelName, settings: Settings) -> Chat:
    """The chat model of that name. Calls nothing yet, so it is cheap; `quotes` is no chat model (`ValueError`).

    Raises `RemoteNotAllowed` where the address or the model is not on this machine.
    """
    if name.kind == "ollama":
        return OllamaChat(name.name, settings)
    if name.kind == "openai":
        return OpenAIChat(name.name, name.url, settings)
    if name.kind == "gguf":
        return GgufChat(Path(name.name), settings)
    raise ValueError("quotes needs no chat model")


def check_ready(name: ModelName, settings: Settings) -> None:
    """Raise the `ChatError` or `RemoteNotAllowed` that a call would raise, without calling the model."""
    if name.kind == "ollama":
        OllamaChat(name.name, settings).check()
    elif name.kind == "openai":
        OpenAIChat(name.name, name.url, settings).check()
    elif name.kind == "gguf":
        GgufChat(Path(name.name), settings).check()


def warm_up(name: ModelName, settings: Settings) -> None:
    """Load a GGUF before the first question needs it; the other kinds are loaded by their servers. Raises `ChatError`."""
    if name.kind == "gguf":
        GgufChat(Path(name.name), settings).load()


def list_models(settings: Settings) -> ModelList:
    """What could write an answer here. Never raises for a server that is not there: it says why instead."""
    local = [line for path in _ggufs(settings) if (line := _describe_gguf(path))]
    quotes = AvailableModel(str(QUOTES), usable=True, reason="the best sentences, verbatim")
    try:
        found = [_describe_ollama(model, settings) for model in ollama_models.installed(settings)]
    except NotReady as error:
        return ModelList((*local, quotes), str(error))
    return ModelList((*found, *local, quotes))


def fetched_gguf(settings: Settings) -> Path | None:
    """The GGUF that `footnote models fetch --chat` brought, else another one in its folder."""
    return next(iter(_ggufs(settings)), None)


def _ggufs(settings: Settings) -> list[Path]:
    folder = settings.models_folder / CHAT.folder
    return sorted(folder.glob("*.gguf"), key=lambda path: (path.name != CHAT.files[0].name, path.name))


def _best_of_ollama(settings: Settings) -> str | None:
    for model in ollama_models.in_order_of_choice(ollama_models.installed(settings)):
        found = ollama_models.details(settings, model.name)
        if found.chats and not found.remote:
            return model.name
    return None


def _describe_ollama(model: ollama_models.OllamaModel, settings: Settings) -> AvailableModel:
    name = str(ModelName("ollama", model.name))
    if model.remote:
        return AvailableModel(name, usable=False, reason="runs in a cloud: refused", family=model.family)
    try:
        found = ollama_models.details(settings, model.name)
    except ChatError as error:
        return AvailableModel(name, usable=False, reason=error.message, size=model.size, family=model.family)
    usable = found.chats and not found.remote
    reason = "" if usable else "runs in a cloud: refused" if found.remote else "does not chat"
    return AvailableModel(name, usable, reason, model.size, model.family, found.context)


def _describe_gguf(path: Path) -> AvailableModel | None:
    name = str(ModelName("gguf", str(path)))
    reason = "" if llama_cpp.installed() else "needs `pip install 'footnote[local]'`"
    try:
        size, metadata = path.stat().st_size, read_metadata(path)
    except ChatError as error:
        return AvailableModel(name, usable=False, reason=error.message)
    except OSError:
        return None
    family = str(metadata.get("general.architecture") or "")
    return AvailableModel(name, not reason, reason, size, family, context_length(metadata))
