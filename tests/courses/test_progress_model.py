"""Recording progress against a small model of its rules, over any sequence of updates."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyceum.courses.queries import progress as queries
from lyceum.courses.schemas.progress import ProgressRecorded
from lyceum.courses.service import enrolment
from lyceum.platform import ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from tests.courses.learning import Taught, rows_in, teach
from tests.users.factories import actor_of, make_user

DURATION = 40
TYPES = ("video", "text", "quiz", "video", "text")
SECOND = timedelta(seconds=1)


class Item(NamedTuple):
    """One update; times in seconds, `age` of what it speaks of when it is recorded."""

    number: int
    completed: bool
    seconds: int
    position: int | None
    played: tuple[tuple[int, int], ...]
    age: int


class Step(NamedTuple):
    """Updates that come together, so many milliseconds after the step before."""

    after: int
    items: tuple[Item, ...]


class Lecture:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.known_at: datetime | None = None
        self.is_done = False
        self.position = 0
        self.seconds = 0
        self.played: set[int] = set()


class Model:
    """An enrolment as the rules say."""

    def __init__(self, enrolled_at: datetime) -> None:
        self.lectures = [Lecture(kind) for kind in TYPES]
        self.credited_to = enrolled_at - 2.5 * SECOND
        self.updated_at: datetime | None = None
        self.seconds = 0
        self.last: int | None = None
        self.is_completed = False
        self.lesson_events = 0
        self.course_events = 0

    @property
    def done(self) -> int:
        return sum(lecture.is_done for lecture in self.lectures)

    def record(self, item: Item, now: datetime) -> None:
        lecture = self.lectures[item.number]
        recorded_at = now - item.age * SECOND
        is_late = lecture.known_at is not None and recorded_at <= lecture.known_at
        if not is_late:
            credit = self._credit(item.seconds, now)
            lecture.seconds += credit
            self.seconds += credit
            if item.position is not None:
                lecture.position = item.position
            lecture.known_at = recorded_at
            self.last = item.number
        self.updated_at = now if self.updated_at is None else max(self.updated_at, now)
        was_done = lecture.is_done
        lecture.is_done |= item.completed
        if lecture.kind == "video":
            lecture.played |= {s for start, end in item.played for s in range(start, min(end, 40))}
            lecture.is_done |= len(lecture.played) >= 0.95 * DURATION and bool(item.played)
        self.lesson_events += lecture.is_done and not was_done
        if self.done == len(self.lectures) and not self.is_completed:
            self.is_completed = True
            self.course_events += 1

    def _credit(self, seconds: int, now: datetime) -> int:
        if seconds == 0:
            return 0
        if self.updated_at is not None and self.updated_at != now:
            self.credited_to = max(self.credited_to, self.updated_at - 2.5 * SECOND)
        allowed = (now - self.credited_to) * 2 // SECOND
        credit = max(0, min(seconds, allowed))
        self.credited_to += credit * SECOND / 2
        return credit

    def next_from(self, number: int) -> int | None:
        order = [*range(number, len(self.lectures)), *range(number)]
        return next((n for n in order if not self.lectures[n].is_done), None)


segments = st.tuples(st.integers(0, 45), st.integers(1, 30)).map(lambda p: (p[0], p[0] + p[1]))
items = st.builds(
    Item,
    number=st.integers(0, len(TYPES) - 1),
    completed=st.booleans(),
    seconds=st.sampled_from((0, 1, 3, 7, 30, 3600, 86_400)),
    position=st.none() | st.integers(0, 50),
    played=st.lists(segments, max_size=3).map(tuple),
    age=st.sampled_from((0, 0, 0, 1, 60)),
).map(lambda item: item._replace(completed=item.completed and TYPES[item.number] != "quiz"))
steps = st.builds(
    Step,
    after=st.sampled_from((0, 1, 400, 2500, 10_000, 60_000, -300)),
    items=st.lists(items, min_size=1, max_size=4).map(tuple),
)


@pytest.fixture(scope="module")
async def course(database: Database) -> Taught:
    return await teach(database, *TYPES, duration=DURATION)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(steps, min_size=1, max_size=12), passes_quiz=st.booleans())
async def test_progress_follows_the_rules(
    database: Database, course: Taught, steps: list[Step], passes_quiz: bool
) -> None:
    tx = Writer(database)
    try:
        learner = actor_of(await make_user(tx))
        made = await enrolment.enrol(tx, learner, course.id)
        model, now = Model(made.enrolled_at), made.enrolled_at
        for number, step in enumerate(steps):
            now += timedelta(milliseconds=step.after)
            if len(step.items) == 1:
                await _record_one(tx, learner, course, model, step.items[0], now)
            else:
                await _record_batch(tx, learner, course, model, step.items, now, number)
            await _compare(tx, learner, course, model)
        if passes_quiz:
            await _pass_quiz(tx, learner, course, model, now + SECOND)
            await _compare(tx, learner, course, model)
    finally:
        await tx.abandon()


def _played(item: Item) -> str | None:
    parts = ",".join(f"[{start},{end})" for start, end in item.played)
    return f"{{{parts}}}" if parts else None


async def _record_one(
    tx: Writer, learner: Actor, course: Taught, model: Model, item: Item, now: datetime
) -> None:
    answer = await tx.one(
        queries.RECORD_ALONE, learner.user_id, course.id, course.lectures[item.number],
        item.completed, item.seconds, item.position, _played(item),
        now - item.age * SECOND, now, None, "", None, None,
    )  # fmt: skip
    model.record(item, now)
    _compare_answer(answer, course, model, item.number)


async def _pass_quiz(
    tx: Writer, learner: Actor, course: Taught, model: Model, now: datetime
) -> None:
    quiz = TYPES.index("quiz")
    answer = await tx.one(
        queries.COMPLETE, learner.user_id, course.id, course.lectures[quiz], now,
        None, None, "", None, None,
    )  # fmt: skip
    model.record(Item(quiz, True, 0, None, (), 0), now)
    _compare_answer(answer, course, model, quiz)


async def _record_batch(
    tx: Writer,
    learner: Actor,
    course: Taught,
    model: Model,
    items: tuple[Item, ...],
    now: datetime,
    number: int,
) -> None:
    rows = [
        {
            "lecture_id": course.lectures[item.number],
            "completed": item.completed,
            "seconds": item.seconds,
            "position": item.position,
            "played": _played(item),
            "recorded_at": now - item.age * SECOND,
        }
        for item in items
    ]
    # The second time is a repetition, and changes nothing.
    for _ in range(2):
        await tx.one(
            queries.RECORD_BATCH, learner.user_id, course.id, UUID(int=number),
            msgspec.json.encode(rows), now, [ids.new_id() for _ in range(len(items) + 1)],
            None, None, "", None, None,
        )  # fmt: skip
    for item in sorted(items, key=lambda item: -item.age):
        model.record(item, now)


def _compare_answer(answer: bytes, course: Taught, model: Model, number: int) -> None:
    state = msgspec.json.decode(answer, type=ProgressRecorded)
    lecture = model.lectures[number]
    following = model.next_from(number)
    assert state.progress_percent == 100 * model.done // len(TYPES)
    assert state.completed_lectures == model.done
    assert state.is_course_completed == model.is_completed
    assert state.time_spent_seconds == model.seconds
    assert state.next_lecture_id == (None if following is None else course.lectures[following])
    assert state.lecture.is_completed == lecture.is_done == (state.lecture.completed_at is not None)
    assert state.lecture.position_seconds == lecture.position
    assert state.lecture.time_spent_seconds == lecture.seconds


async def _compare(tx: Writer, learner: Actor, course: Taught, model: Model) -> None:
    found = await tx.one(queries.FIND_PROGRESS, learner.user_id, course.id)
    shown: dict[str, Any] = msgspec.json.decode(found)
    assert shown["progressPercent"] == 100 * model.done // len(TYPES)
    assert shown["status"] == ("completed" if model.is_completed else "active")
    last = None if model.last is None else str(course.lectures[model.last])
    assert shown["lastLectureId"] == last
    following = model.next_from(model.last or 0)
    assert shown["nextLectureId"] == (
        None if following is None else str(course.lectures[following])
    )
    for lecture, state in zip(model.lectures, shown["lectures"], strict=True):
        assert state["isCompleted"] == lecture.is_done
        assert state["positionSeconds"] == lecture.position
        assert state["timeSpentSeconds"] == lecture.seconds
        played = {s for start, end in state["playedSegments"] for s in range(start, end)}
        assert played == lecture.played
    found_events = await rows_in(tx, _EVENTS, shown["enrolmentId"])
    assert found_events == [(model.lesson_events, model.course_events)]


_EVENTS = """
    SELECT count(*) FILTER (WHERE name = 'lesson.completed'),
        count(*) FILTER (WHERE name = 'course.completed')
    FROM platform.outbox WHERE key = $1
"""
