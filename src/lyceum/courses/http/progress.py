"""Progress over HTTP."""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses.schemas.progress import (
    CourseState,
    LearningQuery,
    LearningView,
    ProgressBatch,
    ProgressRecorded,
    ProgressUpdate,
    ProgressView,
)
from lyceum.courses.service import progress
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, SoleWriter, Writer
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import MEBIBYTE, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get(
    "/courses/{course_id}/progress",
    access=SIGNED_IN,
    summary="Read one's progress in a course",
    returns=ProgressView,
    facts=(facts.NotEnrolled,),
    shows=Record("progress", is_own=True),
)
async def get_progress(tx: Reader, actor: Actor, course_id: UUID) -> Answer[ProgressView]:
    """The caller's enrolment, and every lecture in the order of the outline."""
    return Answer(data=await progress.get_progress(tx, actor, course_id))


@routes.put(
    "/courses/{course_id}/progress",
    access=SIGNED_IN,
    summary="Record progress in a lecture",
    is_hot=True,
    returns=ProgressRecorded,
    facts=(facts.NotEnrolled, facts.CompletedByQuiz, facts.CourseStateConflict),
)
async def record_progress(
    tx: SoleWriter, actor: Actor, course_id: UUID, data: ProgressUpdate
) -> Answer[ProgressRecorded]:
    """What the caller did in a lecture since the last update.

    Time is credited no faster than twice the server's clock and 5 s; played parts are united, and
    95 % of a video completes it; what is complete stays so.
    """
    return Answer(data=await progress.record_progress(tx, actor, course_id, data))


@routes.post(
    "/courses/{course_id}/progress/bulk",
    access=SIGNED_IN,
    summary="Record progress that was saved up offline",
    status=200,
    max_body=2 * MEBIBYTE,
    returns=CourseState,
    facts=(facts.NotEnrolled, facts.CompletedByQuiz, facts.CourseStateConflict),
)
async def record_progress_batch(
    tx: Writer, actor: Actor, course_id: UUID, data: ProgressBatch
) -> Answer[CourseState]:
    """Up to 500 updates, recorded all or none, in the order of `recordedAt`; sending the same batch
    again changes nothing."""
    return Answer(data=await progress.record_batch(tx, actor, course_id, data))


@routes.get(
    "/me/learning",
    access=SIGNED_IN,
    summary="Read when and how long one learnt",
    returns=LearningView,
    shows=Record("learning time", is_own=True),
)
async def get_learning(tx: Reader, actor: Actor, query: LearningQuery) -> Answer[LearningView]:
    """Time by day, and streaks of days, over all courses."""
    return Answer(data=await progress.get_learning(tx, actor, query))
