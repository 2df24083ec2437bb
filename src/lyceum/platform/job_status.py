"""What may be seen of a job and done about it from outside. Not here: running it (`job_runs`).

A job is visible to whoever asked for it and to staff with `jobs:read`; for others there is none.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from lyceum.platform import errors, events, job_events, jobs
from lyceum.platform.access import Actor, permission
from lyceum.platform.database import Reader, Writer
from lyceum.platform.statements import Json, command, sql

READ_JOBS = permission("jobs:read", role="admin", description="See the jobs of other people.")
CANCEL_JOBS = permission(
    "jobs:cancel", role="admin", description="Cancel the jobs of other people."
)


State = Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled"]


class JobRow(msgspec.Struct, frozen=True):
    """A job as it is stored; `fault` is for staff only."""

    id: UUID
    name: str
    state: State
    progress: float
    note: str
    result: Json | None
    error: str | None
    fault: str | None
    actor_id: UUID | None
    is_stopping: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


_FIND = sql(
    """
    SELECT id, name, state, progress, note, result, error, fault, actor_id,
        state = 'running' AND cancel_asked_at IS NOT NULL AS is_stopping, created_at, started_at,
        finished_at
    FROM platform.jobs WHERE id = $1
    """,
    JobRow,
)
# One that runs goes on until its worker has heard of it; asked twice, it is told once more.
_CANCEL = command(
    """
    UPDATE platform.jobs SET cancel_asked_at = now(),
        state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END,
        finished_at = CASE WHEN state = 'running' THEN NULL ELSE now() END
    WHERE id = $1 AND state IN ('waiting', 'queued', 'running') RETURNING name
    """,
    str,
)


class JobOver(errors.Conflict):
    """A job that is over cannot be cancelled."""

    title = "The job is over"


async def get_job(tx: Reader, actor: Actor, job_id: UUID) -> JobRow:
    """Return a job that the actor may see; NotFound for any other."""
    job = await tx.one_or_none(_FIND, job_id)
    if job is None or not (_is_owner(actor, job) or actor.may(READ_JOBS)):
        raise errors.NotFound("There is no such job.")
    return job


async def cancel_job(tx: Writer, actor: Actor, job_id: UUID) -> None:
    """Keep a job from being run, or ask one that runs to stop at its next step; JobOver when there
    is nothing to stop. What waits in the queue for it finds it cancelled."""
    job = await get_job(tx, actor, job_id)
    if not _is_owner(actor, job):
        actor.require(CANCEL_JOBS)
    await stop_job(tx, actor, job_id)


async def stop_job(tx: Writer, actor: Actor, job_id: UUID) -> None:
    """Cancel a job that the caller has found the actor may cancel."""
    name = await tx.one_or_none(_CANCEL, job_id)
    if name is None:
        found = await tx.one_or_none(_FIND, job_id)
        raise JobOver(state=found.state if found else None)
    tx.notify(jobs.CANCEL_CHANNEL)
    await events.emit(tx, actor, job_events.JobCancelled(job_id=job_id, job_name=name))


def _is_owner(actor: Actor, job: JobRow) -> bool:
    return actor.user_id is not None and actor.user_id == job.actor_id
