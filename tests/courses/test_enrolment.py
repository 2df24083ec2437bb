"""The rules of enrolling and leaving."""

from datetime import timedelta
from typing import Any

import pytest

from lyceum.courses import errors as facts
from lyceum.courses.events import EnrolmentCreated, EnrolmentDropped
from lyceum.courses.records import Enrolment
from lyceum.courses.schemas.courses import CourseChanges, Price
from lyceum.courses.schemas.enrolment import NewEnrolment
from lyceum.courses.schemas.progress import ProgressUpdate
from lyceum.courses.service import courses, enrolment, progress
from lyceum.platform import clock, errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Database
from lyceum.platform.events import Envelope
from tests.courses.learning import Taught, counters, drop, enrol, learn, rows, teach
from tests.users.factories import actor_of, store_user

TOMORROW = clock.utc_now() + timedelta(days=1)
YESTERDAY = clock.utc_now() - timedelta(days=1)


async def give(database: Database, course: Taught, **named: Any) -> Enrolment:
    """Enrol somebody as the owner of the course."""
    async with database.transaction() as tx:
        return await enrolment.enrol_learner(tx, course.owner, course.id, NewEnrolment(**named))


async def leave(database: Database, learner: Actor, course: Taught, if_match: int) -> None:
    async with database.transaction() as tx:
        await enrolment.drop_enrolment(tx, learner, course.id, if_match)


async def test_whoever_enrols_is_counted_and_told_of(database: Database) -> None:
    course = await teach(database, seats=3)
    learner = actor_of(await store_user(database))
    made = await enrol(database, learner, course.id)
    assert (made.course_id, made.user_id) == (course.id, learner.user_id)
    assert (made.status, made.source, made.progress_percent) == ("active", "self", 0)
    assert await counters(database, course.id) == (1, 1, 1)
    ((payload,),) = await rows(
        database,
        "SELECT payload FROM platform.outbox WHERE name = 'enrollment.created' AND key = $1",
        str(made.id),
    )
    assert _decode("enrollment.created", payload) == EnrolmentCreated(
        enrolment_id=made.id, course_id=course.id, user_id=made.user_id, source="self"
    )


async def test_nobody_enrols_twice(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    with pytest.raises(facts.AlreadyEnrolled):
        await enrol(database, learner, course.id)
    assert await counters(database, course.id) == (1, 1, 1)


async def test_coming_back_keeps_the_progress(database: Database) -> None:
    course = await teach(database, seats=1)
    learner = await learn(database, course)
    update = ProgressUpdate(lecture_id=course.lectures[0], completed=True)
    await progress.record_progress(database.sole_writer(), learner, course.id, update)
    await drop(database, learner, course.id)
    assert await counters(database, course.id) == (0, 0, 0)
    with pytest.raises(facts.NotEnrolled):
        await progress.record_progress(database.sole_writer(), learner, course.id, update)
    again = await enrol(database, learner, course.id)
    assert (again.status, again.progress_percent, again.completed_lectures) == ("active", 25, 1)
    assert await counters(database, course.id) == (1, 1, 1)


async def test_coming_back_to_a_completed_course_is_completed(database: Database) -> None:
    course = await teach(database, "text")
    learner = await learn(database, course)
    update = ProgressUpdate(lecture_id=course.lectures[0], completed=True)
    await progress.record_progress(database.sole_writer(), learner, course.id, update)
    await drop(database, learner, course.id)
    again = await enrol(database, learner, course.id)
    assert (again.status, again.progress_percent) == ("completed", 100)


async def test_leaving_is_told_of_and_frees_the_seat(database: Database) -> None:
    course = await teach(database, seats=1)
    first = await learn(database, course)
    second = actor_of(await store_user(database))
    with pytest.raises(facts.SeatLimitReached) as refused:
        await enrol(database, second, course.id)
    assert refused.value.data == {"seats": 1}
    await drop(database, first, course.id)
    await enrol(database, second, course.id)
    assert await counters(database, course.id) == (1, 1, 1)
    ((payload,),) = await rows(
        database,
        """
        SELECT payload FROM platform.outbox
        WHERE name = 'enrollment.dropped' AND payload->>'user_id' = $1
        """,
        str(first.user_id),
    )
    assert isinstance(_decode("enrollment.dropped", payload), EnrolmentDropped)


async def test_only_who_is_enrolled_can_leave(database: Database) -> None:
    course = await teach(database)
    with pytest.raises(errors.NotFound):
        await drop(database, actor_of(await store_user(database)), course.id)
    learner = await learn(database, course)
    await drop(database, learner, course.id)
    with pytest.raises(errors.NotFound):
        await drop(database, learner, course.id)
    assert await counters(database, course.id) == (0, 0, 0)


async def test_leaving_heeds_if_match(database: Database) -> None:
    course = await teach(database)
    learner = actor_of(await store_user(database))
    made = await enrol(database, learner, course.id)
    with pytest.raises(errors.PreconditionFailed):
        await leave(database, learner, course, made.version + 1)
    assert await counters(database, course.id) == (1, 1, 1)
    await leave(database, learner, course, made.version)
    assert await counters(database, course.id) == (0, 0, 0)


@pytest.mark.parametrize(
    "window",
    [
        {"enrolment_opens_at": TOMORROW},
        {"enrolment_closes_at": YESTERDAY},
        {"enrolment_opens_at": YESTERDAY - timedelta(days=1), "enrolment_closes_at": YESTERDAY},
    ],
)
async def test_outside_the_window_nobody_enrols(database: Database, window: Any) -> None:
    course = await teach(database, **window)
    with pytest.raises(facts.EnrolmentClosed):
        await enrol(database, actor_of(await store_user(database)), course.id)


async def test_a_course_that_has_ended_takes_nobody(database: Database) -> None:
    course = await teach(database)
    async with database.transaction() as tx:
        await courses.update_course(
            tx, course.owner, str(course.id), CourseChanges(ends_at=YESTERDAY), None
        )
    with pytest.raises(facts.EnrolmentClosed) as refused:
        await enrol(database, actor_of(await store_user(database)), course.id)
    assert refused.value.data["closes_at"] == YESTERDAY


async def test_within_the_window_everybody_enrols(database: Database) -> None:
    course = await teach(database, enrolment_opens_at=YESTERDAY, enrolment_closes_at=TOMORROW)
    await learn(database, course)


async def test_a_price_is_to_be_paid_first(database: Database) -> None:
    course = await teach(database, price=Price(amount=1999, currency="EUR"))
    with pytest.raises(facts.PaymentRequired) as refused:
        await enrol(database, actor_of(await store_user(database)), course.id)
    assert refused.value.status == 402
    assert refused.value.data == {"price": {"amount": 1999, "currency": "EUR"}}
    assert await counters(database, course.id) == (0, 0, 0)


async def test_a_draft_and_an_archived_course_exist_for_no_learner(database: Database) -> None:
    learner = actor_of(await store_user(database))
    draft = await teach(database, is_published=False)
    with pytest.raises(errors.NotFound):
        await enrol(database, learner, draft.id)
    with pytest.raises(facts.CourseStateConflict):
        await enrol(database, draft.owner, draft.id)
    archived = await teach(database)
    async with database.transaction() as tx:
        await courses.archive_course(tx, archived.owner, archived.id)
    with pytest.raises(errors.NotFound):
        await enrol(database, learner, archived.id)


async def test_the_staff_enrols_anybody_but_never_beyond_the_seats(database: Database) -> None:
    price = Price(amount=500, currency="EUR")
    course = await teach(
        database, seats=2, price=price, visibility="invited", enrolment_closes_at=YESTERDAY
    )
    people = [await store_user(database) for _ in range(3)]
    made = await give(database, course, user_id=people[0].id)
    assert (made.user_id, made.source) == (people[0].id, "staff")
    made = await give(database, course, email=people[1].email.upper())
    assert made.user_id == people[1].id
    for repeated, fact in (
        (people[0], facts.AlreadyEnrolled),
        (people[2], facts.SeatLimitReached),
    ):
        with pytest.raises(fact):
            await give(database, course, user_id=repeated.id)
    assert await counters(database, course.id) == (2, 2, 2)


async def test_the_staff_enrols_nobody_twice(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    with pytest.raises(facts.AlreadyEnrolled):
        await give(database, course, user_id=learner.user_id)
    assert await counters(database, course.id) == (1, 1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"user_id": ids.new_id(), "email": "ada@people.test"},
        {"user_id": ids.new_id()},
        {"email": "nobody@people.test"},
        {"email": "no address"},
    ],
)
async def test_the_staff_must_name_one_person(database: Database, wrong: dict[str, Any]) -> None:
    course = await teach(database)
    with pytest.raises(errors.ValidationFailed):
        await give(database, course, **wrong)


def _decode(name: str, payload: bytes) -> object:
    return events.decode(
        Envelope(ids.new_id(), name, 1, "", payload, clock.utc_now(), None, None, "", None, None)
    )
