"""The HTTP door of operators to the job queues. Not here: the dashboard (`queue_pages`)."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from uuid import UUID

import msgspec

from lyceum.platform import clock, errors, paging, queue_admin, queue_views, streaming
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.job_status import JobOver
from lyceum.platform.queue_admin import (
    MANAGE_QUEUES,
    READ_QUEUES,
    JobHasNotFailed,
    SameJobUnderWay,
)
from lyceum.platform.queue_figures import Overview
from lyceum.platform.queue_views import (
    JobListQuery,
    QueueJobDetail,
    QueueJobView,
    QueuesView,
    ScheduleView,
)
from lyceum.platform.routing import Routes
from lyceum.platform.wire import Answer, Content, PageInfo

routes = Routes("platform")
WATCH_SECONDS = 2.0


@routes.get("/admin/queues", access=READ_QUEUES, summary="The job queues")
async def get_queues(tx: Reader, actor: Actor) -> QueuesView:
    """Counts, rates of the last hour and latency of every queue, and the workers that live."""
    return queue_views.view_overview(await queue_admin.get_overview(tx, actor))


@routes.get(
    "/admin/queues/live",
    access=READ_QUEUES,
    summary="The job queues, live",
    media_type="text/event-stream",
)
async def watch_queues(engines: Engines, actor: Actor, query: streaming.WatchQuery) -> Content:
    """Server-sent events `queues`, each the data of `GET /admin/queues`: one at once, then one
    every two seconds while the client listens."""
    actor.require(READ_QUEUES)

    def render(found: Overview) -> bytes:
        view = msgspec.json.encode(queue_views.view_overview(found))
        return streaming.event("queues", view)

    return streaming.events(watch(engines, actor, query.seconds, render))


@routes.get("/admin/queues/jobs", access=READ_QUEUES, summary="Jobs in a state")
async def list_queue_jobs(
    tx: Reader, actor: Actor, query: JobListQuery
) -> Answer[list[QueueJobView]]:
    """The newest first; failed ones unless another state is asked for."""
    before = paging.decode_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None
    found = await queue_admin.list_jobs(
        tx, actor, query.state, queue=query.queue, name=query.name, before=before,
        limit=query.per_page + 1,
    )  # fmt: skip
    shown = found[: query.per_page]
    more = paging.encode_cursor(shown[-1].id) if len(found) > query.per_page else None
    return Answer(
        data=[queue_views.view_job(job) for job in shown],
        page=PageInfo(per_page=query.per_page, next_cursor=more),
    )


@routes.get("/admin/queues/jobs/{job_id}", access=READ_QUEUES, summary="A job of a queue")
async def get_queue_job(tx: Reader, actor: Actor, job_id: UUID) -> QueueJobDetail:
    """With what it was asked with, and why it failed."""
    job = await queue_admin.get_job(tx, actor, job_id)
    return queue_views.view_detail(job, await queue_admin.get_arguments(tx, actor, job_id))


@routes.post(
    "/admin/queues/jobs/{job_id}/retry",
    access=MANAGE_QUEUES,
    summary="Retry a failed job",
    facts=(JobHasNotFailed, SameJobUnderWay),
)
async def retry_queue_job(tx: Writer, actor: Actor, job_id: UUID) -> QueueJobView:
    """With all its tries, at once."""
    return queue_views.view_job(await queue_admin.retry_job(tx, actor, job_id))


@routes.post(
    "/admin/queues/jobs/{job_id}/cancel",
    access=MANAGE_QUEUES,
    summary="Cancel any job",
    facts=(JobOver,),
)
async def cancel_queue_job(tx: Writer, actor: Actor, job_id: UUID) -> QueueJobView:
    """One that runs stops at its next step: until then it `isStopping`."""
    return queue_views.view_job(await queue_admin.cancel_job(tx, actor, job_id))


@routes.post(
    "/admin/queues/jobs/{job_id}/discard",
    access=MANAGE_QUEUES,
    summary="Give a failed job up",
    facts=(JobHasNotFailed,),
)
async def discard_queue_job(tx: Writer, actor: Actor, job_id: UUID) -> None:
    """It is forgotten a day later, as those are that succeeded."""
    await queue_admin.discard_job(tx, actor, job_id)


@routes.post("/admin/queues/retry-failed", access=MANAGE_QUEUES, summary="Retry failed jobs")
async def retry_failed_jobs(
    tx: Writer, actor: Actor, data: queue_views.FailedJobs
) -> queue_views.Moved:
    """All of them, or those of a queue, of a name. Of several with one unique key the last."""
    count = await queue_admin.retry_failed(tx, actor, queue=data.queue, name=data.name)
    return queue_views.Moved(count=count)


@routes.post("/admin/queues/discard-failed", access=MANAGE_QUEUES, summary="Give failed jobs up")
async def discard_failed_jobs(
    tx: Writer, actor: Actor, data: queue_views.FailedJobs
) -> queue_views.Moved:
    """All of them, or those of a queue, of a name."""
    count = await queue_admin.discard_failed(tx, actor, queue=data.queue, name=data.name)
    return queue_views.Moved(count=count)


@routes.get("/admin/queues/schedules", access=READ_QUEUES, summary="Scheduled jobs")
async def list_schedules(tx: Reader, actor: Actor) -> list[ScheduleView]:
    """What the clock starts, with the last and the next run."""
    return [queue_views.view_schedule(row) for row in await queue_admin.list_schedules(tx, actor)]


@routes.post(
    "/admin/queues/schedules/{schedule_name}/run",
    access=MANAGE_QUEUES,
    summary="Run a scheduled job now",
    status=202,
    facts=(errors.NotFound,),
)
async def run_schedule(tx: Writer, actor: Actor, schedule_name: str) -> Answer[queue_views.Started]:
    """Its next run by the clock stays as it is. While a run is under way, that one is answered."""
    job_id = await queue_admin.run_schedule(tx, actor, schedule_name)
    started = queue_views.Started(job_id=job_id)
    return Answer(data=started, location=f"/api/v1/admin/queues/jobs/{job_id}")


async def watch(
    engines: Engines, actor: Actor, seconds: float, render: Callable[[Overview], bytes]
) -> AsyncGenerator[bytes, None]:
    """Yield what `render` makes of the figures, every two seconds for so long; while the database
    is away, a comment that keeps the line open."""
    until = clock.monotonic() + seconds
    while True:
        try:
            yield render(await queue_admin.get_overview(engines.database.reader(), actor))
        except errors.Fact:
            yield b": not now\n\n"
        if clock.monotonic() + WATCH_SECONDS > until:
            return
        await asyncio.sleep(WATCH_SECONDS)
