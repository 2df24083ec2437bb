"""Enrolling in a course, leaving it, and who is enrolled.

Seats are claimed by one conditional update of the course, so they are never oversold; one
enrolment per person is a constraint. Not here: progress, paid orders.
"""

from datetime import datetime
from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import enrolment as queries
from lyceum.courses.records import CourseAccess, Enrolment, EnrolmentOffer, EnrolmentPage, Learner
from lyceum.courses.schemas.enrolment import NewEnrolment
from lyceum.courses.service import access, people, prerequisites
from lyceum.platform import clock, errors, ids, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit


async def enrol(tx: Writer, actor: Actor, course_id: UUID) -> Enrolment:
    """Enrol the actor in a course that is published, free, within its window and not full, and
    whose prerequisites they have completed.

    Coming back after leaving is the same enrolment with its progress.
    """
    user_id = actor.require_user()
    course = await access.get_visible_course(tx, actor, course_id)
    if permissions.is_enrolled(course):
        raise facts.AlreadyEnrolled
    offer = await tx.one(queries.FIND_OFFER, course.id)
    _require_published(course)
    _require_window(offer)
    if offer.price_minor > 0:
        price = {"amount": offer.price_minor, "currency": offer.currency}
        raise facts.PaymentRequired(price=price)
    await prerequisites.require_prerequisites(tx, actor, course.id, user_id)
    return await _admit(tx, actor, course, offer, user_id, "self")


async def enrol_learner(tx: Writer, actor: Actor, course_id: UUID, new: NewEnrolment) -> Enrolment:
    """Enrol somebody in a course that the actor edits, whatever its price, window or visibility;
    but never without a seat."""
    course = await access.get_editable_course(tx, actor, course_id)
    person = await people.get_person(tx, actor, new.user_id, new.email)
    _require_published(course)
    offer = await tx.one(queries.FIND_OFFER, course.id)
    return await _admit(tx, actor, course, offer, person.user_id, "staff")


async def drop_enrolment(tx: Writer, actor: Actor, course_id: UUID, if_match: int | None) -> None:
    """End the actor's enrolment and free the seat; the progress is kept for coming back."""
    user_id = actor.require_user()
    course = await access.lock_visible_course(tx, actor, course_id)
    enrolment = await tx.one_or_none(queries.LOCK_ENROLMENT, course.id, user_id)
    if enrolment is None:
        raise errors.NotFound("You are not enrolled in this course.")
    facts.require_version(enrolment.version, if_match)
    await tx.execute(queries.DROP_ENROLMENT, enrolment.id, clock.utc_now())
    await tx.execute(queries.RELEASE_SEAT, course.id)
    catalogue.forget_course(tx, course.id)
    dropped = events.EnrolmentDropped(
        enrolment_id=enrolment.id, course_id=course.id, user_id=user_id
    )
    await emit(tx, actor, dropped)


async def list_own_enrolments(tx: Reader, actor: Actor, page: paging.PageQuery) -> EnrolmentPage:
    """Return the courses that the actor learns or has completed, the last worked on first."""
    user_id = actor.require_user()
    return await tx.one(queries.LIST_MINE, user_id, page.per_page, page.offset)


async def list_learners(
    tx: Reader, actor: Actor, course_id: UUID, page: paging.CursorQuery
) -> tuple[list[Learner], str | None]:
    """Return learners of a course whose staff the actor is, newest first, and the next cursor."""
    course = await access.get_visible_course(tx, actor, course_id)
    if not permissions.is_staff_of(actor, course.actor_role):
        actor.require_user()
        raise errors.Forbidden("Only the course's own staff sees who learns it.")
    limit = page.per_page + 1
    if page.cursor is None:
        found = await tx.all(queries.LIST_LEARNERS, course.id, limit)
    else:
        after = paging.decode_cursor(page.cursor, tuple[datetime, UUID])
        found = await tx.all(queries.LIST_LEARNERS_AFTER, course.id, limit, *after)
    if len(found) < limit:
        return found, None
    last = found[page.per_page - 1]
    return found[: page.per_page], paging.encode_cursor(last.enrolled_at, last.enrolment_id)


async def _admit(
    tx: Writer,
    actor: Actor,
    course: CourseAccess,
    offer: EnrolmentOffer,
    user_id: UUID,
    source: str,
) -> Enrolment:
    if await tx.one_or_none(queries.CLAIM_SEAT, course.id) is None:
        if await tx.one_or_none(queries.LOCK_ENROLMENT, course.id, user_id) is not None:
            raise facts.AlreadyEnrolled
        if offer.seats is None:
            raise facts.CourseStateConflict("The course was closed meanwhile.")
        raise facts.SeatLimitReached(seats=offer.seats)
    enrolment = await tx.one_or_none(
        queries.ENROL, ids.new_id(), course.id, user_id, source, clock.utc_now()
    )
    if enrolment is None:
        raise facts.AlreadyEnrolled
    catalogue.forget_course(tx, course.id)
    created = events.EnrolmentCreated(
        enrolment_id=enrolment.id, course_id=course.id, user_id=user_id, source=source
    )
    await emit(tx, actor, created)
    return enrolment


def _require_published(course: CourseAccess) -> None:
    if course.status != "published":
        raise facts.CourseStateConflict(
            "Only a published course takes learners.", state=course.status
        )


def _require_window(offer: EnrolmentOffer) -> None:
    now = clock.utc_now()
    ends = [moment for moment in (offer.closes_at, offer.ends_at) if moment is not None]
    if (offer.opens_at is not None and now < offer.opens_at) or any(now >= end for end in ends):
        raise facts.EnrolmentClosed(opens_at=offer.opens_at, closes_at=min(ends, default=None))
