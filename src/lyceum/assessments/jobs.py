"""What the worker does for quizzes: closing attempts whose time is over, and following what becomes
of their lectures."""

from typing import Final

from lyceum.assessments import queries
from lyceum.assessments.service import submission, upkeep
from lyceum.courses.events import CourseDuplicated, CoursePurged, LecturePurged
from lyceum.platform import errors
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import handles
from lyceum.platform.jobs import JobContext, job

_AT_ONCE = 1000
_KEEPER: Final = system_actor("assessments.upkeep")


@handles(CourseDuplicated)
async def copy_quizzes(tx: Writer, event: CourseDuplicated) -> None:
    """Give the copy of a course the quizzes of the course."""
    await upkeep.copy_quizzes(tx, _KEEPER, event.course_id)


@handles(LecturePurged)
async def purge_quiz_of_lecture(tx: Writer, event: LecturePurged) -> None:
    """Remove the quiz of a lecture that is gone for good."""
    await upkeep.purge_quizzes(tx, _KEEPER, queries.LIST_QUIZZES_OF_LECTURE, event.lecture_id)


@handles(CoursePurged)
async def purge_quizzes_of_course(tx: Writer, event: CoursePurged) -> None:
    """Remove the quizzes of a course that is gone for good."""
    await upkeep.purge_quizzes(tx, _KEEPER, queries.LIST_QUIZZES_OF_COURSE, event.course_id)


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
