"""Writing quizzes: their rules and their questions.

Nothing here touches an attempt: attempts point at revisions of questions, which never change.
"""

from uuid import UUID

import msgspec

from lyceum.assessments import queries
from lyceum.assessments.errors import QuizExists
from lyceum.assessments.records import Question, QuizRow, RevisionRow
from lyceum.assessments.schemas import (
    MAX_PATTERNS,
    FullQuiz,
    QuestionDefinition,
    QuizChanges,
    QuizDefinition,
)
from lyceum.assessments.service import access
from lyceum.assessments.service.reading import show_full_quiz
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.richtext import clean_text


async def create_quiz(
    tx: Writer, actor: Actor, lecture_id: UUID, definition: QuizDefinition
) -> tuple[FullQuiz, int]:
    """Give a lecture its quiz; return it with its version. QuizExists when it has one."""
    lecture = await access.get_quiz_lecture(tx, actor, lecture_id)
    quiz_id = await _add_quiz(tx, lecture_id, lecture.course_id, definition)
    if quiz_id is None:
        present = await tx.one(queries.FIND_QUIZ_OF_LECTURE, lecture_id)
        raise QuizExists(quiz_id=present.id)
    await _write_questions(tx, quiz_id, definition.questions)
    return await show_full_quiz(tx, actor, await tx.one(queries.FIND_QUIZ, quiz_id))


async def put_quiz(tx: Writer, actor: Actor, lecture_id: UUID, definition: QuizDefinition) -> UUID:
    """Make the quiz of a lecture what `definition` says, whether there was one or not; return its
    id. Questions keep their identity by `id` or `source_key`."""
    lecture = await access.get_quiz_lecture(tx, actor, lecture_id)
    quiz_id = await _add_quiz(tx, lecture_id, lecture.course_id, definition)
    if quiz_id is None:
        quiz = await tx.one(queries.LOCK_QUIZ_OF_LECTURE, lecture_id)
        quiz_id = quiz.id
        await tx.execute(queries.CHANGE_QUIZ, quiz_id, *_rules_of(definition))
    await _write_questions(tx, quiz_id, definition.questions)
    return quiz_id


async def read_quiz(tx: Reader, actor: Actor, lecture_id: UUID) -> QuizDefinition | None:
    """Return the quiz of a lecture that the actor may change, as its definition."""
    await access.get_quiz_lecture(tx, actor, lecture_id)
    quiz = await tx.one_or_none(queries.FIND_QUIZ_OF_LECTURE, lecture_id)
    if quiz is None:
        return None
    rows = await tx.all(queries.LIST_QUESTIONS, quiz.id)
    return QuizDefinition(
        title=quiz.title,
        passing_percent=quiz.passing_percent,
        attempts_allowed=quiz.attempts_allowed,
        time_limit_seconds=quiz.time_limit_seconds,
        shuffles_questions=quiz.shuffles_questions,
        shows_answers=quiz.shows_answers,
        questions=tuple(Question.of_row(row).to_definition(_key_of(row)) for row in rows),
    )


def _key_of(row: RevisionRow) -> str:
    return row.source_key or f"question/{row.question_id}"


async def update_quiz(
    tx: Writer, actor: Actor, quiz_id: UUID, changes: QuizChanges, if_match: int | None
) -> tuple[FullQuiz, int]:
    """Change a quiz's rules; return it with its new version."""
    quiz = await _lock_quiz(tx, actor, quiz_id, if_match)
    changed = msgspec.structs.replace(quiz, **changes.changes())
    await tx.execute(queries.CHANGE_QUIZ, quiz_id, *_rules_of(changed))
    return await show_full_quiz(tx, actor, await tx.one(queries.FIND_QUIZ, quiz_id))


async def replace_questions(
    tx: Writer,
    actor: Actor,
    quiz_id: UUID,
    questions: tuple[QuestionDefinition, ...],
    if_match: int | None,
) -> tuple[FullQuiz, int]:
    """Make `questions` all that the quiz asks; return it with its new version."""
    await _lock_quiz(tx, actor, quiz_id, if_match)
    await _write_questions(tx, quiz_id, questions)
    return await show_full_quiz(tx, actor, await tx.one(queries.FIND_QUIZ, quiz_id))


async def delete_quiz(tx: Writer, actor: Actor, quiz_id: UUID, if_match: int | None) -> None:
    """Delete a quiz; its attempts stay, and those under way may be finished."""
    await _lock_quiz(tx, actor, quiz_id, if_match)
    await tx.execute(queries.DELETE_QUIZ, quiz_id)


async def _lock_quiz(tx: Writer, actor: Actor, quiz_id: UUID, if_match: int | None) -> QuizRow:
    await access.get_editable_quiz(tx, actor, quiz_id)
    quiz = await tx.one_or_none(queries.LOCK_QUIZ, quiz_id)
    if quiz is None:
        raise errors.NotFound
    if if_match is not None and if_match != quiz.version:
        raise errors.PreconditionFailed
    return quiz


async def _add_quiz(
    tx: Writer, lecture_id: UUID, course_id: UUID, definition: QuizDefinition
) -> UUID | None:
    """Add a quiz without questions; None when the lecture has one already."""
    rules = _rules_of(definition)
    return await tx.one_or_none(queries.ADD_QUIZ, ids.new_id(), lecture_id, course_id, *rules)


def _rules_of(source: QuizDefinition | QuizRow) -> tuple[object, ...]:
    title = clean_text(source.title)
    if not title:
        raise errors.ValidationFailed("", errors.FieldError("/title", "Give the quiz a title"))
    return (
        title,
        source.passing_percent,
        source.attempts_allowed,
        source.time_limit_seconds,
        source.shuffles_questions,
        source.shows_answers,
    )


async def _write_questions(
    tx: Writer, quiz_id: UUID, definitions: tuple[QuestionDefinition, ...]
) -> None:
    """Make `definitions` the questions of a quiz that is locked.

    A question that did not change keeps its revision, so writing the same again stores nothing.
    """
    # Each takes memory and time to compile, and a submission uses all.
    if sum(answer.is_pattern for d in definitions for answer in d.answers) > MAX_PATTERNS:
        raise _invalid("/questions", f"A quiz has {MAX_PATTERNS} patterns at most")
    present = await tx.all(queries.LIST_QUESTIONS, quiz_id)
    matched = _match(definitions, present)
    placed: list[UUID] = []
    added: list[tuple[object, ...]] = []
    for index, definition in enumerate(definitions):
        question = Question.of_definition(definition, f"/questions/{index}")
        row = matched[index]
        if row is not None and _is_same(row, question, definition.source_key):
            placed.append(row.id)
            continue
        revision_id = ids.new_id()
        placed.append(revision_id)
        added.append(
            (
                revision_id,
                quiz_id,
                ids.new_id() if row is None else row.question_id,
                question.kind,
                question.points_milli,
                msgspec.json.encode(question.content),
                definition.source_key,
            )
        )
    if added:
        await tx.execute_many(queries.ADD_REVISION, added)
    await tx.execute(queries.CLEAR_QUESTIONS, quiz_id)
    await tx.execute(queries.PLACE_QUESTIONS, quiz_id, placed)
    await tx.execute(queries.PURGE_REVISIONS, quiz_id)
    await tx.execute(queries.COUNT_QUESTIONS, quiz_id, len(placed))


def _is_same(row: RevisionRow, question: Question, source_key: str | None) -> bool:
    return row.source_key == source_key and Question.of_row(row) == question


def _match(
    definitions: tuple[QuestionDefinition, ...], present: list[RevisionRow]
) -> list[RevisionRow | None]:
    """Return for each definition the present question that it is a new version of.

    ValidationFailed for an id that the quiz does not have, and for a question named twice.
    """
    by_id = {row.question_id: row for row in present}
    by_source = {row.source_key: row for row in present if row.source_key}
    matched: list[RevisionRow | None] = []
    taken: set[UUID] = set()
    sources: set[str] = set()
    for index, definition in enumerate(definitions):
        pointer = f"/questions/{index}"
        source = definition.source_key
        row = by_source.get(source) if source else None
        if definition.id is not None:
            row = by_id.get(definition.id)
            if row is None:
                raise _invalid(f"{pointer}/id", "The quiz has no question of this id")
        if row is not None and row.question_id in taken:
            raise _invalid(f"{pointer}/id", "This question is named twice")
        if source in sources:
            raise _invalid(f"{pointer}/sourceKey", "This source key is used twice")
        if row is not None:
            taken.add(row.question_id)
        if source:
            sources.add(source)
        matched.append(row)
    return matched


def _invalid(pointer: str, message: str) -> errors.ValidationFailed:
    return errors.ValidationFailed("", errors.FieldError(pointer, message))
