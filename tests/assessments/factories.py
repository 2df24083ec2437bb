"""Classrooms with a quiz lecture, and quizzes of every kind of question."""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.assessments.schemas import (
    AnswerDefinition,
    AnswerGiven,
    Attempt,
    ChoiceDefinition,
    NumberDefinition,
    QuestionDefinition,
    QuizDefinition,
)
from lyceum.courses.schemas.structure import LectureType, NewLecture
from lyceum.courses.service import structure
from lyceum.courses.service.courses import publish_course
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Reader, Writer
from lyceum.platform.settings import Settings
from lyceum.platform.statements import sql
from lyceum.users.queries.accounts import FIND_ACCOUNT
from tests.courses import factories as courses
from tests.users import factories as users

_HAS_COMPLETED = sql(
    """
    SELECT EXISTS (
        SELECT FROM courses.lecture_progress p
        JOIN courses.enrolments e ON e.id = p.enrolment_id
        WHERE e.course_id = $1 AND p.lecture_id = $2 AND e.user_id = $3 AND p.is_completed)
    """,
    bool,
)


class Classroom(msgspec.Struct):
    """A published course with a quiz lecture, one of its instructors and one of its learners."""

    lecture_id: UUID
    course_id: UUID
    instructor: Actor
    learner: Actor


async def make_classroom(
    tx: Writer, lecture_type: LectureType = "quiz", *, is_published: bool = True
) -> Classroom:
    instructor = await courses.make_person(tx, "instructor")
    course_id = await courses.make_course(tx, instructor)
    chapter = await structure.add_chapter(tx, instructor, course_id, "Examination")
    new = NewLecture(title="Final test", type=lecture_type)
    lecture = await structure.add_lecture(tx, instructor, chapter.id, new)
    await structure.add_lecture(tx, instructor, chapter.id, NewLecture(title="x", type="text"))
    if is_published:
        await publish_course(tx, instructor, course_id)
    learner = await courses.make_person(tx)
    await courses.enrol(tx, course_id, learner)
    return Classroom(lecture.id, course_id, instructor, learner)


async def make_learner(tx: Writer, room: Classroom, status: str = "active") -> Actor:
    person = await courses.make_person(tx)
    await courses.enrol(tx, room.course_id, person, status=status)
    return person


async def make_visitor(tx: Writer) -> Actor:
    """Somebody who is signed in and has not enrolled."""
    return await courses.make_person(tx)


async def has_completed(tx: Reader, room: Classroom, person: Actor) -> bool:
    """Whether the quiz lecture counts as completed for somebody."""
    return await tx.one(_HAS_COMPLETED, room.course_id, room.lecture_id, person.user_id)


async def headers_of(database: Database, settings: Settings, actor: Actor | None) -> dict[str, str]:
    """The header that signs a person in; none for nobody."""
    if actor is None:
        return {}
    account = await database.reader().one(FIND_ACCOUNT, actor.user_id)
    signed_in = await users.open_session(database, settings, account)
    return {"authorization": f"Bearer {signed_in.access_token}"}


def with_scopes(actor: Actor, *names: str) -> Actor:
    """The actor by an API key that may do no more than `names`."""
    return msgspec.structs.replace(actor, scopes=frozenset(names))


CAPITAL = QuestionDefinition(
    kind="multiple_choice",
    html="<p>The capital of France?</p>",
    title="Capitals",
    choices=(
        ChoiceDefinition(html="Lyon", is_correct=False, feedback_html="KEY-feedback-lyon"),
        ChoiceDefinition(html="Paris", is_correct=True, unchosen_feedback_html="KEY-missed-paris"),
    ),
    explanation_html="KEY-explanation-capital",
    points=2,
)
PRIMES = QuestionDefinition(
    kind="multiple_response",
    html="<p>Which are prime?</p>",
    choices=tuple(
        ChoiceDefinition(html=f"number {number}", is_correct=number in (2, 3, 5))
        for number in (1, 2, 3, 4, 5)
    ),
    points=3,
)
ROUND = QuestionDefinition(
    kind="true_false",
    html="The earth is flat.",
    choices=(
        ChoiceDefinition(html="True", is_correct=False),
        ChoiceDefinition(html="False", is_correct=True),
    ),
)
TELESCOPE = QuestionDefinition(
    kind="short_answer",
    html="Which telescope?",
    answers=(
        AnswerDefinition(text="KEY-Hubble", feedback_html="KEY-feedback-hubble"),
        AnswerDefinition(text="KEY-H.bble", is_pattern=True),
    ),
)
GRAVITY = QuestionDefinition(
    kind="short_answer",
    html="g in m/s²?",
    answers=(AnswerDefinition(number=NumberDefinition(value=9.81, tolerance=0.01)),),
)
EVERY_KIND = (CAPITAL, PRIMES, ROUND, TELESCOPE, GRAVITY)


def quiz(**changes: Any) -> QuizDefinition:
    """A quiz of one question of each kind, 8 points in all."""
    return QuizDefinition(**{"title": "Final test", "questions": EVERY_KIND, **changes})


def question(source: QuestionDefinition = CAPITAL, **changes: Any) -> QuestionDefinition:
    """A question, changed."""
    return msgspec.structs.replace(source, **changes)


def right_answers(attempt: Attempt) -> tuple[AnswerGiven, ...]:
    """The right answers to an attempt at `quiz()`, in the order of its questions."""
    right = {choice.html for source in EVERY_KIND for choice in source.choices if choice.is_correct}
    answers = []
    for asked in attempt.questions:
        if asked.choices:
            chosen = tuple(choice.id for choice in asked.choices if choice.html in right)
            answers.append(AnswerGiven(question_id=asked.question_id, choice_ids=chosen))
        elif asked.html == GRAVITY.html:
            answers.append(AnswerGiven(question_id=asked.question_id, value=9.81))
        else:
            answers.append(AnswerGiven(question_id=asked.question_id, text="key-hubble"))
    return tuple(answers)
