"""What the worker does for quizzes: closing attempts whose time is over."""

from lyceum.assessments.service import submission
from lyceum.platform import errors
from lyceum.platform.access import system_actor
from lyceum.platform.jobs import JobContext, job

_AT_ONCE = 1000


@job(cron="* * * * *", timeout_seconds=300)
async def close_overdue_attempts(context: JobContext) -> None:
    """Close every attempt whose time is over, each in a transaction of its own.

    One that cannot be closed does not keep the others waiting; it fails the job at the end.
    """
    actor = system_actor("assessments.close_overdue_attempts")
    overdue = await submission.list_overdue_attempts(context.reader(), actor, _AT_ONCE)
    failure: errors.Fact | None = None
    for attempt_id in overdue:
        try:
            async with context.transaction() as tx:
                await submission.close_overdue_attempt(tx, actor, attempt_id)
        except errors.Fact as fact:
            failure = fact
    if failure is not None:
        raise failure
