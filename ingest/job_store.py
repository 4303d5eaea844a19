"""The rows of jobs and of their files: what was asked for, and what became of it. Every method is one transaction.

A job is `receiving` as long as its files are being written down; a crash meanwhile leaves nothing of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa

from ingest.catalog_queries import IDS_AT_A_TIME
from ingest.catalog_rows import Source
from ingest.job_rows import (
    FINDABLE,
    MEMBER,
    PENDING,
    RETRIED,
    SHOWN,
    UNFINISHED,
    NewFile,
    Outcome,
    PendingFile,
    new_row,
    outcome_of,
    pending_file,
    result,
)
from ingest.records import Added, JobFile, JobRecord, JobState, Space
from ingest.schema import DOCUMENTS, JOB_FILES, JOBS, now
from rag.errors import UnknownName
from rag.types import State

KEPT_JOBS = 200
"""Finished jobs that are remembered."""

ROWS_AT_A_TIME = 1000

RECEIVING = "receiving"


class JobStore:
    """Jobs in the catalog's database. Threads may share it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._counts: dict[str, tuple[int, int, int]] = {}  # of finished jobs: they do not change unless retried
        self.drops = 0
        """How often files were taken out of jobs from outside."""

    # Making and forgetting

    def create(self, job_id: str, space: Space) -> None:
        """Write down a new job, which is `receiving` until `ready`."""
        row = {
            "id": job_id, "space_id": space.id, "space": space.name, "label": "", "state": RECEIVING,
            "cancelling": False, "problem": "", "created_at": now(), "ended_at": "",
        }  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(sa.insert(JOBS), row)

    def add_files(self, job_id: str, files: Iterable[NewFile], start: int = 0) -> int:
        """Write down files of the job, numbered from `start`; the next free number."""
        rows = (new_row(job_id, number, file) for number, file in enumerate(files, start))
        with self._engine.begin() as connection:
            while batch := list(islice(rows, ROWS_AT_A_TIME)):
                connection.execute(sa.insert(JOB_FILES), batch)
                start += len(batch)
        return start

    def ready(self, job_id: str, label: str) -> None:
        """All files are written down: the job is queued."""
        self._update(JOBS.c.state == RECEIVING, job_id, state="queued", label=label)

    def forget(self, job_ids: Sequence[str]) -> list[str]:
        """Drop jobs with their files; the contents that those held."""
        found: set[str] = set()
        with self._engine.begin() as connection:
            for job_id in job_ids:
                mine = JOB_FILES.c.job_id == job_id
                held = sa.select(JOB_FILES.c.content_hash).where(mine, JOB_FILES.c.content_hash.is_not(None))
                found.update(connection.scalars(held.distinct()))
                connection.execute(sa.delete(JOB_FILES).where(mine))
                connection.execute(sa.delete(JOBS).where(JOBS.c.id == job_id))
                self._counts.pop(job_id, None)
        return sorted(found)

    def half_received(self) -> list[str]:
        """Jobs that a crash left without all of their files."""
        return self._ids(sa.select(JOBS.c.id).where(JOBS.c.state == RECEIVING))

    def old(self, kept: int = KEPT_JOBS) -> list[str]:
        """Finished jobs beyond the newest `kept`."""
        ended = sa.select(JOBS.c.id).where(JOBS.c.ended_at != "")
        return self._ids(ended.order_by(JOBS.c.created_at.desc(), JOBS.c.id).offset(kept).limit(IDS_AT_A_TIME))

    # Looking

    def jobs(self, limit: int) -> list[JobRecord]:
        """The newest jobs, newest first."""
        query = sa.select(JOBS).where(JOBS.c.state != RECEIVING).order_by(JOBS.c.created_at.desc(), JOBS.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(limit)).mappings().all()
            return [self._record(connection, row) for row in rows]

    def job(self, job_id: str) -> JobRecord:
        """One job. Raises `UnknownName`."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.id == job_id)).mappings().first()
            if row is None or row["state"] == RECEIVING:
                raise UnknownName(f"There is no job {job_id!r}.", "`footnote jobs list` shows them.")
            return self._record(connection, row)

    def unfinished(self, space_id: str | None = None) -> list[str]:
        """The jobs that have not ended, of all spaces or of one, oldest first."""
        query = sa.select(JOBS.c.id).where(JOBS.c.state.in_(UNFINISHED)).order_by(JOBS.c.created_at, JOBS.c.id)
        return self._ids(query if space_id is None else query.where(JOBS.c.space_id == space_id))

    def target(self, job_id: str) -> tuple[str, bool]:
        """The id of the space that the job's files go into, and whether somebody wants the job to end."""
        query = sa.select(JOBS.c.space_id, JOBS.c.cancelling).where(JOBS.c.id == job_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one()
        return str(row.space_id), bool(row.cancelling)

    def files(self, job_id: str) -> list[JobFile]:
        """The files of a job, in order."""
        query = sa.select(*SHOWN).where(JOB_FILES.c.job_id == job_id).order_by(JOB_FILES.c.ordinal)
        with self._engine.connect() as connection:
            return [JobFile(*row) for row in connection.execute(query)]

    def pending(self, job_id: str, after: int = -1, limit: int = 100) -> list[PendingFile]:
        """The next files without an outcome, in order, behind the number `after`."""
        waiting = (JOB_FILES.c.job_id == job_id, JOB_FILES.c.ordinal > after, JOB_FILES.c.status == "")
        query = sa.select(*PENDING).where(*waiting).order_by(JOB_FILES.c.ordinal).limit(limit)
        with self._engine.connect() as connection:
            return [pending_file(row) for row in connection.execute(query)]

    def finished(self, job_id: str) -> array[int]:
        """The numbers of the files that have an outcome, in order."""
        query = sa.select(JOB_FILES.c.ordinal).where(JOB_FILES.c.job_id == job_id, JOB_FILES.c.status != "")
        with self._engine.connect() as connection:
            return array("L", connection.scalars(query.order_by(JOB_FILES.c.ordinal)))

    def outcomes(self, job_id: str, ordinals: Sequence[int]) -> list[Added]:
        """The outcomes of at most `IDS_AT_A_TIME` files, in the order asked for, without the documents' reports."""
        query = (
            sa.select(JOB_FILES, JOBS.c.space)
            .join(JOBS, JOBS.c.id == JOB_FILES.c.job_id)
            .where(JOB_FILES.c.job_id == job_id, JOB_FILES.c.ordinal.in_(ordinals), JOB_FILES.c.status != "")
        )
        with self._engine.connect() as connection:
            found = {row["ordinal"]: outcome_of(row) for row in connection.execute(query).mappings()}
        return [found[ordinal] for ordinal in ordinals if ordinal in found]

    def members(self, job_id: str) -> tuple[dict[str, int], int]:
        """The files that came out of other files, by source, and the first free number."""
        mine = JOB_FILES.c.job_id == job_id
        inside = sa.select(JOB_FILES.c.source, JOB_FILES.c.ordinal).where(mine, JOB_FILES.c.source.startswith(MEMBER))
        with self._engine.connect() as connection:
            known = {str(row.source): int(row.ordinal) for row in connection.execute(inside)}
            last = connection.scalar(sa.select(sa.func.max(JOB_FILES.c.ordinal)).where(mine))
        return known, 0 if last is None else int(last) + 1

    def source_of(self, document_id: str) -> str:
        """What a document is found by; empty where there is no such document."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(DOCUMENTS.c.source).where(DOCUMENTS.c.id == document_id)) or ""

    # Changing

    def set_state(self, job_id: str, state: JobState, problem: str = "") -> None:
        """The job is now in this state; `done` and `cancelled` end it. One that has ended stays as it is."""
        ended = "" if state in UNFINISHED else now()
        self._update(JOBS.c.ended_at == "", job_id, state=state, problem=problem, ended_at=ended)

    def cancel(self, job_id: str) -> None:
        """Note that somebody wants the job to end: it holds after a crash too."""
        self._update(JOBS.c.ended_at == "", job_id, cancelling=True)

    def record(self, job_id: str, outcomes: Sequence[Outcome]) -> None:
        """Write outcomes down. A file that came out of another one gets its row here."""
        update = sa.update(JOB_FILES).where(
            JOB_FILES.c.job_id == sa.bindparam("of_job"), JOB_FILES.c.ordinal == sa.bindparam("number")
        )
        known = [one for one in outcomes if not one.added.source.startswith(MEMBER)]
        with self._engine.begin() as connection:
            if known:
                connection.execute(update, [{"of_job": job_id, "number": one.ordinal} | result(one) for one in known])
            for one in outcomes:
                if one.added.source.startswith(MEMBER):
                    _record_member(connection, job_id, one)

    def count_try(self, job_id: str, ordinal: int) -> None:
        """The process that read the file died once more."""
        mine = sa.and_(JOB_FILES.c.job_id == job_id, JOB_FILES.c.ordinal == ordinal)
        with self._engine.begin() as connection:
            connection.execute(sa.update(JOB_FILES).where(mine).values(attempts=JOB_FILES.c.attempts + 1))

    def end_pending(self, job_id: str, status: State, reason: str) -> None:
        """Give all files without an outcome this one."""
        waiting = sa.and_(JOB_FILES.c.job_id == job_id, JOB_FILES.c.status == "")
        with self._engine.begin() as connection:
            connection.execute(sa.update(JOB_FILES).where(waiting).values(status=status, reason=reason))

    def drop_documents(self, document_ids: Sequence[str], reason: str) -> list[str]:
        """Cancel what jobs still want to do with these documents; the contents kept for another try, which are let go of."""
        released: set[str] = set()
        self.drops += 1
        with self._engine.begin() as connection:
            for start in range(0, len(document_ids), IDS_AT_A_TIME):
                released |= _drop_documents(connection, document_ids[start : start + IDS_AT_A_TIME], reason)
        self.drops += 1
        return sorted(released)

    def drop_space(self, space_id: str) -> list[str]:
        """Let go of the contents kept for another try in a space that is removed; their hashes."""
        mine = JOB_FILES.c.job_id.in_(sa.select(JOBS.c.id).where(JOBS.c.space_id == space_id))
        with self._engine.begin() as connection:
            return sorted(_let_go(connection, mine))

    def retry(self, job_id: str) -> int:
        """Forget the outcomes that another try can change; how many files will be read again.

        A file that came out of another one is forgotten altogether: its container is read again.
        """
        mine = JOB_FILES.c.job_id == job_id
        readable = sa.or_(JOB_FILES.c.path.is_not(None), JOB_FILES.c.content_hash.is_not(None))
        fresh = sa.update(JOB_FILES).values(status="", reason="", attempts=0, quarantined=False)
        lost = sa.and_(mine, JOB_FILES.c.status.in_(RETRIED), JOB_FILES.c.source.startswith(MEMBER))
        with self._engine.begin() as connection:
            sources = connection.scalars(sa.select(JOB_FILES.c.source).where(lost)).all()
            containers = {source.split(":", 2)[1] for source in sources}
            again = sa.or_(JOB_FILES.c.status.in_(RETRIED), JOB_FILES.c.document_id.in_(containers))
            count = connection.execute(fresh.where(mine, again, readable)).rowcount
            if count:
                connection.execute(sa.delete(JOB_FILES).where(lost))
                queued = {"state": "queued", "cancelling": False, "problem": "", "ended_at": ""}
                connection.execute(sa.update(JOBS).where(JOBS.c.id == job_id).values(**queued))
        self._counts.pop(job_id, None)
        return int(count)

    # Helpers

    def _update(self, condition: sa.ColumnElement[bool], job_id: str, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.update(JOBS).where(JOBS.c.id == job_id, condition).values(**values))

    def _ids(self, query: sa.Select[Any]) -> list[str]:
        with self._engine.connect() as connection:
            return [str(one) for one in connection.scalars(query)]

    def _record(self, connection: sa.Connection, row: Any) -> JobRecord:
        counts = self._counts.get(row["id"]) or _count(connection, row["id"])
        if row["ended_at"]:
            self._counts[row["id"]] = counts
        files, done, failed = counts
        about = {name: row[name] for name in ("id", "label", "space", "state", "created_at", "ended_at", "problem")}
        return JobRecord(files=files, done=done, failed=failed, **about)


def _count(connection: sa.Connection, job_id: str) -> tuple[int, int, int]:
    """How many files a job has, how many of them have an outcome, and how many did not become findable."""
    status = JOB_FILES.c.status
    counts = sa.select(
        sa.func.count(),
        sa.func.count().filter(status != ""),
        sa.func.count().filter(status.not_in(("", *FINDABLE))),
    )
    files, done, failed = connection.execute(counts.where(JOB_FILES.c.job_id == job_id)).one()
    return int(files), int(done), int(failed)


def _record_member(connection: sa.Connection, job_id: str, outcome: Outcome) -> None:
    same = sa.and_(JOB_FILES.c.job_id == job_id, JOB_FILES.c.ordinal == outcome.ordinal)
    if not connection.execute(sa.update(JOB_FILES).where(same).values(**result(outcome))).rowcount:
        file = NewFile(Source(outcome.added.source, None), (outcome.added.document,))
        connection.execute(sa.insert(JOB_FILES), new_row(job_id, outcome.ordinal, file) | result(outcome))


def _drop_documents(connection: sa.Connection, document_ids: Sequence[str], reason: str) -> set[str]:
    known = sa.select(DOCUMENTS.c.source).where(DOCUMENTS.c.id.in_(document_ids))
    spaces = sa.select(DOCUMENTS.c.space_id).where(DOCUMENTS.c.id.in_(document_ids))
    jobs = sa.select(JOBS.c.id).where(JOBS.c.state.in_(UNFINISHED), JOBS.c.space_id.in_(spaces))
    waiting = sa.and_(JOB_FILES.c.status == "", JOB_FILES.c.job_id.in_(jobs), JOB_FILES.c.source.in_(known))
    connection.execute(sa.update(JOB_FILES).where(waiting).values(status="cancelled", reason=reason))
    of_spaces = sa.select(JOBS.c.id).where(JOBS.c.space_id.in_(spaces))
    return _let_go(connection, sa.and_(JOB_FILES.c.job_id.in_(of_spaces), JOB_FILES.c.source.in_(known)))


def _let_go(connection: sa.Connection, files: sa.ColumnElement[bool]) -> set[str]:
    held = sa.and_(JOB_FILES.c.content_hash.is_not(None), JOB_FILES.c.status.in_(RETRIED), files)
    released = set(connection.scalars(sa.select(JOB_FILES.c.content_hash).where(held)))
    if released:
        connection.execute(sa.update(JOB_FILES).where(held).values(content_hash=None))
    return released
