"""The HTTP door of the waiting list and of invitations."""

from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.records import Invitation
from lyceum.courses.schemas.enrolment import (
    EnrolmentView,
    InvitationCode,
    InvitationView,
    NewInvitation,
    OwnWaitView,
    WaitingPersonView,
)
from lyceum.courses.service import invitations, waiting
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import PageQuery
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("courses")
_WAYS_OUT = (
    facts.AlreadyEnrolled,
    facts.EnrolmentClosed,
    facts.PaymentRequired,
    facts.CourseStateConflict,
    facts.PrerequisitesMissing,
)


@routes.post(
    "/courses/{course_id}/waiting-list",
    access=SIGNED_IN,
    summary="Wait for a seat in a course",
    status=201,
    facts=(facts.SeatsLeft, facts.AlreadyWaiting, *_WAYS_OUT),
)
async def join_waiting_list(tx: Writer, actor: Actor, course_id: UUID) -> Answer[OwnWaitView]:
    """Whoever waits is enrolled as soon as a seat is free and nobody is before them."""
    wait = await waiting.join_waiting_list(tx, actor, course_id)
    view = msgspec.convert(wait, OwnWaitView, from_attributes=True)
    return Answer(data=view, location=f"{API}/me/waiting-lists")


@routes.delete("/courses/{course_id}/waiting-list", access=SIGNED_IN, summary="Wait no longer")
async def leave_waiting_list(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """The place is lost: coming back means waiting behind all others."""
    await waiting.leave_waiting_list(tx, actor, course_id)


@routes.get(
    "/courses/{course_id}/waiting-list",
    access=permissions.UPDATE_COURSE,
    summary="List who waits for a course",
    shows=Record("waiting list", people="user_id"),
)
async def list_waiting(
    tx: Reader, actor: Actor, course_id: UUID, query: PageQuery
) -> Answer[list[WaitingPersonView]]:
    """For the course's instructors: the next first."""
    found, total = await waiting.list_waiting(tx, actor, course_id, query)
    views = msgspec.convert(found, list[WaitingPersonView], from_attributes=True)
    return Answer(data=views, page=query.info(total))


@routes.get(
    "/me/waiting-lists",
    access=SIGNED_IN,
    summary="List what one waits for",
    shows=Record("waiting list", is_own=True),
)
async def list_own_waits(tx: Reader, actor: Actor) -> list[OwnWaitView]:
    """The courses that the caller waits for, and the place in each line."""
    found = await waiting.list_own_waits(tx, actor)
    return msgspec.convert(found, list[OwnWaitView], from_attributes=True)


@routes.post(
    "/courses/{course_id}/invitations",
    access=permissions.UPDATE_COURSE,
    summary="Invite people to a course",
    status=201,
)
async def create_invitation(
    tx: Writer, actor: Actor, course_id: UUID, data: NewInvitation
) -> Answer[InvitationView]:
    """A code that lets each person in once, also into a course that is for the invited alone; as
    often and as long as it says, and within seats, window and prerequisites."""
    made = await invitations.create_invitation(tx, actor, course_id, data)
    return Answer(data=_view(made), location=f"{API}/invitations/{made.id}")


@routes.get(
    "/courses/{course_id}/invitations",
    access=permissions.UPDATE_COURSE,
    summary="List the invitations to a course",
    shows=Record("invitation"),
)
async def list_invitations(
    tx: Reader, actor: Actor, course_id: UUID, query: PageQuery
) -> Answer[list[InvitationView]]:
    """For the course's instructors, newest first, with their codes."""
    found, total = await invitations.list_invitations(tx, actor, course_id, query)
    return Answer(data=[_view(each) for each in found], page=query.info(total))


@routes.delete(
    "/invitations/{invitation_id}",
    access=permissions.UPDATE_COURSE,
    summary="Revoke an invitation",
)
async def revoke_invitation(tx: Writer, actor: Actor, invitation_id: UUID) -> None:
    """It lets nobody in any more; who came in by it stays."""
    await invitations.revoke_invitation(tx, actor, invitation_id)


@routes.post(
    "/invitations/accept",
    access=SIGNED_IN,
    summary="Enrol by an invitation",
    status=201,
    facts=(
        facts.InvitationSpent,
        facts.InvitationForAnother,
        facts.SeatLimitReached,
        errors.NotFound,
        *_WAYS_OUT,
    ),
)
async def accept_invitation(
    tx: Writer, actor: Actor, data: InvitationCode
) -> Answer[EnrolmentView]:
    """The code is in the body, so that no log of addresses holds it."""
    made = await invitations.accept_invitation(tx, actor, data.code)
    view = msgspec.convert(made, EnrolmentView, from_attributes=True)
    location = f"{API}/courses/{made.course_id}/progress"
    return Answer(data=view, version=made.version, location=location)


def _view(invitation: Invitation) -> InvitationView:
    return msgspec.convert(invitation, InvitationView, from_attributes=True)
