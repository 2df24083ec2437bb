"""Lectures that open later, by every path; and courses that a part of them completes."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.assessments import api as assessments
from lyceum.assessments.service import reading, taking
from lyceum.courses import api
from lyceum.courses.schemas.courses import CourseChanges
from lyceum.courses.schemas.progress import ProgressBatch, ProgressItem, ProgressUpdate
from lyceum.courses.schemas.structure import LectureChanges, NewLecture
from lyceum.courses.service import catalogue, courses, duplicates, progress, structure
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.cache import ProcessCache
from lyceum.platform.database import Writer
from tests.app.academy import QUIZ
from tests.courses import factories
from tests.courses.factories import Outline
from tests.courses.learning import rows_in

SOON = timedelta(days=3)


@pytest.fixture
async def outline(tx: Writer) -> Outline:
    return await factories.make_published(tx)


@pytest.fixture
async def learner(tx: Writer, outline: Outline) -> Actor:
    person = await factories.make_person(tx)
    await factories.enrol(tx, outline.course_id, person)
    return person


async def lock(tx: Writer, outline: Outline, number: int, **rule: Any) -> UUID:
    lecture_id = outline.lectures[number].id
    await structure.update_lecture(tx, outline.owner, lecture_id, LectureChanges(**rule), None)
    return lecture_id


async def record(tx: Writer, learner: Actor, outline: Outline, lecture_id: UUID) -> None:
    update = ProgressUpdate(lecture_id=lecture_id, completed=True)
    await progress.record_progress(tx, learner, outline.course_id, update)


async def viewer_of(tx: Writer, learner: Actor, outline: Outline) -> dict[str, Any]:
    shown = await catalogue.show_course(tx, learner, ProcessCache(), str(outline.course_id))
    assert shown.beginning is not None
    whole = bytes(shown.beginning.data) + shown.body
    found: dict[str, Any] = msgspec.json.decode(whole)["viewer"]
    return found


async def locked_of(tx: Writer, learner: Actor, outline: Outline) -> list[str]:
    """The locked lectures as the detail says, which the list of progress must say as well."""
    viewer = await viewer_of(tx, learner, outline)
    locked = [each["lectureId"] for each in viewer["lockedLectures"]]
    listed = msgspec.json.decode(await progress.get_progress(tx, learner, outline.course_id))
    assert [each["lectureId"] for each in listed["lectures"] if each["isLocked"]] == locked
    return locked


async def test_what_is_locked_is_missing_by_every_path(
    tx: Writer, outline: Outline, learner: Actor
) -> None:
    chapter = outline.chapters[1].id
    new = NewLecture(title="Knots", type="quiz")
    quiz = await structure.add_lecture(tx, outline.owner, chapter, new)
    quiz_id = await assessments.put_quiz(tx, outline.owner, quiz.id, QUIZ)
    rule = LectureChanges(release_at=clock.utc_now() + SOON)
    await structure.update_lecture(tx, outline.owner, quiz.id, rule, None)
    for refused in (
        structure.get_lecture(tx, learner, quiz.id),
        api.require_open_lecture(tx, learner, quiz.id),
        reading.get_quiz_of_lecture(tx, learner, quiz.id),
        reading.get_quiz(tx, learner, quiz_id),
        taking.start_attempt(tx, learner, quiz_id),
    ):
        with pytest.raises(errors.NotFound):
            await refused
    missing = ids.new_id()
    told = []
    for lecture_id in (quiz.id, missing):
        with pytest.raises(errors.ValidationFailed) as single:
            await record(tx, learner, outline, lecture_id)
        item = ProgressItem(lecture_id=lecture_id)
        with pytest.raises(errors.ValidationFailed) as batch:
            await progress.record_batch(
                tx, learner, outline.course_id, ProgressBatch(items=(item,))
            )
        told.append((single.value.detail, batch.value.detail))
    assert told[0] == told[1]
    assert quiz.id not in await api.list_readable_lectures(tx, learner, outline.course_id)
    assert await locked_of(tx, learner, outline) == [str(quiz.id)]
    assert (await structure.get_lecture(tx, outline.owner, quiz.id)).release_at
    assert quiz.id in await api.list_readable_lectures(tx, outline.owner, outline.course_id)


async def test_a_moment_days_and_another_lecture_open_it(
    tx: Writer, outline: Outline, learner: Actor
) -> None:
    first = outline.lectures[0].id
    by_days = await lock(tx, outline, 1, release_after_days=3)
    by_lecture = await lock(tx, outline, 2, release_after_id=first)
    past = await lock(tx, outline, 3, release_at=clock.utc_now() - SOON)
    assert set(await locked_of(tx, learner, outline)) == {str(by_days), str(by_lecture)}
    await record(tx, learner, outline, first)
    assert await locked_of(tx, learner, outline) == [str(by_days)]
    for lecture_id in (by_lecture, past):
        await record(tx, learner, outline, lecture_id)
    await rows_in(
        tx,
        "UPDATE courses.enrolments SET enrolled_at = enrolled_at - interval '3 days'"
        " WHERE course_id = $1",
        outline.course_id,
    )
    assert await locked_of(tx, learner, outline) == []
    await record(tx, learner, outline, by_days)


async def test_a_lecture_does_not_wait_for_one_that_is_gone(
    tx: Writer, outline: Outline, learner: Actor
) -> None:
    waiting = await lock(tx, outline, 2, release_after_id=outline.lectures[1].id)
    assert await locked_of(tx, learner, outline) == [str(waiting)]
    await structure.delete_lecture(tx, outline.owner, outline.lectures[1].id, None)
    assert await locked_of(tx, learner, outline) == []
    await record(tx, learner, outline, waiting)


async def test_rules_that_are_none(tx: Writer, outline: Outline) -> None:
    other = await factories.make_published(tx, outline.owner)
    a, b = outline.lectures[0].id, outline.lectures[1].id
    await lock(tx, outline, 1, release_after_id=a)
    for number, rule in (
        (0, {"release_after_id": b}),
        (0, {"release_after_id": a}),
        (0, {"release_after_id": other.lectures[0].id}),
        (0, {"release_after_id": ids.new_id()}),
        (0, {"release_at": datetime.fromisoformat("9000-01-01T00:00:00+00:00")}),
    ):
        with pytest.raises(errors.ValidationFailed):
            await lock(tx, outline, number, **rule)
    await lock(tx, outline, 1, release_after_id=None)
    await lock(tx, outline, 0, release_after_id=b)


async def test_before_a_course_or_cohort_begins_only_previews_are_open(
    tx: Writer, outline: Outline, learner: Actor
) -> None:
    begins = clock.utc_now() + SOON
    changes = CourseChanges(starts_at=begins)
    await courses.update_course(tx, outline.owner, str(outline.course_id), changes, None)
    preview, second = outline.lectures[0].id, outline.lectures[1].id
    assert (await viewer_of(tx, learner, outline))["beginsAt"] is not None
    await structure.get_lecture(tx, learner, preview)
    with pytest.raises(errors.NotFound):
        await structure.get_lecture(tx, learner, second)
    with pytest.raises(errors.ValidationFailed):
        await record(tx, learner, outline, second)
    # A cohort that begins earlier opens them.
    await rows_in(
        tx,
        "UPDATE courses.enrolments SET begins_at = now() - interval '1 day' WHERE course_id = $1",
        outline.course_id,
    )
    assert (await viewer_of(tx, learner, outline))["beginsAt"] is None
    await structure.get_lecture(tx, learner, second)
    await record(tx, learner, outline, second)


async def test_a_copy_keeps_the_rules_among_its_own_lectures(tx: Writer, outline: Outline) -> None:
    waiting = await lock(
        tx, outline, 2, release_after_id=outline.lectures[1].id, release_after_days=4
    )
    copy_id = await duplicates.duplicate_course(tx, outline.owner, outline.course_id)
    pairs = {
        pair.source_id: pair.lecture_id
        for pair in await duplicates.list_copied_lectures(tx, outline.owner, copy_id)
    }
    copy = await structure.get_lecture(tx, outline.owner, pairs[waiting])
    assert (copy.release_after_days, copy.release_after_id) == (4, pairs[outline.lectures[1].id])


async def test_a_part_of_the_lectures_completes_a_course(
    tx: Writer, outline: Outline, learner: Actor
) -> None:
    async def change(percent: int) -> None:
        changes = CourseChanges(completion_percent=percent)
        await courses.update_course(tx, outline.owner, str(outline.course_id), changes, None)

    text = """SELECT status, progress_percent, (
        SELECT count(*) FROM platform.outbox o
        WHERE o.name = 'course.completed' AND o.key = e.id::text)
        FROM courses.enrolments e WHERE course_id = $1"""
    await change(75)
    for lecture in outline.lectures[:2]:
        await record(tx, learner, outline, lecture.id)
    assert await rows_in(tx, text, outline.course_id) == [("active", 50, 0)]
    await change(50)
    assert await rows_in(tx, text, outline.course_id) == [("completed", 50, 1)]
    await change(100)
    for lecture in outline.lectures[2:]:
        await record(tx, learner, outline, lecture.id)
    assert await rows_in(tx, text, outline.course_id) == [("completed", 100, 1)]
