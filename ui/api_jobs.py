"""REST: jobs, and what the doctor finds. Reading, cancelling and trying again; nothing here repairs."""

from __future__ import annotations

from fastapi import APIRouter, Query

from ui import present
from ui.present import Json
from ui.server_state import Held

MOST_JOBS = 1000


def add_jobs(routes: APIRouter, held: Held) -> None:
    """The routes of jobs."""
    library = held.library

    @routes.get("/jobs")
    def jobs(limit: int = Query(50, ge=1, le=MOST_JOBS)) -> Json:
        """The newest jobs, each with how far it is."""
        return {"jobs": [present.job(one) for one in library.jobs(limit)]}

    @routes.get("/jobs/{job_id}")
    def job(job_id: str) -> Json:
        """A job, and what became of each of its files."""
        record, files = library.job(job_id)
        return present.job(record) | {"documents": [present.job_file(one) for one in files]}

    @routes.post("/jobs/{job_id}/cancel")
    def cancel(job_id: str) -> Json:
        """Cancel a job. What was finished stays."""
        return present.job(library.cancel_job(job_id))

    @routes.post("/jobs/{job_id}/retry")
    def retry(job_id: str) -> Json:
        """Try the files again that were not indexed."""
        return present.job(library.retry_job(job_id))

    @routes.get("/doctor")
    def doctor() -> Json:
        """What catalog, index and stored files do not agree on. `footnote doctor --repair` mends it."""
        return {"findings": [present.finding(one) for one in library.doctor(False)]}
