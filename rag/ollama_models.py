"""Ollama's catalogue: is it up, which models it has, what they can do, and fetching one.

Chat itself goes through LlamaIndex (`rag.chat_ollama`). The lists are read as plain JSON, because the `ollama` client
drops `remote_host`, by which a model that runs in somebody's cloud is told from a local one; pulling uses the client.
No call goes through a proxy or follows a redirect: both could carry a prompt to another machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.addresses import CONNECT_SECONDS, http_options, require_local
from rag.errors import ChatBroken, ChatError, ChatModelMissing, ChatTimeout, ChatUnavailable, RemoteNotAllowed
from rag.settings import Settings

if TYPE_CHECKING:
    from ollama import Client

SHOW_SECONDS = 20.0
"""Longest wait for a model's description: a busy machine may take a while to read the file's head."""

EMBEDDING_FAMILIES = ("bert", "nomic-bert", "xlm-roberta")
"""Families that cannot chat, for servers before 0.6.4 which do not list capabilities."""


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """A line of Ollama's list. `remote` is true where another machine does the work; `size` is in bytes."""

    name: str
    size: int
    family: str
    remote: bool


@dataclass(frozen=True, slots=True)
class OllamaDetails:
    """What a model can do: its trained context in tokens where known, whether it chats, whether it is remote."""

    context: int | None
    chats: bool
    remote: bool


@dataclass(frozen=True, slots=True)
class PullProgress:
    """A step of a pull: what is being done, and bytes done of bytes in all where they are known."""

    status: str
    completed: int
    total: int


def is_cloud_name(name: str) -> bool:
    """Whether the name asks for a cloud model: the tag is `cloud` or ends with `-cloud` (Ollama's own rule)."""
    tag = name.rpartition(":")[2].strip().lower() if ":" in name else ""
    return tag == "cloud" or (tag.endswith("-cloud") and "/" not in tag)


def refuse_cloud(name: str) -> RemoteNotAllowed:
    """The error for a model that Ollama would forward to a cloud."""
    return RemoteNotAllowed(
        f"{name} runs in a cloud: Ollama would send the prompt and its passages there.",
        "Choose a model that runs on this machine; `footnote models list` shows them.",
    )


def installed(settings: Settings) -> tuple[OllamaModel, ...]:
    """The models that Ollama lists, cloud ones marked. Answers within seconds, up or not.

    Raises `ChatUnavailable`, `ChatTimeout`, `ChatBroken`, `RemoteNotAllowed`.
    """
    with ollama_errors(settings):
        answer = _call(settings, "GET", "/api/tags", CONNECT_SECONDS)
        return tuple(_model(entry) for entry in answer["models"])


def details(settings: Settings, name: str) -> OllamaDetails:
    """What the model can do. Raises `ChatModelMissing` and what `installed` raises."""
    with ollama_errors(settings, name):
        answer = _call(settings, "POST", "/api/show", SHOW_SECONDS, {"model": name})
        return _details(answer)


def version(settings: Settings) -> str:
    """Ollama's version. Raises what `installed` raises."""
    with ollama_errors(settings):
        return str(_call(settings, "GET", "/api/version", CONNECT_SECONDS)["version"])


def in_order_of_choice(models: Iterable[OllamaModel]) -> list[OllamaModel]:
    """Local models, best first choice first: a Llama, then a Mistral, then the rest; the smallest of each first.

    Told by name, because Ollama gives Mistral's and many others' family as `llama`, for their architecture. The
    smallest, because it surely fits: whoever has more memory names the model.
    """

    def rank(model: OllamaModel) -> tuple[int, int, str]:
        name = model.name.lower().rpartition("/")[2]
        if "llama" in name and "code" not in name:
            family = 0
        elif "mistral" in name or "mixtral" in name:
            family = 1
        else:
            family = 2
        return family, model.size, model.name

    return sorted((model for model in models if not model.remote), key=rank)


def pull(settings: Settings, name: str) -> Iterator[PullProgress]:
    """Let Ollama fetch a model, and say how far it is. This is the one call that goes out, on the user's order.

    Raises `RemoteNotAllowed` for cloud models, `ChatUnavailable`, `ChatModelMissing`, `ChatBroken`.
    """
    if is_cloud_name(name):
        raise refuse_cloud(name)
    with ollama_errors(settings, name), client(settings) as ollama:
        for step in ollama.pull(name, stream=True):
            yield PullProgress(step.status or "", step.completed or 0, step.total or 0)


def client(settings: Settings) -> Client:
    """Ollama's own client, without proxies and redirects. Raises `RemoteNotAllowed`. Close it to end its calls."""
    from ollama import Client

    require_local(settings.ollama_address, settings, "Ollama")
    return Client(settings.ollama_address, **http_options(settings.request_timeout))


@contextmanager
def ollama_errors(settings: Settings, model: str = "") -> Iterator[None]:
    """Turn what `httpx` and `ollama` raise into our errors, with the command that mends each."""
    import httpx
    from ollama import ResponseError

    address = settings.ollama_address
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError) as error:
        raise ChatUnavailable(
            f"Ollama does not answer at {address}.",
            "Start it with `ollama serve`, or set FOOTNOTE_OLLAMA_URL to where it runs.",
        ) from error
    except httpx.TimeoutException as error:
        raise _too_slow(address, model) from error
    except httpx.HTTPStatusError as error:
        raise _refused(model, error.response.status_code, _said(error.response)) from error
    except ResponseError as error:
        raise _refused(model, error.status_code, error.error) from error
    except httpx.HTTPError as error:
        raise ChatBroken(
            f"Ollama broke off the connection at {address} ({error}).", "Ask again; see the log of `ollama serve`."
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ChatBroken(
            f"What answers at {address} does not speak as Ollama does ({type(error).__name__}).",
            "Check FOOTNOTE_OLLAMA_URL, and that Ollama is up to date.",
        ) from error


def _too_slow(address: str, model: str) -> ChatError:
    if not model:
        return ChatTimeout(f"Ollama at {address} does not answer in time.", "Restart it with `ollama serve`.")
    return ChatTimeout(
        f"{model} did not answer in time.",
        "Choose a smaller model, or wait longer with FOOTNOTE_REQUEST_TIMEOUT (seconds).",
    )


def _refused(model: str, status: int, said: str) -> ChatError:
    if model and (status == 404 or "file does not exist" in said):
        return ChatModelMissing(f"Ollama does not have the model {model}.", f"Fetch it with `ollama pull {model}`.")
    remedy = "See the log of `ollama serve`; if memory is short, choose a smaller model."
    return ChatBroken(f"Ollama failed: {said.strip() or f'HTTP {status}'}", remedy)


def _said(response: Any) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return str(response.text)[:200]


def _call(settings: Settings, method: str, path: str, silence: float, body: dict[str, str] | None = None) -> Any:
    import httpx

    require_local(settings.ollama_address, settings, "Ollama")
    with httpx.Client(**http_options(silence)) as http:
        response = http.request(method, settings.ollama_address + path, json=body)
        response.raise_for_status()
        return response.json()


def _model(entry: dict[str, Any]) -> OllamaModel:
    name = str(entry.get("model") or entry["name"])
    family = str((entry.get("details") or {}).get("family") or "")
    return OllamaModel(name, int(entry.get("size") or 0), family, _is_remote(entry) or is_cloud_name(name))


def _details(answer: dict[str, Any]) -> OllamaDetails:
    info = answer.get("model_info") or {}
    lengths = [value for key, value in info.items() if key.endswith(".context_length")]
    capabilities = answer.get("capabilities")
    if capabilities is None:
        chats = (answer.get("details") or {}).get("family") not in EMBEDDING_FAMILIES
    else:
        chats = "completion" in capabilities
    return OllamaDetails(int(lengths[0]) if lengths else None, chats, _is_remote(answer))


def _is_remote(entry: dict[str, Any]) -> bool:
    return bool(entry.get("remote_host") or entry.get("remote_model"))
