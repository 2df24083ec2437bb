"""Invitations: whom a code lets in, how often, how long."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from lyceum.courses import errors as facts
from lyceum.courses.records import Enrolment, Invitation
from lyceum.courses.schemas.cohorts import NewCohort
from lyceum.courses.schemas.enrolment import NewInvitation
from lyceum.courses.service import cohorts, enrolment, invitations, structure
from lyceum.platform import clock, errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.paging import PageQuery
from tests.courses import factories
from tests.courses.learning import Taught, counters, drop, events_of, rows, rows_in, teach
from tests.courses.test_waiting import store_people
from tests.users.factories import actor_of, make_user


async def invite(database: Database, course: Taught, **limits: Any) -> Invitation:
    async with database.transaction() as tx:
        new = NewInvitation(**limits)
        return await invitations.create_invitation(tx, course.owner, course.id, new)


async def accept(database: Database, learner: Actor, code: str) -> Enrolment:
    async with database.transaction() as tx:
        return await invitations.accept_invitation(tx, learner, code)


async def test_a_code_opens_a_course_that_others_do_not_see(database: Database) -> None:
    course = await teach(database, visibility="invited")
    learner, stranger = await store_people(database, 2)
    invitation = await invite(database, course)
    async with database.transaction() as tx:
        for use in (enrolment.enrol, structure.list_outline):
            with pytest.raises(errors.NotFound):
                await use(tx, learner, course.id)
    made = await accept(database, learner, f" {invitation.code.lower()} ")
    assert (made.course_id, made.source) == (course.id, "invitation")
    async with database.transaction() as tx:
        assert await structure.list_outline(tx, learner, course.id)
        for code in ("", "nonsense", invitation.code[:-1], str(invitation.id)):
            with pytest.raises(errors.NotFound):
                await invitations.accept_invitation(tx, stranger, code)
    assert await events_of(database, "invitation.accepted", course.id) == 1


async def test_a_code_lets_each_in_once_and_no_more_than_it_says(database: Database) -> None:
    course = await teach(database, seats=9)
    one, two, three = await store_people(database, 3)
    invitation = await invite(database, course, max_uses=2)
    await accept(database, one, invitation.code)
    with pytest.raises(facts.AlreadyEnrolled):
        await accept(database, one, invitation.code)
    await drop(database, one, course.id)
    with pytest.raises(facts.InvitationSpent) as refused:
        await accept(database, one, invitation.code)
    assert refused.value.data["reason"] == "used_by_you"
    await accept(database, two, invitation.code)
    with pytest.raises(facts.InvitationSpent) as refused:
        await accept(database, three, invitation.code)
    assert refused.value.data["reason"] == "used_up"
    assert await counters(database, course.id) == (1, 1, 1)


async def test_codes_end(database: Database) -> None:
    course = await teach(database)
    (learner,) = await store_people(database, 1)
    revoked = await invite(database, course)
    expired = await invite(database, course, expires_at=clock.utc_now() + timedelta(days=1))
    async with database.transaction() as tx:
        stranger = await factories.make_person(tx, "instructor")
        with pytest.raises(errors.NotFound):
            await invitations.revoke_invitation(tx, stranger, revoked.id)
        for _ in range(2):
            gone = await invitations.revoke_invitation(tx, course.owner, revoked.id)
            assert gone.revoked_at
    await rows(
        database,
        "UPDATE courses.invitations SET expires_at = now() - interval '1 s' WHERE id = $1",
        expired.id,
    )
    for invitation, reason in ((revoked, "revoked"), (expired, "expired")):
        with pytest.raises(facts.InvitationSpent) as refused:
            await accept(database, learner, invitation.code)
        assert refused.value.data["reason"] == reason
    assert await events_of(database, "invitation.revoked", course.id) == 1
    with pytest.raises(errors.ValidationFailed):
        await invite(database, course, expires_at=clock.utc_now() - timedelta(days=1))


async def test_a_code_for_one_person_is_for_nobody_else(tx: Writer) -> None:
    course = await factories.make_published(tx)
    invited, other = await make_user(tx), await make_user(tx)
    new = NewInvitation(email=f" {invited.email.upper()}")
    made = await invitations.create_invitation(tx, course.owner, course.course_id, new)
    with pytest.raises(facts.InvitationForAnother):
        await invitations.accept_invitation(tx, actor_of(other), made.code)
    await invitations.accept_invitation(tx, actor_of(invited), made.code)


async def test_price_window_seats_and_prerequisites_hold_for_the_invited(tx: Writer) -> None:
    owner = await factories.make_person(tx, "instructor")
    required = await factories.make_published(tx, owner)
    past = clock.utc_now() - timedelta(days=1)
    cases: tuple[tuple[dict[str, Any], type[errors.Fact]], ...] = (
        ({"enrolment_closes_at": past}, facts.EnrolmentClosed),
        ({"prerequisites": (required.course_id,)}, facts.PrerequisitesMissing),
        ({}, facts.PaymentRequired),
        ({"seats": 1}, facts.SeatLimitReached),
    )
    for changes, fact in cases:
        course = await factories.make_published(tx, owner, **changes)
        if fact is facts.PaymentRequired:
            text = "UPDATE courses.courses SET price_minor = 100 WHERE id = $1"
            await rows_in(tx, text, course.course_id)
        if fact is facts.SeatLimitReached:
            text = "UPDATE courses.courses SET seats_taken = 1 WHERE id = $1"
            await rows_in(tx, text, course.course_id)
        made = await invitations.create_invitation(tx, owner, course.course_id, NewInvitation())
        learner = await factories.make_person(tx)
        with pytest.raises(fact):
            await invitations.accept_invitation(tx, learner, made.code)
        if fact is facts.PaymentRequired:
            free = NewInvitation(waives_price=True)
            made = await invitations.create_invitation(tx, owner, course.course_id, free)
            await invitations.accept_invitation(tx, learner, made.code)


async def test_a_code_may_lead_into_a_cohort(tx: Writer) -> None:
    course = await factories.make_published(tx)
    group = await cohorts.create_cohort(tx, course.owner, course.course_id, NewCohort(name="A"))
    new = NewInvitation(cohort_id=group.id)
    made = await invitations.create_invitation(tx, course.owner, course.course_id, new)
    learner = await factories.make_person(tx)
    await invitations.accept_invitation(tx, learner, made.code)
    (member,), _ = await cohorts.list_members(tx, course.owner, group.id, PageQuery())
    assert member.user_id == learner.user_id
    other = await factories.make_published(tx, course.owner)
    with pytest.raises(errors.ValidationFailed):
        await invitations.create_invitation(tx, course.owner, other.course_id, new)
    with pytest.raises(errors.Forbidden):
        await invitations.list_invitations(tx, learner, course.course_id, PageQuery())


async def test_200_with_a_code_for_20_give_20(database: Database) -> None:
    course = await teach(database, seats=100)
    invitation = await invite(database, course, max_uses=20)
    people = await store_people(database, 100)
    outcomes = await asyncio.gather(
        *(accept(database, person, invitation.code) for person in people * 2),
        return_exceptions=True,
    )
    kinds = Counter(type(each).__name__ for each in outcomes)
    assert kinds["Enrolment"] == 20
    assert kinds["InvitationSpent"] + kinds["AlreadyEnrolled"] == 180
    assert await counters(database, course.id) == (20, 20, 20)
    uses = "SELECT use_count FROM courses.invitations WHERE id = $1"
    assert await rows(database, uses, invitation.id) == [(20,)]
    assert await events_of(database, "invitation.accepted", course.id) == 20


async def test_200_with_a_code_for_all_get_no_more_than_the_seats(database: Database) -> None:
    course = await teach(database, seats=30)
    invitation = await invite(database, course)
    outcomes = await asyncio.gather(
        *(
            accept(database, person, invitation.code)
            for person in await store_people(database, 200)
        ),
        return_exceptions=True,
    )
    kinds = Counter(type(each).__name__ for each in outcomes)
    assert kinds == {"Enrolment": 30, "SeatLimitReached": 170}
    uses = "SELECT use_count FROM courses.invitations WHERE id = $1"
    assert await rows(database, uses, invitation.id) == [(30,)]
