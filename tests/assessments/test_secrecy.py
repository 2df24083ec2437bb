"""N114: nothing of a key reaches a learner before, during, or (unless the quiz says so) after an
attempt. Found by comparing what a learner gets with everything that its author wrote."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from lyceum.assessments.schemas import AnswerGiven
from lyceum.assessments.service import authoring, reading, submission, taking
from lyceum.platform.database import Writer
from tests.assessments import factories
from tests.assessments.factories import Classroom

# What the author writes and a learner may read: nothing else of the whole may reappear.
PUBLIC_PATHS = {
    "lectureId", "courseId", "title", "passingPercent", "attemptsAllowed", "timeLimitSeconds",
    "showsAnswers", "questionCount", "questions.kind", "questions.title", "questions.html",
    "questions.choices.html",
}  # fmt: skip
NEVER = {
    "isCorrect", "points", "maxPoints", "answers", "feedbackHtml", "unchosenFeedbackHtml",
    "explanationHtml", "scoring", "isCaseSensitive", "sourceKey", "review", "seed",
    "correctChoiceIds", "acceptedAnswers", "shufflesQuestions",
}  # fmt: skip


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar of a document with the names that lead to it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def names(value: Any) -> set[str]:
    """Every member name in a document whose value is not null."""
    if isinstance(value, dict):
        inner = [names(part) for part in value.values()]
        return {name for name, part in value.items() if part is not None}.union(*inner)
    return set().union(*(names(part) for part in value)) if isinstance(value, list) else set()


def document(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.fixture
async def room(tx: Writer) -> Classroom:
    return await factories.make_classroom(tx)


async def test_a_learner_never_gets_the_key(tx: Writer, room: Classroom) -> None:
    definition = factories.quiz(
        shows_answers="never",
        questions=tuple(
            factories.question(q, source_key=f"KEY-{n}", points=0.125 * (n + 3))
            for n, q in enumerate(factories.EVERY_KIND)
        ),
    )
    full, _ = await authoring.create_quiz(tx, room.instructor, room.lecture_id, definition)
    written = list(leaves(document(full)))
    public = {value for path, value in written if path in PUBLIC_PATHS}
    secret = {value for path, value in written if path not in PUBLIC_PATHS} - public
    secret = {value for value in secret if isinstance(value, str | float) and value != ""}
    secret -= {str(full.id), *(str(q.id) for q in full.questions), "full", full.max_points}
    assert {"KEY-Hubble", "KEY-4", "KEY-explanation-capital", 9.8, 0.375} <= secret

    seen = [document(view) for view in await _everything_a_learner_gets(tx, room)]
    for view in seen:
        assert not secret & {value for _, value in leaves(view) if isinstance(value, str | float)}
        assert "KEY-" not in msgspec.json.encode(view).decode()
        inside = view.get("questions", [])
        assert not names(inside) & NEVER
        assert not (names(view) & NEVER) - {"points", "maxPoints"}
    outline = seen[0]
    assert not names(outline) & {"questions", "choices", "html"}


async def _everything_a_learner_gets(tx: Writer, room: Classroom) -> list[object]:
    outline, _ = await reading.get_quiz_of_lecture(tx, room.learner, room.lecture_id)
    views: list[object] = [outline]
    attempt, _ = await taking.start_attempt(tx, room.learner, outline.id)
    views.append(attempt)
    for question, choice in ((q, q.choices[0]) for q in attempt.questions if q.choices):
        given = AnswerGiven(question_id=question.question_id, choice_ids=(choice.id,))
        views.append(await taking.save_answers(tx, room.learner, attempt.id, (given,)))
    views.append((await taking.start_attempt(tx, room.learner, outline.id))[0])
    views.append(await submission.get_attempt(tx, room.learner, attempt.id))
    views.append(await submission.submit_attempt(tx, room.learner, attempt.id))
    views.append(await submission.get_attempt(tx, room.learner, attempt.id))
    listed = await reading.list_attempts(tx, room.learner, outline.id, before=None, limit=9)
    views.extend(listed)
    views.append((await reading.get_quiz(tx, room.learner, outline.id))[0])
    return views


async def test_a_running_attempt_shows_no_key_even_where_answers_are_shown(
    tx: Writer, room: Classroom
) -> None:
    full, _ = await authoring.create_quiz(
        tx, room.instructor, room.lecture_id, factories.quiz(shows_answers="after_attempt")
    )
    first, _ = await taking.start_attempt(tx, room.learner, full.id)
    await submission.submit_attempt(tx, room.learner, first.id)
    running, _ = await taking.start_attempt(tx, room.learner, full.id)
    for view in (running, await submission.get_attempt(tx, room.instructor, running.id)):
        assert not names(document(view)) & NEVER
        assert b"KEY-" not in msgspec.json.encode(view)
