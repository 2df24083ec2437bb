"""The HTTP door of jobs: how far one is, what came of it, and cancelling it."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from lyceum.platform import clock, errors, job_status, streaming
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.job_status import JobOver, JobRow, State
from lyceum.platform.routing import SIGNED_IN, Routes
from lyceum.platform.wire import Content, Output

routes = Routes("platform")
WATCH_SECONDS = 0.5
OVER = ("succeeded", "failed", "cancelled")


class JobLinks(Output, frozen=True, kw_only=True):
    """Where to go from a job; `result` is the address of what it made, if that has one."""

    result: str | None


class JobView(Output, frozen=True, kw_only=True):
    """A piece of work that is done in the background. `progress` is from 0 to 1; `result` is what
    the job answered, once it has succeeded; `error` is why its last try failed; `isStopping` says
    that it runs and was asked to stop."""

    id: UUID
    name: str
    state: State
    progress: float
    note: str
    is_stopping: bool
    result: Any
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: JobLinks


@routes.get("/jobs/{job_id}", access=SIGNED_IN, summary="A job", facts=(errors.NotFound,))
async def get_job(tx: Reader, actor: Actor, job_id: UUID) -> JobView:
    """Visible to whoever asked for it, and to staff with `jobs:read`. One that succeeded is kept
    for 24 hours, one that failed until somebody acts."""
    return _view(actor, await job_status.get_job(tx, actor, job_id))


@routes.get(
    "/jobs/{job_id}/live",
    access=SIGNED_IN,
    summary="A job, live",
    media_type=streaming.EVENTS,
    facts=(errors.NotFound,),
)
async def watch_job(
    engines: Engines, actor: Actor, job_id: UUID, query: streaming.WatchQuery
) -> Content:
    """Server-sent events `job`, each the data of `GET /jobs/{job_id}`: one at once and one
    whenever it has changed. The stream ends with the job."""
    first = await job_status.get_job(engines.database.reader(), actor, job_id)
    return streaming.events(_changes(engines, actor, first, query.seconds))


@routes.delete(
    "/jobs/{job_id}",
    access=SIGNED_IN,
    summary="Cancel a job",
    facts=(errors.NotFound, JobOver),
)
async def cancel_job(tx: Writer, actor: Actor, job_id: UUID) -> None:
    """One that waits is never run. One that runs stops at its next step, unless it ends before: its
    state says which. 409 when it is over."""
    await job_status.cancel_job(tx, actor, job_id)


async def _changes(
    engines: Engines, actor: Actor, job: JobRow, seconds: float
) -> AsyncGenerator[bytes, None]:
    until = clock.monotonic() + seconds
    told = b""
    while True:
        view = streaming.event("job", msgspec.json.encode(_view(actor, job)))
        if view != told:
            yield view
            told = view
        if job.state in OVER or clock.monotonic() + WATCH_SECONDS > until:
            return
        await asyncio.sleep(WATCH_SECONDS)
        try:
            job = await job_status.get_job(engines.database.reader(), actor, job.id)
        except errors.NotFound:
            return
        except errors.Fact:
            yield b": not now\n\n"


def _view(actor: Actor, job: JobRow) -> JobView:
    result = msgspec.json.decode(job.result) if job.result is not None else None
    location = result.get("location") if isinstance(result, dict) else None
    error = job.error
    if job.fault is not None and actor.may(job_status.READ_JOBS):
        error = job.fault
    return JobView(
        id=job.id,
        name=job.name,
        state=job.state,
        progress=round(job.progress, 4),
        note=job.note,
        is_stopping=job.is_stopping,
        result=result,
        error=error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        links=JobLinks(result=location if isinstance(location, str) else None),
    )
