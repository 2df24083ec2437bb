"""Closing attempts: grading, once and in the same transaction, and what follows from passing.

Not here: the arithmetic (`grading`).
"""

from uuid import UUID

from lyceum.assessments import events, queries
from lyceum.assessments.records import AttemptItem, AttemptRow, Question, QuizFacts, decode_answer
from lyceum.assessments.schemas import Attempt, ClosedBy
from lyceum.assessments.service.grading import Grade, Score
from lyceum.assessments.service.showing import get_visible_attempt, show_attempt
from lyceum.courses import api as courses
from lyceum.platform import errors, ids
from lyceum.platform import events as outbox
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer


async def submit_attempt(tx: Writer, actor: Actor, attempt_id: UUID) -> Attempt:
    """Close one's own attempt and return its result; doing it again returns the same.

    After the deadline it counts as closed by the deadline, with the answers saved until then.
    """
    attempt = await get_visible_attempt(tx, actor, attempt_id)
    if attempt.user_id != actor.user_id:
        raise errors.Forbidden("Only the learner may submit this.")
    attempt = await _lock_attempt(tx, attempt)
    if attempt.status == "in_progress":
        attempt = await close_attempt(
            tx, actor, attempt, "deadline" if attempt.is_overdue else "learner"
        )
    return await show_attempt(tx, actor, attempt)


async def get_attempt(tx: Writer, actor: Actor, attempt_id: UUID) -> Attempt:
    """Return an attempt to its learner, or to those who may see keys, closing it if its time is
    over; NotFound for everybody else."""
    attempt = await get_visible_attempt(tx, actor, attempt_id)
    if attempt.is_overdue:
        attempt = await _lock_attempt(tx, attempt)
        if attempt.is_overdue:
            attempt = await close_attempt(tx, actor, attempt, "deadline")
    return await show_attempt(tx, actor, attempt)


async def list_overdue_attempts(tx: Reader, actor: Actor, limit: int) -> list[UUID]:
    """Return attempts whose time is over, the oldest first; for the system."""
    return await tx.all(queries.LIST_OVERDUE, limit)


async def close_overdue_attempt(tx: Writer, actor: Actor, attempt_id: UUID) -> None:
    """Close an attempt whose time is over, unless somebody has; for the system."""
    found = await tx.one_or_none(queries.FIND_ATTEMPT, attempt_id)
    if found is None:
        return
    attempt = await _lock_attempt(tx, found)
    if attempt.is_overdue:
        await close_attempt(tx, actor, attempt, "deadline")


async def close_attempt(
    tx: Writer, actor: Actor, attempt: AttemptRow, closed_by: ClosedBy
) -> AttemptRow:
    """Grade and close an attempt that is locked together with its candidate; return it closed.

    A passed one completes the lecture. A preview has no effect beyond itself.
    """
    items = await tx.all(queries.LIST_ITEMS, attempt.id)
    grades = [_grade(item) for item in items]
    score = Score(
        sum(grade.points_milli for grade in grades), sum(item.max_points_milli for item in items)
    )
    await tx.execute(
        queries.GRADE_ITEMS,
        attempt.id,
        [item.position for item in items],
        [grade.points_milli for grade in grades],
        [grade.is_correct for grade in grades],
    )
    closed = await tx.one(
        queries.CLOSE_ATTEMPT,
        attempt.id,
        closed_by,
        score.points_milli,
        score.max_points_milli,
        score.passes(attempt.passing_percent),
        ids.new_id(),
    )
    if not closed.is_preview:
        await _tell(tx, actor, closed, score)
    return closed


async def _lock_attempt(tx: Writer, attempt: AttemptRow) -> AttemptRow:
    """Lock the candidate, then the attempt, which is the order everywhere; return it as it is."""
    await tx.one(queries.LOCK_CANDIDATE, attempt.quiz_id, attempt.user_id)
    locked = await tx.one_or_none(queries.LOCK_ATTEMPT, attempt.id)
    if locked is None:
        raise errors.NotFound
    return locked


def _grade(item: AttemptItem) -> Grade:
    answer = None if item.answer is None else decode_answer(item.answer)
    return Grade.of(Question.of_item(item), answer)


async def _tell(tx: Writer, actor: Actor, attempt: AttemptRow, score: Score) -> None:
    """Emit what happened, and complete the lecture when the attempt is passed."""
    quiz = await tx.one(queries.FIND_QUIZ_FACTS, attempt.quiz_id)
    await outbox.emit(tx, actor, _submitted(attempt, quiz, score))
    if not attempt.is_passed:
        return
    first = await tx.one_or_none(
        queries.PASS_CANDIDATE, quiz.id, attempt.user_id, attempt.submitted_at
    )
    passed = events.AttemptPassed(
        attempt_id=attempt.id,
        quiz_id=quiz.id,
        lecture_id=quiz.lecture_id,
        course_id=quiz.course_id,
        user_id=attempt.user_id,
        points_milli=score.points_milli,
        max_points_milli=score.max_points_milli,
        is_first=first is not None,
    )
    await outbox.emit(tx, actor, passed)
    await courses.complete_lecture(tx, actor, attempt.user_id, quiz.lecture_id)


def _submitted(attempt: AttemptRow, quiz: QuizFacts, score: Score) -> events.AttemptSubmitted:
    number, closed_by, submitted_at = attempt.number, attempt.closed_by, attempt.submitted_at
    if number is None or closed_by is None or submitted_at is None:
        raise LookupError(f"attempt {attempt.id} is not one that was submitted and counts")
    return events.AttemptSubmitted(
        attempt_id=attempt.id,
        quiz_id=quiz.id,
        lecture_id=quiz.lecture_id,
        course_id=quiz.course_id,
        user_id=attempt.user_id,
        number=number,
        points_milli=score.points_milli,
        max_points_milli=score.max_points_milli,
        is_passed=bool(attempt.is_passed),
        closed_by=closed_by,
        submitted_at=submitted_at,
    )
