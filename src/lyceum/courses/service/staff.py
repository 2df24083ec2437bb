"""Who teaches a course: roles that hold for this course alone.

The owner gives and takes them. A co-instructor changes the course, its outline and its learners; an
assistant sees what the staff sees, and changes nothing.
"""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import staff as queries
from lyceum.courses.records import CourseAccess, StaffMember
from lyceum.courses.schemas.staff import NewStaffMember, StaffChanges
from lyceum.courses.service import access, people
from lyceum.platform import errors
from lyceum.platform.access import Actor, permissions_of
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.platform.events import emit
from lyceum.users import api as users

_BROKEN = {
    "courses_source_key": lambda: facts.CourseStateConflict(
        "The new owner has the same course from the same source already."
    )
}


async def list_staff(tx: Reader, actor: Actor, course_id: UUID) -> list[StaffMember]:
    """Return who teaches a course, for its own staff: the owner first."""
    course = await access.get_taught_course(tx, actor, course_id)
    return await tx.all(queries.LIST_STAFF, course.id)


async def add_staff(tx: Writer, actor: Actor, course_id: UUID, new: NewStaffMember) -> StaffMember:
    """Give somebody a role in a course; StaffExists when they have one."""
    course = await access.lock_staffable_course(tx, actor, course_id)
    person = await people.get_person(tx, actor, new.user_id, new.email)
    _require_able(person, new.role)
    if await tx.one_or_none(queries.ADD_STAFF, course.id, person.user_id, new.role) is None:
        raise facts.StaffExists
    return await _changed(tx, actor, course.id, person.user_id, new.role)


async def change_staff(
    tx: Writer, actor: Actor, course_id: UUID, user_id: UUID, changes: StaffChanges
) -> StaffMember:
    """Change the role of somebody who teaches a course, or hand the course over to them."""
    course = await access.lock_staffable_course(tx, actor, course_id)
    role = await _role_of(tx, course, user_id)
    if changes.role == role:
        return await _member(tx, course.id, user_id)
    if role == "owner":
        raise facts.OwnerNeeded("Hand the course over to somebody else first.")
    _require_able(await people.get_person(tx, actor, user_id, None), changes.role)
    if changes.role == "owner":
        with constraint_facts(_BROKEN):
            await tx.execute(queries.CHANGE_OWNER, course.id, course.owner_id, user_id)
        former = events.StaffChanged(
            course_id=course.id, user_id=course.owner_id, role="co_instructor"
        )
        await emit(tx, actor, former)
    else:
        await tx.execute(queries.CHANGE_ROLE, course.id, user_id, changes.role)
    return await _changed(tx, actor, course.id, user_id, changes.role)


async def remove_staff(tx: Writer, actor: Actor, course_id: UUID, user_id: UUID) -> None:
    """Take somebody's role in a course away; whoever has one may lay it down."""
    if actor.user_id == user_id:
        course = await access.lock_visible_course(tx, actor, course_id)
    else:
        course = await access.lock_staffable_course(tx, actor, course_id)
    if await _role_of(tx, course, user_id) == "owner":
        raise facts.OwnerNeeded
    await tx.execute(queries.REMOVE_STAFF, course.id, user_id)
    catalogue.forget_course(tx, course.id)
    await emit(tx, actor, events.StaffChanged(course_id=course.id, user_id=user_id, role=None))


async def _changed(
    tx: Writer, actor: Actor, course_id: UUID, user_id: UUID, role: str
) -> StaffMember:
    catalogue.forget_course(tx, course_id)
    await emit(tx, actor, events.StaffChanged(course_id=course_id, user_id=user_id, role=role))
    return await _member(tx, course_id, user_id)


async def _member(tx: Reader, course_id: UUID, user_id: UUID) -> StaffMember:
    staff = await tx.all(queries.LIST_STAFF, course_id)
    return next(member for member in staff if member.user_id == user_id)


async def _role_of(tx: Reader, course: CourseAccess, user_id: UUID) -> str:
    role = await tx.one_or_none(queries.FIND_ROLE, course.id, user_id)
    if role is None:
        raise errors.NotFound("This person does not teach the course.")
    return role


def _require_able(person: users.Person, role: str) -> None:
    """A grant in one course does not stand in for the role that lets people change courses."""
    if role == "assistant":
        return
    if permissions.UPDATE_COURSE.name not in permissions_of(person.roles):
        raise facts.invalid("/role", "Only an instructor can be that; others can be assistants")
