"""Taking quizzes: who may, what an attempt holds, and which answers it keeps."""

from typing import Any
from uuid import UUID

import pytest

from lyceum.assessments.errors import (
    AttemptClosed,
    AttemptsUsedUp,
    DeadlinePassed,
    NotEnrolled,
    QuizEmpty,
)
from lyceum.assessments.schemas import AnswerGiven, Attempt, FullQuiz, QuizChanges, QuizOutline
from lyceum.assessments.service import authoring, reading, submission, taking
from lyceum.platform import errors, ids
from lyceum.platform.database import Writer
from lyceum.platform.statements import command
from tests.assessments import factories
from tests.assessments.factories import CAPITAL, GRAVITY, Classroom

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


async def begin(tx: Writer, room: Classroom, quiz_id: UUID) -> Attempt:
    attempt, is_new = await taking.start_attempt(tx, room.learner, quiz_id)
    assert is_new
    return attempt


async def save(tx: Writer, room: Classroom, attempt: Attempt, *answers: AnswerGiven) -> None:
    await taking.save_answers(tx, room.learner, attempt.id, answers)


async def test_before_an_attempt_a_learner_sees_rules_alone(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, attempts_allowed=2)
    outline, version = await reading.get_quiz_of_lecture(tx, room.learner, room.lecture_id)
    assert isinstance(outline, QuizOutline)
    assert (outline.id, outline.question_count, version) == (made.id, 5, None)
    assert (outline.attempts_used, outline.attempts_left, outline.is_passed) == (0, 2, False)
    attempt = await begin(tx, room, made.id)
    outline, _ = await reading.get_quiz(tx, room.learner, made.id)
    assert isinstance(outline, QuizOutline)
    assert (outline.attempts_used, outline.attempts_left) == (1, 1)
    assert outline.running_attempt_id == attempt.id
    assert [a.id for a in outline.attempts] == [attempt.id]


async def test_one_attempt_runs_at_a_time(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    attempt = await begin(tx, room, made.id)
    assert (attempt.number, attempt.is_preview, attempt.status) == (1, False, "in_progress")
    again, is_new = await taking.start_attempt(tx, room.learner, made.id)
    assert (again, is_new) == (attempt, False)
    await submission.submit_attempt(tx, room.learner, attempt.id)
    assert (await begin(tx, room, made.id)).number == 2


async def test_attempts_are_counted(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, attempts_allowed=1)
    attempt = await begin(tx, room, made.id)
    await submission.submit_attempt(tx, room.learner, attempt.id)
    with pytest.raises(AttemptsUsedUp) as refused:
        await taking.start_attempt(tx, room.learner, made.id)
    assert refused.value.data == {"attempts_allowed": 1}
    other = await factories.make_learner(tx, room)
    _, is_new = await taking.start_attempt(tx, other, made.id)
    assert is_new


async def test_an_empty_quiz_cannot_be_taken(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, questions=())
    with pytest.raises(QuizEmpty):
        await taking.start_attempt(tx, room.learner, made.id)


async def test_only_learners_of_the_course_take_it(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    with pytest.raises(NotEnrolled):
        await taking.start_attempt(tx, await factories.make_visitor(tx), made.id)
    with pytest.raises(errors.NotFound):
        await taking.start_attempt(tx, room.learner, ids.new_id())


async def test_editors_preview_without_counting(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, attempts_allowed=1)
    first, is_new = await taking.start_attempt(tx, room.instructor, made.id)
    assert is_new
    assert (first.is_preview, first.number) == (True, None)
    resumed, is_new = await taking.start_attempt(tx, room.instructor, made.id)
    assert (resumed.id, is_new) == (first.id, False)
    done = await submission.submit_attempt(tx, room.instructor, first.id)
    assert all(question.review for question in done.questions)
    second, is_new = await taking.start_attempt(tx, room.instructor, made.id)
    assert is_new
    assert second.id != first.id
    with pytest.raises(errors.NotFound):
        await submission.get_attempt(tx, room.instructor, first.id)
    assert await reading.list_attempts(tx, room.instructor, made.id, before=None, limit=9) == []


async def test_an_attempt_keeps_its_questions_and_rules(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, passing_percent=10, time_limit_seconds=600)
    attempt = await begin(tx, room, made.id)
    right = next(c.id for c in attempt.questions[0].choices if c.html == "Paris")
    wrong_now = factories.question(
        CAPITAL, id=made.questions[0].id, html="Changed", choices=CAPITAL.choices[::-1]
    )
    await authoring.replace_questions(tx, room.instructor, made.id, (wrong_now, GRAVITY), None)
    await authoring.update_quiz(
        tx, room.instructor, made.id, QuizChanges(passing_percent=99, time_limit_seconds=10), None
    )
    assert await submission.get_attempt(tx, room.learner, attempt.id) == attempt
    await save(
        tx, room, attempt, AnswerGiven(question_id=made.questions[0].id, choice_ids=(right,))
    )
    done = await submission.submit_attempt(tx, room.learner, attempt.id)
    assert done.result
    assert (done.result.points, done.result.max_points, done.result.is_passed) == (2, 8, True)
    assert [q.html for q in (await begin(tx, room, made.id)).questions] == [
        "Changed",
        GRAVITY.html,
    ]


async def test_choices_have_other_ids_in_every_attempt(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    first = await begin(tx, room, made.id)
    await submission.submit_attempt(tx, room.learner, first.id)
    second = await begin(tx, room, made.id)
    other, _ = await taking.start_attempt(tx, await factories.make_learner(tx, room), made.id)
    found = [c.id for a in (first, second, other) for q in a.questions for c in q.choices]
    assert len(found) == len(set(found)) == 27
    assert {choice_id.version for choice_id in found} == {4}


async def test_questions_are_shuffled_where_the_quiz_says_so(tx: Writer, room: Classroom) -> None:
    many = tuple(factories.question(GRAVITY, html=f"{n}") for n in range(30))
    made = await make_quiz(tx, room, questions=many, shuffles_questions=True)
    attempt = await begin(tx, room, made.id)
    order = [q.html for q in attempt.questions]
    assert sorted(order, key=int) == [f"{n}" for n in range(30)]
    assert order != sorted(order, key=int)
    assert (await submission.get_attempt(tx, room.learner, attempt.id)).questions == (
        attempt.questions
    )


async def test_answers_are_kept_and_replaced(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    attempt = await begin(tx, room, made.id)
    capital, primes, _, telescope, gravity = attempt.questions
    answers = (
        AnswerGiven(question_id=capital.question_id, choice_ids=(capital.choices[0].id,)),
        AnswerGiven(
            question_id=primes.question_id, choice_ids=tuple(c.id for c in primes.choices[3:0:-1])
        ),
        AnswerGiven(question_id=telescope.question_id, text=" hubble\n"),
        AnswerGiven(question_id=gravity.question_id, value=9.81),
    )
    for _ in range(2):
        await save(tx, room, attempt, *answers)
    await save(tx, room, attempt, AnswerGiven(question_id=capital.question_id, choice_ids=()))
    kept = await submission.get_attempt(tx, room.learner, attempt.id)
    given = [q.answer for q in kept.questions]
    assert given[0] is not None
    assert given[0].choice_ids == ()
    assert given[1] is not None
    assert given[1].choice_ids == tuple(c.id for c in primes.choices[1:4])
    assert given[2] is None
    assert given[3] is not None
    assert given[3].text == " hubble\n"
    assert given[4] is not None
    assert given[4].value == 9.81
    assert kept.saved_at is not None


async def test_answers_that_fit_no_question_are_refused(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    attempt = await begin(tx, room, made.id)
    capital, primes, _, telescope, _ = attempt.questions
    one, two = (c.id for c in capital.choices)
    foreign = primes.choices[0].id
    for answers, pointer in [
        ((AnswerGiven(question_id=ids.new_id(), text="x"),), "/answers/0/questionId"),
        ((AnswerGiven(question_id=capital.question_id),), "/answers/0"),
        ((AnswerGiven(question_id=capital.question_id, text="x"),), "/answers/0"),
        ((AnswerGiven(question_id=capital.question_id, choice_ids=(one,), text="x"),),
         "/answers/0"),
        ((AnswerGiven(question_id=capital.question_id, choice_ids=(one, two)),),
         "/answers/0/choiceIds"),
        ((AnswerGiven(question_id=primes.question_id, choice_ids=(foreign, foreign)),),
         "/answers/0"),
        ((AnswerGiven(question_id=capital.question_id, choice_ids=(foreign,)),),
         "/answers/0/choiceIds"),
        ((AnswerGiven(question_id=telescope.question_id, choice_ids=(one,)),),
         "/answers/0/choiceIds"),
        ((AnswerGiven(question_id=telescope.question_id, text="a"),) * 2, "/answers/1"),
    ]:  # fmt: skip
        with pytest.raises(errors.ValidationFailed) as refused:
            await save(tx, room, attempt, *answers)
        assert refused.value.data["errors"][0]["pointer"] == pointer


async def test_a_submitted_attempt_takes_no_answers(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    attempt = await begin(tx, room, made.id)
    await submission.submit_attempt(tx, room.learner, attempt.id)
    with pytest.raises(AttemptClosed):
        await save(tx, room, attempt)


async def test_the_deadline_is_the_servers(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, time_limit_seconds=600)
    attempt = await begin(tx, room, made.id)
    assert attempt.deadline_at is not None
    assert (attempt.deadline_at - attempt.started_at).total_seconds() == 600
    text = AnswerGiven(question_id=attempt.questions[3].question_id, text="in time")
    await tx.execute(_SHIFT_DEADLINE, attempt.id, -1.0)
    await save(tx, room, attempt, text)
    await tx.execute(_SHIFT_DEADLINE, attempt.id, -2.5)
    late = AnswerGiven(question_id=attempt.questions[3].question_id, text="late")
    with pytest.raises(DeadlinePassed) as refused:
        await save(tx, room, attempt, late)
    assert set(refused.value.data) == {"deadline_at"}
    done = await submission.get_attempt(tx, room.learner, attempt.id)
    assert done.result
    assert done.result.closed_by == "deadline"
    assert done.questions[3].answer
    assert done.questions[3].answer.text == "in time"


async def test_an_attempt_past_its_time_gives_way_to_the_next(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, time_limit_seconds=600, attempts_allowed=2)
    first = await begin(tx, room, made.id)
    await tx.execute(_SHIFT_DEADLINE, first.id, -5.0)
    second = await begin(tx, room, made.id)
    assert (second.number, second.id == first.id) == (2, False)
    closed = await submission.get_attempt(tx, room.learner, first.id)
    assert closed.status == "submitted"


async def test_attempts_of_others_do_not_exist(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    attempt = await begin(tx, room, made.id)
    other = await factories.make_learner(tx, room)
    elsewhere = (await factories.make_classroom(tx)).instructor
    for actor in (other, elsewhere):
        with pytest.raises(errors.NotFound):
            await submission.get_attempt(tx, actor, attempt.id)
        with pytest.raises(errors.NotFound):
            await taking.save_answers(tx, actor, attempt.id, ())
        with pytest.raises(errors.NotFound):
            await submission.submit_attempt(tx, actor, attempt.id)
    assert await reading.list_attempts(tx, other, made.id, before=None, limit=9) == []


async def test_staff_read_but_do_not_answer(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    attempt = await begin(tx, room, made.id)
    seen = await submission.get_attempt(tx, room.instructor, attempt.id)
    assert seen.user_id == room.learner.user_id
    with pytest.raises(errors.Forbidden):
        await taking.save_answers(tx, room.instructor, attempt.id, ())
    with pytest.raises(errors.Forbidden):
        await submission.submit_attempt(tx, room.instructor, attempt.id)


async def test_lists_go_on_before_a_cursor(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    mine = []
    for _ in range(3):
        attempt = await begin(tx, room, made.id)
        await submission.submit_attempt(tx, room.learner, attempt.id)
        mine.append(attempt.id)
    other, _ = await taking.start_attempt(tx, await factories.make_learner(tx, room), made.id)
    everybody = await reading.list_attempts(tx, room.instructor, made.id, before=None, limit=9)
    assert [a.id for a in everybody] == [other.id, *mine[::-1]]
    assert [a.percent for a in everybody] == [None, 0, 0, 0]
    rest = await reading.list_attempts(tx, room.learner, made.id, before=mine[2], limit=1)
    assert [a.id for a in rest] == [mine[1]]
