"""Invitations: codes that let people into a course which they need not be able to see.

A code lets each person in once, as often as it says and until it says; seats, the window and the
prerequisites hold for the invited as well, and the price unless it is waived.
"""

import base64
import secrets
from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.queries import cohorts as cohort_queries
from lyceum.courses.queries import invitations as queries
from lyceum.courses.records import Enrolment, Invitation
from lyceum.courses.schemas.enrolment import NewInvitation
from lyceum.courses.service import access, admission, cohorts, prerequisites
from lyceum.platform import clock, errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.paging import PageQuery
from lyceum.users import api as users

CODE_BYTES = 13


async def create_invitation(
    tx: Writer, actor: Actor, course_id: UUID, new: NewInvitation
) -> Invitation:
    """Make an invitation to a course that the actor edits."""
    course = await access.lock_editable_course(tx, actor, course_id)
    if new.expires_at is not None and new.expires_at <= clock.utc_now():
        raise facts.invalid("/expiresAt", "A moment to come, please")
    if new.cohort_id is not None:
        cohort = await tx.one_or_none(cohort_queries.FIND_COHORT, new.cohort_id)
        if cohort is None or cohort.course_id != course.id:
            raise facts.invalid("/cohortId", "The course has no such cohort")
    code = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    invitation_id = ids.new_id()
    email = None if new.email is None else richtext.clean_text(new.email)
    made = await tx.one(
        queries.ADD_INVITATION, invitation_id, course.id, code, actor.user_id or invitation_id,
        email, new.cohort_id, new.max_uses, new.waives_price, new.expires_at,
    )  # fmt: skip
    await emit(tx, actor, events.InvitationCreated(course_id=course.id, invitation_id=made.id))
    return made


async def list_invitations(
    tx: Reader, actor: Actor, course_id: UUID, page: PageQuery
) -> tuple[list[Invitation], int]:
    """Return a page of the invitations to a course that the actor edits, newest first."""
    course = await access.get_editable_course(tx, actor, course_id)
    total = await tx.one(queries.COUNT_INVITATIONS, course.id)
    return await tx.all(queries.LIST_INVITATIONS, course.id, page.offset, page.per_page), total


async def revoke_invitation(tx: Writer, actor: Actor, invitation_id: UUID) -> Invitation:
    """Let nobody in by an invitation any more; who came in by it stays."""
    found = await tx.one_or_none(queries.FIND_INVITATION, invitation_id)
    if found is None:
        raise errors.NotFound
    await _lock_own(tx, actor, found.course_id)
    revoked = await tx.one(queries.REVOKE_INVITATION, found.id, clock.utc_now())
    if found.revoked_at is None:
        gone = events.InvitationRevoked(course_id=found.course_id, invitation_id=found.id)
        await emit(tx, actor, gone)
    return revoked


async def accept_invitation(tx: Writer, actor: Actor, code: str) -> Enrolment:
    """Enrol the actor by the code of an invitation; NotFound for a code that nobody was given."""
    user_id = actor.require_user()
    found = await tx.one_or_none(queries.FIND_BY_CODE, code.strip().upper())
    course = None
    if found is not None:
        course = await access.lock_any_course(tx, actor, found.course_id)
    if found is None or course is None or course.is_deleted:
        raise errors.NotFound("There is no such invitation.")
    await _require_for(tx, found, user_id)
    if permissions.is_enrolled(course):
        raise facts.AlreadyEnrolled
    now = clock.utc_now()
    if await tx.one_or_none(queries.CLAIM_USE, found.id, now) is None:
        latest = await tx.one(queries.FIND_INVITATION, found.id)
        raise facts.InvitationSpent(reason=_why_spent(latest))
    if await tx.one_or_none(queries.NOTE_USE, found.id, user_id, now) is None:
        raise facts.InvitationSpent("You have used this invitation before.", reason="used_by_you")
    offer = await admission.get_open_offer(tx, actor, course, is_paid_for=found.waives_price)
    await prerequisites.require_prerequisites(tx, actor, course.id, user_id)
    made = await admission.admit(tx, actor, course.id, user_id, "invitation", offer)
    if found.cohort_id is not None:
        await cohorts.put_enrolment(tx, actor, found.cohort_id, made.id)
    accepted = events.InvitationAccepted(
        course_id=course.id, invitation_id=found.id, user_id=user_id
    )
    await emit(tx, actor, accepted)
    return made


async def _require_for(tx: Reader, invitation: Invitation, user_id: UUID) -> None:
    if invitation.email is None:
        return
    invited = await users.find_person_by_email(tx, invitation.email)
    if invited is None or invited.user_id != user_id:
        raise facts.InvitationForAnother


async def _lock_own(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Lock a course that the actor edits; to others, invitations do not exist."""
    try:
        await access.lock_editable_course(tx, actor, course_id)
    except errors.Forbidden as fact:
        raise errors.NotFound from fact


def _why_spent(invitation: Invitation) -> str:
    if invitation.revoked_at is not None:
        return "revoked"
    if invitation.expires_at is not None and invitation.expires_at <= clock.utc_now():
        return "expired"
    return "used_up"
