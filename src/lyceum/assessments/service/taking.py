"""Beginning attempts, and keeping their answers. Not here: closing them (`submission`)."""

import random
from typing import Final
from uuid import UUID, uuid4

import msgspec

from lyceum.assessments import permissions, queries
from lyceum.assessments.errors import AttemptClosed, AttemptsUsedUp, DeadlinePassed, QuizEmpty
from lyceum.assessments.records import Answer, AttemptRow, OfferedItem, Question, QuizRow, exactly
from lyceum.assessments.schemas import AnswerGiven, AnswersSaved, Attempt
from lyceum.assessments.service import access
from lyceum.assessments.service.showing import get_visible_attempt, show_attempt
from lyceum.assessments.service.submission import close_attempt
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer

# The system's randomness: an order that can be foretold gives away what others were asked.
_RANDOM: Final = random.SystemRandom()


async def start_attempt(tx: Writer, actor: Actor, quiz_id: UUID) -> tuple[Attempt, bool]:
    """Begin an attempt, or resume the one under way; return it and whether it is new.

    An attempt keeps the questions as they are now. Editors get a preview that counts for nothing
    and replaces their last one. Raises NotEnrolled, QuizEmpty, AttemptsUsedUp.
    """
    user_id = actor.require_user()
    quiz, lecture = await access.get_visible_quiz(tx, actor, quiz_id)
    permissions.require_candidate(actor, lecture)
    is_preview = permissions.sees_keys(actor, lecture)
    await tx.one(queries.LOCK_CANDIDATE, quiz.id, user_id)
    running = await tx.one_or_none(queries.LOCK_RUNNING_ATTEMPT, quiz.id, user_id)
    if running is not None and running.is_overdue:
        await close_attempt(tx, actor, running, "deadline")
    elif running is not None and (is_preview or not running.is_preview):
        return await show_attempt(tx, actor, running), False
    await tx.execute(queries.DELETE_PREVIEWS, quiz.id, user_id)
    attempt = await _begin(tx, quiz.id, user_id, is_preview=is_preview)
    return await show_attempt(tx, actor, attempt), True


async def save_answers(
    tx: Writer, actor: Actor, attempt_id: UUID, answers: tuple[AnswerGiven, ...]
) -> AnswersSaved:
    """Keep answers of one's own attempt under way, the last for each question.

    Raises AttemptClosed, or DeadlinePassed from two seconds after the deadline on; then nothing
    of it is kept.
    """
    user_id = actor.require_user()
    _require_sound(answers)
    attempt = await tx.one_or_none(queries.TOUCH_ATTEMPT, attempt_id, user_id)
    if attempt is None or attempt.saved_at is None:
        raise _refusal(await get_visible_attempt(tx, actor, attempt_id), user_id)
    named = [answer.question_id for answer in answers]
    offered = await tx.all(queries.LIST_OFFERED, attempt_id, named)
    items = {item.question_id: item for item in offered}
    kept = []
    for index, answer in enumerate(answers):
        item, document = _fit(answer, items, f"/answers/{index}")
        kept.append((attempt_id, item.position, msgspec.json.encode(document)))
    if kept:
        await tx.execute_many(queries.KEEP_ANSWER, kept)
    return AnswersSaved(
        attempt_id=attempt_id, saved_at=attempt.saved_at, deadline_at=attempt.deadline_at
    )


async def _begin(tx: Writer, quiz_id: UUID, user_id: UUID, *, is_preview: bool) -> AttemptRow:
    """Add an attempt; the candidate is locked."""
    quiz = await tx.one_or_none(queries.HOLD_QUIZ, quiz_id)
    if quiz is None:
        raise errors.NotFound
    if quiz.question_count == 0:
        raise QuizEmpty
    number = None if is_preview else await _count_attempt(tx, quiz, user_id)
    attempt = await tx.one(
        queries.ADD_ATTEMPT,
        ids.new_id(),
        quiz.id,
        user_id,
        number,
        quiz.passing_percent,
        quiz.time_limit_seconds,
    )
    questions = await tx.all(queries.LIST_QUESTIONS, quiz.id)
    if quiz.shuffles_questions:
        _RANDOM.shuffle(questions)
    items: list[tuple[object, ...]] = []
    for position, row in enumerate(questions, start=1):
        # Not ours, which increase: these must not tell one attempt's order from another's.
        choice_ids = [uuid4() for _ in Question.of_row(row).content.choices]
        items.append((attempt.id, position, row.question_id, row.id, choice_ids))
    await tx.execute_many(queries.ADD_ITEM, items)
    return attempt


async def _count_attempt(tx: Writer, quiz: QuizRow, user_id: UUID) -> int:
    """Count one more attempt of the locked candidate and return its number."""
    number = await tx.one(queries.COUNT_ATTEMPT, quiz.id, user_id)
    if quiz.attempts_allowed is not None and number > quiz.attempts_allowed:
        raise AttemptsUsedUp(attempts_allowed=quiz.attempts_allowed)
    return number


def _refusal(attempt: AttemptRow, user_id: UUID) -> errors.Fact:
    """Return why answers to a visible attempt are not kept."""
    if attempt.user_id != user_id:
        return errors.Forbidden("Only the learner may answer this.")
    if attempt.status == "in_progress" and attempt.deadline_at is not None:
        return DeadlinePassed(deadline_at=clock.rfc3339(attempt.deadline_at))
    return AttemptClosed(attempt_id=attempt.id)


def _require_sound(answers: tuple[AnswerGiven, ...]) -> None:
    seen: set[UUID] = set()
    for index, answer in enumerate(answers):
        fault = answer.find_fault()
        if answer.question_id in seen:
            fault = "This question is answered twice"
        if fault:
            raise _invalid(f"/answers/{index}", fault)
        seen.add(answer.question_id)


def _fit(
    answer: AnswerGiven, items: dict[UUID, OfferedItem], pointer: str
) -> tuple[OfferedItem, Answer]:
    """Return the item that is answered and the document of the answer."""
    item = items.get(answer.question_id)
    if item is None:
        raise _invalid(f"{pointer}/questionId", "The attempt has no question of this id")
    if item.kind == "short_answer":
        if answer.choice_ids is not None:
            raise _invalid(f"{pointer}/choiceIds", "This question takes a text or a value")
        value = None if answer.value is None else exactly(answer.value)
        return item, Answer(text=answer.text, value=value)
    if answer.choice_ids is None:
        raise _invalid(pointer, "This question takes choiceIds")
    if item.kind != "multiple_response" and len(answer.choice_ids) > 1:
        raise _invalid(f"{pointer}/choiceIds", "This question takes one choice")
    places = {choice_id: place for place, choice_id in enumerate(item.choice_ids)}
    if not places.keys() >= set(answer.choice_ids):
        raise _invalid(f"{pointer}/choiceIds", "The question does not offer this choice")
    return item, Answer(choices=tuple(sorted(places[c] for c in answer.choice_ids)))


def _invalid(pointer: str, message: str) -> errors.ValidationFailed:
    return errors.ValidationFailed("", errors.FieldError(pointer, message))
