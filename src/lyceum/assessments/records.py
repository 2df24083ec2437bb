"""What a row of the assessments schema is to Python, and the documents inside its json columns.

Numbers of answers are Decimals and points are thousandths (`…_milli`) from here on, so nothing is
graded in binary fractions. Fields stand in the order of the columns of their statement.
"""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import msgspec

from lyceum.assessments.schemas import (
    AnswerDefinition,
    AttemptStatus,
    ChoiceDefinition,
    ClosedBy,
    Fault,
    FullQuestion,
    NumberDefinition,
    QuestionDefinition,
    QuestionKind,
    Scoring,
    ShowsAnswers,
)
from lyceum.platform import errors, patterns
from lyceum.platform.richtext import clean_html, clean_text
from lyceum.platform.statements import Json


class QuizRow(msgspec.Struct, frozen=True):
    """A quiz that is not deleted."""

    id: UUID
    lecture_id: UUID
    course_id: UUID
    title: str
    passing_percent: int
    attempts_allowed: int | None
    time_limit_seconds: int | None
    shuffles_questions: bool
    shows_answers: ShowsAnswers
    question_count: int
    version: int


class QuizFacts(msgspec.Struct, frozen=True):
    """What an attempt needs to know of its quiz, which may be deleted by now."""

    id: UUID
    lecture_id: UUID
    course_id: UUID
    title: str
    shows_answers: ShowsAnswers


class RevisionRow(msgspec.Struct, frozen=True):
    """A question as it is in its quiz now."""

    id: UUID
    question_id: UUID
    kind: QuestionKind
    points_milli: int
    content: Json
    source_key: str | None


class CandidateRow(msgspec.Struct, frozen=True):
    """How often a person began a quiz, and since when it is passed."""

    attempts_started: int
    passed_at: datetime | None


class AttemptRow(msgspec.Struct, frozen=True):
    """An attempt; `is_overdue` when its time and the grace after it are over and nobody closed it.

    The score is None until it is submitted.
    """

    id: UUID
    quiz_id: UUID
    user_id: UUID
    number: int | None
    is_preview: bool
    status: AttemptStatus
    passing_percent: int
    started_at: datetime
    deadline_at: datetime | None
    saved_at: datetime | None
    submitted_at: datetime | None
    closed_by: ClosedBy | None
    points_milli: int | None
    max_points_milli: int | None
    is_passed: bool | None
    receipt_id: UUID | None
    is_overdue: bool


class ListedAttempt(msgspec.Struct, frozen=True):
    """An attempt in a list, with its learner's name."""

    id: UUID
    quiz_id: UUID
    user_id: UUID
    display_name: str | None
    number: int | None
    is_preview: bool
    status: AttemptStatus
    started_at: datetime
    deadline_at: datetime | None
    submitted_at: datetime | None
    closed_by: ClosedBy | None
    points_milli: int | None
    max_points_milli: int | None
    is_passed: bool | None


class AttemptItem(msgspec.Struct, frozen=True):
    """A question of an attempt; the last two are None until it is graded."""

    position: int
    question_id: UUID
    kind: QuestionKind
    max_points_milli: int
    content: Json
    choice_ids: list[UUID]
    answer: Json | None
    points_milli: int | None
    is_correct: bool | None


class OfferedItem(msgspec.Struct, frozen=True):
    """The part of a question of an attempt that an answer to it has to fit."""

    position: int
    question_id: UUID
    kind: QuestionKind
    choice_ids: list[UUID]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The document of an answer; choices by their place in the question's content."""

    choices: tuple[int, ...] | None = None
    text: str | None = None
    value: Decimal | None = None


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A choice in the document of a question."""

    html: str
    is_correct: bool
    feedback_html: str = ""
    unchosen_feedback_html: str = ""


class NumberRange(msgspec.Struct, frozen=True, omit_defaults=True):
    """The numbers that are right; None is no end."""

    lowest: Decimal | None = None
    highest: Decimal | None = None
    is_lowest_open: bool = False
    is_highest_open: bool = False

    def holds(self, number: Fraction) -> bool:
        """Return whether the number is in the range."""
        if self.lowest is not None:
            lowest = Fraction(self.lowest)
            if number < lowest or (self.is_lowest_open and number == lowest):
                return False
        if self.highest is not None:
            highest = Fraction(self.highest)
            if number > highest or (self.is_highest_open and number == highest):
                return False
        return True


class AcceptedAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An accepted short answer in the document of a question."""

    text: str = ""
    is_pattern: bool = False
    number: NumberRange | None = None
    feedback_html: str = ""

    def find_fault(self) -> str:
        """Return why no answer could be compared with it, or nothing."""
        if self.is_pattern:
            try:
                patterns.check_pattern(self.text)
            except patterns.PatternInvalid as problem:
                return str(problem)
        return "" if self.number is not None or self.text else "Give a text or a number"


class QuestionContent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The document of a question: all but its kind and points."""

    html: str
    title: str = ""
    choices: tuple[Choice, ...] = ()
    answers: tuple[AcceptedAnswer, ...] = ()
    is_case_sensitive: bool = False
    scoring: Scoring = "partial"
    explanation_html: str = ""

    def find_fault(self) -> Fault | None:
        """Return what of it is empty or cannot be used, or None."""
        if not self.html:
            return "/html", "Nothing of this can be shown"
        for index, choice in enumerate(self.choices):
            if not choice.html:
                return f"/choices/{index}/html", "Nothing of this can be shown"
        for index, answer in enumerate(self.answers):
            fault = answer.find_fault()
            if fault:
                return f"/answers/{index}/text", fault
        return None


class Question(msgspec.Struct, frozen=True):
    """A question with its key, ready to be stored, graded or shown to its authors."""

    kind: QuestionKind
    points_milli: int
    content: QuestionContent

    @classmethod
    def of_definition(cls, definition: QuestionDefinition, pointer: str = "") -> "Question":
        """Return what an author wrote, cleaned and in exact numbers.

        ValidationFailed when it contradicts itself, nothing is left to be seen of a part that must
        be, or a pattern cannot be used; its pointer starts with `pointer`.
        """
        content = QuestionContent(
            html=clean_html(definition.html),
            title=clean_text(definition.title),
            choices=tuple(_choice_of(choice) for choice in definition.choices),
            answers=tuple(_answer_of(answer) for answer in definition.answers),
            is_case_sensitive=definition.is_case_sensitive,
            scoring=definition.scoring,
            explanation_html=clean_html(definition.explanation_html),
        )
        fault = definition.find_fault() or content.find_fault()
        if fault is not None:
            raise errors.ValidationFailed("", errors.FieldError(pointer + fault[0], fault[1]))
        return cls(definition.kind, round(exactly(definition.points) * 1000), content)

    @classmethod
    def of_row(cls, row: RevisionRow) -> "Question":
        """Return the question of a quiz."""
        return cls(row.kind, row.points_milli, _decode_content(row.content))

    @classmethod
    def of_item(cls, item: AttemptItem) -> "Question":
        """Return the question of an attempt."""
        return cls(item.kind, item.max_points_milli, _decode_content(item.content))

    def to_definition(self, source_key: str) -> QuestionDefinition:
        """Return what an author would write to make it."""
        content = self.content
        return QuestionDefinition(
            kind=self.kind,
            html=content.html,
            source_key=source_key,
            title=content.title,
            points=self.points_milli / 1000,
            choices=tuple(_show_choice(choice) for choice in content.choices),
            answers=tuple(_show_answer(answer) for answer in content.answers),
            is_case_sensitive=content.is_case_sensitive,
            scoring=content.scoring,
            explanation_html=content.explanation_html,
        )

    def to_full(self, question_id: UUID, source_key: str | None) -> FullQuestion:
        """Return what its authors see."""
        content = self.content
        return FullQuestion(
            id=question_id,
            source_key=source_key,
            kind=self.kind,
            title=content.title,
            html=content.html,
            points=self.points_milli / 1000,
            choices=tuple(_show_choice(choice) for choice in content.choices),
            answers=tuple(_show_answer(answer) for answer in content.answers),
            is_case_sensitive=content.is_case_sensitive,
            scoring=content.scoring,
            explanation_html=content.explanation_html,
        )


_decode_content = msgspec.json.Decoder(QuestionContent).decode
decode_answer = msgspec.json.Decoder(Answer).decode


def exactly(number: float) -> Decimal:
    """Return the shortest decimal that the float is read from: 0.1 is one tenth."""
    return Decimal(repr(number))


def _choice_of(definition: ChoiceDefinition) -> Choice:
    return Choice(
        html=clean_html(definition.html),
        is_correct=definition.is_correct,
        feedback_html=clean_html(definition.feedback_html),
        unchosen_feedback_html=clean_html(definition.unchosen_feedback_html),
    )


def _answer_of(definition: AnswerDefinition) -> AcceptedAnswer:
    # A pattern stays as it was written: in it two spaces are not one.
    text = definition.text if definition.is_pattern else clean_text(definition.text)
    return AcceptedAnswer(
        text=text,
        is_pattern=definition.is_pattern,
        number=None if definition.number is None else _range_of(definition.number),
        feedback_html=clean_html(definition.feedback_html),
    )


def _range_of(definition: NumberDefinition) -> NumberRange:
    if definition.value is not None:
        value, tolerance = exactly(definition.value), exactly(definition.tolerance)
        return NumberRange(lowest=value - tolerance, highest=value + tolerance)
    return NumberRange(
        lowest=None if definition.lowest is None else exactly(definition.lowest),
        highest=None if definition.highest is None else exactly(definition.highest),
        is_lowest_open=definition.is_lowest_open,
        is_highest_open=definition.is_highest_open,
    )


def _show_choice(choice: Choice) -> ChoiceDefinition:
    return ChoiceDefinition(
        html=choice.html,
        is_correct=choice.is_correct,
        feedback_html=choice.feedback_html,
        unchosen_feedback_html=choice.unchosen_feedback_html,
    )


def _show_answer(answer: AcceptedAnswer) -> AnswerDefinition:
    number = answer.number
    return AnswerDefinition(
        text=answer.text,
        is_pattern=answer.is_pattern,
        number=None
        if number is None
        else NumberDefinition(
            lowest=None if number.lowest is None else float(number.lowest),
            highest=None if number.highest is None else float(number.highest),
            is_lowest_open=number.is_lowest_open,
            is_highest_open=number.is_highest_open,
        ),
        feedback_html=answer.feedback_html,
    )
