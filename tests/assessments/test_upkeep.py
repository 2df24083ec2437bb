"""Quizzes follow their lectures: copied with a course, removed with what is gone for good."""

from uuid import UUID

from lyceum.assessments import api, queries
from lyceum.assessments.service import reading, taking, upkeep
from lyceum.courses.service import courses, duplicates, structure, trash
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from tests.app.academy import QUIZ
from tests.assessments.factories import make_classroom
from tests.courses.learning import rows_in

KEEPER = system_actor("tests")


async def test_the_copy_of_a_course_has_quizzes_of_its_own(tx: Writer) -> None:
    room = await make_classroom(tx)
    quiz_id = await api.put_quiz(tx, room.instructor, room.lecture_id, QUIZ)
    copy_id = await duplicates.duplicate_course(tx, room.instructor, room.course_id)
    assert await upkeep.copy_quizzes(tx, KEEPER, copy_id) == 1
    assert await upkeep.copy_quizzes(tx, KEEPER, copy_id) == 0
    copies = await duplicates.list_copied_lectures(tx, room.instructor, copy_id)
    lecture_id = next(c.lecture_id for c in copies if c.source_id == room.lecture_id)
    copy, _ = await reading.get_quiz_of_lecture(tx, room.instructor, lecture_id)
    source, _ = await reading.get_quiz_of_lecture(tx, room.instructor, room.lecture_id)
    assert copy.id != quiz_id
    assert (copy.title, copy.question_count) == (source.title, 1)
    attempt, _ = await taking.start_attempt(tx, room.instructor, copy.id)
    assert len(attempt.questions) == 1


async def test_quizzes_go_with_what_is_gone_for_good(tx: Writer) -> None:
    room = await make_classroom(tx, is_published=False)
    await rows_in(tx, "DELETE FROM courses.enrolments WHERE course_id = $1", room.course_id)
    quiz_id = await api.put_quiz(tx, room.instructor, room.lecture_id, QUIZ)
    await taking.start_attempt(tx, room.instructor, quiz_id)
    await structure.delete_lecture(tx, room.instructor, room.lecture_id, None)
    await trash.purge_lecture(tx, room.instructor, room.lecture_id)
    await upkeep.purge_quizzes(tx, KEEPER, queries.LIST_QUIZZES_OF_LECTURE, room.lecture_id)
    assert await quizzes_of(tx, room.course_id) == 0
    await courses.delete_course(tx, room.instructor, str(room.course_id), None)
    await trash.purge_course(tx, room.instructor, room.course_id)
    await upkeep.purge_quizzes(tx, KEEPER, queries.LIST_QUIZZES_OF_COURSE, room.course_id)


async def quizzes_of(tx: Writer, course_id: UUID) -> int:
    text = "SELECT count(*) FROM assessments.quizzes WHERE course_id = $1"
    return int((await rows_in(tx, text, course_id))[0][0])
