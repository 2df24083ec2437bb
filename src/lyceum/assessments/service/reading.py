"""Looking at quizzes: whole for those who write them, in outline for those who take them."""

from typing import Final
from uuid import UUID

from lyceum.assessments import permissions, queries
from lyceum.assessments.records import ListedAttempt, Question, QuizRow
from lyceum.assessments.schemas import AttemptSummary, FullQuiz, QuizOutline
from lyceum.assessments.service import access
from lyceum.assessments.service.grading import Score
from lyceum.courses import api as courses
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader

_LAST_ID: Final = UUID(int=(1 << 128) - 1)
_LATEST: Final = 10


async def get_quiz(
    tx: Reader, actor: Actor, quiz_id: UUID
) -> tuple[FullQuiz | QuizOutline, int | None]:
    """Return a quiz as the actor may see it; its version where it is whole."""
    quiz, lecture = await access.get_visible_quiz(tx, actor, quiz_id)
    return await _show_quiz(tx, actor, quiz, lecture)


async def get_quiz_of_lecture(
    tx: Reader, actor: Actor, lecture_id: UUID
) -> tuple[FullQuiz | QuizOutline, int | None]:
    """Return the quiz of a lecture as the actor may see it; its version where it is whole."""
    lecture = await courses.get_lecture(tx, actor, lecture_id)
    quiz = await tx.one_or_none(queries.FIND_QUIZ_OF_LECTURE, lecture_id)
    if quiz is None:
        raise errors.NotFound
    return await _show_quiz(tx, actor, quiz, lecture)


async def show_full_quiz(tx: Reader, actor: Actor, quiz: QuizRow) -> tuple[FullQuiz, int]:
    """Return a quiz with its keys, and its version; the actor has been found to be its editor."""
    rows = await tx.all(queries.LIST_QUESTIONS, quiz.id)
    full = FullQuiz(
        id=quiz.id,
        lecture_id=quiz.lecture_id,
        course_id=quiz.course_id,
        title=quiz.title,
        passing_percent=quiz.passing_percent,
        attempts_allowed=quiz.attempts_allowed,
        time_limit_seconds=quiz.time_limit_seconds,
        shuffles_questions=quiz.shuffles_questions,
        shows_answers=quiz.shows_answers,
        question_count=quiz.question_count,
        max_points=sum(row.points_milli for row in rows) / 1000,
        questions=tuple(
            Question.of_row(row).to_full(row.question_id, row.source_key) for row in rows
        ),
    )
    return full, quiz.version


async def list_attempts(
    tx: Reader, actor: Actor, quiz_id: UUID, *, before: UUID | None, limit: int
) -> list[AttemptSummary]:
    """Return the attempts before `before`, newest first: one's own, or everybody's for editors."""
    user_id = actor.require_user()
    quiz, lecture = await access.get_visible_quiz(tx, actor, quiz_id)
    last = before or _LAST_ID
    if permissions.sees_keys(actor, lecture):
        rows = await tx.all(queries.LIST_ATTEMPTS, quiz.id, last, limit)
    else:
        rows = await tx.all(queries.LIST_OWN_ATTEMPTS, quiz.id, last, limit, user_id)
    return [_summarise(row) for row in rows]


async def _show_quiz(
    tx: Reader, actor: Actor, quiz: QuizRow, lecture: courses.LectureRef
) -> tuple[FullQuiz | QuizOutline, int | None]:
    if permissions.sees_keys(actor, lecture):
        return await show_full_quiz(tx, actor, quiz)
    return await _outline(tx, actor.require_user(), quiz), None


async def _outline(tx: Reader, user_id: UUID, quiz: QuizRow) -> QuizOutline:
    candidate = await tx.one_or_none(queries.FIND_CANDIDATE, quiz.id, user_id)
    used = candidate.attempts_started if candidate else 0
    attempts = await tx.all(queries.LIST_OWN_ATTEMPTS, quiz.id, _LAST_ID, _LATEST, user_id)
    allowed = quiz.attempts_allowed
    return QuizOutline(
        id=quiz.id,
        lecture_id=quiz.lecture_id,
        course_id=quiz.course_id,
        title=quiz.title,
        passing_percent=quiz.passing_percent,
        attempts_allowed=allowed,
        time_limit_seconds=quiz.time_limit_seconds,
        shows_answers=quiz.shows_answers,
        question_count=quiz.question_count,
        attempts_used=used,
        attempts_left=None if allowed is None else max(0, allowed - used),
        running_attempt_id=next((a.id for a in attempts if a.status == "in_progress"), None),
        is_passed=candidate is not None and candidate.passed_at is not None,
        attempts=tuple(_summarise(row) for row in attempts),
    )


def _summarise(row: ListedAttempt) -> AttemptSummary:
    points, most = row.points_milli, row.max_points_milli
    score = None if points is None or most is None else Score(points, most)
    return AttemptSummary(
        id=row.id,
        quiz_id=row.quiz_id,
        user_id=row.user_id,
        display_name=row.display_name or "",
        number=row.number,
        is_preview=row.is_preview,
        status=row.status,
        started_at=row.started_at,
        deadline_at=row.deadline_at,
        submitted_at=row.submitted_at,
        closed_by=row.closed_by,
        points=None if score is None else score.points_milli / 1000,
        max_points=None if score is None else score.max_points_milli / 1000,
        percent=None if score is None else score.percent_hundredths / 100,
        is_passed=row.is_passed,
    )
