"""Bad input: whatever comes, the library goes on, every file ends in a state with a plain message, and good files are indexed."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.files import uploaded
from ingest.loading.cleaning import clean
from ingest.loading.parsed import Attachment
from ingest.members import MOST_NESTED, MOST_NESTED_BYTES, crowded
from ingest.preparing import Prepared
from ingest.records import Added, Space, VersionRecord, Where
from ingest.work import Work, new_bundle
from rag.errors import UsageError
from rag.types import Document
from tests.bombs import all_bombs
from tests.conftest import shared_folder
from tests.hostile import Verdict, open_hostile, try_batch, write_files
from tests.mutations import good_files, mutations
from tests.quick_library import QuickLibrary, open_quick

LONGEST_NAME = 255
"""Bytes of a file name, at most."""

UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zs", "Zl", "Zp", "Mn", "Lo")
LIGATURES = "\ufb01\ufb02"
"""What text may lose: characters that nobody can see, and ligatures, which become their letters."""


def run(tmp_path: Path, files: Iterator[tuple[str, bytes]], **limits: object) -> Verdict:
    """One batch of these files with good ones before and behind, without anything wrong about it."""
    batch = tmp_path / "batch"
    write_files(batch, files)
    write_files(batch / "a-first", good_files("first"))
    write_files(batch / "z-last", good_files("last"))
    with open_hostile(tmp_path / "data", **limits) as library:
        verdict = try_batch(batch, library)
        for token in ("first", "last"):
            assert library.search(f"the txt file {token}", Where(documents=(f"good-{token}.txt",)), 3)
    assert verdict.wrong == []
    assert verdict.good == verdict.good_indexed >= 38
    return verdict


@pytest.mark.slow
def test_bombs_do_no_harm(tmp_path: Path) -> None:
    """The heavy ones are left to `python -m bench hostile`."""
    verdict = run(tmp_path, all_bombs(heavy=False), parse_seconds=20)
    assert verdict.died == []
    assert verdict.states["too large"] >= 5
    assert verdict.states["damaged"] >= 20


@pytest.mark.slow
def test_mutations_of_good_files_do_no_harm(tmp_path: Path) -> None:
    verdict = run(tmp_path, mutations(seed=7, count=60), parse_seconds=8)
    assert verdict.died == []
    assert verdict.states["damaged"] >= 5


@pytest.mark.slow
@pytest.mark.bench_data
def test_hostile_files_of_the_world_do_no_harm(tmp_path: Path) -> None:
    root = shared_folder() / "hostile"
    every = sorted(path for path in root.rglob("*") if path.is_file())[::5]
    files = ((f"shared/{path.relative_to(root)}", path.read_bytes()) for path in every)
    run(tmp_path, files, parse_seconds=20)


def test_zips_within_limits_are_not_without_end_together() -> None:
    """The limit counts what comes out of the file that was added; a zip that was added itself has limits of its own."""
    document = Document("", "", "")
    version = VersionRecord("", 0, "", 0, "", "", "", None, 0, 0, (), 0.0, "")
    crowd = Prepared(document, version, attachments=(Attachment("a.txt", b"crowd"),) * (MOST_NESTED + 1))
    bundle = new_bundle(uploaded("a.zip", b""), Space("id", "default"), None)
    inner = Work(bundle.top.entry, b"", "", bundle, depth=1)
    assert crowded(bundle.top, crowd) is None
    refusal = crowded(inner, crowd)
    assert refusal
    assert refusal.state == "too large"
    assert "a.zip" in refusal.message
    large = Prepared(document, version, attachments=(Attachment("a.txt", b"1"),))
    assert crowded(inner, large) is None
    bundle.unpacked = MOST_NESTED_BYTES
    assert crowded(inner, large)
    assert crowded(inner, Prepared(document, version)) is None


# Naughty strings


def naughty() -> list[str]:
    """The strings, without the empty one."""
    strings: list[str] = json.loads((shared_folder() / "hostile" / "naughty-strings.json").read_text())
    return [each for each in strings if each]


def as_file_name(text: str) -> str:
    """The string as a file name: what no file system takes is replaced."""
    name = text.replace("/", "\u2215").replace("\0", "")
    while len(os.fsencode(name)) > LONGEST_NAME - 10:
        name = name[:-1]
    return name


@pytest.fixture
def library(tmp_path: Path) -> Iterator[QuickLibrary]:
    with open_quick(tmp_path / "data") as opened:
        yield opened


def added_space(library: QuickLibrary, text: str) -> str:
    """Make a space of that name: the name it has, or none where it is refused with a reason and a remedy."""
    try:
        return library.add_space(text).name
    except UsageError as error:
        if not (error.message and error.remedy):
            raise
        return ""


def outcomes(events: object) -> list[Added]:
    return [event for event in events if isinstance(event, Added)]  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.bench_data
def test_naughty_strings_are_names_of_files(tmp_path: Path, library: QuickLibrary) -> None:
    folder = tmp_path / "names"
    folder.mkdir()
    written: dict[Path, str] = {}
    for number, text in enumerate(naughty()):
        path = folder / f"{as_file_name(text)} {number}.txt"
        content = f"The file numbered {number} speaks of nothing."
        path.write_text(content)
        written[path] = content
    added = outcomes(library.add([folder]))
    assert [one.status for one in added] == ["indexed"] * len(written)
    listed = {record.path: record for record in library.documents()}
    assert listed.keys() == {str(path) for path in written}
    for path, content in written.items():
        record = listed[str(path)]
        assert record.name.isprintable() or " " in record.name
        found, version = library.document(record.id)
        assert version
        assert library.parsed(found.id, version.number).text == content
        assert library.original(found.id, version.number).decode() == content
        [best, *_] = library.search(content, Where(documents=(record.id,)), 1)
        assert (best.document, best.text) == (record.name, content)
    names = [record.name for record in listed.values()]
    assert len(set(names)) == len(names)
    assert len(library.remove(names)) == len(names)
    assert library.documents() == []
    assert library.doctor() == []


@pytest.mark.slow
@pytest.mark.bench_data
def test_naughty_strings_are_names_of_uploads(library: QuickLibrary) -> None:
    strings = naughty()
    job = library.submit_uploads((text, f"Upload {n} speaks.".encode()) for n, text in enumerate(strings))
    added = outcomes(library.follow(job))
    assert len(added) == len(strings)
    assert {one.status for one in added} <= {"indexed", "unchanged", "unsupported", "damaged", "failed"}
    assert all(one.reason for one in added if one.status not in ("indexed", "unchanged"))
    for record in library.documents():
        assert library.document(record.name)[0].id == record.id
    library.remove([record.name for record in library.documents()])
    assert library.documents() == []
    assert library.doctor() == []


@pytest.mark.slow
@pytest.mark.bench_data
def test_naughty_strings_are_names_of_spaces(library: QuickLibrary) -> None:
    made = {name: text for text in naughty() if (name := added_space(library, text))}
    assert len(made) > 200
    some = list(made)[::20]
    for number, name in enumerate(some):
        [one] = outcomes(library.upload("note.txt", f"Note {number} in a space.".encode(), name))
        assert (one.status, one.space) == ("indexed", name)
        assert [passage.space for passage in library.search("note", Where(spaces=(name,)), 3)] == [name]
        library.rename_space(name, f"{name[:50]} renamed {number}")
    for space in library.spaces():
        if space.name != "default":
            library.remove_space(space.name)
    assert [space.name for space in library.spaces()] == ["default"]
    assert library.documents() == []


@pytest.mark.bench_data
@pytest.mark.parametrize("suffix", [".txt", ".md"])
def test_naughty_strings_are_text(library: QuickLibrary, suffix: str) -> None:
    strings = naughty()
    whole = "\n\n".join(f"String {n}: {text} :end" for n, text in enumerate(strings))
    uploads = [(f"{n}{suffix}", f"String {n}: {text} :end".encode()) for n, text in enumerate(strings)]
    job = library.submit_uploads([*uploads, (f"all{suffix}", whole.encode())])
    added = outcomes(library.follow(job))
    assert {one.status for one in added} == {"indexed"}
    for number, (_, data) in enumerate(uploads):
        record, version = library.document(f"{number}{suffix}")
        assert version
        kept = library.parsed(record.id, version.number).text
        assert kept == clean(data.decode())
        lost = Counter(data.decode()) - Counter(kept)
        assert all(unicodedata.category(char) in UNSEEN or char in LIGATURES for char in lost), lost
        assert library.original(record.id, version.number) == data
        for passage in library.search(strings[number], Where(documents=(record.id,)), 5):
            assert kept[passage.start : passage.end] == passage.text
    library.remove([record.id for record in library.documents()])
    assert library.doctor() == []
