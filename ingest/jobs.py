"""Durable running of jobs: DBOS keeps what is queued, running and waiting in a database, and goes on after any death.

The only importer of dbos. DBOS is one a process, so one library a process runs jobs at a time. A job is a workflow of
one step, a run over what is pending; what is to be tried again later is a new workflow with a delay, which takes no
thread and no place in the queue while it waits. A run that is cut off is not recorded, and begins anew at the next start.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import uuid
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from ingest.job_runner import Again
from rag.errors import FootnoteError, NotReady

LOG = logging.getLogger(__name__)

APPLICATION = "footnote"
APPLICATION_VERSION = "jobs-1"
"""Constant over releases, so that a new one goes on with the jobs of the old one."""

EXECUTOR = "owner"
QUEUE = "ingest"
SCHEMA = "footnote_jobs"
"""Of PostgreSQL, beside the catalog's tables."""

JOBS_AT_ONCE = 4
POLL_SECONDS = 0.2
"""How often the queue is looked at: 0.1 s costs 4% of a core while nothing happens, this half of it."""

STOP_POLL_SECONDS = 0.1
"""DBOS's listener sleeps so long at a time; its default of 1 s is what ending it would take."""

ACTIVE = ["PENDING", "ENQUEUED", "DELAYED"]
OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
FORGOTTEN_AT_A_TIME = 1000


class Runner(Protocol):
    """What runs a job."""

    def run(self, job_id: str, tries: int) -> Again | None:
        """Index what is pending; whether and when to try the rest again."""


class Jobs:
    """The queue of jobs, open from its making until `close`."""

    _lock = threading.Lock()
    _open: Jobs | None = None

    def __init__(self, runner: Runner, database_url: str, folder: Path) -> None:
        """`database_url` is the catalog's; where that is SQLite, the queue is a file of its own in `folder`."""
        self.runner = runner
        with Jobs._lock:
            if Jobs._open is not None:
                raise FootnoteError(
                    "Another library runs jobs in this process already.", "Close it first, or use a process for each."
                )
            Jobs._open = self  # before the launch: it begins the workflows that are left from the last time
            try:
                _launch(database_url, folder)
            except BaseException as error:
                Jobs._open = None
                if isinstance(error, OSError | sqlite3.Error | sa.exc.SQLAlchemyError):
                    raise NotReady(
                        f"The queue of jobs cannot be opened: {error}.", "See that its disk or database can be written."
                    ) from error
                raise

    def close(self) -> None:
        """Let go of the database. Runs must have ended; more than once is no error."""
        with Jobs._lock:
            if Jobs._open is self:
                DBOS.destroy()
                Jobs._open = None

    def enqueue(self, job_id: str) -> None:
        """Have a job run as soon as there is a place."""
        with SetWorkflowID(f"{job_id}:{uuid.uuid4()}"):
            DBOS.enqueue_workflow(QUEUE, _run_job, job_id, 0)

    def go_on(self, unfinished: Iterable[str]) -> None:
        """Queue those of the jobs that DBOS does not know of: the process died before it could tell it."""
        known = DBOS.list_workflows(status=ACTIVE, load_input=False, load_output=False)
        active = {one.workflow_id.partition(":")[0] for one in known}
        for job_id in unfinished:
            if job_id not in active:
                self.enqueue(job_id)

    def forget_ended(self) -> None:
        """Drop what DBOS keeps of workflows that have ended; what became of their files is in the catalog."""
        ended = DBOS.list_workflows(status=OVER, load_input=False, load_output=False, limit=FORGOTTEN_AT_A_TIME)
        if ended:
            DBOS.delete_workflows([one.workflow_id for one in ended])

    @classmethod
    def current(cls) -> Jobs:
        """The open queue of this process: workflows find it here."""
        if cls._open is None:
            raise FootnoteError("The queue of jobs is closed.")
        return cls._open


@DBOS.step(name="run_pending")
def _run_pending(job_id: str, tries: int) -> tuple[float, int] | None:
    again = Jobs.current().runner.run(job_id, tries)
    return (again.seconds, again.tries) if again else None


@DBOS.workflow(name="run_job", max_recovery_attempts=None)
def _run_job(job_id: str, tries: int) -> None:
    again = _run_pending(job_id, tries)
    if again is not None:
        seconds, tries = again
        with SetEnqueueOptions(delay_seconds=seconds):
            DBOS.enqueue_workflow(QUEUE, _run_job, job_id, tries)


def _launch(database_url: str, folder: Path) -> None:
    """Start DBOS, with its queue there from the beginning: one that is made later is noticed only a second later."""
    url = _prepare(database_url, folder)
    DBOS.migrate(url, schema=SCHEMA)
    client = DBOSClient(system_database_url=url, dbos_system_schema=SCHEMA, application_name=APPLICATION)
    try:
        client.register_queue(
            QUEUE, worker_concurrency=JOBS_AT_ONCE, polling_interval_sec=POLL_SECONDS, on_conflict="always_update"
        )
    finally:
        client.destroy()
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": url,
        "dbos_system_schema": SCHEMA,
        "application_version": APPLICATION_VERSION,
        "executor_id": EXECUTOR,
        "log_level": "ERROR",
        "notification_listener_polling_interval_sec": STOP_POLL_SECONDS,
    }
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # else it gets one of its own, beside those of the program
    DBOS(config=config)
    try:
        DBOS.launch()
    except BaseException:
        DBOS.destroy()
        raise


def _prepare(database_url: str, folder: Path) -> str:
    """The address of DBOS's database: PostgreSQL where the catalog is there, else a SQLite file in WAL mode."""
    if sa.make_url(database_url).get_backend_name() == "postgresql":
        return database_url
    path = folder / "jobs.sqlite"
    try:
        _use_wal(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # it is damaged: what is to be done stands in the catalog, and is queued anew
        LOG.warning("The queue of jobs (%s) is damaged, and is made anew.", path)
        for file in folder.glob(f"{path.name}*"):
            file.unlink()
        _use_wal(path)
    return f"sqlite:///{path}"


def _use_wal(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
