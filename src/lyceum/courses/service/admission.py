"""Giving out seats and taking them back: what every way into a course, and out of it, comes to.

Seats are claimed by one conditional update of the course, so they are never oversold; one
enrolment per person is a constraint. Whoever frees seats holds the lock of the course and fills
them from the waiting list in the same transaction, so that no seat is free while somebody waits.
Not here: who may come in (`enrolment`, `invitations`, `waiting`, `rosters`).
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events
from lyceum.courses.queries import catalogue, waiting
from lyceum.courses.queries import enrolment as queries
from lyceum.courses.records import CourseAccess, Enrolment, EnrolmentOffer
from lyceum.platform import clock, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.users import api as users

FILLED_AT_ONCE: Final = 500


async def get_open_offer(
    tx: Reader, actor: Actor, course: CourseAccess, *, is_paid_for: bool = False
) -> EnrolmentOffer:
    """Return what a course offers to people who come by themselves; CourseStateConflict,
    EnrolmentClosed or PaymentRequired when it takes nobody in now."""
    require_published(tx, actor, course)
    offer = await tx.one(queries.FIND_OFFER, course.id)
    _require_window(offer)
    if offer.price_minor > 0 and not is_paid_for:
        price = {"amount": offer.price_minor, "currency": offer.currency}
        raise facts.PaymentRequired(price=price)
    return offer


def require_published(tx: Reader, actor: Actor, course: CourseAccess) -> None:
    """Raise CourseStateConflict unless the course is published."""
    if course.status != "published":
        raise facts.CourseStateConflict(
            "Only a published course takes learners.", state=course.status
        )


async def admit(
    tx: Writer,
    actor: Actor,
    course_id: UUID,
    user_id: UUID,
    source: str,
    offer: EnrolmentOffer,
    *,
    expires_at: datetime | None = None,
) -> Enrolment:
    """Give somebody a seat; AlreadyEnrolled, SeatLimitReached. Coming back after leaving is the
    same enrolment with its progress."""
    now = clock.utc_now()
    if await tx.one_or_none(queries.CLAIM_SEAT, course_id) is None:
        if await tx.one_or_none(queries.LOCK_ENROLMENT, course_id, user_id) is not None:
            raise facts.AlreadyEnrolled
        if offer.seats is None:
            raise facts.CourseStateConflict("The course was closed meanwhile.")
        raise facts.SeatLimitReached(seats=offer.seats)
    if expires_at is None and offer.access_days is not None:
        expires_at = now + timedelta(days=offer.access_days)
    enrolment = await tx.one_or_none(
        queries.ENROL, ids.new_id(), course_id, user_id, source, now, expires_at
    )
    if enrolment is None:
        raise facts.AlreadyEnrolled
    await tx.one_or_none(waiting.END, course_id, user_id, "admitted", now)
    catalogue.forget_course(tx, course_id)
    created = events.EnrolmentCreated(
        enrolment_id=enrolment.id, course_id=course_id, user_id=user_id, source=source
    )
    await emit(tx, actor, created)
    return enrolment


async def release_seats(tx: Writer, actor: Actor, course_id: UUID, count: int = 1) -> None:
    """Free seats of a locked course whose learners have gone, and fill them from those waiting."""
    await tx.execute(queries.RELEASE_SEATS, course_id, count)
    catalogue.forget_course(tx, course_id)
    await fill_seats(tx, actor, course_id)


async def fill_seats(tx: Writer, actor: Actor, course_id: UUID) -> int:
    """Enrol those who wait for a locked course, in the order in which they came, while there are
    seats; return how many. At most `FILLED_AT_ONCE`; the rest by the job that sweeps."""
    filled = 0
    while filled < FILLED_AT_ONCE:
        user_id = await tx.one_or_none(waiting.FIND_NEXT, course_id)
        if user_id is None:
            break
        person = await users.find_person(tx, user_id)
        if person is None or person.status != "active":
            await tx.one_or_none(waiting.END, course_id, user_id, "left", clock.utc_now())
            await emit(tx, actor, events.WaitingListLeft(course_id=course_id, user_id=user_id))
            continue
        offer = await tx.one(queries.FIND_OFFER, course_id)
        made = await admit(tx, actor, course_id, user_id, "waiting_list", offer)
        admitted = events.WaitingListAdmitted(
            course_id=course_id, user_id=user_id, enrolment_id=made.id
        )
        await emit(tx, actor, admitted)
        filled += 1
    return filled


def _require_window(offer: EnrolmentOffer) -> None:
    now = clock.utc_now()
    ends = [moment for moment in (offer.closes_at, offer.ends_at) if moment is not None]
    if (offer.opens_at is not None and now < offer.opens_at) or any(now >= end for end in ends):
        raise facts.EnrolmentClosed(opens_at=offer.opens_at, closes_at=min(ends, default=None))
