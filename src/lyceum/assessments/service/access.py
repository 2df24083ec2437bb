"""Finding a quiz for somebody: visibility first, then permission.

A quiz is as visible as its lecture; not visible is NotFound, the same as missing.
"""

from uuid import UUID

from lyceum.assessments import permissions, queries
from lyceum.assessments.errors import LectureIsNoQuiz
from lyceum.assessments.records import QuizRow
from lyceum.courses import api as courses
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader


async def get_visible_quiz(
    tx: Reader, actor: Actor, quiz_id: UUID
) -> tuple[QuizRow, courses.LectureRef]:
    """Return a quiz and how the actor stands to its lecture; NotFound otherwise."""
    quiz = await tx.one_or_none(queries.FIND_QUIZ, quiz_id)
    if quiz is None:
        raise errors.NotFound
    return quiz, await courses.get_lecture(tx, actor, quiz.lecture_id)


async def get_editable_quiz(tx: Reader, actor: Actor, quiz_id: UUID) -> QuizRow:
    """Return a quiz that the actor may change; NotFound or Forbidden otherwise."""
    quiz, lecture = await get_visible_quiz(tx, actor, quiz_id)
    permissions.require_editor(actor, lecture)
    return quiz


async def get_quiz_lecture(tx: Reader, actor: Actor, lecture_id: UUID) -> courses.LectureRef:
    """Return a lecture that may hold a quiz which the actor may write.

    NotFound, Forbidden, or LectureIsNoQuiz for one of another type.
    """
    lecture = await courses.get_lecture(tx, actor, lecture_id)
    permissions.require_editor(actor, lecture)
    if lecture.type != "quiz":
        raise LectureIsNoQuiz(lecture_type=lecture.type)
    return lecture
