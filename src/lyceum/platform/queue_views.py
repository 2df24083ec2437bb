"""The queues on the wire: what the admin routes, the stream and the terminal show.

Not here: the routes (`queue_routes`), the dashboard's HTML (`queue_page`).
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from lyceum.platform import clock, redaction, schedule
from lyceum.platform.job_status import State
from lyceum.platform.jobs import QUEUES
from lyceum.platform.paging import CursorQuery
from lyceum.platform.queue_admin import QueuedJob
from lyceum.platform.queue_figures import MINUTES, Overview, ScheduleRow
from lyceum.platform.statements import Json
from lyceum.platform.wire import Input, Output

QueueName = Literal["high-priority", "default", "email"]
JobName = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="As `users.x`")]


class JobListQuery(CursorQuery, frozen=True, kw_only=True):
    """Which jobs: those of one state, of a queue and of a name if given."""

    state: State = "failed"
    queue: QueueName | None = None
    name: JobName | None = None


class FailedJobs(Input, frozen=True, kw_only=True):
    """Which failed jobs: all, or those of a queue, of a name."""

    queue: QueueName | None = None
    name: JobName | None = None


class Moved(Output, frozen=True, kw_only=True):
    """How many jobs it was done to."""

    count: int


class Started(Output, frozen=True, kw_only=True):
    """The job that was started, or the run that was under way."""

    job_id: UUID


class LatencyView(Output, frozen=True, kw_only=True):
    """Seconds, over the last hour; null when nothing ended in it."""

    waiting_p50: float | None
    waiting_p95: float | None
    running_p50: float | None
    running_p95: float | None


class MinuteView(Output, frozen=True, kw_only=True):
    """What ended in one minute."""

    succeeded: int
    failed: int


class QueueView(Output, frozen=True, kw_only=True):
    """One queue. `waiting` is due and not begun, `delayed` waits for its time or its next try;
    `minutes` are the last sixty, the oldest first; `oldestSeconds` is how long the first in line
    has been due."""

    name: str
    waiting: int
    delayed: int
    running: int
    failed: int
    oldest_seconds: float
    succeeded_last_hour: int
    failed_last_hour: int
    latency: LatencyView
    minutes: list[MinuteView]


class WorkerView(Output, frozen=True, kw_only=True):
    """A worker process that lives; `running` counts its jobs."""

    id: UUID
    host: str
    process_id: int
    services: str
    running: int
    started_at: datetime
    seen_at: datetime


class QueuesView(Output, frozen=True, kw_only=True):
    """Every queue and worker at one moment."""

    at: datetime
    queues: list[QueueView]
    workers: list[WorkerView]


class QueueJobView(Output, frozen=True, kw_only=True):
    """A job as operators see it. `error` is what whoever asked for it reads, `fault` what happened
    in the program; both are redacted."""

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


class QueueJobDetail(QueueJobView, frozen=True, kw_only=True):
    """A job with what it was asked with, redacted."""

    arguments: Any


class ScheduleView(Output, frozen=True, kw_only=True):
    """A job that the clock starts (five fields, UTC). `lastState` is null once its last run has
    been forgotten, a day after it ended."""

    name: str
    cron: str
    queue: str
    next_at: datetime
    last_started_at: datetime | None
    last_job_id: UUID | None
    last_state: str | None


def view_overview(found: Overview) -> QueuesView:
    """Return the figures queue by queue."""
    return QueuesView(
        at=found.at,
        queues=[_view_queue(found, name) for name in QUEUES],
        workers=[WorkerView(**msgspec.structs.asdict(worker)) for worker in found.workers],
    )


def _view_queue(found: Overview, name: str) -> QueueView:
    counts = {row.state: row.count for row in found.counts if row.queue == name}
    minutes = [MinuteView(succeeded=0, failed=0)] * MINUTES
    for minute in found.minutes:
        if minute.queue == name and 0 <= minute.ago < MINUTES:
            minutes[MINUTES - 1 - minute.ago] = MinuteView(
                succeeded=minute.succeeded, failed=minute.failed
            )
    latency = next((row for row in found.latency if row.queue == name), None)
    delayed = counts.get("delayed", 0)
    return QueueView(
        name=name,
        waiting=counts.get("waiting", 0) - delayed + counts.get("queued", 0),
        delayed=delayed,
        running=counts.get("running", 0),
        failed=counts.get("failed", 0),
        oldest_seconds=round(next((o.seconds for o in found.oldest if o.queue == name), 0.0), 3),
        succeeded_last_hour=sum(minute.succeeded for minute in minutes),
        failed_last_hour=sum(minute.failed for minute in minutes),
        latency=LatencyView(
            waiting_p50=latency.waiting_p50 if latency else None,
            waiting_p95=latency.waiting_p95 if latency else None,
            running_p50=latency.running_p50 if latency else None,
            running_p95=latency.running_p95 if latency else None,
        ),
        minutes=minutes,
    )


def view_job(job: QueuedJob) -> QueueJobView:
    """Return a job for the wire."""
    return QueueJobView(**msgspec.structs.asdict(job))


def view_detail(job: QueuedJob, arguments: Json) -> QueueJobDetail:
    """Return a job with its arguments, which are redacted as logs are."""
    shown = redaction.clean(msgspec.json.decode(arguments))
    return QueueJobDetail(**msgspec.structs.asdict(job), arguments=shown)


def view_schedule(row: ScheduleRow) -> ScheduleView:
    """Return a scheduled job with the next time it is due."""
    return ScheduleView(
        name=row.name,
        cron=row.cron,
        queue=row.queue,
        next_at=schedule.next_due(row.cron, clock.utc_now()),
        last_started_at=row.last_started_at,
        last_job_id=row.last_job_id,
        last_state=row.last_state,
    )
