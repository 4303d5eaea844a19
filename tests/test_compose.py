"""Docker's two files, read as Docker reads them: no engine is needed, and no engine has tried them.

The compose file is held against the published compose schema (tests/data), and against what it promises: one port, on
loopback, for the app only; the right addresses; a health check everywhere. The health commands are run, against a
server that stands where the real one would.
"""

from __future__ import annotations

import copy
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from rag.addresses import require_local
from rag.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "FOOTNOTE_"
Json = dict[str, Any]


def interpolated(node: Any, environment: dict[str, str]) -> Any:
    """Fills in `${NAME:-default}` and `${NAME:+word}` in the parsed file, as Compose does; refuses any other form of `$`."""

    def fill(found: re.Match[str]) -> str:
        name, sign, word = found.groups()
        value = environment.get(name, "")
        return (value or word) if sign == ":-" else (word if value else "")

    if isinstance(node, dict):
        return {key: interpolated(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolated(value, environment) for value in node]
    if isinstance(node, str):
        filled = re.sub(r"\$\{(\w+)(:-|:\+)([^}]*)\}", fill, node)
        assert "$" not in filled, f"a form of interpolation that this reader does not know: {node}"
        return filled
    return node


def compose(**environment: str) -> Json:
    """The compose file as Compose sees it with these variables set and no `.env`."""
    loaded: Json = interpolated(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")), environment)
    return loaded


def started(file: Json, profile: str = "") -> set[str]:
    """The services that `docker compose up` starts: those without a profile, and those of the profile given."""
    services: Json = file["services"]
    return {name for name, service in services.items() if not service.get("profiles") or profile in service["profiles"]}


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile; the stage counts from 0."""

    stage: int
    word: str
    rest: str


def dockerfile() -> list[Step]:
    """The Dockerfile's instructions: comments dropped, continued lines joined."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    kept = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    steps: list[Step] = []
    stage = -1
    for line in kept.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        word, rest = line.strip().split(maxsplit=1)
        stage += word == "FROM"
        steps.append(Step(stage, word, " ".join(rest.split())))
    return steps


def last(word: str) -> Step:
    """The last instruction of that name, in the stage that becomes the image."""
    steps = dockerfile()
    return [step for step in steps if step.word == word and step.stage == steps[-1].stage][-1]


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    pairs = [pair.split("=", 1) for pair in shlex.split(last("ENV").rest)]
    return dict(pairs)


# --- the compose file -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> Json:
    loaded: Json = json.loads((ROOT / "tests/data/compose-spec.json").read_text(encoding="utf-8"))
    return loaded


def misspell_healthcheck(file: Json) -> None:
    file["services"]["qdrant"]["healthchek"] = file["services"]["qdrant"].pop("healthcheck")


def list_the_volumes(file: Json) -> None:
    file["volumes"] = list(file["volumes"])


def wait_for_a_state_that_is_none(file: Json) -> None:
    file["services"]["app"]["depends_on"]["qdrant"]["condition"] = "healthy"


def count_gpus_without_capabilities(file: Json) -> None:
    del file["services"]["ollama-gpu"]["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"]


def test_the_compose_file_is_valid_by_the_published_schema(schema: Json) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(compose())


@pytest.mark.parametrize(
    "damage",
    [misspell_healthcheck, list_the_volumes, wait_for_a_state_that_is_none, count_gpus_without_capabilities],
)
def test_the_schema_notices_a_damaged_compose_file(schema: Json, damage: Callable[[Json], None]) -> None:
    file = copy.deepcopy(compose())
    damage(file)
    assert not jsonschema.Draft202012Validator(schema).is_valid(file)


def test_only_the_app_publishes_a_port_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}
    port = Settings.model_fields["port"].default
    assert published == {"app": [f"127.0.0.1:{port}:{port}"]}
    assert last("EXPOSE").rest == str(port)
    assert not [name for name, service in compose()["services"].items() if "network_mode" in service]


def test_every_service_is_checked_and_comes_back() -> None:
    for name, service in compose()["services"].items():
        built_here = "build" in service
        assert built_here or service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] == "unless-stopped", name
    assert last("HEALTHCHECK")


def test_every_volume_and_network_is_declared_and_used() -> None:
    file = compose()
    services = file["services"].values()
    sources = {volume.split(":")[0] for service in services for volume in service["volumes"]}
    assert sources == set(file["volumes"])
    assert {network for service in services for network in service["networks"]} == set(file["networks"])


def test_images_of_others_are_pinned_to_a_version() -> None:
    images = [service["image"] for service in compose()["services"].values() if "image" in service]
    bases = [step.rest.split()[0] for step in dockerfile() if step.word == "FROM"]
    assert len(images) == 3
    assert len(bases) == 2
    for image in images + bases:
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+(-[\w-]+)?", image), image


def test_the_qdrant_server_is_within_a_minor_version_of_the_client() -> None:
    # Further apart, Qdrant calls the two incompatible (qdrant_client.common.version_check).
    found = re.search(r":v(\d+)\.(\d+)\.", compose()["services"]["qdrant"]["image"])
    assert found
    client_major, client_minor = (int(part) for part in version("qdrant-client").split(".")[:2])
    assert int(found[1]) == client_major
    assert abs(int(found[2]) - client_minor) <= 1


@pytest.mark.parametrize(("profile", "ollama"), [("", "ollama"), ("gpu", "ollama-gpu")])
def test_the_app_asks_the_services_that_run_and_no_other(profile: str, ollama: str) -> None:
    file = compose(COMPOSE_PROFILES=profile)
    environment: dict[str, str] = file["services"]["app"]["environment"]
    addresses = {name: value for name, value in environment.items() if "://" in value}
    settings = Settings.model_validate({"allow_remote": environment["FOOTNOTE_ALLOW_REMOTE"]})

    assert set(addresses) == {"FOOTNOTE_QDRANT_URL", "FOOTNOTE_OLLAMA_URL"}
    hosts = {urlsplit(value).hostname for value in addresses.values()}
    assert hosts == {"qdrant", ollama}
    assert settings.allowed_hosts == hosts
    for name, address in addresses.items():
        require_local(address, settings, name)
    assert hosts <= started(file, profile)
    inside = {name for name, service in file["services"].items() if "inside" in service["networks"]}
    assert hosts | {"app"} <= inside


def test_without_a_profile_everything_runs_on_the_cpu() -> None:
    assert started(compose()) == {"app", "qdrant", "ollama"}
    assert started(compose(), "gpu") == {"app", "qdrant", "ollama", "ollama-gpu"}


def test_the_two_ollamas_have_names_of_their_own_and_one_folder_of_models() -> None:
    services = compose()["services"]
    for name in ("ollama", "ollama-gpu"):
        assert isinstance(services[name]["networks"], list), "no alias: a name must lead to one server"
        assert "container_name" not in services[name]
        assert "hostname" not in services[name]
    assert services["ollama"]["volumes"] == services["ollama-gpu"]["volumes"]
    [device] = services["ollama-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert "deploy" not in services["ollama"]


def test_nothing_but_ollama_has_a_way_out() -> None:
    file = compose()
    networks = file["networks"]
    assert networks["inside"]["internal"] is True
    assert networks["publish"]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    open_networks = {name for name, network in networks.items() if not network}
    assert open_networks == {"outside"}
    reach_out = {name for name, service in file["services"].items() if "outside" in service["networks"]}
    assert reach_out == {"ollama", "ollama-gpu"}


def test_what_phones_home_is_told_not_to() -> None:
    services = compose()["services"]
    assert services["qdrant"]["environment"]["QDRANT__TELEMETRY_DISABLED"] == "true"
    assert services["ollama"]["environment"]["OLLAMA_NO_CLOUD"] == "1"
    assert services["ollama-gpu"]["environment"]["OLLAMA_NO_CLOUD"] == "1"
    assert image_environment()["HF_HUB_OFFLINE"] == "1"


def test_every_footnote_variable_is_a_setting() -> None:
    names = [*compose()["services"]["app"]["environment"], *image_environment()]
    names += [pair.split("=")[0] for step in dockerfile() if step.word == "ENV" for pair in shlex.split(step.rest)]
    ours = {name for name in names if name.startswith(PREFIX)}
    assert {"FOOTNOTE_DATA", "FOOTNOTE_MODELS", "FOOTNOTE_QDRANT_URL"} <= ours
    assert {name.removeprefix(PREFIX).lower() for name in ours} <= set(Settings.model_fields)


def test_the_app_writes_only_to_its_volume() -> None:
    app = compose()["services"]["app"]
    assert app["read_only"] is True
    assert app["cap_drop"] == ["ALL"]
    assert app["tmpfs"] == ["/tmp"]
    assert app["volumes"] == [f"data:{image_environment()['FOOTNOTE_DATA']}"]


# --- the Dockerfile -------------------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_in_particular() -> None:
    user, group = last("USER").rest.split(":")
    assert int(user) >= 1000
    assert int(group) >= 1000
    assert f"useradd --uid {user} " in " ".join(step.rest for step in dockerfile() if step.word == "RUN")


def test_the_models_are_fetched_into_the_folder_that_the_image_reads() -> None:
    models = image_environment()["FOOTNOTE_MODELS"]
    [fetch] = [step for step in dockerfile() if "footnote models fetch" in step.rest]
    [folder] = [step for step in dockerfile() if step.word == "ENV" and step.stage == fetch.stage]
    [kept] = [step for step in dockerfile() if step.word == "COPY" and "--from=" in step.rest]
    assert fetch.word == "RUN"
    assert f"FOOTNOTE_MODELS={models}" in folder.rest
    assert models.startswith(kept.rest.split()[-1] + "/")
    assert fetch.stage < kept.stage


def test_the_build_copies_what_is_here_and_nothing_else() -> None:
    assert not [step for step in dockerfile() if step.word == "ADD"]
    copied = [step.rest.split()[:-1] for step in dockerfile() if step.word == "COPY" and "--from=" not in step.rest]
    sources = {source for sources in copied for source in sources}
    assert [source for source in sorted(sources) if not (ROOT / source).exists()] == []

    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == sources


def test_the_build_has_every_package_and_every_extra_that_it_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = " ".join(step.rest for step in dockerfile() if step.word == "COPY").split()
    assert {package.split(".")[0] for package in project["tool"]["setuptools"]["packages"]} <= set(copied)
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= set(copied)
    [install] = [step.rest for step in dockerfile() if "pip install" in step.rest]
    [extras] = re.findall(r"\.\[([\w,]+)\]", install)
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    assert "-c constraints.txt" in install


def test_no_constraint_asks_for_a_build_that_only_one_index_has() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.split("#")[0].strip() for line in lines if "==" in line.split("#")[0]]
    assert pinned
    assert [line for line in pinned if "+" in line] == []  # torch==2.13.0 also takes 2.13.0+cpu; the reverse is not so


def test_the_container_starts_what_the_package_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert json.loads(last("ENTRYPOINT").rest) == list(project["project"]["scripts"])
    # All addresses of the container; what is published is another matter, and tested above.
    assert json.loads(last("CMD").rest) == ["serve", "--host", "0.0.0.0"]


# --- the health commands, run ---------------------------------------------------------------------------------


class OnePage(BaseHTTPRequestHandler):
    """Answers 200 on the page that it is made for and 404 elsewhere; where it is ill, 503 everywhere."""

    protocol_version = "HTTP/1.1"  # as Qdrant and uvicorn answer
    page: ClassVar[str] = ""
    ill: ClassVar[bool] = False

    def do_GET(self) -> None:
        self.send_response(503 if self.ill else 200 if self.path == self.page else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing: the test's output stays readable."""


@contextmanager
def serving(wanted: str, is_ill: bool = False) -> Iterator[int]:  # noqa: FBT001
    """A server on a free loopback port, which is yielded."""

    class Handler(OnePage):
        page = wanted
        ill = is_ill

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def app_command() -> list[str]:
    command: list[str] = json.loads(last("HEALTHCHECK").rest.split("CMD", 1)[1])
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


def qdrant_command() -> list[str]:
    test: list[str] = compose()["services"]["qdrant"]["healthcheck"]["test"]
    return test[1:]


CHECKS = [
    pytest.param(app_command, "8501", "/api/health", id="app"),
    pytest.param(qdrant_command, "6333", "/readyz", id="qdrant"),
]


def exit_code(command: list[str], port: str, stand_in: int) -> int:
    """Runs a health command with its port replaced by that of the stand-in."""
    moved = [argument.replace(port, str(stand_in)) for argument in command]
    assert moved != command
    return subprocess.run(moved, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.parametrize(("command", "port", "page"), CHECKS)
def test_the_health_command_tells_well_from_ill(command: Callable[[], list[str]], port: str, page: str) -> None:
    with serving(page) as stand_in:
        assert exit_code(command(), port, stand_in) == 0
    with serving(page, is_ill=True) as stand_in:
        assert exit_code(command(), port, stand_in) != 0
    with serving("/some/other/page") as stand_in:
        assert exit_code(command(), port, stand_in) != 0
    assert exit_code(command(), port, stand_in) != 0  # nobody listens there any more
