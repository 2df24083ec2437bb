"""Showing attempts: to whom, and whether with what would have been right."""

from uuid import UUID

from lyceum.assessments import permissions, queries
from lyceum.assessments.records import (
    AcceptedAnswer,
    Answer,
    AttemptItem,
    AttemptRow,
    Question,
    QuizFacts,
    decode_answer,
)
from lyceum.assessments.schemas import (
    Attempt,
    AttemptAnswer,
    AttemptChoice,
    AttemptQuestion,
    AttemptResult,
    QuestionReview,
)
from lyceum.assessments.service.grading import Grade, Score
from lyceum.courses import api as courses
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader


async def get_visible_attempt(tx: Reader, actor: Actor, attempt_id: UUID) -> AttemptRow:
    """Return an attempt of the actor's own, or of a quiz that the actor may change."""
    attempt = await tx.one_or_none(queries.FIND_ATTEMPT, attempt_id)
    if attempt is None:
        raise errors.NotFound
    if attempt.user_id != actor.user_id:
        quiz = await tx.one(queries.FIND_QUIZ_FACTS, attempt.quiz_id)
        if not await _sees_keys(tx, actor, quiz):
            raise errors.NotFound
    return attempt


async def show_attempt(tx: Reader, actor: Actor, attempt: AttemptRow) -> Attempt:
    """Return an attempt that is visible to the actor, with as much as the actor may see of it."""
    quiz = await tx.one(queries.FIND_QUIZ_FACTS, attempt.quiz_id)
    items = await tx.all(queries.LIST_ITEMS, attempt.id)
    is_reviewed = attempt.status == "submitted" and await _shows_answers(tx, actor, attempt, quiz)
    return Attempt(
        id=attempt.id,
        quiz_id=quiz.id,
        lecture_id=quiz.lecture_id,
        title=quiz.title,
        user_id=attempt.user_id,
        number=attempt.number,
        is_preview=attempt.is_preview,
        status=attempt.status,
        passing_percent=attempt.passing_percent,
        started_at=attempt.started_at,
        deadline_at=attempt.deadline_at,
        saved_at=attempt.saved_at,
        questions=tuple(
            _review_question(item) if is_reviewed else _ask_question(item) for item in items
        ),
        result=_result_of(attempt),
    )


async def _shows_answers(tx: Reader, actor: Actor, attempt: AttemptRow, quiz: QuizFacts) -> bool:
    """Whether keys are shown after the attempt: by the quiz's rule, and always to its editors."""
    if attempt.is_preview or attempt.user_id != actor.user_id:
        return await _sees_keys(tx, actor, quiz)
    if quiz.shows_answers != "after_passing":
        return quiz.shows_answers == "after_attempt"
    candidate = await tx.one_or_none(queries.FIND_CANDIDATE, quiz.id, attempt.user_id)
    return candidate is not None and candidate.passed_at is not None


async def _sees_keys(tx: Reader, actor: Actor, quiz: QuizFacts) -> bool:
    lecture = await courses.get_lecture(tx, actor, quiz.lecture_id)
    return permissions.sees_keys(actor, lecture)


def _ask_question(item: AttemptItem) -> AttemptQuestion:
    return _show_question(item, Question.of_item(item), None)


def _review_question(item: AttemptItem) -> AttemptQuestion:
    question = Question.of_item(item)
    content = question.content
    grade = Grade.of(question, _answer_of(item))
    review = QuestionReview(
        is_correct=bool(item.is_correct),
        points=(item.points_milli or 0) / 1000,
        max_points=item.max_points_milli / 1000,
        correct_choice_ids=tuple(
            choice_id
            for choice_id, choice in zip(item.choice_ids, content.choices, strict=True)
            if choice.is_correct
        ),
        accepted_answers=tuple(
            _describe(answer) for answer in content.answers if not answer.is_pattern
        ),
        feedback_html=grade.feedback_html,
        explanation_html=content.explanation_html,
    )
    return _show_question(item, question, review)


def _show_question(
    item: AttemptItem, question: Question, review: QuestionReview | None
) -> AttemptQuestion:
    content = question.content
    answer = _answer_of(item)
    return AttemptQuestion(
        question_id=item.question_id,
        kind=item.kind,
        title=content.title,
        html=content.html,
        choices=tuple(
            AttemptChoice(id=choice_id, html=choice.html)
            for choice_id, choice in zip(item.choice_ids, content.choices, strict=True)
        ),
        answer=None if answer is None else _show_answer(item, answer),
        review=review,
    )


def _answer_of(item: AttemptItem) -> Answer | None:
    return None if item.answer is None else decode_answer(item.answer)


def _show_answer(item: AttemptItem, answer: Answer) -> AttemptAnswer:
    chosen = answer.choices
    return AttemptAnswer(
        choice_ids=None if chosen is None else tuple(item.choice_ids[index] for index in chosen),
        text=answer.text,
        value=None if answer.value is None else float(answer.value),
    )


def _describe(answer: AcceptedAnswer) -> str:
    """Return an accepted answer in words; of a number as its author put it, or its range."""
    number = answer.number
    if number is None or answer.text:
        return answer.text
    if number.lowest == number.highest:
        return f"{number.lowest}"
    lowest = "" if number.lowest is None else f"{number.lowest}"
    highest = "" if number.highest is None else f"{number.highest}"
    opening = "(" if number.is_lowest_open or not lowest else "["
    closing = ")" if number.is_highest_open or not highest else "]"
    return f"{opening}{lowest}, {highest}{closing}"


def _result_of(attempt: AttemptRow) -> AttemptResult | None:
    points, most = attempt.points_milli, attempt.max_points_milli
    submitted_at, closed_by = attempt.submitted_at, attempt.closed_by
    receipt_id = attempt.receipt_id
    if (
        points is None
        or most is None
        or submitted_at is None
        or closed_by is None
        or receipt_id is None
    ):
        return None
    return AttemptResult(
        points=points / 1000,
        max_points=most / 1000,
        percent=Score(points, most).percent_hundredths / 100,
        is_passed=bool(attempt.is_passed),
        submitted_at=submitted_at,
        closed_by=closed_by,
        receipt_id=receipt_id,
    )
