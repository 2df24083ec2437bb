"""What quizzes and attempts are on the wire.

What a learner gets is made of types that have no place for a key: `Quiz…`, `Attempt…`; keys are
in `…Definition`, `FullQuiz` and `QuestionReview` alone. Points are numbers with three decimals;
numbers of answers are taken as they are written (0.1 is one tenth).
"""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output, Patch

QuestionKind = Literal["multiple_choice", "multiple_response", "true_false", "short_answer"]
Scoring = Literal["partial", "all_or_nothing"]
ShowsAnswers = Literal["never", "after_attempt", "after_passing"]
AttemptStatus = Literal["in_progress", "submitted"]
ClosedBy = Literal["learner", "deadline"]

MAX_QUESTIONS: Final = 500
MAX_PATTERNS: Final = 50
CHOICE_KINDS: Final = ("multiple_choice", "multiple_response", "true_false")

Title = Annotated[str, Meta(min_length=1, max_length=255)]
RichText = Annotated[str, Meta(max_length=100_000, description="HTML, cleaned on the way in")]
ShortRichText = Annotated[str, Meta(max_length=20_000, description="HTML, cleaned on the way in")]
Number = Annotated[float, Meta(ge=-1e100, le=1e100)]
Percent = Annotated[int, Meta(ge=0, le=100)]
AttemptsAllowed = Annotated[int, Meta(ge=1, le=1000, description="null: as many as one likes")]
TimeLimit = Annotated[int, Meta(ge=10, le=604_800, description="Seconds; null: no limit")]
SourceKey = Annotated[str, Meta(min_length=1, max_length=255)]

Fault = tuple[str, str]
"""Where a definition contradicts itself (the rest of a JSON pointer), and how."""


class ChoiceDefinition(Input, frozen=True, kw_only=True):
    """A choice with its key, and what is said of it when it was chosen and when it was not."""

    html: Annotated[str, Meta(min_length=1, max_length=20_000)]
    is_correct: bool
    feedback_html: ShortRichText = ""
    unchosen_feedback_html: ShortRichText = ""


class NumberDefinition(Input, frozen=True, kw_only=True):
    """Which numbers are right: `value` give or take `tolerance`, or all from `lowest` to `highest`
    (null: without end), an open end left out. It is shown in the second form."""

    value: Number | None = None
    tolerance: Annotated[float, Meta(ge=0, le=1e100)] = 0.0
    lowest: Number | None = None
    highest: Number | None = None
    is_lowest_open: bool = False
    is_highest_open: bool = False

    def find_fault(self) -> str:
        """Return what contradicts itself, or nothing."""
        is_range = self.lowest is not None or self.highest is not None
        if self.value is not None:
            return "Give a value or a range, not both" if is_range else ""
        if not is_range:
            return "Give a value, or the lowest or highest number"
        if self.lowest is None or self.highest is None:
            return ""
        is_open = self.is_lowest_open or self.is_highest_open
        is_empty = self.lowest > self.highest or (self.lowest == self.highest and is_open)
        return "No number is in this range" if is_empty else ""


class AnswerDefinition(Input, frozen=True, kw_only=True):
    """An accepted short answer: a text, a regular expression for the whole answer (no look-around,
    no back-references; 50 in a quiz), or a number, of which `text` is how it is shown."""

    text: Annotated[str, Meta(max_length=1000)] = ""
    is_pattern: bool = False
    number: NumberDefinition | None = None
    feedback_html: ShortRichText = ""

    def find_fault(self) -> str:
        """Return what contradicts itself, or nothing."""
        if self.number is not None:
            return "A number is not a pattern" if self.is_pattern else self.number.find_fault()
        return "" if self.text.strip() else "Give a text or a number"


class QuestionDefinition(Input, frozen=True, kw_only=True):
    """A question with its key.

    `id` names the present question that this is a new version of, `sourceKey` the same for a
    question that came from elsewhere. Of a multiple choice every correct choice is right by itself.
    """

    kind: QuestionKind
    html: Annotated[str, Meta(min_length=1, max_length=100_000)]
    id: UUID | None = None
    source_key: SourceKey | None = None
    title: Annotated[str, Meta(max_length=255)] = ""
    points: Annotated[float, Meta(ge=0, le=1000)] = 1.0
    choices: Annotated[tuple[ChoiceDefinition, ...], Meta(max_length=100)] = ()
    answers: Annotated[tuple[AnswerDefinition, ...], Meta(max_length=100)] = ()
    is_case_sensitive: bool = False
    scoring: Annotated[
        Scoring, Meta(description="Of a multiple response: part of the points, or all or none")
    ] = "partial"
    explanation_html: RichText = ""

    def find_fault(self) -> Fault | None:
        """Return what contradicts itself first, or None."""
        if self.kind in CHOICE_KINDS:
            return self._find_fault_of_choices()
        if self.choices:
            return "/choices", "A short answer has no choices"
        if not self.answers:
            return "/answers", "A short answer needs an accepted answer"
        for index, answer in enumerate(self.answers):
            fault = answer.find_fault()
            if fault:
                return f"/answers/{index}", fault
        return None

    def _find_fault_of_choices(self) -> Fault | None:
        if self.answers:
            return "/answers", "Only a short answer has accepted answers"
        if len(self.choices) < 2:
            return "/choices", "Offer two choices at least"
        correct = sum(choice.is_correct for choice in self.choices)
        if self.kind == "true_false" and (len(self.choices) != 2 or correct != 1):
            return "/choices", "True or false has two choices, one of them correct"
        if self.kind == "multiple_choice" and correct == 0:
            return "/choices", "Mark a choice as correct"
        return None


Questions = Annotated[tuple[QuestionDefinition, ...], Meta(max_length=MAX_QUESTIONS)]


class QuizDefinition(Input, frozen=True, kw_only=True):
    """A quiz with its questions and their keys, as its authors write it."""

    title: Title
    passing_percent: Percent = 70
    attempts_allowed: AttemptsAllowed | None = None
    time_limit_seconds: TimeLimit | None = None
    shuffles_questions: bool = False
    shows_answers: ShowsAnswers = "after_attempt"
    questions: Questions = ()


class QuizChanges(Patch, frozen=True, kw_only=True):
    """A change of a quiz's rules; attempts under way keep those they were begun with."""

    title: Title | UnsetType = UNSET
    passing_percent: Percent | UnsetType = UNSET
    attempts_allowed: AttemptsAllowed | UnsetType | None = UNSET
    time_limit_seconds: TimeLimit | UnsetType | None = UNSET
    shuffles_questions: bool | UnsetType = UNSET
    shows_answers: ShowsAnswers | UnsetType = UNSET


class QuestionList(Input, frozen=True, kw_only=True):
    """All questions of a quiz in their order."""

    questions: Questions


class FullQuestion(Output, frozen=True, kw_only=True):
    """A question with its key, in the form that `PUT …/questions` takes."""

    id: UUID
    source_key: str | None
    kind: QuestionKind
    title: str
    html: str
    points: float
    choices: tuple[ChoiceDefinition, ...]
    answers: tuple[AnswerDefinition, ...]
    is_case_sensitive: bool
    scoring: Scoring
    explanation_html: str


class FullQuiz(Output, frozen=True, kw_only=True, tag_field="view", tag="full"):
    """A quiz as those see it who may change it."""

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
    max_points: float
    questions: tuple[FullQuestion, ...]


class AttemptSummary(Output, frozen=True, kw_only=True):
    """An attempt in a list; the score is null until it is submitted."""

    id: UUID
    quiz_id: UUID
    user_id: UUID
    display_name: str
    number: int | None
    is_preview: bool
    status: AttemptStatus
    started_at: datetime
    deadline_at: datetime | None
    submitted_at: datetime | None
    closed_by: ClosedBy | None
    points: float | None
    max_points: float | None
    percent: float | None
    is_passed: bool | None


class QuizOutline(Output, frozen=True, kw_only=True, tag_field="view", tag="outline"):
    """A quiz as learners see it before they begin: its rules, and how they stand."""

    id: UUID
    lecture_id: UUID
    course_id: UUID
    title: str
    passing_percent: int
    attempts_allowed: int | None
    time_limit_seconds: int | None
    shows_answers: ShowsAnswers
    question_count: int
    attempts_used: int
    attempts_left: int | None
    running_attempt_id: UUID | None
    is_passed: bool
    attempts: Annotated[tuple[AttemptSummary, ...], Meta(description="One's latest ten")]


class AnswerGiven(Input, frozen=True, kw_only=True):
    """The answer to one question: exactly one of `choiceIds`, `text` and `value`. No choice, or a
    text without characters, is an answer too, and takes back an earlier one."""

    question_id: UUID
    choice_ids: Annotated[tuple[UUID, ...], Meta(max_length=100)] | None = None
    text: Annotated[str, Meta(max_length=2000)] | None = None
    value: Number | None = None

    def find_fault(self) -> str:
        """Return what contradicts itself, or nothing."""
        given = (self.choice_ids, self.text, self.value)
        if sum(part is not None for part in given) != 1:
            return "Give exactly one of choiceIds, text and value"
        if self.choice_ids is not None and len(set(self.choice_ids)) < len(self.choice_ids):
            return "A choice is named twice"
        return ""


class AnswersGiven(Input, frozen=True, kw_only=True):
    """Answers to keep; questions that are not named keep the answers they have."""

    answers: Annotated[tuple[AnswerGiven, ...], Meta(max_length=MAX_QUESTIONS)]


class AnswersSaved(Output, frozen=True, kw_only=True):
    """That the answers are kept, and until when there is time."""

    attempt_id: UUID
    saved_at: datetime
    deadline_at: datetime | None


class AttemptChoice(Output, frozen=True, kw_only=True):
    """A choice as it is offered; its id is of this attempt alone."""

    id: UUID
    html: str


class AttemptAnswer(Output, frozen=True, kw_only=True):
    """The answer that is kept."""

    choice_ids: tuple[UUID, ...] | None = None
    text: str | None = None
    value: float | None = None


class QuestionReview(Output, frozen=True, kw_only=True):
    """What an answer was worth and what would have been right; only after the attempt, and only
    where the quiz shows answers."""

    is_correct: bool
    points: float
    max_points: float
    correct_choice_ids: tuple[UUID, ...]
    accepted_answers: Annotated[tuple[str, ...], Meta(description="Without patterns")]
    feedback_html: tuple[str, ...]
    explanation_html: str


class AttemptQuestion(Output, frozen=True, kw_only=True):
    """A question of an attempt as it is asked."""

    question_id: UUID
    kind: QuestionKind
    title: str
    html: str
    choices: tuple[AttemptChoice, ...]
    answer: AttemptAnswer | None
    review: QuestionReview | None


class AttemptResult(Output, frozen=True, kw_only=True):
    """How an attempt ended. `percent` is cut off, never rounded up to a passing score."""

    points: float
    max_points: float
    percent: float
    is_passed: bool
    submitted_at: datetime
    closed_by: ClosedBy
    receipt_id: UUID


class Attempt(Output, frozen=True, kw_only=True):
    """An attempt with its questions, as they were when it began."""

    id: UUID
    quiz_id: UUID
    lecture_id: UUID
    title: str
    user_id: UUID
    number: int | None
    is_preview: bool
    status: AttemptStatus
    passing_percent: int
    started_at: datetime
    deadline_at: datetime | None
    saved_at: datetime | None
    questions: tuple[AttemptQuestion, ...]
    result: AttemptResult | None
