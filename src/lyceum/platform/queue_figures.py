"""What the queues look like: counts by state, rates, latency, schedules, workers.

Everything is read off `platform.jobs`, so it is the same whether SAQ's queues are on PostgreSQL or
Redis. Not here: who may see it and what can be done (`queue_admin`).
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from lyceum.platform.database import Reader
from lyceum.platform.jobs import QUEUES
from lyceum.platform.statements import sql
from lyceum.platform.worker_roll import ALIVE_SECONDS

MINUTES: Final = 60
"""How far back rates and latency look."""
SAMPLE: Final = 2000
"""Of a queue, latency is that of so many jobs at most, the last to end."""


class StateCount(msgspec.Struct, frozen=True):
    """How many jobs of a queue are in a state; `delayed` is waiting for its time."""

    queue: str
    state: str
    count: int


class Minute(msgspec.Struct, frozen=True):
    """What ended in a minute, `ago` whole minutes before now."""

    queue: str
    ago: int
    succeeded: int
    failed: int


class Latency(msgspec.Struct, frozen=True):
    """Seconds from being due to the start of the try, and from there to its end."""

    queue: str
    waiting_p50: float | None
    waiting_p95: float | None
    running_p50: float | None
    running_p95: float | None


class Oldest(msgspec.Struct, frozen=True):
    """Since when the first job in line has been due."""

    queue: str
    seconds: float


class WorkerRow(msgspec.Struct, frozen=True):
    """A worker process that lives."""

    id: UUID
    host: str
    process_id: int
    services: str
    running: int
    started_at: datetime
    seen_at: datetime


class ScheduleRow(msgspec.Struct, frozen=True):
    """A job that the clock starts, and how its last run went while that is known."""

    name: str
    cron: str
    queue: str
    last_job_id: UUID | None
    last_started_at: datetime | None
    last_state: str | None


class Overview(msgspec.Struct, frozen=True):
    """All figures of one moment, of every queue."""

    at: datetime
    counts: list[StateCount]
    minutes: list[Minute]
    latency: list[Latency]
    oldest: list[Oldest]
    workers: list[WorkerRow]


_COUNTS = sql(
    """
    SELECT queue, state, count(*) AS count FROM platform.jobs
    WHERE state IN ('waiting', 'queued', 'running', 'failed') GROUP BY queue, state
    UNION ALL
    SELECT queue, 'delayed', count(*) FROM platform.jobs
    WHERE state = 'waiting' AND available_at > now() GROUP BY queue
    """,
    StateCount,
)
_MINUTES = sql(
    """
    SELECT queue, floor(extract(epoch FROM now() - finished_at) / 60)::int AS ago,
        count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE state = 'failed') AS failed
    FROM platform.jobs
    WHERE queue = ANY($1::text[]) AND finished_at > now() - make_interval(mins => $2)
    GROUP BY queue, ago
    """,
    Minute,
)
_LATENCY = sql(
    """
    SELECT q.queue, p.waiting[1] AS waiting_p50, p.waiting[2] AS waiting_p95,
        p.running[1] AS running_p50, p.running[2] AS running_p95
    FROM unnest($1::text[]) q(queue) CROSS JOIN LATERAL (
        SELECT percentile_cont('{0.5,0.95}'::float8[])
                WITHIN GROUP (ORDER BY greatest(ended.waited, 0)) AS waiting,
            percentile_cont('{0.5,0.95}'::float8[]) WITHIN GROUP (ORDER BY ended.ran) AS running
        FROM (
            SELECT extract(epoch FROM j.started_at - j.available_at)::float8 AS waited,
                extract(epoch FROM j.finished_at - j.started_at)::float8 AS ran
            FROM platform.jobs j
            WHERE j.queue = q.queue AND j.finished_at > now() - make_interval(mins => $2)
                AND j.started_at IS NOT NULL
            ORDER BY j.finished_at DESC LIMIT $3) ended) p
    """,
    Latency,
)
_OLDEST = sql(
    """
    SELECT queue, extract(epoch FROM now() - min(available_at))::float8 AS seconds
    FROM platform.jobs WHERE state IN ('waiting', 'queued') AND available_at <= now()
    GROUP BY queue
    """,
    Oldest,
)
_WORKERS = sql(
    """
    SELECT id, host, process_id, services, running, started_at, seen_at FROM platform.workers
    WHERE seen_at > now() - make_interval(secs => $1) ORDER BY started_at
    """,
    WorkerRow,
)
# What no worker has declared for a week is no longer in the program.
_SCHEDULES = sql(
    """
    SELECT s.name, s.cron, s.queue, s.last_job_id, s.last_started_at, j.state AS last_state
    FROM platform.schedules s LEFT JOIN platform.jobs j ON j.id = s.last_job_id
    WHERE s.cron <> '' AND s.seen_at > now() - interval '7 days' ORDER BY s.name
    """,
    ScheduleRow,
)
_NOW = sql("SELECT now()", datetime)


async def read_counts(tx: Reader) -> list[StateCount]:
    """Return how many jobs there are by queue and state, of the states that last."""
    return await tx.all(_COUNTS)


async def read_oldest(tx: Reader) -> list[Oldest]:
    """Return how long the first in line has been due, of the queues that have a line."""
    return await tx.all(_OLDEST)


async def read_workers(tx: Reader) -> list[WorkerRow]:
    """Return the worker processes that live, the oldest first."""
    return await tx.all(_WORKERS, ALIVE_SECONDS)


async def read_schedules(tx: Reader) -> list[ScheduleRow]:
    """Return the jobs that the clock starts, by name."""
    return await tx.all(_SCHEDULES)


async def read_overview(tx: Reader) -> Overview:
    """Return all figures."""
    queues = list(QUEUES)
    return Overview(
        at=await tx.one(_NOW),
        counts=await read_counts(tx),
        minutes=await tx.all(_MINUTES, queues, MINUTES),
        latency=await tx.all(_LATENCY, queues, MINUTES, SAMPLE),
        oldest=await read_oldest(tx),
        workers=await read_workers(tx),
    )
