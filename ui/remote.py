"""The library behind a running server, for the command line: the same methods, over loopback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import httpx

from ingest.records import (
    Added,
    DocumentRecord,
    Finding,
    JobFile,
    JobRecord,
    Progress,
    Rebuilt,
    Removed,
    Space,
    Started,
    Status,
    VersionRecord,
    Where,
)
from rag.errors import NotReady
from rag.settings import Settings
from rag.types import Event, Passage
from ui.address import TOKEN_HEADER, Address, read_address
from ui.wire import decode_result, encode_arguments

PROBE_SECONDS = 2.0


class RemoteLibrary:
    """Speaks to the server that has the library open. Raises what the library would raise."""

    def __init__(self, address: Address) -> None:
        self._client = httpx.Client(
            base_url=address.url,
            headers={TOKEN_HEADER: address.token},
            timeout=httpx.Timeout(None, connect=PROBE_SECONDS),
            trust_env=False,
        )

    def answers(self) -> bool:
        """Whether a server of ours is there and knows the token: a stale file leads to nobody, or to a stranger."""
        try:
            return self._client.get("/api/local/hello", timeout=PROBE_SECONDS).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def add(self, paths: Sequence[Path], space: str) -> Iterator[Started | Progress | Added]:
        """Index files and folders; the server reads them from the disk they share."""
        absolute = [path.absolute() for path in paths]
        return cast("Iterator[Started | Progress | Added]", self._call("add", absolute, space))

    def submit(self, paths: Sequence[Path], space: str) -> str:
        """Make a job that indexes files and folders; its id."""
        return cast("str", self._call("submit", [path.absolute() for path in paths], space))

    def follow(self, job: str) -> Iterator[Started | Progress | Added]:
        """The outcomes of a job so far, then all that happens until it ends."""
        return cast("Iterator[Started | Progress | Added]", self._call("follow", job))

    def jobs(self, limit: int) -> list[JobRecord]:
        """The newest jobs, newest first."""
        return cast("list[JobRecord]", self._call("jobs", limit))

    def job(self, job: str) -> tuple[JobRecord, list[JobFile]]:
        """One job and its files."""
        return cast("tuple[JobRecord, list[JobFile]]", self._call("job", job))

    def cancel_job(self, job: str) -> JobRecord:
        """End a job; what was finished stays."""
        return cast("JobRecord", self._call("cancel_job", job))

    def retry_job(self, job: str) -> JobRecord:
        """Try what failed or was cancelled in an ended job again."""
        return cast("JobRecord", self._call("retry_job", job))

    def documents(self, space: str | None) -> list[DocumentRecord]:
        """List documents."""
        return cast("list[DocumentRecord]", self._call("documents", space))

    def document(self, name: str, space: str | None) -> tuple[DocumentRecord, VersionRecord | None]:
        """One document and its report."""
        return cast("tuple[DocumentRecord, VersionRecord | None]", self._call("document", name, space))

    def remove(self, names: Sequence[str], space: str | None) -> list[Removed]:
        """Remove documents."""
        return cast("list[Removed]", self._call("remove", list(names), space))

    def spaces(self) -> list[Space]:
        """List spaces."""
        return cast("list[Space]", self._call("spaces"))

    def add_space(self, name: str) -> Space:
        """Make a space."""
        return cast("Space", self._call("add_space", name))

    def rename_space(self, name: str, new_name: str) -> Space:
        """Rename a space."""
        return cast("Space", self._call("rename_space", name, new_name))

    def remove_space(self, name: str) -> int:
        """Remove a space and its documents."""
        return cast("int", self._call("remove_space", name))

    def search(self, question: str, where: Where, limit: int) -> list[Passage]:
        """Find passages."""
        return cast("list[Passage]", self._call("search", question, where, limit))

    def ask(self, question: str, where: Where, model: str) -> Iterator[Event]:
        """Answer a question."""
        return cast("Iterator[Event]", self._call("ask", question, where, model))

    def status(self) -> Status:
        """Counts and parts."""
        return cast("Status", self._call("status"))

    def doctor(self, repair: bool) -> list[Finding]:  # noqa: FBT001 - it travels by position
        """What catalog, index and stored files do not agree on; and mend it."""
        return cast("list[Finding]", self._call("doctor", repair))

    def rebuild(self) -> Iterator[Progress | Rebuilt]:
        """Make the whole index anew from the stored files."""
        return cast("Iterator[Progress | Rebuilt]", self._call("rebuild"))

    def _call(self, method: str, *arguments: Any) -> Any:
        return decode_result(method, self._lines(method, encode_arguments(method, arguments)))

    def _lines(self, method: str, body: str) -> Iterator[str]:
        try:
            with self._client.stream("POST", f"/api/local/{method}", content=body) as response:
                if response.status_code != httpx.codes.OK:
                    raise NotReady(f"The server answered {response.status_code}.", "Restart `footnote serve`.")
                yield from response.iter_lines()
        except httpx.HTTPError as error:
            raise NotReady(
                "The connection to the running server was lost.", "See its terminal; run the command again."
            ) from error


def find_server(settings: Settings) -> RemoteLibrary | None:
    """The server that has this data folder open, if one answers."""
    address = read_address(settings.data_folder)
    if address is None:
        return None
    remote = RemoteLibrary(address)
    if remote.answers():
        return remote
    remote.close()
    return None
