"""Jobs that the clock starts: each once per due time, over all workers.

What was due while nobody worked is made up for once. A due time passes unused while the run
before it is still under way. The table says what there is to whoever does not know the jobs.
Not here: declaring them (`jobs.job(cron=…)`), showing them (`queue_admin`).
"""

import logging
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from croniter import croniter  # type: ignore[import-untyped]

from lyceum.platform import clock
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.jobs import JobSpec, enqueue_named, jobs_of
from lyceum.platform.statements import command

log = logging.getLogger("lyceum.schedule")

# The row says which due time was last taken; only one worker can move it on. At the first sight
# of a job nothing is started, so that a new installation does not begin with every job at once.
_TAKE = command(
    """
    INSERT INTO platform.schedules (name, due_at) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at
        WHERE schedules.due_at < excluded.due_at
    RETURNING xmax <> 0
    """,
    bool,
)


def last_due(cron: str, now: datetime) -> datetime:
    """Return the latest time at or before `now` that the five fields of `cron` name, in UTC."""
    # croniter looks strictly before its start, and to the second.
    start = int(now.timestamp()) + 1
    return datetime.fromtimestamp(croniter(cron, start).get_prev(float), UTC)


_DECLARE = command(
    """
    INSERT INTO platform.schedules (name, due_at, cron, queue) VALUES ($1, $2, $3, $4)
    ON CONFLICT (name) DO UPDATE
        SET cron = excluded.cron, queue = excluded.queue, seen_at = now()
    """
)
_NOTE_START = command(
    "UPDATE platform.schedules SET last_job_id = $2, last_started_at = now() WHERE name = $1"
)
DECLARE_SECONDS = 600.0


async def start_now(tx: Writer, name: str, queue: str) -> UUID:
    """Ask for a scheduled job as the clock does; return its id, or that of the run under way."""
    job_id = await enqueue_named(tx, system_actor(name), f"cron:{name}", name, queue, {})
    await tx.execute(_NOTE_START, name, job_id)
    return job_id


def next_due(cron: str, now: datetime) -> datetime:
    """Return the earliest time after `now` that the five fields of `cron` name, in UTC."""
    return datetime.fromtimestamp(croniter(cron, now.timestamp()).get_next(float), UTC)


class Scheduler:
    """Starts what is due of some domains; every worker process has one."""

    def __init__(self, database: Database, domains: Collection[str] | None = None) -> None:
        self._database = database
        self._domains = domains
        self._taken: dict[str, datetime] = {}
        self._declare_again_at = 0.0

    async def start_due(self, now: datetime) -> int:
        """Ask for every job that is due at `now` and that no worker has asked for; return how
        many were asked for here."""
        if clock.monotonic() >= self._declare_again_at:
            await self._declare(now)
        started = 0
        for spec in jobs_of(self._domains).values():
            if spec.cron is None:
                continue
            due = last_due(spec.cron, now)
            if self._taken.get(spec.name) != due:
                started += await self._start(spec, due)
                self._taken[spec.name] = due
        return started

    async def _declare(self, now: datetime) -> None:
        for spec in jobs_of(self._domains).values():
            if spec.cron is not None:
                due = last_due(spec.cron, now)
                primary = self._database.sole_writer()
                await primary.execute(_DECLARE, spec.name, due, spec.cron, spec.queue)
        self._declare_again_at = clock.monotonic() + DECLARE_SECONDS

    async def _start(self, spec: JobSpec, due: datetime) -> bool:
        async with self._database.transaction() as tx:
            if not await tx.one_or_none(_TAKE, spec.name, due):
                return False
            await start_now(tx, spec.name, spec.queue)
        log.info("%s was due at %s", spec.name, due)
        return True
