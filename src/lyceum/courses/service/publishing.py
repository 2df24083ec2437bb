"""The way of a course to its learners: ready or not, waiting for a review, given back.

Not here: publishing and archiving themselves (`courses`).
"""

from typing import Final
from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.adapters import text
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import courses as queries
from lyceum.courses.records import Readiness
from lyceum.courses.schemas.publishing import ReadinessView, Shortcoming
from lyceum.courses.service import access
from lyceum.platform import clock, errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit

LEAST_DESCRIPTION: Final = 10


async def get_readiness(tx: Reader, actor: Actor, id_or_slug: str) -> ReadinessView:
    """Return all that keeps a course from being published, and what else could be better."""
    course = await access.get_taught_course(tx, actor, id_or_slug)
    found = await tx.one(queries.FIND_READINESS, course.id)
    missing = _missing(found)
    return ReadinessView(
        is_ready=not missing,
        status=found.status,
        missing=missing,
        advice=_advice(found),
        review_note=found.review_note,
    )


async def submit_course(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Ask for a review of a draft; CourseNotReady says all that is missing."""
    course = await access.lock_publishable_course(tx, actor, course_id)
    _require_status(course.status, "draft", "Only a draft can be submitted.")
    await require_ready(tx, actor, course_id)
    await tx.execute(queries.SET_STATUS, course_id, "in_review", "")
    catalogue.forget_course(tx, course_id)
    submitted = events.CourseSubmitted(course_id=course_id, owner_id=course.owner_id)
    await emit(tx, actor, submitted)


async def return_course(tx: Writer, actor: Actor, course_id: UUID, note: str) -> None:
    """Make a course that waits for its review a draft again: by a reviewer, who says why, or by
    its own instructors, who take it back."""
    course = await access.lock_visible_course(tx, actor, course_id)
    is_reviewer = actor.may(permissions.REVIEW_COURSE)
    if not is_reviewer and not permissions.may_publish(actor, course):
        actor.require_user()
        raise errors.Forbidden("Only a reviewer or the course's own instructors may do this.")
    _require_status(course.status, "in_review", "The course does not wait for a review.")
    await tx.execute(queries.SET_STATUS, course_id, "draft", text.clean_lines(note))
    catalogue.forget_course(tx, course_id)
    returned = events.CourseReturned(course_id=course_id, owner_id=course.owner_id)
    await emit(tx, actor, returned)


async def require_ready(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Raise CourseNotReady, with all that is missing, unless the course can be published."""
    missing = _missing(await tx.one(queries.FIND_READINESS, course_id))
    if missing:
        listed = [{"field": each.field, "message": each.message} for each in missing]
        raise facts.CourseNotReady(" ".join(each.message for each in missing), missing=listed)


def _require_status(status: str, wanted: str, detail: str) -> None:
    if status != wanted:
        raise facts.CourseStateConflict(detail, state=status)


def _missing(found: Readiness) -> tuple[Shortcoming, ...]:
    missing = []
    if len(text.html_to_text(found.description)) < LEAST_DESCRIPTION:
        missing.append(("description", "Describe the course in 10 characters or more."))
    if found.chapter_count == 0:
        missing.append(("chapters", "Add a chapter."))
    if found.lecture_count == 0:
        missing.append(("lectures", "Add a lecture."))
    if found.ends_at is not None and found.ends_at <= clock.utc_now():
        missing.append(("endsAt", "The course has ended: change its end."))
    return _shortcomings(missing)


def _advice(found: Readiness) -> tuple[Shortcoming, ...]:
    advice = []
    if not found.has_category:
        advice.append(("category", "Choose a category, so that the course is found."))
    if not found.has_thumbnail:
        advice.append(("thumbnailUrl", "Give the course a picture."))
    if not found.has_objectives:
        advice.append(("objectives", "Say what is learnt."))
    closes_at = found.enrolment_closes_at
    if closes_at is not None and closes_at <= clock.utc_now():
        advice.append(("enrolmentClosesAt", "Nobody can enrol: enrolment has closed."))
    if found.empty_chapters:
        listed = ", ".join(found.empty_chapters)
        advice.append(("chapters", f"These chapters have no lecture: {listed}."))
    if found.empty_lectures:
        listed = ", ".join(found.empty_lectures)
        advice.append(("lectures", f"These lectures have no content: {listed}."))
    return _shortcomings(advice)


def _shortcomings(found: list[tuple[str, str]]) -> tuple[Shortcoming, ...]:
    return tuple(Shortcoming(field=field, message=message) for field, message in found)
