"""Enrolling in a course, leaving it, and who is enrolled.

Not here: seats and the waiting list behind them (`admission`), progress, paid orders.
"""

from datetime import datetime
from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.queries import cohorts as cohort_queries
from lyceum.courses.queries import enrolment as queries
from lyceum.courses.queries import progress as progress_queries
from lyceum.courses.queries import rosters as roster_queries
from lyceum.courses.records import CourseAccess, Enrolment, EnrolmentPage, Learner
from lyceum.courses.schemas.enrolment import NewEnrolment
from lyceum.courses.service import access, admission, people, prerequisites
from lyceum.platform import clock, errors, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.statements import Json


async def enrol(tx: Writer, actor: Actor, course_id: UUID) -> Enrolment:
    """Enrol the actor in a course that is published, free, within its window and not full, and
    whose prerequisites they have completed.

    Coming back after leaving is the same enrolment with its progress.
    """
    user_id = actor.require_user()
    course = await access.get_visible_course(tx, actor, course_id)
    if permissions.is_enrolled(course):
        raise facts.AlreadyEnrolled
    offer = await admission.get_open_offer(tx, actor, course)
    await prerequisites.require_prerequisites(tx, actor, course.id, user_id)
    return await admission.admit(tx, actor, course.id, user_id, "self", offer)


async def enrol_learner(tx: Writer, actor: Actor, course_id: UUID, new: NewEnrolment) -> Enrolment:
    """Enrol somebody in a course that the actor edits, whatever its price, window, prerequisites
    or visibility; but never without a seat."""
    course = await access.get_editable_course(tx, actor, course_id)
    person = await people.get_person(tx, actor, new.user_id, new.email)
    admission.require_published(tx, actor, course)
    if new.expires_at is not None and new.expires_at <= clock.utc_now():
        raise facts.invalid("/expiresAt", "A moment to come, please")
    offer = await tx.one(queries.FIND_OFFER, course.id)
    return await admission.admit(
        tx, actor, course.id, person.user_id, "staff", offer, expires_at=new.expires_at
    )


async def drop_enrolment(tx: Writer, actor: Actor, course_id: UUID, if_match: int | None) -> None:
    """End the actor's enrolment and free the seat, which goes to the next who waits; the progress
    is kept for coming back."""
    user_id = actor.require_user()
    course = await access.lock_visible_course(tx, actor, course_id)
    enrolment = await tx.one_or_none(queries.LOCK_ENROLMENT, course.id, user_id)
    if enrolment is None:
        raise errors.NotFound("You are not enrolled in this course.")
    facts.require_version(enrolment.version, if_match)
    await _drop(tx, actor, enrolment)


async def remove_learner(tx: Writer, actor: Actor, course_id: UUID, user_id: UUID) -> None:
    """End somebody's enrolment in a course that the actor edits; the progress is kept."""
    course = await access.lock_editable_course(tx, actor, course_id)
    enrolment = await tx.one_or_none(queries.LOCK_ENROLMENT, course.id, user_id)
    if enrolment is None:
        raise errors.NotFound("This person is not enrolled in the course.")
    await _drop(tx, actor, enrolment)


async def expire_enrolments(tx: Writer, actor: Actor, course_id: UUID) -> int:
    """End the enrolments of a course whose time is over, and fill their seats; return how many.
    For the program itself."""
    if await access.lock_any_course(tx, actor, course_id) is None:
        return 0
    due = await tx.all(roster_queries.EXPIRE_DUE, course_id, clock.utc_now())
    for each in due:
        expired = events.EnrolmentExpired(
            enrolment_id=each.enrolment_id, course_id=course_id, user_id=each.user_id
        )
        await emit(tx, actor, expired)
    if due:
        await admission.release_seats(tx, actor, course_id, len(due))
    return len(due)


async def list_courses_with_due(tx: Reader, actor: Actor) -> list[UUID]:
    """Return courses with enrolments whose time is over; for the program itself."""
    return await tx.all(roster_queries.LIST_COURSES_WITH_DUE, clock.utc_now())


async def list_own_enrolments(tx: Reader, actor: Actor, page: paging.PageQuery) -> EnrolmentPage:
    """Return the courses that the actor learns or has completed, the last worked on first."""
    user_id = actor.require_user()
    return await tx.one(queries.LIST_MINE, user_id, page.per_page, page.offset)


async def list_learners(
    tx: Reader, actor: Actor, course_id: UUID, page: paging.CursorQuery
) -> tuple[list[Learner], str | None]:
    """Return learners of a course whose staff the actor is, newest first, and the next cursor; an
    assistant of single cohorts gets the learners of those."""
    course = await access.get_visible_course(tx, actor, course_id)
    if not permissions.is_staff_of(actor, course.actor_role):
        actor.require_user()
        raise errors.Forbidden("Only the course's own staff sees who learns it.")
    bound = await find_bound_assistant(tx, actor, course)
    limit = page.per_page + 1
    if page.cursor is None:
        found = await tx.all(queries.LIST_LEARNERS, course.id, limit, bound)
    else:
        after = paging.decode_cursor(page.cursor, tuple[datetime, UUID])
        found = await tx.all(queries.LIST_LEARNERS_AFTER, course.id, limit, bound, *after)
    if len(found) < limit:
        return found, None
    last = found[page.per_page - 1]
    return found[: page.per_page], paging.encode_cursor(last.enrolled_at, last.enrolment_id)


async def get_learner_progress(tx: Reader, actor: Actor, course_id: UUID, user_id: UUID) -> Json:
    """Return a learner's progress to the staff of the course; for everybody else, and for an
    assistant of other cohorts, there is none."""
    course = await access.get_visible_course(tx, actor, course_id)
    if not permissions.is_staff_of(actor, course.actor_role):
        raise errors.NotFound
    bound = await find_bound_assistant(tx, actor, course)
    if bound is not None and not await tx.one(
        cohort_queries.LOOKS_AFTER, course.id, user_id, bound
    ):
        raise errors.NotFound
    found = await tx.one_or_none(progress_queries.FIND_PROGRESS, user_id, course.id)
    if found is None:
        raise errors.NotFound
    return found


async def find_bound_assistant(tx: Reader, actor: Actor, course: CourseAccess) -> UUID | None:
    """Return the actor's id when they are an assistant who sees single cohorts alone, else None."""
    if course.actor_role != "assistant" or actor.may(permissions.MANAGE_ANY_COURSE):
        return None
    is_bound = await tx.one(cohort_queries.IS_BOUND, course.id, actor.user_id)
    return actor.user_id if is_bound else None


async def _drop(tx: Writer, actor: Actor, enrolment: Enrolment) -> None:
    await tx.execute(queries.DROP_ENROLMENT, enrolment.id, clock.utc_now())
    dropped = events.EnrolmentDropped(
        enrolment_id=enrolment.id, course_id=enrolment.course_id, user_id=enrolment.user_id
    )
    await emit(tx, actor, dropped)
    await admission.release_seats(tx, actor, enrolment.course_id)
