"""Submitting: the grade, what follows from it, and what a learner is told of the key."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.assessments.jobs import close_overdue_attempts
from lyceum.assessments.schemas import AnswerGiven, Attempt, FullQuiz, QuizChanges
from lyceum.assessments.service import authoring, reading, submission, taking
from lyceum.platform import ids
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.statements import Json, command, sql
from tests.assessments import factories
from tests.assessments.factories import Classroom

_EVENTS = sql(
    """
    SELECT json_build_object('name', name, 'payload', payload) FROM platform.outbox
    WHERE name LIKE 'attempt.%' AND payload ->> 'attempt_id' = $1 ORDER BY id
    """,
    Json,
)
_SHIFT_DEADLINE = command(
    """
    UPDATE assessments.attempts SET deadline_at = clock_timestamp() + make_interval(secs => $2)
    WHERE id = $1
    """
)


@pytest.fixture
async def room(tx: Writer) -> Classroom:
    return await factories.make_classroom(tx)


async def make_quiz(tx: Writer, room: Classroom, **changes: Any) -> FullQuiz:
    made, _ = await authoring.create_quiz(
        tx, room.instructor, room.lecture_id, factories.quiz(**changes)
    )
    return made


async def begin(tx: Writer, actor: Actor, quiz_id: UUID) -> Attempt:
    attempt, _ = await taking.start_attempt(tx, actor, quiz_id)
    return attempt


async def take(tx: Writer, actor: Actor, quiz_id: UUID, *, right: int) -> Attempt:
    """Begin, answer the first `right` questions rightly, and submit."""
    attempt = await begin(tx, actor, quiz_id)
    answers = factories.right_answers(attempt)[:right]
    await taking.save_answers(tx, actor, attempt.id, answers)
    return await submission.submit_attempt(tx, actor, attempt.id)


async def events_of(tx: Writer, attempt: Attempt) -> list[tuple[str, dict[str, Any]]]:
    rows = [msgspec.json.decode(row) for row in await tx.all(_EVENTS, str(attempt.id))]
    return [(row["name"], row["payload"]) for row in rows]


async def test_all_right_is_all_the_points(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    done = await take(tx, room.learner, made.id, right=5)
    assert done.status == "submitted"
    assert done.result
    assert (done.result.points, done.result.max_points, done.result.percent) == (8, 8, 100)
    assert (done.result.is_passed, done.result.closed_by) == (True, "learner")
    reviews = [q.review for q in done.questions]
    assert [(r.points, r.max_points, r.is_correct) for r in reviews if r] == [
        (2, 2, True), (3, 3, True), (1, 1, True), (1, 1, True), (1, 1, True)
    ]  # fmt: skip


async def test_what_is_not_answered_earns_nothing(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, passing_percent=63)
    done = await take(tx, room.learner, made.id, right=2)
    assert done.result
    assert (done.result.points, done.result.percent) == (5, 62.5)
    assert not done.result.is_passed
    assert (await take(tx, room.learner, made.id, right=3)).result


async def test_submitting_again_returns_the_same_receipt(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    done = await take(tx, room.learner, made.id, right=5)
    again = await submission.submit_attempt(tx, room.learner, done.id)
    assert again == done
    assert len(await events_of(tx, done)) == 2


async def test_passing_is_told_and_completes_the_lecture(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    failed = await take(tx, room.learner, made.id, right=1)
    assert [name for name, _ in await events_of(tx, failed)] == ["attempt.submitted"]
    assert not await factories.has_completed(tx, room, room.learner)
    passed = await take(tx, room.learner, made.id, right=5)
    (first, submitted), (second, told) = await events_of(tx, passed)
    assert (first, second) == ("attempt.submitted", "attempt.passed")
    facts = {
        "attempt_id": str(passed.id),
        "quiz_id": str(made.id),
        "lecture_id": str(room.lecture_id),
        "course_id": str(room.course_id),
        "user_id": str(room.learner.user_id),
        "points_milli": 8000,
        "max_points_milli": 8000,
    }
    assert told == {**facts, "is_first": True}
    assert submitted.pop("submitted_at")
    assert submitted == {**facts, "number": 2, "is_passed": True, "closed_by": "learner"}
    assert await factories.has_completed(tx, room, room.learner)
    again = await take(tx, room.learner, made.id, right=5)
    assert (await events_of(tx, again))[1][1]["is_first"] is False


async def test_a_preview_tells_nobody(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    done = await take(tx, room.instructor, made.id, right=5)
    assert done.result
    assert done.result.is_passed
    assert await events_of(tx, done) == []
    assert not await factories.has_completed(tx, room, room.instructor)


async def test_late_submission_counts_what_was_saved_in_time(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, time_limit_seconds=60)
    attempt = await begin(tx, room.learner, made.id)
    await taking.save_answers(tx, room.learner, attempt.id, factories.right_answers(attempt))
    await tx.execute(_SHIFT_DEADLINE, attempt.id, -10.0)
    done = await submission.submit_attempt(tx, room.learner, attempt.id)
    assert done.result
    assert (done.result.closed_by, done.result.percent) == ("deadline", 100)
    assert done.result.submitted_at == done.deadline_at


async def test_within_the_grace_the_learner_submits(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, time_limit_seconds=60)
    attempt = await begin(tx, room.learner, made.id)
    await tx.execute(_SHIFT_DEADLINE, attempt.id, -0.5)
    done = await submission.submit_attempt(tx, room.learner, attempt.id)
    assert done.result
    assert done.result.closed_by == "learner"


async def test_the_clock_closes_what_nobody_comes_back_to(
    engines: Engines, database: Database
) -> None:
    async with database.transaction() as tx:
        room = await factories.make_classroom(tx)
        other = await factories.make_learner(tx, room)
        made = await make_quiz(tx, room, time_limit_seconds=60)
        overdue = await begin(tx, room.learner, made.id)
        await taking.save_answers(tx, room.learner, overdue.id, factories.right_answers(overdue))
        await tx.execute(_SHIFT_DEADLINE, overdue.id, -10.0)
        running = await begin(tx, other, made.id)
    context = JobContext(engines, ids.new_id(), 1, system_actor("test"))
    for _ in range(2):
        await close_overdue_attempts(context)
    async with database.transaction() as tx:
        rows = await reading.list_attempts(tx, room.instructor, made.id, before=None, limit=9)
        found = {row.id: (row.status, row.closed_by, row.is_passed) for row in rows}
        assert found == {
            overdue.id: ("submitted", "deadline", True),
            running.id: ("in_progress", None, None),
        }
        assert len(await events_of(tx, overdue)) == 2
        assert await factories.has_completed(tx, room, room.learner)


@pytest.mark.parametrize(
    ("rule", "after_failing", "after_passing"),
    [("never", False, False), ("after_attempt", True, True), ("after_passing", False, True)],
)
async def test_the_key_is_shown_by_the_quizs_rule(
    tx: Writer, room: Classroom, rule: str, after_failing: bool, after_passing: bool
) -> None:
    made = await make_quiz(tx, room, shows_answers=rule)
    failed = await take(tx, room.learner, made.id, right=1)
    assert [q.review is not None for q in failed.questions] == [after_failing] * 5
    passed = await take(tx, room.learner, made.id, right=5)
    assert [q.review is not None for q in passed.questions] == [after_passing] * 5
    failed = await submission.get_attempt(tx, room.learner, failed.id)
    assert [q.review is not None for q in failed.questions] == [after_passing] * 5
    seen = await submission.get_attempt(tx, room.instructor, failed.id)
    assert all(q.review for q in seen.questions)


async def test_hiding_the_key_takes_effect_at_once(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    done = await take(tx, room.learner, made.id, right=5)
    hidden = QuizChanges(shows_answers="never")
    await authoring.update_quiz(tx, room.instructor, made.id, hidden, None)
    seen = await submission.get_attempt(tx, room.learner, done.id)
    assert not [q for q in seen.questions if q.review]


async def test_a_review_says_what_would_have_been_right(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    attempt = await begin(tx, room.learner, made.id)
    capital, _, _, telescope, _ = attempt.questions
    answers = (
        AnswerGiven(question_id=capital.question_id, choice_ids=(capital.choices[0].id,)),
        AnswerGiven(question_id=telescope.question_id, text="key-hubble"),
    )
    await taking.save_answers(tx, room.learner, attempt.id, answers)
    done = await submission.submit_attempt(tx, room.learner, attempt.id)
    reviews = [q.review for q in done.questions]
    first, primes, _, fourth, gravity = reviews
    assert first
    assert first.correct_choice_ids == (capital.choices[1].id,)
    assert first.feedback_html == ("KEY-feedback-lyon", "KEY-missed-paris")
    assert first.explanation_html == "KEY-explanation-capital"
    assert primes
    assert len(primes.correct_choice_ids) == 3
    assert primes.feedback_html == ()
    assert fourth
    assert (fourth.is_correct, fourth.feedback_html) == (True, ("KEY-feedback-hubble",))
    assert fourth.accepted_answers == ("KEY-Hubble",)
    assert gravity
    assert gravity.accepted_answers == ("[9.80, 9.82]",)
