"""What only the embedded index must do: last, be let go of, stay in its folder, and say what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import uuid
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import FingerprintMismatch, IndexUnavailable
from rag.index_edge import EdgeIndex
from rag.types import Chunk, Fingerprint, Point, Scope

FINGERPRINT = Fingerprint("letters", "r1", 4, "sum")
ROOT = Path(__file__).parent.parent


def point(n: int, text: str = "apples", document: str = "d1") -> Point:
    return Point(str(uuid.UUID(int=n)), document, 1, "s", Chunk(n, 0, len(text), text), (1, 0, 0, n))


def filled(folder: Path, points: int = 3) -> EdgeIndex:
    index = EdgeIndex(folder, FINGERPRINT)
    index.upsert([point(n) for n in range(1, points + 1)])
    return index


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, which may end itself with a signal."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


CODE = """
    import os, signal, sys, uuid
    from pathlib import Path
    from rag.index_edge import EdgeIndex
    from rag.types import Chunk, Fingerprint, Point, Scope
    index = EdgeIndex(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["FOLDER"]), Fingerprint("letters", "r1", 4, "sum"))
    index.upsert([Point(str(uuid.UUID(int=n)), "d1", 1, "s", Chunk(n, 0, 6, "apples"), (1, 0, 0, n)) for n in range(1, 500)])
"""


def test_reopened_it_has_what_was_written(tmp_path: Path) -> None:
    index = filled(tmp_path)
    before = index.query(np.array([1, 0, 0, 2], np.float32), "apples", Scope(), 3)
    index.flush()
    index.close()
    again = EdgeIndex(tmp_path, FINGERPRINT)
    assert again.query(np.array([1, 0, 0, 2], np.float32), "apples", Scope(), 3) == before
    assert again.count("d1", 1) == 3
    again.close()


def test_what_was_flushed_survives_a_killed_process(tmp_path: Path) -> None:
    done = run(CODE + "    index.flush()\n    os.kill(os.getpid(), signal.SIGKILL)", FOLDER=str(tmp_path))
    assert done.returncode == -signal.SIGKILL, done.stderr
    again = EdgeIndex(tmp_path, FINGERPRINT)
    assert again.count() == 499
    assert len(again.query(None, "apples", Scope(), 5)) == 5
    again.close()


def test_nothing_is_written_elsewhere_and_no_socket_is_opened(tmp_path: Path) -> None:
    places = {name: tmp_path / name.lower() for name in ("FOLDER", "HOME", "TMPDIR", "XDG_CACHE_HOME", "WORK")}
    for place in places.values():
        place.mkdir()
    code = """
    os.chdir(os.environ["WORK"])
    index.query(None, "apples", Scope(), 5)
    index.flush()
    descriptors = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{name}")]
    sys.stdout.write("\\n".join(descriptors))
    index.close()
    """
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    done = run(CODE + code, **{name: str(place) for name, place in places.items()})
    assert done.returncode == 0, done.stderr
    assert str(places["FOLDER"] / "shard") in done.stdout
    assert "socket:" not in done.stdout
    written = {path.name for path in tmp_path.iterdir() if any(path.iterdir())}
    assert written == {"folder"}


def test_a_second_opener_is_told_who_has_it(tmp_path: Path) -> None:
    index = filled(tmp_path)
    with pytest.raises(IndexUnavailable, match="another process") as raised:
        EdgeIndex(tmp_path, FINGERPRINT)
    assert raised.value.remedy
    assert index.count() == 3
    index.close()


@pytest.mark.parametrize(
    "victim", ["edge_config.json", "segments/*/segment.json", "segments/*/version.info", "wal/open-1"]
)
def test_a_damaged_index_is_unavailable_and_named(tmp_path: Path, victim: str) -> None:
    filled(tmp_path).close()
    for file in (tmp_path / "shard").glob(victim):
        file.write_bytes(b"\xff\x00 not what it was")
    with pytest.raises(IndexUnavailable) as raised:
        EdgeIndex(tmp_path, FINGERPRINT)
    assert str(tmp_path) in raised.value.message
    assert "anew" in raised.value.remedy


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexUnavailable, match="file"):
        EdgeIndex(tmp_path / "file" / "index", FINGERPRINT)


def test_the_fingerprint_lies_beside_the_shard_and_no_half_made_one_does(tmp_path: Path) -> None:
    filled(tmp_path / "new" / "index").close()
    assert json.loads((tmp_path / "new" / "index" / "fingerprint.json").read_text()) == asdict(FINGERPRINT)
    assert {path.name for path in (tmp_path / "new" / "index").iterdir()} == {"fingerprint.json", "shard"}


@pytest.mark.parametrize("damage", ["remove", "garbage", "other fields"])
def test_points_of_an_unknown_embedder_are_refused_and_kept(tmp_path: Path, damage: str) -> None:
    filled(tmp_path).close()
    file = tmp_path / "fingerprint.json"
    good = file.read_bytes()
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(b"{half" if damage == "garbage" else b'{"name": 1}')
    with pytest.raises(FingerprintMismatch, match="does not say"):
        EdgeIndex(tmp_path, FINGERPRINT)
    file.write_bytes(good)
    index = EdgeIndex(tmp_path, FINGERPRINT)
    assert index.count() == 3
    index.close()


def test_a_refused_embedder_leaves_the_fingerprint_as_it_was(tmp_path: Path) -> None:
    filled(tmp_path).close()
    with pytest.raises(FingerprintMismatch):
        EdgeIndex(tmp_path, replace(FINGERPRINT, prefix="query: "))
    assert json.loads((tmp_path / "fingerprint.json").read_text()) == asdict(FINGERPRINT)


def test_an_interrupted_creation_is_done_again(tmp_path: Path) -> None:
    """Killed while the shard was made: its fingerprint and half of it lie there, under the unfinished name."""
    filled(tmp_path / "whole").close()
    folder = tmp_path / "index"
    folder.mkdir()
    shutil.copytree(tmp_path / "whole" / "shard", folder / "shard.new")
    (folder / "shard.new" / "edge_config.json").write_text("{")
    (folder / "fingerprint.json").write_text(json.dumps(asdict(replace(FINGERPRINT, model="of yesterday"))))
    index = EdgeIndex(folder, FINGERPRINT)
    assert index.count() == 0
    index.upsert([point(1)])
    index.close()
    assert not (folder / "shard.new").exists()


def test_reopening_drops_deleted_points_from_the_files(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path, FINGERPRINT)
    index.upsert([point(n, "apples", "old" if n % 2 else "kept") for n in range(1, 3001)])
    index.upsert([point(3001, "wombat", "old"), point(3002, "quokka", "kept")])
    index.delete("old")
    index.close()
    again = EdgeIndex(tmp_path, FINGERPRINT)
    assert again.count() == again.count("kept") == 1501
    again.upsert([point(1, "pears", "new")])
    hits = again.query(None, "wombat quokka pears", Scope(), 10)
    assert {hit.chunk.text for hit in hits} == {"quokka", "pears"}
    again.close()
    stored = b"".join(file.read_bytes() for file in (tmp_path / "shard" / "segments").rglob("*") if file.is_file())
    assert b"quokka" in stored
    assert b"wombat" not in stored
