"""Keeping quizzes in step with their lectures: copied with a course, removed with what is gone."""

from uuid import UUID

from lyceum.assessments import queries
from lyceum.assessments.records import QuizRow
from lyceum.courses import api as courses
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.statements import Query


async def copy_quizzes(tx: Writer, actor: Actor, course_id: UUID) -> int:
    """Give the copied lectures of a course the quizzes of those they were copied from; return how
    many were copied. A lecture that has one by now keeps it; a course that is gone gets none."""
    try:
        copies = await courses.list_copied_lectures(tx, actor, course_id)
    except (errors.NotFound, errors.Deleted):
        return 0
    count = 0
    for copy in copies:
        quiz = await tx.one_or_none(queries.FIND_QUIZ_OF_LECTURE, copy.source_id)
        if quiz is not None:
            count += await _copy_quiz(tx, quiz, copy.lecture_id, course_id)
    return count


async def purge_quizzes(tx: Writer, actor: Actor, statement: Query[UUID], gone_id: UUID) -> None:
    """Remove the quizzes that `statement` lists of a lecture or course that is gone for good."""
    for quiz_id in await tx.all(statement, gone_id):
        for purge in queries.PURGE_QUIZ:
            await tx.execute(purge, quiz_id)


async def _copy_quiz(tx: Writer, quiz: QuizRow, lecture_id: UUID, course_id: UUID) -> bool:
    copy_id = await tx.one_or_none(
        queries.ADD_QUIZ, ids.new_id(), lecture_id, course_id, quiz.title, quiz.passing_percent,
        quiz.attempts_allowed, quiz.time_limit_seconds, quiz.shuffles_questions, quiz.shows_answers,
    )  # fmt: skip
    if copy_id is None:
        return False
    rows = await tx.all(queries.LIST_QUESTIONS, quiz.id)
    placed = [ids.new_id() for _ in rows]
    added = [
        (
            revision_id,
            copy_id,
            ids.new_id(),
            row.kind,
            row.points_milli,
            row.content,
            row.source_key,
        )
        for revision_id, row in zip(placed, rows, strict=True)
    ]
    if added:
        await tx.execute_many(queries.ADD_REVISION, added)
    await tx.execute(queries.PLACE_QUESTIONS, copy_id, placed)
    await tx.execute(queries.COUNT_QUESTIONS, copy_id, len(placed))
    return True
