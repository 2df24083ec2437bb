"""Scheduled jobs of the platform: they delete what nobody needs any more."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from lyceum.platform import idempotency, inbox
from lyceum.platform import job_events as job_events  # every worker must know them
from lyceum.platform.database import Writer
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.statements import command

INBOX_DAYS: Final = 30
FINISHED_JOB_HOURS: Final = 24
AT_A_TIME: Final = 5000
"""Rows deleted in one transaction, so that none is long."""

# Failed ones stay until somebody acts.
_PURGE_JOBS = command(
    """
    DELETE FROM platform.jobs WHERE id IN (
        SELECT id FROM platform.jobs
        WHERE state IN ('succeeded', 'cancelled')
            AND finished_at < now() - make_interval(hours => $1)
        LIMIT $2)
    RETURNING id
    """,
    UUID,
)


@job(cron="17 * * * *", timeout_seconds=600)
async def purge_inbox(context: JobContext) -> int:
    """Forget which handlers had events of more than 30 days ago; return how many rows went."""
    return await _repeat(context, lambda tx: inbox.purge(tx, days=INBOX_DAYS, limit=AT_A_TIME))


@job(cron="27 * * * *", timeout_seconds=600)
async def purge_finished_jobs(context: JobContext) -> int:
    """Delete jobs that succeeded or were cancelled more than 24 hours ago; return how many."""

    async def purge(tx: Writer) -> int:
        return len(await tx.all(_PURGE_JOBS, FINISHED_JOB_HOURS, AT_A_TIME))

    return await _repeat(context, purge)


@job(cron="37 * * * *", timeout_seconds=120)
async def purge_idempotency_keys(context: JobContext) -> None:
    """Delete stored responses of more than 24 hours ago."""
    async with context.transaction() as tx:
        await tx.execute(idempotency.PURGE)


async def _repeat(context: JobContext, purge: Callable[[Writer], Awaitable[int]]) -> int:
    total = 0
    while True:
        async with context.transaction() as tx:
            deleted = await purge(tx)
        total += deleted
        if deleted < AT_A_TIME:
            return total
