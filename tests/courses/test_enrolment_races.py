"""Enrolment when many come at once."""

import asyncio
from collections import Counter

from lyceum.courses import errors as facts
from lyceum.courses.schemas.enrolment import NewEnrolment
from lyceum.courses.service import enrolment
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor, permissions_of
from lyceum.platform.database import Database
from tests.courses.learning import SYSTEM, counters, drop, enrol, events_of, learn, rows, teach


def strangers(count: int) -> list[Actor]:
    permissions = permissions_of(("student",))
    return [
        Actor(user_id=ids.new_id(), roles=("student",), permissions=permissions)
        for _ in range(count)
    ]


def kinds(outcomes: list[object]) -> Counter[str]:
    return Counter(type(outcome).__name__ for outcome in outcomes)


async def test_200_at_once_get_50_seats(database: Database) -> None:
    course = await teach(database, seats=50)
    outcomes = await asyncio.gather(
        *(enrol(database, learner, course.id) for learner in strangers(200)),
        return_exceptions=True,
    )
    assert kinds(list(outcomes)) == {"Enrolment": 50, "SeatLimitReached": 150}
    assert await counters(database, course.id) == (50, 50, 50)
    assert await events_of(database, "enrollment.created", course.id) == 50


async def test_one_learner_50_times_at_once_is_enrolled_once(database: Database) -> None:
    course = await teach(database, seats=50)
    (learner,) = strangers(1)
    outcomes = await asyncio.gather(
        *(enrol(database, learner, course.id) for _ in range(50)), return_exceptions=True
    )
    assert kinds(list(outcomes)) == {"Enrolment": 1, "AlreadyEnrolled": 49}
    assert await counters(database, course.id) == (1, 1, 1)


async def test_the_last_seat_goes_to_one_whoever_gives_it(database: Database) -> None:
    course = await teach(database, seats=1)
    learners = [await learn(database, await teach(database)) for _ in range(5)]

    async def give(learner: Actor) -> object:
        async with database.transaction() as tx:
            new = NewEnrolment(user_id=learner.user_id)
            return await enrolment.enrol_learner(tx, SYSTEM, course.id, new)

    outcomes = await asyncio.gather(
        *(give(learner) for learner in learners),
        *(enrol(database, learner, course.id) for learner in learners),
        return_exceptions=True,
    )
    assert kinds(list(outcomes))["Enrolment"] == 1
    assert await counters(database, course.id) == (1, 1, 1)


async def test_100_enrol_and_leave_at_once_and_the_counters_stay_right(database: Database) -> None:
    course = await teach(database, seats=30)
    learners = strangers(25)
    refused: list[errors.Fact] = []

    async def come_and_go(learner: Actor) -> None:
        for step in (enrol, drop):
            try:
                await step(database, learner, course.id)
            except (facts.AlreadyEnrolled, facts.SeatLimitReached, errors.NotFound) as fact:
                refused.append(fact)

    # Each learner four times at once, so that enrolling and leaving of one person meet as well.
    await asyncio.gather(*(come_and_go(learner) for learner in learners * 4))
    taken, counted, in_force = await counters(database, course.id)
    assert taken == counted == in_force
    assert len(await rows(database, _ENROLMENTS, course.id)) == 25
    created = await events_of(database, "enrollment.created", course.id)
    dropped = await events_of(database, "enrollment.dropped", course.id)
    assert created - dropped == in_force
    assert created + dropped + len(refused) == 200


_ENROLMENTS = "SELECT id FROM courses.enrolments WHERE course_id = $1"
