"""Progress when one learner's clients, or a learner and the staff, write at once."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec

from lyceum.courses.schemas.progress import (
    ProgressBatch,
    ProgressItem,
    ProgressRecorded,
    ProgressUpdate,
    ProgressView,
)
from lyceum.courses.schemas.structure import NewLecture
from lyceum.courses.service import progress, structure
from lyceum.platform import clock
from lyceum.platform.access import Actor
from lyceum.platform.database import Database
from lyceum.platform.statements import command
from tests.courses.learning import SYSTEM, Taught, drop, enrol, events_of, learn, rows, teach


async def complete(database: Database, learner: Actor, course: Taught, number: int) -> int:
    """Complete a lecture; return the percentage that the answer says."""
    update = ProgressUpdate(lecture_id=course.lectures[number], completed=True)
    answer = await progress.record_progress(database.sole_writer(), learner, course.id, update)
    return msgspec.json.decode(answer, type=ProgressRecorded).progress_percent


async def view(database: Database, learner: Actor, course: Taught) -> ProgressView:
    answer = await progress.get_progress(database.reader(), learner, course.id)
    return msgspec.json.decode(answer, type=ProgressView)


async def test_eight_lectures_at_once_give_the_right_percentage_every_time(
    database: Database,
) -> None:
    course = await teach(database, *["text"] * 10)
    for _ in range(40):
        learner = await learn(database, course)
        percents = await asyncio.gather(
            *(complete(database, learner, course, number) for number in range(8))
        )
        assert sorted(percents) == [10, 20, 30, 40, 50, 60, 70, 80]
        shown = await view(database, learner, course)
        assert (shown.progress_percent, shown.completed_lectures) == (80, 8)


async def test_100_completions_at_once_complete_the_course_once(database: Database) -> None:
    course = await teach(database, *["text"] * 5)
    learner = await learn(database, course)
    numbers = [number * 7 % 5 for number in range(100)]
    await asyncio.gather(*(complete(database, learner, course, number) for number in numbers))
    shown = await view(database, learner, course)
    assert (shown.status, shown.progress_percent, shown.completed_lectures) == ("completed", 100, 5)
    assert await events_of(database, "lesson.completed", course.id) == 5
    assert await events_of(database, "course.completed", course.id) == 1
    # Every one of the hundred was recorded.
    assert await rows(database, _VERSIONS, course.id) == [(101,)]


async def test_time_claimed_100_times_at_once_is_credited_once(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    claim = ProgressUpdate(lecture_id=course.lectures[0], time_spent_seconds=86_400)
    start = clock.utc_now()
    await asyncio.gather(
        *(
            progress.record_progress(database.sole_writer(), learner, course.id, claim)
            for _ in range(100)
        )
    )
    passed = (clock.utc_now() - start + timedelta(seconds=1)).total_seconds()
    shown = await view(database, learner, course)
    assert 5 <= shown.time_spent_seconds <= 2 * passed + 5
    assert shown.time_spent_seconds == shown.lectures[0].time_spent_seconds


async def test_every_played_part_is_kept(database: Database) -> None:
    course = await teach(database, "video", duration=100)
    learner = await learn(database, course)
    updates = [
        ProgressUpdate(lecture_id=course.lectures[0], played_segments=((start, start + 3),))
        for start in range(0, 95, 3)
    ]
    await asyncio.gather(
        *(
            progress.record_progress(database.sole_writer(), learner, course.id, update)
            for update in updates
        )
    )
    (lecture,) = (await view(database, learner, course)).lectures
    assert lecture.played_segments == ((0, 96),)
    assert lecture.is_completed
    assert await events_of(database, "course.completed", course.id) == 1


async def test_one_batch_many_times_at_once_counts_once(database: Database) -> None:
    course = await teach(database)
    learner = await learn(database, course)
    items = tuple(
        ProgressItem(lecture_id=lecture, completed=True, time_spent_seconds=1)
        for lecture in course.lectures
    )

    async def send() -> object:
        async with database.transaction() as tx:
            return await progress.record_batch(tx, learner, course.id, ProgressBatch(items=items))

    answers = await asyncio.gather(*(send() for _ in range(20)))
    assert len({bytes(str(answer), "ascii") for answer in answers}) == 1
    shown = await view(database, learner, course)
    assert (shown.progress_percent, shown.time_spent_seconds) == (100, 4)
    assert await events_of(database, "course.completed", course.id) == 1


async def test_an_attempt_that_passes_meets_the_last_lecture(database: Database) -> None:
    for _ in range(15):
        course = await teach(database, "quiz", "text")
        learner = await learn(database, course)
        assert learner.user_id is not None

        async def pass_quiz(course: Taught = course, learner: Actor = learner) -> None:
            async with database.transaction() as tx:
                assert learner.user_id is not None
                await progress.complete_lecture(tx, SYSTEM, learner.user_id, course.lectures[0])

        await asyncio.gather(pass_quiz(), complete(database, learner, course, 1))
        assert (await view(database, learner, course)).status == "completed"
        assert await events_of(database, "course.completed", course.id) == 1


async def test_an_outline_that_changes_meanwhile_leaves_no_wrong_percentage(
    database: Database,
) -> None:
    """Learners complete lectures while the staff deletes one; whoever is done is done once."""
    for _ in range(10):
        course = await teach(database, *["text"] * 4)
        learners = [await learn(database, course) for _ in range(6)]

        async def delete_last(course: Taught = course) -> None:
            async with database.transaction() as tx:
                await structure.delete_lecture(tx, course.owner, course.lectures[3], None)

        await asyncio.gather(
            *(
                complete(database, learner, course, number)
                for number in range(3)
                for learner in learners
            ),
            delete_last(),
        )
        assert await rows(database, _PERCENTAGES, course.id) == [("completed", 3, 100)]
        assert await events_of(database, "course.completed", course.id) == len(learners)


async def test_a_lecture_that_comes_meanwhile_is_counted(database: Database) -> None:
    for _ in range(10):
        course = await teach(database, "text", "text")
        learners = [await learn(database, course) for _ in range(6)]

        chapter_id = (await view(database, learners[0], course)).lectures[0].chapter_id

        async def add(course: Taught = course, chapter: UUID = chapter_id) -> None:
            async with database.transaction() as tx:
                new = NewLecture(title="One more", type="text")
                await structure.add_lecture(tx, course.owner, chapter, new)

        await asyncio.gather(
            *(complete(database, learner, course, 0) for learner in learners), add()
        )
        assert await rows(database, _PERCENTAGES, course.id) == [("active", 1, 33)]


async def waiting(database: Database, count: int) -> None:
    """Return once so many statements of this database wait for a lock."""
    while (await rows(database, _WAITING))[0][0] < count:  # noqa: ASYNC110 - the database has no bell
        await asyncio.sleep(0.005)


async def test_a_locked_enrolment_holds_up_its_own_learner_only(database: Database) -> None:
    course = await teach(database, "text")
    held, *others = [await learn(database, course) for _ in range(40)]
    async with database.transaction() as tx:
        await tx.execute(_LOCK, held.user_id)
        waits = [asyncio.create_task(complete(database, held, course, 0)) for _ in range(3)]
        percents = [
            await asyncio.gather(*(complete(database, learner, course, 0) for learner in others))
            for _ in range(3)
        ]
        assert percents == [[100] * len(others)] * 3
        assert not any(task.done() for task in waits)
    assert await asyncio.gather(*waits) == [100] * 3


async def test_learners_of_many_courses_at_once_never_wait_in_a_circle(
    database: Database,
) -> None:
    courses = [await teach(database, *["text"] * 3) for _ in range(4)]
    learners = [await learn(database, courses[0]) for _ in range(10)]
    for course in courses[1:]:
        for learner in learners:
            await enrol(database, learner, course.id)
    percents = await asyncio.gather(
        *(
            complete(database, learner, course, number)
            for number in range(3)
            for learner in learners
            for course in reversed(courses)
        )
    )
    assert sorted(percents) == sorted([33, 66, 100] * 40)


async def test_who_read_the_outline_before_it_changed_reads_it_again(database: Database) -> None:
    course = await teach(database, *["text"] * 3)
    learners = [await learn(database, course) for _ in range(3)]
    async with database.transaction() as tx:
        await structure.delete_lecture(tx, course.owner, course.lectures[2], None)
        writing = [
            asyncio.create_task(complete(database, learner, course, 0)) for learner in learners
        ]
        await waiting(database, 3)
    assert await asyncio.gather(*writing) == [50, 50, 50]
    assert await rows(database, _PERCENTAGES, course.id) == [("active", 1, 50)]


async def test_a_change_of_the_outline_counts_what_was_about_to_be_committed(
    database: Database,
) -> None:
    course = await teach(database, "quiz", "text", "text")
    learner = await learn(database, course)
    assert learner.user_id is not None

    async def delete_last() -> None:
        async with database.transaction() as tx:
            await structure.delete_lecture(tx, course.owner, course.lectures[2], None)

    async with database.transaction() as tx:
        await progress.complete_lecture(tx, SYSTEM, learner.user_id, course.lectures[0])
        deleting = asyncio.create_task(delete_last())
        await waiting(database, 1)
    await deleting
    assert await rows(database, _PERCENTAGES, course.id) == [("active", 1, 50)]


async def test_leaving_and_coming_back_meet_progress(database: Database) -> None:
    course = await teach(database, *["text"] * 6)
    learner = await learn(database, course)

    async def come_and_go() -> None:
        for _ in range(3):
            await drop(database, learner, course.id)
            await enrol(database, learner, course.id)

    async def work() -> None:
        for number in range(6):
            await asyncio.gather(
                complete(database, learner, course, number), return_exceptions=True
            )

    await asyncio.gather(come_and_go(), work(), work())
    ((counted, percent, done),) = await rows(database, _COUNTED, course.id)
    assert counted == done
    assert percent == 100 * done // 6


# Another test of this worker process never runs at the same time.
_LOCK = command("SELECT FROM courses.enrolments WHERE user_id = $1 FOR UPDATE")
_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_VERSIONS = "SELECT version FROM courses.enrolments WHERE course_id = $1"
_PERCENTAGES = """
    SELECT DISTINCT status, completed_lectures, progress_percent::int4
    FROM courses.enrolments WHERE course_id = $1
"""
_COUNTED = """
    SELECT e.completed_lectures, e.progress_percent::int4, (
        SELECT count(*) FROM courses.lecture_progress p
        WHERE p.enrolment_id = e.id AND p.is_completed)
    FROM courses.enrolments e WHERE e.course_id = $1
"""
