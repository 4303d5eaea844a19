"""Jobs on the page *Documents*: those that run, whoever started them, and what became of them.

How far a job is comes from the library each time it is drawn, so that leaving the page, reloading it or closing the tab
changes nothing.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

import streamlit as st

from ingest.job_rows import RETRIED
from ingest.library import Library
from ingest.records import JobFile, JobRecord
from rag.errors import FootnoteError
from ui.render import count, escape, escape_nothing, paragraph
from ui.reports import INDEXED, UNFINISHED, failed_first, job_line, job_now
from ui.server_state import held
from ui.session import Ended, session
from ui.views.frame import forget_status, shown_errors

LOG = logging.getLogger(__name__)

POLL_SECONDS = 0.5

RECENT = 50
"""Jobs that are looked at, the newest first."""

MOST_FILES = 50
"""Files of a job that are shown, those that were not indexed first; of more, it says how many."""

STAYS = "Being cancelled. What was finished stays, and documents that were here before stay as they were."


def show_jobs() -> None:
    """Draw the jobs that run, then the results of those that this tab has seen end, then the way to earlier ones."""
    with shown_errors():
        jobs = held().library.jobs(RECENT)
        session().jobs.note(_running(jobs))
        if session().jobs.running:
            _follow_jobs()
        records = {job.id: job for job in jobs}
        for job_id in [one for one in session().jobs.ended if one in records]:
            _show_ended(_result(records[job_id]))
        _show_earlier([job for job in jobs if job.state not in UNFINISHED and job.id not in session().jobs.ended])


def anything_runs() -> bool:
    """Whether a job has not ended, as of the last time that `show_jobs` drew."""
    return bool(session().jobs.running)


def _running(jobs: list[JobRecord]) -> set[str]:
    return {job.id for job in jobs if job.state in UNFINISHED}


@st.fragment(run_every=POLL_SECONDS)
def _follow_jobs() -> None:
    """The jobs that run, drawn anew twice a second; when one of them has ended, the whole page once, but for an open dialog."""
    jobs = held().library.jobs(RECENT)
    state = session()
    state.stale |= state.jobs.note(_running(jobs)) or not state.jobs.running
    if state.stale and not state.dialog:
        state.stale = False
        forget_status()
        st.rerun()
    for job in jobs:
        if job.state in UNFINISHED:
            _show_running(job)


def _show_running(job: JobRecord) -> None:
    watched = session().jobs
    with st.container(border=True, key=f"job-{job.id}"):
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.html(_heading(job))
        right.button(
            "Cancel",
            key=f"cancel-{job.id}",
            icon=":material/cancel:",
            width="stretch",
            disabled=job.id in watched.cancelling,
            on_click=_cancel,
            args=(job.id,),
        )
        st.progress(_share(job), text=job_line(job))
        st.html(paragraph(STAYS if job.id in watched.cancelling else job_now(job), "fn-quiet fn-now"))


def _cancel(job_id: str) -> None:
    """Cancel in a thread: it waits until what runs has noticed, and the page need not."""
    session().jobs.cancelling.add(job_id)
    threading.Thread(target=_end, args=(held().library, job_id), name="footnote-cancel", daemon=True).start()


def _end(library: Library, job_id: str) -> None:
    try:
        library.cancel_job(job_id)
    except FootnoteError as error:  # removed meanwhile: the page shows what is there
        LOG.warning("The job %s could not be cancelled: %s", job_id, error)


def _heading(job: JobRecord) -> str:
    return f'<div class="fn"><b>{escape(job.label)}</b> <span class="fn-quiet">into {escape(job.space)}</span></div>'


def _share(job: JobRecord) -> float:
    """How much of a job is done, from 0 to 1: its files, and the part of the file at hand."""
    part = job.current.done / job.current.total if job.current and job.current.total else 0.0
    return min(1.0, (job.done + min(1.0, part)) / max(1, job.files))


# Those that have ended


def _result(job: JobRecord) -> Ended:
    """What became of a job, read from the library once."""
    results = session().jobs.results
    if job.id not in results or results[job.id].job.ended_at != job.ended_at:
        record, files = held().library.job(job.id)
        shown = failed_first(files)[:MOST_FILES]
        again = sum(file.status in RETRIED for file in files)
        results[job.id] = Ended(record, tuple(shown), len(files) - len(shown), again)
    return results[job.id]


def _show_ended(ended: Ended, *, kept: bool = True) -> None:
    """A job's result; `kept`: on the page until it is hidden."""
    job = ended.job
    with st.container(border=True, key=f"ended-{job.id}"):
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.html(_heading(job) + paragraph(_summary(job), "fn-quiet"))
        if kept and right.button("Hide", key=f"hide-{job.id}", icon=":material/close:", width="stretch"):
            session().jobs.forget(job.id)
            st.rerun()
        st.html(outcomes_html(ended))
        label = f"Try {count(ended.again, 'file')} again"
        if ended.again and st.button(label, key=f"retry-{job.id}", icon=":material/refresh:"):
            _retry(job)


def _retry(job: JobRecord) -> None:
    with shown_errors():
        again = held().library.retry_job(job.id)
        session().jobs.forget(job.id)
        session().jobs.running.add(again.id)
        st.rerun()


def _summary(job: JobRecord) -> str:
    indexed = f"{count(job.done - job.failed, 'file')} of {job.files:,} indexed"
    if job.state == "cancelled":
        return f"Cancelled. {indexed}; these stay."
    return f"{indexed}, {job.failed:,} not." if job.failed else f"{indexed}."


def outcomes_html(ended: Ended) -> str:
    """A row for each file that is shown: a sign, its name, what became of it and why."""
    rows = "".join(
        f"<tr><td>{'✓' if file.status in INDEXED else '✗'}</td><td>{escape(file.document)}</td><td>{_outcome(file)}</td></tr>"
        for file in ended.files
    )
    more = f'<div class="fn fn-quiet">and {ended.more:,} more</div>' if ended.more else ""
    return f'<table class="fn fn-table fn-outcomes">{rows}</table>{more}'


def _outcome(file: JobFile) -> str:
    pages = f"{count(file.pages, 'page')}, " if file.pages else ""
    size = f": {pages}{count(file.chunks, 'passage')}" if file.status in INDEXED and file.chunks else ""
    reason = f'<div class="fn-quiet">{escape(file.reason)}</div>' if file.reason else ""
    return f"<b>{escape(file.status or 'not begun')}</b>{size}{reason}"


def _show_earlier(jobs: list[JobRecord]) -> None:
    """A closed list of jobs that ended before; choosing one shows its result."""
    if not jobs:
        return
    expander = st.expander(f"Earlier: {count(len(jobs), 'job')}", on_change="rerun", key="earlier")
    if not expander.open:
        return
    with expander:
        chosen = st.dataframe(
            [_row(job) for job in jobs],
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            key="earlier-jobs",
            column_config={"Ended": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
        )
        for index in chosen["selection"]["rows"]:
            if index < len(jobs):
                _show_ended(_result(jobs[index]), kept=False)


def _row(job: JobRecord) -> dict[str, object]:
    return {
        "Job": escape_nothing(job.label),
        "Space": escape_nothing(job.space),
        "State": job.state,
        "Files": job.files,
        "Not indexed": job.failed,
        "Ended": datetime.fromisoformat(job.ended_at).astimezone().replace(tzinfo=None) if job.ended_at else None,
    }
