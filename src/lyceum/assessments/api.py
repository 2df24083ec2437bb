"""What other domains may ask of assessments: to give a lecture its quiz."""

from uuid import UUID

import msgspec

from lyceum.assessments.records import Question
from lyceum.assessments.schemas import MAX_PATTERNS as MAX_PATTERNS
from lyceum.assessments.schemas import MAX_QUESTIONS as MAX_QUESTIONS
from lyceum.assessments.schemas import AnswerDefinition as AnswerDefinition
from lyceum.assessments.schemas import ChoiceDefinition as ChoiceDefinition
from lyceum.assessments.schemas import NumberDefinition as NumberDefinition
from lyceum.assessments.schemas import QuestionDefinition as QuestionDefinition
from lyceum.assessments.schemas import QuizDefinition as QuizDefinition
from lyceum.assessments.service import authoring
from lyceum.platform import errors, wire
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer


def find_fault(question: QuestionDefinition) -> str | None:
    """Return why `put_quiz` would refuse the question, in words for its author, or None."""
    try:
        Question.of_definition(
            msgspec.convert(msgspec.to_builtins(question), QuestionDefinition, str_keys=True)
        )
    except msgspec.ValidationError as problem:
        return str(problem)
    except errors.ValidationFailed as problem:
        return problem.detail
    return None


async def read_quiz(tx: Reader, actor: Actor, lecture_id: UUID) -> QuizDefinition | None:
    """Return the quiz of a lecture with its keys, as `put_quiz` would make it again; None where
    there is none. NotFound or Forbidden for who may not change it.

    A question that was made here has its id for a source key.
    """
    return await authoring.read_quiz(tx, actor, lecture_id)


async def put_quiz(tx: Writer, actor: Actor, lecture_id: UUID, definition: QuizDefinition) -> UUID:
    """Make the quiz of a lecture what `definition` says, whether there was one or not; return its
    id. HTML is cleaned; attempts made and under way stay as they are.

    A question with the `source_key` of a present one is its new version, so that repeating an
    import stores nothing twice. Raises NotFound, Forbidden, LectureIsNoQuiz, and ValidationFailed
    for what `find_fault` tells beforehand.
    """
    try:
        checked = msgspec.convert(msgspec.to_builtins(definition), QuizDefinition)
    except msgspec.ValidationError as problem:
        wire.raise_invalid(problem)
    return await authoring.put_quiz(tx, actor, lecture_id, checked)
