"""The waiting list of a full course. Not here: who leaves it for a seat (`admission`)."""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.queries import waiting as queries
from lyceum.courses.queries.waiting import OwnWait, WaitingPerson
from lyceum.courses.service import access, admission, prerequisites
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.paging import PageQuery


async def join_waiting_list(tx: Writer, actor: Actor, course_id: UUID) -> OwnWait:
    """Wait for a seat in a full course that the actor could enrol in; SeatsLeft where nobody has
    to wait. Whoever waits is enrolled as soon as it is their turn."""
    user_id = actor.require_user()
    course = await access.lock_visible_course(tx, actor, course_id)
    if permissions.is_enrolled(course):
        raise facts.AlreadyEnrolled
    await admission.get_open_offer(tx, actor, course)
    await prerequisites.require_prerequisites(tx, actor, course.id, user_id)
    if await tx.one(queries.HAS_FREE_SEAT, course.id):
        raise facts.SeatsLeft
    joined = await tx.one_or_none(queries.JOIN, ids.new_id(), course.id, user_id, clock.utc_now())
    if joined is None:
        raise facts.AlreadyWaiting
    await emit(tx, actor, events.WaitingListJoined(course_id=course.id, user_id=user_id))
    waits = await tx.all(queries.LIST_OWN, user_id)
    return next(wait for wait in waits if wait.course_id == course.id)


async def leave_waiting_list(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Wait no longer; NotFound for who does not wait."""
    user_id = actor.require_user()
    course = await access.lock_visible_course(tx, actor, course_id)
    if await tx.one_or_none(queries.END, course.id, user_id, "left", clock.utc_now()) is None:
        raise errors.NotFound("You do not wait for this course.")
    await emit(tx, actor, events.WaitingListLeft(course_id=course.id, user_id=user_id))


async def list_own_waits(tx: Reader, actor: Actor) -> list[OwnWait]:
    """Return what the actor waits for, and how many are before them."""
    return await tx.all(queries.LIST_OWN, actor.require_user())


async def list_waiting(
    tx: Reader, actor: Actor, course_id: UUID, page: PageQuery
) -> tuple[list[WaitingPerson], int]:
    """Return a page of those who wait for a course that the actor edits, the next first, and how
    many there are."""
    course = await access.get_editable_course(tx, actor, course_id)
    total = await tx.one(queries.COUNT_WAITING, course.id)
    return await tx.all(queries.LIST_WAITING, course.id, page.offset, page.per_page), total


async def list_courses_with_room(tx: Reader, actor: Actor) -> list[UUID]:
    """Return courses with free seats for which people wait; for the program itself."""
    return await tx.all(queries.LIST_COURSES_WITH_ROOM)


async def fill_course(tx: Writer, actor: Actor, course_id: UUID) -> int:
    """Enrol those who wait for a course while it has seats; return how many."""
    if await access.lock_any_course(tx, actor, course_id) is None:
        return 0
    return await admission.fill_seats(tx, actor, course_id)
