"""Doctor and rebuild of a whole library: over jobs, beside questions, without models, and with another embedder."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingest.library import open_library
from ingest.records import Rebuilt
from rag.errors import FingerprintMismatch, NotReady
from tests.conftest import settings_for
from tests.qdrant_stand_in import qdrant_stand_in
from tests.small_library import SmallLibrary

pytestmark = pytest.mark.slow

PAPERS = {
    f"{animal}.md": "\n\n".join(f"The {animal} number {n} eats {animal}food and nothing else, says rule {n}." for n in range(9))
    for animal in ("crane", "heron", "stork")
}  # fmt: skip


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    for name, text in PAPERS.items():
        (folder / name).write_text(text)
    return folder


def rebuilt(library: SmallLibrary) -> Rebuilt:
    *_, last = library.rebuild()
    assert isinstance(last, Rebuilt)
    return last


def test_a_library_that_did_nothing_is_sound(tmp_path: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        assert library.doctor() == []
        assert library.doctor(repair=True) == []
        assert rebuilt(library) == Rebuilt(0, 0)
        assert library.doctor() == []


def test_added_changed_and_removed_documents_leave_nothing_to_find(tmp_path: Path, papers: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        assert set(library.outcomes(papers).values()) == {"indexed"}
        (papers / "crane.md").write_text("The crane eats sushi now.")
        library.outcomes(papers)
        library.remove(["heron.md"])
        assert library.doctor() == []
        made = rebuilt(library)
        assert made.documents == 2
        assert library.found("sushi")[0] == "crane.md"
        assert "heron.md" not in library.found("heronfood")
        assert library.doctor() == []
        assert set(library.outcomes(papers).values()) == {"indexed", "unchanged"}
        assert library.found("heronfood")[0] == "heron.md"
    with SmallLibrary(tmp_path / "data") as library:
        assert library.doctor() == []
        assert library.found("sushi")[0] == "crane.md"
        assert set(library.outcomes(papers).values()) == {"unchanged"}


def test_points_that_are_lost_are_found_and_written_again(tmp_path: Path, papers: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        library.outcomes(papers)
        chunks = library.status().chunks
        crane = library.document("crane.md")[0]
        library._index.delete(crane.id)
        assert [(one.kind, one.subject) for one in library.doctor()] == [("missing", "crane.md")]
        assert library.found("cranefood") == [] or "crane.md" not in library.found("cranefood")
        assert [one.repaired for one in library.doctor(repair=True)] == ["It was indexed anew."]
        assert library.found("cranefood")[0] == "crane.md"
        assert library.status().chunks == library._index.count() == chunks
        assert library.doctor() == []


def test_a_lost_index_is_filled_again(tmp_path: Path, papers: Path) -> None:
    import shutil

    with SmallLibrary(tmp_path / "data") as library:
        library.outcomes(papers)
    shutil.rmtree(tmp_path / "data" / "index")
    with SmallLibrary(tmp_path / "data") as library:
        assert {one.kind for one in library.doctor()} == {"missing"}
        assert not (tmp_path / "data" / "index").exists()
        assert all(one.repaired for one in library.doctor(repair=True))
        assert library.found("storkfood")[0] == "stork.md"
        assert library.doctor() == []


def test_no_model_is_needed_to_look(tmp_path: Path, papers: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        library.outcomes(papers)
        crane = library.document("crane.md")[0]
    bare = open_library(settings_for(tmp_path / "data", models=tmp_path / "none"))
    assert bare is not None
    with bare:
        assert bare.doctor() == []
        assert bare.doctor(repair=True) == []
        with bare._stored_index() as index:
            stored = index()
            assert stored is not None
            stored.delete(crane.id)
        (left,) = bare.doctor(repair=True)
        assert (left.kind, left.subject, left.repaired) == ("missing", "crane.md", "")
        assert "model" in left.detail


def test_another_embedder_is_refused_until_the_index_is_made_anew(tmp_path: Path, papers: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        library.outcomes(papers)
    with SmallLibrary(tmp_path / "data", model="other words") as library:
        with pytest.raises(FingerprintMismatch, match="footnote rebuild"):
            library.found("cranefood")
        assert library.doctor() == []
        assert rebuilt(library).documents == 3
        assert library.found("cranefood")[0] == "crane.md"
        assert library.doctor() == []
        assert set(library.outcomes(papers).values()) == {"unchanged"}
    with SmallLibrary(tmp_path / "data") as library, pytest.raises(FingerprintMismatch):
        library.found("cranefood")


def test_a_damaged_index_is_named_and_made_anew(tmp_path: Path, papers: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        library.outcomes(papers)
    (tmp_path / "data" / "index" / "shard" / "edge_config.json").write_bytes(b"\xff")
    with SmallLibrary(tmp_path / "data") as library:
        with pytest.raises(NotReady, match="rebuild"):
            library.found("cranefood")
        assert [(one.kind, one.repairable) for one in library.doctor()] == [("unreadable", False)]
        rebuilt(library)
        assert library.found("cranefood")[0] == "crane.md"
        assert library.doctor() == []


def test_questions_and_the_doctor_go_on_during_a_rebuild_and_jobs_wait(tmp_path: Path, papers: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        library.outcomes(papers)
        events = library.rebuild()
        while next(events).step != "embedding":  # type: ignore[union-attr]
            pass
        (papers / "new.md").write_text("The ibis eats ibisfood.")
        job = library.submit([papers / "new.md"])
        assert library.found("storkfood")[0] == "stork.md"
        assert library.doctor() == []
        assert library.job(job)[0].state == "queued"
        *_, made = events
        assert isinstance(made, Rebuilt)
        assert made.documents == 3
        list(library.follow(job))
        assert library.found("ibisfood")[0] == "new.md"
        assert library.doctor() == []


def test_what_is_removed_during_a_rebuild_is_gone_from_both(tmp_path: Path, papers: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        library.outcomes(papers)
        events = library.rebuild()
        while next(events).step != "embedding":  # type: ignore[union-attr]
            pass
        removing = threading.Thread(target=library.remove, args=(["stork.md"],))
        removing.start()
        removing.join(20)
        assert not removing.is_alive()
        assert "stork.md" not in library.found("storkfood")
        *_, made = events
        assert isinstance(made, Rebuilt)
        assert "stork.md" not in library.found("storkfood")
        assert library.doctor() == []


def test_a_rebuild_that_nobody_follows_any_more_leaves_all_as_it_was(tmp_path: Path, papers: Path) -> None:
    with SmallLibrary(tmp_path / "data") as library:
        library.outcomes(papers)
        events = library.rebuild()
        while next(events).step != "embedding":  # type: ignore[union-attr]
            pass
        events.close()  # type: ignore[attr-defined]
        assert library.doctor() == []
        assert library.found("storkfood")[0] == "stork.md"
        assert set(library.outcomes(papers).values()) == {"unchanged"}


def test_two_libraries_on_one_server_leave_each_other_alone(tmp_path: Path, papers: Path) -> None:
    with qdrant_stand_in() as server:
        with SmallLibrary(tmp_path / "one", qdrant_url=server.url) as one:
            one.outcomes(papers)
            assert rebuilt(one).documents == 3
        with SmallLibrary(tmp_path / "two", qdrant_url=server.url) as two:
            two.outcomes(papers / "crane.md")
            assert two.doctor(repair=True) == []
        with SmallLibrary(tmp_path / "one", qdrant_url=server.url) as one:
            assert one.doctor() == []
            assert one.found("storkfood")[0] == "stork.md"
        names = [collection.name for collection in server.local.get_collections().collections]
        assert len(names) == 2
        assert all(name.startswith("footnote-") for name in names)
