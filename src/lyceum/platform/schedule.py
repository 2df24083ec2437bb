"""Jobs that the clock starts: each once per due time, over all workers.

What was due while nobody worked is made up for once. A due time passes unused while the run
before it is still under way. Not here: declaring them (`jobs.job(cron=…)`).
"""

import logging
from datetime import UTC, datetime

from croniter import croniter  # type: ignore[import-untyped]

from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.platform.jobs import JobSpec, all_jobs, enqueue_once
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
    start = now.astimezone(UTC).timestamp() + 1
    return datetime.fromtimestamp(croniter(cron, start).get_prev(float), UTC)


class Scheduler:
    """Starts what is due; every worker process has one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._taken: dict[str, datetime] = {}

    async def start_due(self, now: datetime) -> int:
        """Ask for every job that is due at `now` and that no worker has asked for; return how
        many were asked for here."""
        started = 0
        for spec in all_jobs().values():
            if spec.cron is None:
                continue
            due = last_due(spec.cron, now)
            if self._taken.get(spec.name) != due:
                started += await self._start(spec, due)
                self._taken[spec.name] = due
        return started

    async def _start(self, spec: JobSpec, due: datetime) -> bool:
        async with self._database.transaction() as tx:
            if not await tx.one_or_none(_TAKE, spec.name, due):
                return False
            actor = system_actor(spec.name)
            await enqueue_once(tx, actor, f"cron:{spec.name}", spec.function)
        log.info("%s was due at %s", spec.name, due)
        return True
