"""Loads the demo academy through the same use cases as everybody's requests."""

import asyncio
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.app import services
from lyceum.app.demo.accounts import PASSWORD, load_source
from lyceum.app.engines import open_engines
from lyceum.assessments import api as assessments
from lyceum.assessments.schemas import AnswerGiven, AttemptQuestion, QuestionKind
from lyceum.assessments.service import reading, submission, taking
from lyceum.courses import api as courses
from lyceum.courses import errors as course_errors
from lyceum.courses.schemas.courses import CourseChanges
from lyceum.courses.schemas.progress import ProgressUpdate
from lyceum.courses.schemas.reviews import NewReview
from lyceum.courses.service import courses as authoring
from lyceum.courses.service import enrolment, progress, reviews
from lyceum.platform import runner
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.settings import Settings
from lyceum.users import api as users

SEEDER: Final = system_actor("demo academy")


class Person(msgspec.Struct, frozen=True):
    """Somebody of the demo academy."""

    email: str
    first_name: str
    last_name: str
    role: str


class Question(msgspec.Struct, frozen=True):
    """A question as the demo's file has it."""

    kind: str
    text: str
    choices: list[str] = []
    correct: list[int] | bool = []
    accepted: list[str] = []
    value: float | None = None
    tolerance: float = 0.0
    explanation: str = ""


class Lecture(msgspec.Struct, frozen=True):
    """A lecture; a quiz has questions."""

    title: str
    content: str
    type: str = "text"
    minutes: int = 5
    passing_percent: int = 50
    time_limit_minutes: int | None = None
    questions: list[Question] = []


class Chapter(msgspec.Struct, frozen=True):
    """A chapter."""

    title: str
    lectures: list[Lecture]


class Course(msgspec.Struct, frozen=True):
    """A course; `key` is what repeating the seed knows it by."""

    key: str
    title: str
    subtitle: str
    category: str
    difficulty: str
    tags: list[str]
    instructor: str
    objectives: list[str]
    description: str
    chapters: list[Chapter]


class Learning(msgspec.Struct, frozen=True):
    """How far somebody is in a course: a share of its lectures that are not quizzes."""

    learner: str
    course: str
    share: float
    passes_quizzes: bool = False
    rating: int | None = None
    review: str = ""


class Academy(msgspec.Struct, frozen=True):
    """The whole file."""

    people: list[Person]
    courses: list[Course]
    learning: list[Learning]


def load_academy() -> Academy:
    """Read the file of the demo academy."""
    return msgspec.convert(load_source(), Academy)


def seed_once(settings: Settings, dsn: str) -> None:
    """Load the demo academy, in a process that has neither engines nor an event loop."""

    async def run() -> None:
        async with open_engines(settings, dsn) as engines:
            await seed(engines)

    services.load_handlers("all")
    asyncio.run(run())


async def seed(engines: Engines) -> None:
    """Load the demo academy, all or nothing; repeating it changes nothing that is there."""
    academy = load_academy()
    async with engines.database.transaction() as tx:
        people = {person.email: await _add_person(tx, person) for person in academy.people}
        for course in academy.courses:
            await _add_course(tx, course, people)
        for learning in academy.learning:
            course = next(c for c in academy.courses if c.key == learning.course)
            await _learn(tx, learning, course, people)
    await runner.drain(engines, users.actor_for)


async def _add_person(tx: Writer, person: Person) -> UUID:
    return await users.ensure_account(
        tx,
        SEEDER,
        email=person.email,
        password=PASSWORD,
        first_name=person.first_name,
        last_name=person.last_name,
        roles=(person.role,),
    )


def _draft(course: Course) -> courses.CourseDraft:
    return courses.CourseDraft(
        source_key=f"demo:{course.key}",
        title=course.title,
        subtitle=course.subtitle,
        description=course.description,
        category=course.category,
        chapters=tuple(
            courses.ChapterDraft(
                source_key=f"{number}",
                title=chapter.title,
                lectures=tuple(
                    courses.LectureDraft(
                        source_key=f"{number}.{place}",
                        title=lecture.title,
                        type=lecture.type,
                        content=lecture.content,
                        duration_seconds=lecture.minutes * 60,
                    )
                    for place, lecture in enumerate(chapter.lectures, 1)
                ),
            )
            for number, chapter in enumerate(course.chapters, 1)
        ),
    )


async def _add_course(tx: Writer, course: Course, people: dict[str, UUID]) -> None:
    owner = await users.actor_for(tx, people[course.instructor])
    owner_id = people[course.instructor]
    stored = await courses.store_course(tx, owner, owner_id=owner_id, draft=_draft(course))
    if not stored.is_new:
        return
    changes: dict[str, Any] = {
        "difficulty": course.difficulty,
        "tags": tuple(course.tags),
        "objectives": tuple(course.objectives),
    }
    await authoring.update_course(tx, owner, str(stored.course_id), CourseChanges(**changes), None)
    for key, lecture in _lectures(course):
        if lecture.type == "quiz":
            await assessments.put_quiz(tx, owner, stored.lecture_ids[key], _quiz(lecture))
    await authoring.publish_course(tx, owner, stored.course_id)


def _lectures(course: Course) -> list[tuple[str, Lecture]]:
    return [
        (f"{number}.{place}", lecture)
        for number, chapter in enumerate(course.chapters, 1)
        for place, lecture in enumerate(chapter.lectures, 1)
    ]


def _quiz(lecture: Lecture) -> assessments.QuizDefinition:
    limit = lecture.time_limit_minutes
    return assessments.QuizDefinition(
        title=lecture.title,
        passing_percent=lecture.passing_percent,
        time_limit_seconds=limit * 60 if limit else None,
        questions=tuple(_question(question) for question in lecture.questions),
    )


def _question(question: Question) -> assessments.QuestionDefinition:
    texts, correct = question.choices, question.correct
    if isinstance(correct, bool):
        texts, correct = ["True", "False"], [0 if correct else 1]
    kind = "short_answer" if question.kind == "numeric" else question.kind
    answers = [assessments.AnswerDefinition(text=text) for text in question.accepted]
    if question.value is not None:
        number = assessments.NumberDefinition(value=question.value, tolerance=question.tolerance)
        answers.append(assessments.AnswerDefinition(text=f"{question.value:g}", number=number))
    return assessments.QuestionDefinition(
        kind=msgspec.convert(kind, QuestionKind),
        html=question.text,
        choices=tuple(
            assessments.ChoiceDefinition(html=text, is_correct=place in correct)
            for place, text in enumerate(texts)
        ),
        answers=tuple(answers),
        explanation_html=question.explanation,
    )


async def _learn(tx: Writer, learning: Learning, course: Course, people: dict[str, UUID]) -> None:
    """Enrol a learner and take them as far as the file says; nothing if they are enrolled."""
    owner_id, learner_id = people[course.instructor], people[learning.learner]
    owner = await users.actor_for(tx, owner_id)
    learner = await users.actor_for(tx, learner_id)
    stored = await courses.store_course(tx, owner, owner_id=owner_id, draft=_draft(course))
    try:
        await enrolment.enrol(tx, learner, stored.course_id)
    except course_errors.AlreadyEnrolled:
        return
    reading_keys = [key for key, lecture in _lectures(course) if lecture.type != "quiz"]
    for key in reading_keys[: round(len(reading_keys) * learning.share)]:
        update = ProgressUpdate(
            lecture_id=stored.lecture_ids[key], completed=True, time_spent_seconds=5
        )
        await progress.record_progress(tx, learner, stored.course_id, update)
    for key, lecture in _lectures(course):
        if lecture.type == "quiz" and learning.passes_quizzes:
            quiz, _ = await reading.get_quiz_of_lecture(tx, learner, stored.lecture_ids[key])
            attempt, _ = await taking.start_attempt(tx, learner, quiz.id)
            answers = tuple(_answer(asked, lecture) for asked in attempt.questions)
            await taking.save_answers(tx, learner, attempt.id, answers)
            await submission.submit_attempt(tx, learner, attempt.id)
    if learning.rating:
        review = NewReview(rating=learning.rating, text=learning.review)
        await reviews.post_review(tx, learner, stored.course_id, review)


def _answer(asked: AttemptQuestion, lecture: Lecture) -> AnswerGiven:
    """Return the right answer to a question of an attempt."""
    question = _question(next(q for q in lecture.questions if q.text == asked.html))
    if question.answers:
        return AnswerGiven(question_id=asked.question_id, text=question.answers[0].text)
    right = {choice.html for choice in question.choices if choice.is_correct}
    chosen = tuple(choice.id for choice in asked.choices if choice.html in right)
    return AnswerGiven(question_id=asked.question_id, choice_ids=chosen)
