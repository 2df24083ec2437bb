"""The rules of recording progress, by the SQL functions and the use cases on them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.events import CourseCompleted, LessonCompleted
from lyceum.courses.queries import progress as queries
from lyceum.courses.schemas.progress import (
    ProgressBatch,
    ProgressItem,
    ProgressRecorded,
    ProgressUpdate,
    ProgressView,
)
from lyceum.courses.service import courses, progress, structure
from lyceum.platform import clock, errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.context import enter
from lyceum.platform.database import Database
from lyceum.platform.events import Envelope
from tests.courses.learning import SYSTEM, Taught, drop, enrol, events_of, learn, rows, teach
from tests.users.factories import actor_of, store_user


async def record(
    database: Database, learner: Actor, course: Taught, number: int = 0, **sent: Any
) -> ProgressRecorded:
    update = ProgressUpdate(lecture_id=course.lectures[number], **sent)
    answer = await progress.record_progress(database.sole_writer(), learner, course.id, update)
    return msgspec.json.decode(answer, type=ProgressRecorded)


async def record_at(
    database: Database, learner: Actor, course: Taught, now: datetime, seconds: int
) -> int:
    """Claim `seconds` in the first lecture at the moment `now`; return the time credited so far."""
    answer = await database.sole_writer().one(
        queries.RECORD_ALONE, learner.user_id, course.id, course.lectures[0], False, seconds, None,
        None, now, now, None, "", None, None,
    )  # fmt: skip
    return msgspec.json.decode(answer, type=ProgressRecorded).time_spent_seconds


async def view(database: Database, learner: Actor, course: Taught) -> ProgressView:
    answer = await progress.get_progress(database.reader(), learner, course.id)
    return msgspec.json.decode(answer, type=ProgressView)


async def test_lectures_add_up_to_a_completed_course(database: Database) -> None:
    course = await teach(database, "text", "text", "text")
    learner = await learn(database, course)
    seen = []
    for number in range(3):
        state = await record(database, learner, course, number, completed=True)
        assert state.total_lectures == 3
        assert state.lecture.lecture_id == course.lectures[number]
        assert state.lecture.is_completed
        seen.append((state.progress_percent, state.completed_lectures, state.is_course_completed))
    assert seen == [(33, 1, False), (66, 2, False), (100, 3, True)]
    shown = await view(database, learner, course)
    assert (shown.status, shown.progress_percent, shown.next_lecture_id) == ("completed", 100, None)
    assert [lecture.lecture_id for lecture in shown.lectures] == course.lectures
    assert await events_of(database, "lesson.completed", course.id) == 3
    assert await events_of(database, "course.completed", course.id) == 1


async def test_the_next_lecture_follows_the_outline_and_wraps(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    first, second, third, fourth = course.lectures
    assert (await view(database, learner, course)).next_lecture_id == first
    begun = await record(database, learner, course, 2, position_seconds=5)
    assert begun.next_lecture_id == third
    steps = []
    for number in (2, 1, 3, 0):
        state = await record(database, learner, course, number, completed=True)
        shown = await view(database, learner, course)
        assert shown.next_lecture_id == state.next_lecture_id
        steps.append(state.next_lecture_id)
    assert steps == [fourth, fourth, first, None]
    assert second not in steps


async def test_completed_is_never_taken_back(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    done = await record(database, learner, course, completed=True)
    again = await record(database, learner, course, completed=False, position_seconds=9)
    assert again.lecture.is_completed
    assert again.lecture.completed_at == done.lecture.completed_at
    assert again.lecture.position_seconds == 9
    assert (again.progress_percent, again.completed_lectures) == (25, 1)
    await record(database, learner, course, completed=True)
    assert await events_of(database, "lesson.completed", course.id) == 1


async def test_an_update_without_a_position_leaves_it(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    await record(database, learner, course, position_seconds=42)
    state = await record(database, learner, course, time_spent_seconds=1)
    assert state.lecture.position_seconds == 42


async def test_time_is_credited_by_the_servers_clock(database: Database) -> None:
    course = await teach(database)
    learner = actor_of(await store_user(database))
    start = (await enrol(database, learner, course.id)).enrolled_at

    def at(seconds: float) -> datetime:
        return start + timedelta(seconds=seconds)

    assert await record_at(database, learner, course, at(0), 3600) == 5
    assert await record_at(database, learner, course, at(0.1), 3600) == 5
    assert await record_at(database, learner, course, at(10), 3600) == 25
    assert await record_at(database, learner, course, at(70), 60) == 85
    # What was left over is saved up to 5 s, and no more.
    assert await record_at(database, learner, course, at(71), 3600) == 85 + 5 + 2
    # A clock that is behind gives nothing, and takes nothing.
    assert await record_at(database, learner, course, at(60), 3600) == 92
    assert await record_at(database, learner, course, at(72), 3600) == 94


async def test_honest_time_is_credited_in_full(database: Database) -> None:
    course = await teach(database)
    learner = actor_of(await store_user(database))
    start = (await enrol(database, learner, course.id)).enrolled_at
    for beat in range(1, 20):
        spent = await record_at(
            database, learner, course, start + timedelta(seconds=beat * 10 + 0.1), 10
        )
        assert spent == beat * 10


async def test_a_video_is_complete_when_95_percent_were_played(database: Database) -> None:
    course = await teach(database, "video", "text", duration=100)
    learner = await learn(database, course)
    half = await record(database, learner, course, played_segments=((0, 50),))
    assert not half.lecture.is_completed
    overlapping = await record(database, learner, course, played_segments=((10, 94), (200, 900)))
    assert not overlapping.lecture.is_completed
    whole = await record(database, learner, course, played_segments=((94, 95),))
    assert whole.lecture.is_completed
    shown = (await view(database, learner, course)).lectures[0]
    assert shown.played_segments == ((0, 95),)
    assert await events_of(database, "lesson.completed", course.id) == 1


async def test_played_parts_mean_nothing_without_a_video(database: Database) -> None:
    text = await teach(database, "text", "video", duration=0)
    learner = await learn(database, text)
    for number in range(2):
        state = await record(database, learner, text, number, played_segments=((0, 1_000_000),))
        assert not state.lecture.is_completed
    assert all(
        not lecture.played_segments for lecture in (await view(database, learner, text)).lectures
    )


async def test_a_part_ends_after_it_begins(database: Database) -> None:
    course = await teach(database, "video")
    learner = await learn(database, course)
    for wrong in ((5, 5), (9, 3)):
        with pytest.raises(errors.ValidationFailed) as refused:
            await record(database, learner, course, played_segments=((0, 1), wrong))
        assert refused.value.data["errors"][0]["pointer"] == "/playedSegments/1"


async def test_a_quiz_is_completed_by_the_assessment_alone(database: Database) -> None:
    course = await teach(database, "quiz", "text")
    learner = await learn(database, course)
    with pytest.raises(facts.CompletedByQuiz):
        await record(database, learner, course, completed=True)
    looked_at = await record(database, learner, course, position_seconds=1)
    assert not looked_at.lecture.is_completed
    assert learner.user_id is not None
    for _ in range(2):
        async with database.transaction() as tx:
            await progress.complete_lecture(tx, SYSTEM, learner.user_id, course.lectures[0])
    assert (await view(database, learner, course)).completed_lectures == 1
    assert await events_of(database, "lesson.completed", course.id) == 1
    # What is complete may be said again.
    again = await record(database, learner, course, completed=True)
    assert again.lecture.is_completed


async def test_an_attempt_of_somebody_who_is_not_enrolled_changes_nothing(
    database: Database,
) -> None:
    course = await teach(database, "quiz")
    async with database.transaction() as tx:
        await progress.complete_lecture(tx, SYSTEM, ids.new_id(), course.lectures[0])
        await progress.complete_lecture(tx, SYSTEM, ids.new_id(), ids.new_id())
    assert await events_of(database, "lesson.completed", course.id) == 0


async def test_only_lectures_of_the_course_count(database: Database) -> None:
    course, other = await teach(database), await teach(database)
    learner = await learn(database, course)
    async with database.transaction() as tx:
        await structure.delete_lecture(tx, course.owner, course.lectures[3], None)
    for foreign in (other.lectures[0], ids.new_id(), course.lectures[3]):
        with pytest.raises(errors.ValidationFailed) as refused:
            await record(database, learner, Taught(course.id, [foreign], course.owner))
        assert refused.value.data["errors"][0]["pointer"] == "/lectureId"


async def test_progress_is_for_enrolled_learners(database: Database) -> None:
    course = await teach(database)
    stranger = actor_of(await store_user(database))
    for actor in (stranger, course.owner):
        with pytest.raises(facts.NotEnrolled):
            await record(database, actor, course)
        with pytest.raises(facts.NotEnrolled):
            await view(database, actor, course)
    learner = await learn(database, course)
    await drop(database, learner, course.id)
    with pytest.raises(facts.NotEnrolled):
        await view(database, learner, course)


async def test_an_archived_course_can_be_finished_and_a_deleted_one_is_gone(
    database: Database,
) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    async with database.transaction() as tx:
        await courses.archive_course(tx, course.owner, course.id)
    assert (await record(database, learner, course, completed=True)).progress_percent == 25
    async with database.transaction() as tx:
        await courses.delete_course(tx, course.owner, str(course.id), None)
    with pytest.raises(errors.NotFound):
        await record(database, learner, course, 1, completed=True)
    with pytest.raises(errors.NotFound):
        await record_batch(database, learner, course, {"completed": True})


async def test_the_events_decode_as_what_they_are(database: Database) -> None:
    course = await teach(database, "text")
    learner = await learn(database, course)
    enter("request-of-the-learner", "00-trace", "192.0.2.7")
    await record(database, learner, course, completed=True)
    enter("", None, None)
    found = await rows(
        database,
        """
        SELECT o.id, o.name, o.version, o.key, o.payload, o.occurred_at, o.actor_id,
            o.impersonator_id, o.request_id, o.trace, o.origin
        FROM platform.outbox o
        WHERE o.name IN ('lesson.completed', 'course.completed')
            AND o.payload->>'course_id' = $1 ORDER BY o.position
        """,
        str(course.id),
    )
    lesson, whole = [Envelope(*row) for row in found]
    (enrolment_id,) = (await rows(database, _ENROLMENTS, course.id))[0]
    assert learner.user_id is not None
    assert events.decode(lesson) == LessonCompleted(
        enrolment_id=enrolment_id,
        course_id=course.id,
        lecture_id=course.lectures[0],
        user_id=learner.user_id,
    )
    completed = events.decode(whole)
    assert completed == CourseCompleted(
        enrolment_id=enrolment_id, course_id=course.id, user_id=learner.user_id
    )
    for envelope in (lesson, whole):
        assert envelope.key == events.decode(envelope).key()
        assert envelope.actor_id == learner.user_id
        assert envelope.request_id == "request-of-the-learner"
        assert (envelope.trace, envelope.origin) == ("00-trace", "192.0.2.7")
        assert envelope.id.version == 7
    assert lesson.id < whole.id


async def test_a_lecture_that_comes_lowers_the_percentage_and_leaves_the_completed(
    database: Database,
) -> None:
    course = await teach(database, "text", "text")
    half, whole = await learn(database, course), await learn(database, course)
    await record(database, half, course, 0, completed=True)
    for number in range(2):
        await record(database, whole, course, number, completed=True)
    added = await add_lecture(database, course)
    shown = await view(database, half, course)
    assert (shown.progress_percent, shown.total_lectures) == (33, 3)
    shown = await view(database, whole, course)
    assert (shown.status, shown.progress_percent, shown.is_course_completed) == (
        "completed",
        66,
        True,
    )
    assert shown.next_lecture_id == added
    more = Taught(course.id, [added], course.owner)
    last = await record(database, whole, more, completed=True)
    assert (last.progress_percent, last.is_course_completed) == (100, True)
    assert await events_of(database, "course.completed", course.id) == 1


async def test_a_lecture_that_goes_completes_whoever_has_the_rest_once(database: Database) -> None:
    course = await teach(database, "text", "text", "text")
    none, some, most, left = [await learn(database, course) for _ in range(4)]
    await record(database, some, course, 2, completed=True)
    for learner in (most, left):
        for number in range(2):
            await record(database, learner, course, number, completed=True)
    await drop(database, left, course.id)
    for _ in range(2):
        async with database.transaction() as tx:
            await structure.recount_outline(tx, course.owner, course.id)
    async with database.transaction() as tx:
        await structure.delete_lecture(tx, course.owner, course.lectures[2], None)
    shown = {
        name: await view(database, who, course)
        for name, who in (("none", none), ("some", some), ("most", most))
    }
    assert {
        name: (v.status, v.progress_percent, v.completed_lectures) for name, v in shown.items()
    } == {
        "none": ("active", 0, 0),
        "some": ("active", 0, 0),
        "most": ("completed", 100, 2),
    }
    assert await events_of(database, "course.completed", course.id) == 1
    ((payload,),) = await rows(
        database,
        """
        SELECT payload FROM platform.outbox
        WHERE name = 'course.completed' AND payload->>'course_id' = $1
        """,
        str(course.id),
    )
    assert msgspec.json.decode(payload, type=CourseCompleted).user_id == most.user_id
    # Who had left completes it on coming back and doing anything at all.
    await enrol(database, left, course.id)
    assert (await record(database, left, course, 0)).is_course_completed
    assert await events_of(database, "course.completed", course.id) == 2


async def test_ids_made_by_the_database_are_of_version_7(database: Database) -> None:
    found = await rows(
        database, "SELECT courses.new_event_id() FROM generate_series(1, 50), pg_sleep(0.001)"
    )
    made = [UUID(str(row[0])) for row in found]
    assert {made_id.version for made_id in made} == {7}
    assert {made_id.variant for made_id in made} == {"specified in RFC 4122"}
    age = clock.utc_now().timestamp() * 1000 - (made[-1].int >> 80)
    # The clocks are the same, their resolutions are not.
    assert -5 <= age < 60_000


async def record_batch(
    database: Database, learner: Actor, course: Taught, *items: dict[str, Any]
) -> dict[str, Any]:
    """Record items; each names its lecture by its number in the course."""
    made = tuple(
        ProgressItem(
            lecture_id=course.lectures[item.get("number", 0)],
            **{name: value for name, value in item.items() if name != "number"},
        )
        for item in items
    )
    async with database.transaction() as tx:
        answer = await progress.record_batch(tx, learner, course.id, ProgressBatch(items=made))
    return dict(msgspec.json.decode(answer))


async def test_a_batch_is_recorded_in_the_order_of_its_moments(database: Database) -> None:
    course = await teach(database, "text", "text", "video")
    learner = await learn(database, course)
    now = clock.utc_now()
    state = await record_batch(
        database,
        learner,
        course,
        {"number": 1, "position_seconds": 30, "recorded_at": now - timedelta(minutes=1)},
        {"number": 1, "position_seconds": 10, "recorded_at": now - timedelta(minutes=9)},
        {"number": 0, "completed": True, "recorded_at": now - timedelta(minutes=10)},
        {"number": 2, "played_segments": ((0, 60), (50, 100)), "recorded_at": now},
    )
    assert state["completedLectures"] == 2
    assert (state["progressPercent"], state["isCourseCompleted"]) == (66, False)
    assert state["nextLectureId"] == str(course.lectures[1])
    shown = await view(database, learner, course)
    assert shown.last_lecture_id == course.lectures[2]
    assert [lecture.position_seconds for lecture in shown.lectures] == [0, 30, 0]
    assert [lecture.is_completed for lecture in shown.lectures] == [True, False, True]


async def test_the_same_batch_twice_has_one_effect(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    await rows(database, _AN_HOUR_AGO, course.id)
    items: list[dict[str, Any]] = [
        {"number": number, "completed": True, "time_spent_seconds": 60} for number in range(4)
    ]
    first = await record_batch(database, learner, course, *items)
    assert (first["progressPercent"], first["timeSpentSeconds"]) == (100, 240)
    before = await rows(database, _STATE, course.id)
    assert await record_batch(database, learner, course, *items) == first
    assert await rows(database, _STATE, course.id) == before
    assert await events_of(database, "lesson.completed", course.id) == 4
    assert await events_of(database, "course.completed", course.id) == 1


async def test_an_item_that_is_sent_again_in_another_batch_counts_once(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    await rows(database, _AN_HOUR_AGO, course.id)
    at = clock.utc_now() - timedelta(minutes=5)
    sent: dict[str, Any] = {"time_spent_seconds": 100, "recorded_at": at}
    await record_batch(database, learner, course, sent)
    await rows(database, _AN_HOUR_AGO, course.id)
    later: dict[str, Any] = {"time_spent_seconds": 7, "recorded_at": at + timedelta(minutes=1)}
    state = await record_batch(database, learner, course, sent, later)
    assert state["timeSpentSeconds"] == 107


async def test_what_is_late_completes_but_does_not_move(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    await record(database, learner, course, position_seconds=50)
    await record(database, learner, course, 1, position_seconds=3)
    hour_ago = clock.utc_now() - timedelta(hours=1)
    late: dict[str, Any] = {
        "completed": True,
        "position_seconds": 9,
        "time_spent_seconds": 60,
        "recorded_at": hour_ago,
    }
    state = await record_batch(database, learner, course, late)
    assert (state["completedLectures"], state["timeSpentSeconds"]) == (1, 0)
    shown = await view(database, learner, course)
    assert (shown.lectures[0].is_completed, shown.lectures[0].position_seconds) == (True, 50)
    assert shown.last_lecture_id == course.lectures[1]
    ahead: dict[str, Any] = {
        "position_seconds": 60,
        "recorded_at": clock.utc_now() + timedelta(days=9),
    }
    await record_batch(database, learner, course, ahead)
    # A clock that is ahead must not shut out what comes after it.
    after = await record(database, learner, course, position_seconds=61)
    assert after.lecture.position_seconds == 61


@pytest.mark.parametrize(
    ("bad", "fact", "pointer"),
    [
        ({"number": 4}, errors.ValidationFailed, "/items/1/lectureId"),
        ({"number": 3, "completed": True}, facts.CompletedByQuiz, None),
        ({"played_segments": ((3, 3),)}, errors.ValidationFailed, "/items/1/playedSegments"),
        (
            {"recorded_at": datetime.fromisoformat("0001-01-01T00:00:00+14:00")},
            errors.ValidationFailed,
            "/items/1/recordedAt",
        ),
    ],
)
async def test_a_batch_with_one_bad_item_changes_nothing(
    database: Database, bad: dict[str, Any], fact: type[errors.Fact], pointer: str | None
) -> None:
    course = await teach(database, "text", "text", "text", "quiz")
    learner = await learn(database, course)
    more = Taught(course.id, [*course.lectures, ids.new_id()], course.owner)
    before = await rows(database, _STATE, course.id)
    with pytest.raises(fact) as refused:
        await record_batch(
            database, learner, more, {"completed": True}, bad, {"number": 2, "completed": True}
        )
    if pointer is not None:
        assert refused.value.data["errors"][0]["pointer"] == pointer
    assert await rows(database, _STATE, course.id) == before
    assert await events_of(database, "lesson.completed", course.id) == 0


async def add_lecture(database: Database, course: Taught) -> UUID:
    """Add a text at the end of the last chapter."""
    ((lecture_id,),) = await rows(
        database,
        """
        INSERT INTO courses.lectures (id, course_id, chapter_id, title, type, position)
        SELECT gen_random_uuid(), course_id, chapter_id, 'One more', 'text', position + 1024
        FROM courses.lectures WHERE id = $1 RETURNING id
        """,
        course.lectures[-1],
    )
    async with database.transaction() as tx:
        await structure.recount_outline(tx, course.owner, course.id)
    return UUID(str(lecture_id))


_ENROLMENTS = "SELECT id FROM courses.enrolments WHERE course_id = $1"
_STATE = """
    SELECT e.*, p.* FROM courses.enrolments e
    LEFT JOIN courses.lecture_progress p ON p.enrolment_id = e.id
    WHERE e.course_id = $1 ORDER BY p.lecture_id
"""
_AN_HOUR_AGO = """
    UPDATE courses.enrolments SET time_credited_to = time_credited_to - interval '1 hour',
        last_activity_at = last_activity_at - interval '1 hour'
    WHERE course_id = $1
"""
