"""The HTTP door of a course on its way to learners: readiness, review, copies, removal for good."""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.schemas.courses import CourseDetail
from lyceum.courses.schemas.publishing import NewCopy, ReadinessView, ReviewNote
from lyceum.courses.service import catalogue, duplicates, publishing, trash
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.statements import Json
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get(
    "/courses/{id_or_slug}/readiness",
    access=SIGNED_IN,
    summary="Say whether a course can be published",
)
async def get_course_readiness(tx: Reader, actor: Actor, id_or_slug: str) -> ReadinessView:
    """For the course's staff: all that is missing, what could be better, and what a reviewer
    wrote."""
    return await publishing.get_readiness(tx, actor, id_or_slug)


@routes.post(
    "/courses/{course_id}/submit",
    access=permissions.PUBLISH_COURSE,
    summary="Ask for a review of a course",
    status=200,
    facts=(facts.CourseNotReady, facts.CourseStateConflict),
    returns=CourseDetail,
)
async def submit_course(tx: Writer, actor: Actor, course_id: UUID) -> Answer[Json]:
    """A draft waits for its review from now on; one that is not ready gets 409 with `missing`."""
    await publishing.submit_course(tx, actor, course_id)
    return await _answer(tx, actor, course_id)


@routes.post(
    "/courses/{course_id}/return",
    access=SIGNED_IN,
    summary="Make a course that waits for its review a draft again",
    status=200,
    facts=(facts.CourseStateConflict,),
    returns=CourseDetail,
)
async def return_course(
    tx: Writer, actor: Actor, course_id: UUID, data: ReviewNote
) -> Answer[Json]:
    """By a reviewer, whose note its staff reads, or by its own instructors."""
    await publishing.return_course(tx, actor, course_id, data.note)
    return await _answer(tx, actor, course_id)


@routes.post(
    "/courses/{course_id}/duplicate",
    access=permissions.CREATE_COURSE,
    summary="Copy a course",
    status=201,
    returns=CourseDetail,
)
async def duplicate_course(
    tx: Writer, actor: Actor, course_id: UUID, data: NewCopy
) -> Answer[Json]:
    """A draft of one's own with the same fields, outline and content; quizzes follow within
    seconds. Nobody's enrolment, progress or review is copied."""
    copy_id = await duplicates.duplicate_course(tx, actor, course_id, data.title)
    return await _answer(tx, actor, copy_id, location=f"{API}/courses/{copy_id}")


@routes.delete(
    "/courses/{course_id}/permanently",
    access=permissions.DELETE_COURSE,
    summary="Remove a deleted course for good",
    facts=(facts.HasHistory, facts.CourseStateConflict),
)
async def purge_course(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Refused where anybody ever enrolled."""
    await trash.purge_course(tx, actor, course_id)


async def _answer(
    tx: Writer, actor: Actor, course_id: UUID, location: str | None = None
) -> Answer[Json]:
    shown = await catalogue.show_changed_course(tx, actor, course_id)
    return Answer(data=shown.body, etag=shown.etag, location=location)
