"""What operators see of the queues and do about jobs: use cases of the dashboard and the terminal.

Not here: the figures themselves (`queue_figures`), what whoever asked for a job may do
(`job_status`).
"""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.platform import errors, events, job_events, job_status, jobs, queue_figures, schedule
from lyceum.platform.access import Actor, permission
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.platform.job_status import State
from lyceum.platform.queue_figures import Overview, ScheduleRow
from lyceum.platform.statements import Json, command, sql

READ_QUEUES = permission(
    "queues:read", role="admin", description="See the job queues and every job in them."
)
MANAGE_QUEUES = permission(
    "queues:manage", role="admin", description="Retry, cancel and discard jobs; start scheduled."
)


class QueuedJob(msgspec.Struct, frozen=True):
    """A job as operators see it; `fault` is redacted and may be None though it failed."""

    id: UUID
    name: str
    queue: str
    state: State
    attempts: int
    progress: float
    note: str
    error: str | None
    fault: str | None
    unique_key: str | None
    actor_id: UUID | None
    request_id: str
    is_stopping: bool
    available_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


_LIST = sql(
    """
    SELECT id, name, queue, state, attempts, progress, note, error, fault, unique_key, actor_id,
        request_id, state = 'running' AND cancel_asked_at IS NOT NULL AS is_stopping, available_at,
        created_at, started_at, finished_at
    FROM platform.jobs
    WHERE state = $1 AND ($2::text IS NULL OR queue = $2) AND ($3::text IS NULL OR name = $3)
        AND id < coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ORDER BY id DESC LIMIT $5
    """,
    QueuedJob,
)
_FIND = sql(
    """
    SELECT id, name, queue, state, attempts, progress, note, error, fault, unique_key, actor_id,
        request_id, state = 'running' AND cancel_asked_at IS NOT NULL AS is_stopping, available_at,
        created_at, started_at, finished_at
    FROM platform.jobs WHERE id = $1
    """,
    QueuedJob,
)
_ARGUMENTS = sql("SELECT arguments FROM platform.jobs WHERE id = $1", Json)
_RETRY = command(
    """
    UPDATE platform.jobs SET state = 'waiting', attempts = 0, available_at = now(), progress = 0,
        note = '', finished_at = NULL, started_at = NULL, cancel_asked_at = NULL
    WHERE id = $1 AND state = 'failed' RETURNING name
    """,
    str,
)
# Of failed jobs with one unique key one is enough, and none while another with it is under way.
_RETRY_ALL = command(
    """
    UPDATE platform.jobs SET state = 'waiting', attempts = 0, available_at = now(), progress = 0,
        note = '', finished_at = NULL, started_at = NULL, cancel_asked_at = NULL
    WHERE id IN (
        SELECT DISTINCT ON (coalesce(f.unique_key, f.id::text)) f.id FROM platform.jobs f
        WHERE f.state = 'failed' AND ($1::text IS NULL OR f.queue = $1)
            AND ($2::text IS NULL OR f.name = $2)
            AND NOT EXISTS (
                SELECT FROM platform.jobs live WHERE live.unique_key = f.unique_key
                    AND live.state IN ('waiting', 'queued', 'running'))
        ORDER BY coalesce(f.unique_key, f.id::text), f.id DESC)
        AND state = 'failed'
    RETURNING id
    """,
    UUID,
)
# Kept as long as any job that is over, so that whoever asked for it still sees why it failed.
_DISCARD = command(
    """
    UPDATE platform.jobs SET state = 'cancelled', finished_at = now()
    WHERE id = $1 AND state = 'failed' RETURNING name
    """,
    str,
)
_DISCARD_ALL = command(
    """
    UPDATE platform.jobs SET state = 'cancelled', finished_at = now()
    WHERE state = 'failed' AND ($1::text IS NULL OR queue = $1)
        AND ($2::text IS NULL OR name = $2)
    RETURNING id
    """,
    UUID,
)


class JobHasNotFailed(errors.Conflict):
    """Only a failed job can be retried or discarded."""

    title = "The job has not failed"


class SameJobUnderWay(errors.Conflict):
    """Another job with the same unique key is waiting or running."""

    title = "Another one of these is under way"


async def get_overview(tx: Reader, actor: Actor) -> Overview:
    """Return counts, rates, latency and workers of every queue."""
    actor.require(READ_QUEUES)
    return await queue_figures.read_overview(tx)


async def list_jobs(
    tx: Reader,
    actor: Actor,
    state: State,
    *,
    queue: str | None = None,
    name: str | None = None,
    before: UUID | None = None,
    limit: int = 20,
) -> list[QueuedJob]:
    """Return jobs in a state, the newest first, those older than `before`."""
    actor.require(READ_QUEUES)
    return await tx.all(_LIST, state, queue, name, before, limit)


async def get_job(tx: Reader, actor: Actor, job_id: UUID) -> QueuedJob:
    """Return one job; NotFound when there is none (any more)."""
    actor.require(READ_QUEUES)
    found = await tx.one_or_none(_FIND, job_id)
    if found is None:
        raise errors.NotFound("There is no such job.")
    return found


async def get_arguments(tx: Reader, actor: Actor, job_id: UUID) -> Json:
    """Return what a job was asked with, as JSON; it may name people."""
    actor.require(READ_QUEUES)
    found = await tx.one_or_none(_ARGUMENTS, job_id)
    if found is None:
        raise errors.NotFound("There is no such job.")
    return found


async def retry_job(tx: Writer, actor: Actor, job_id: UUID) -> QueuedJob:
    """Give a failed job all its tries again, now."""
    await _find_to_manage(tx, actor, job_id)
    with constraint_facts({"jobs_unique_key": SameJobUnderWay}):
        name = await tx.one_or_none(_RETRY, job_id)
    if name is None:
        raise JobHasNotFailed
    tx.notify(jobs.JOBS_CHANNEL)
    await events.emit(tx, actor, job_events.JobRetried(job_id=job_id, job_name=name))
    return await get_job(tx, actor, job_id)


async def retry_failed(
    tx: Writer, actor: Actor, *, queue: str | None = None, name: str | None = None
) -> int:
    """Give every failed job (of a queue, of a name) its tries again; return how many."""
    actor.require(MANAGE_QUEUES)
    count = len(await tx.all(_RETRY_ALL, queue, name))
    tx.notify(jobs.JOBS_CHANNEL)
    await events.emit(
        tx, actor, job_events.FailuresRetried(queue=queue, job_name=name, count=count)
    )
    return count


async def cancel_job(tx: Writer, actor: Actor, job_id: UUID) -> QueuedJob:
    """Keep a job from being run, or ask one that runs to stop."""
    await _find_to_manage(tx, actor, job_id)
    await job_status.stop_job(tx, actor, job_id)
    return await get_job(tx, actor, job_id)


async def discard_job(tx: Writer, actor: Actor, job_id: UUID) -> None:
    """Give a failed job up; it goes with the finished ones."""
    await _find_to_manage(tx, actor, job_id)
    name = await tx.one_or_none(_DISCARD, job_id)
    if name is None:
        raise JobHasNotFailed
    await events.emit(tx, actor, job_events.JobDiscarded(job_id=job_id, job_name=name))


async def discard_failed(
    tx: Writer, actor: Actor, *, queue: str | None = None, name: str | None = None
) -> int:
    """Give every failed job (of a queue, of a name) up; return how many."""
    actor.require(MANAGE_QUEUES)
    count = len(await tx.all(_DISCARD_ALL, queue, name))
    await events.emit(
        tx, actor, job_events.FailuresDiscarded(queue=queue, job_name=name, count=count)
    )
    return count


async def list_schedules(tx: Reader, actor: Actor) -> list[ScheduleRow]:
    """Return the jobs that the clock starts, by name."""
    actor.require(READ_QUEUES)
    return await queue_figures.read_schedules(tx)


async def run_schedule(tx: Writer, actor: Actor, name: str) -> UUID:
    """Start a scheduled job now; return its id, or that of the run that is under way."""
    actor.require(READ_QUEUES)
    known = {row.name: row for row in await queue_figures.read_schedules(tx)}
    if name not in known:
        raise errors.NotFound("There is no such scheduled job.")
    actor.require(MANAGE_QUEUES)
    job_id = await schedule.start_now(tx, name, known[name].queue)
    await events.emit(tx, actor, job_events.ScheduleStarted(job_name=name, job_id=job_id))
    return job_id


async def _find_to_manage(tx: Writer, actor: Actor, job_id: UUID) -> None:
    await get_job(tx, actor, job_id)
    actor.require(MANAGE_QUEUES)
