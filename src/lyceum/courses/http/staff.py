"""The HTTP door of who teaches a course."""

from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.records import StaffMember
from lyceum.courses.schemas.staff import NewStaffMember, StaffChanges, StaffView
from lyceum.courses.service import staff
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get("/courses/{course_id}/staff", access=SIGNED_IN, summary="List who teaches a course")
async def list_staff(tx: Reader, actor: Actor, course_id: UUID) -> tuple[StaffView, ...]:
    """For the course's staff, assistants included: the owner first."""
    return tuple(_view(member) for member in await staff.list_staff(tx, actor, course_id))


@routes.post(
    "/courses/{course_id}/staff",
    access=permissions.MANAGE_STAFF,
    summary="Give somebody a role in a course",
    status=201,
    facts=(facts.StaffExists,),
)
async def add_staff(
    tx: Writer, actor: Actor, course_id: UUID, data: NewStaffMember
) -> Answer[StaffView]:
    """By the owner: a co-instructor, who must be an instructor, or an assistant, who may be
    anybody."""
    added = await staff.add_staff(tx, actor, course_id, data)
    location = f"{API}/courses/{course_id}/staff/{added.user_id}"
    return Answer(data=_view(added), location=location)


@routes.patch(
    "/courses/{course_id}/staff/{user_id}",
    access=permissions.MANAGE_STAFF,
    summary="Change somebody's role in a course",
    facts=(facts.OwnerNeeded, facts.CourseStateConflict),
)
async def change_staff(
    tx: Writer, actor: Actor, course_id: UUID, user_id: UUID, data: StaffChanges
) -> StaffView:
    """By the owner; the role `owner` hands the course over."""
    return _view(await staff.change_staff(tx, actor, course_id, user_id, data))


@routes.delete(
    "/courses/{course_id}/staff/{user_id}",
    access=SIGNED_IN,
    summary="Take away somebody's role in a course",
    facts=(facts.OwnerNeeded,),
)
async def remove_staff(tx: Writer, actor: Actor, course_id: UUID, user_id: UUID) -> None:
    """By the owner, or by themselves."""
    await staff.remove_staff(tx, actor, course_id, user_id)


def _view(member: StaffMember) -> StaffView:
    return msgspec.convert(member, StaffView, from_attributes=True)
