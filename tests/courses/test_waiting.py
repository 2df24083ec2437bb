"""The waiting list: who may wait, in which order seats are filled, and many at once."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from lyceum.courses import errors as facts
from lyceum.courses.schemas.courses import CourseChanges
from lyceum.courses.service import courses, enrolment, waiting
from lyceum.platform import clock, errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.paging import PageQuery
from tests.courses import factories
from tests.courses.learning import (
    SYSTEM,
    Taught,
    counters,
    drop,
    enrol,
    events_of,
    learn,
    rows,
    rows_in,
    teach,
)
from tests.users.factories import actor_of, make_user


async def store_people(database: Database, count: int) -> list[Actor]:
    async with database.transaction() as tx:
        return [actor_of(await make_user(tx)) for _ in range(count)]


async def join(database: Database, learner: Actor, course_id: UUID) -> object:
    async with database.transaction() as tx:
        return await waiting.join_waiting_list(tx, learner, course_id)


async def enrolled_in_order(database: Database, course: Taught) -> list[UUID]:
    text = """SELECT w.user_id FROM courses.waiting_list w JOIN courses.enrolments e
        ON e.course_id = w.course_id AND e.user_id = w.user_id
        WHERE w.course_id = $1 AND w.status = 'admitted' AND e.status = 'active'
        ORDER BY w.place"""
    return [user_id for (user_id,) in await rows(database, text, course.id)]


async def test_nobody_waits_while_there_are_seats_or_twice(database: Database) -> None:
    course = await teach(database, seats=1)
    first, second = await store_people(database, 2)
    with pytest.raises(facts.SeatsLeft):
        await join(database, first, course.id)
    await enrol(database, first, course.id)
    with pytest.raises(facts.AlreadyEnrolled):
        await join(database, first, course.id)
    with pytest.raises(facts.SeatLimitReached):
        await enrol(database, second, course.id)
    await join(database, second, course.id)
    with pytest.raises(facts.AlreadyWaiting):
        await join(database, second, course.id)
    async with database.transaction() as tx:
        (mine,) = await waiting.list_own_waits(tx, second)
        assert (mine.course_id, mine.position) == (course.id, 1)
        (listed,), total = await waiting.list_waiting(tx, course.owner, course.id, PageQuery())
        assert (listed.user_id, total) == (second.user_id, 1)
        with pytest.raises(errors.Forbidden):
            await waiting.list_waiting(tx, second, course.id, PageQuery())


async def test_a_seat_that_comes_free_goes_to_the_first_who_waits(database: Database) -> None:
    course = await teach(database, seats=2)
    one, two = [await learn(database, course) for _ in range(2)]
    line = await store_people(database, 4)
    for person in line:
        await join(database, person, course.id)
    await drop(database, one, course.id)
    assert await enrolled_in_order(database, course) == [line[0].user_id]
    async with database.transaction() as tx:
        await waiting.leave_waiting_list(tx, line[1], course.id)
        assert two.user_id is not None
        await enrolment.remove_learner(tx, course.owner, course.id, two.user_id)
    assert await enrolled_in_order(database, course) == [line[0].user_id, line[2].user_id]
    async with database.transaction() as tx:
        more = CourseChanges(seats=3)
        await courses.update_course(tx, course.owner, str(course.id), more, None)
    assert await enrolled_in_order(database, course) == [
        line[0].user_id,
        line[2].user_id,
        line[3].user_id,
    ]
    assert await counters(database, course.id) == (3, 3, 3)
    assert await events_of(database, "waiting_list.admitted", course.id) == 3
    assert await events_of(database, "waiting_list.left", course.id) == 1


async def test_who_is_suspended_meanwhile_is_passed_over(database: Database) -> None:
    course = await teach(database, seats=1)
    learner = await learn(database, course)
    gone, next_one = await store_people(database, 2)
    for person in (gone, next_one):
        await join(database, person, course.id)
    await rows(database, "UPDATE users.users SET status = 'suspended' WHERE id = $1", gone.user_id)
    await drop(database, learner, course.id)
    assert await enrolled_in_order(database, course) == [next_one.user_id]


async def test_an_enrolment_ends_by_time_and_its_seat_is_filled(database: Database) -> None:
    course = await teach(database, seats=1, access_days=30)
    learner, waiter = await store_people(database, 2)
    made = await enrol(database, learner, course.id)
    await join(database, waiter, course.id)
    end = "SELECT expires_at FROM courses.enrolments WHERE id = $1"
    ((expires_at,),) = await rows(database, end, made.id)
    assert timedelta(days=29) < expires_at - clock.utc_now() <= timedelta(days=30)
    async with database.transaction() as tx:
        assert await enrolment.expire_enrolments(tx, SYSTEM, course.id) == 0
    await rows(
        database,
        "UPDATE courses.enrolments SET expires_at = now() - interval '1 s' WHERE id = $1",
        made.id,
    )
    async with database.transaction() as tx:
        assert course.id in await enrolment.list_courses_with_due(tx, SYSTEM)
        assert await enrolment.expire_enrolments(tx, SYSTEM, course.id) == 1
        assert await enrolment.expire_enrolments(tx, SYSTEM, course.id) == 0
    assert await enrolled_in_order(database, course) == [waiter.user_id]
    assert await events_of(database, "enrollment.expired", course.id) == 1
    with pytest.raises(facts.SeatLimitReached):
        await enrol(database, learner, course.id)
    await drop(database, waiter, course.id)
    back = await enrol(database, learner, course.id)
    assert (back.id, back.status) == (made.id, "active")


async def test_a_closed_paid_or_hidden_course_has_no_line(tx: Writer) -> None:
    owner = await factories.make_person(tx, "instructor")
    learner = await factories.make_person(tx)
    past = clock.utc_now() - timedelta(days=1)
    cases = (
        ({"enrolment_closes_at": past}, facts.EnrolmentClosed),
        ({"price": {"amount": 100, "currency": "EUR"}}, facts.PaymentRequired),
        ({"visibility": "invited"}, errors.NotFound),
    )
    for changes, fact in cases:
        course = await factories.make_published(tx, owner, seats=1)
        await rows_in(
            tx, "UPDATE courses.courses SET seats_taken = 1 WHERE id = $1", course.course_id
        )
        if "price" in changes:
            text = "UPDATE courses.courses SET price_minor = 100 WHERE id = $1"
            await rows_in(tx, text, course.course_id)
        else:
            wanted = CourseChanges(**changes)
            await courses.update_course(tx, owner, str(course.course_id), wanted, None)
        with pytest.raises(fact):
            await waiting.join_waiting_list(tx, learner, course.course_id)


async def test_200_wait_while_50_leave_and_nobody_is_lost_or_doubled(database: Database) -> None:
    course = await teach(database, seats=50)
    inside = await store_people(database, 50)
    for learner in inside:
        await enrol(database, learner, course.id)
    outside = await store_people(database, 150)

    async def come(learner: Actor) -> object:
        """Enrol, or wait, whichever is possible at that moment."""
        for _ in range(20):
            try:
                return await enrol(database, learner, course.id)
            except facts.SeatLimitReached:
                try:
                    return await join(database, learner, course.id)
                except facts.SeatsLeft:
                    continue
        raise AssertionError("neither in nor in line")

    outcomes = await asyncio.gather(
        *(come(learner) for learner in outside),
        *(drop(database, learner, course.id) for learner in inside),
        return_exceptions=True,
    )
    assert not [each for each in outcomes if isinstance(each, Exception)], Counter(outcomes)
    assert await counters(database, course.id) == (50, 50, 50)
    found = await rows(
        database,
        "SELECT status, count(*) FROM courses.waiting_list WHERE course_id = $1 GROUP BY 1",
        course.id,
    )
    by_status = {str(status): int(count) for status, count in found}
    assert by_status["waiting"] == 100
    admitted = by_status.get("admitted", 0)
    assert await events_of(database, "waiting_list.admitted", course.id) == admitted
    # Whoever was let in came before whoever still waits.
    order = """SELECT max(place) FILTER (WHERE status = 'admitted')
        < min(place) FILTER (WHERE status = 'waiting') FROM courses.waiting_list
        WHERE course_id = $1"""
    assert await rows(database, order, course.id) in ([(True,)], [(None,)])


async def test_one_person_joins_20_times_at_once_and_waits_once(database: Database) -> None:
    course = await teach(database, seats=1)
    await learn(database, course)
    (person,) = await store_people(database, 1)
    outcomes = await asyncio.gather(
        *(join(database, person, course.id) for _ in range(20)), return_exceptions=True
    )
    assert Counter(type(each).__name__ for each in outcomes) == {
        "OwnWait": 1,
        "AlreadyWaiting": 19,
    }
