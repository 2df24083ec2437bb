"""The HTTP door to quizzes and attempts."""

from uuid import UUID

from lyceum.assessments import errors, permissions, schemas
from lyceum.assessments.service import authoring, reading, submission, taking
from lyceum.platform import paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import CursorQuery
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, MEBIBYTE, SIGNED_IN, Routes
from lyceum.platform.wire import Answer, PageInfo

routes = Routes("assessments")
_WITH_QUESTIONS = 4 * MEBIBYTE


@routes.post(
    "/lectures/{lecture_id}/quiz",
    access=permissions.EDIT_QUIZZES,
    summary="Give a lecture its quiz",
    status=201,
    max_body=_WITH_QUESTIONS,
    facts=(errors.QuizExists, errors.LectureIsNoQuiz),
)
async def create_quiz(
    tx: Writer, actor: Actor, lecture_id: UUID, data: schemas.QuizDefinition
) -> Answer[schemas.FullQuiz]:
    """The lecture must be of the type quiz, and of a course that one teaches."""
    quiz, version = await authoring.create_quiz(tx, actor, lecture_id, data)
    return Answer(data=quiz, version=version, location=f"{API}/quizzes/{quiz.id}")


@routes.get(
    "/lectures/{lecture_id}/quiz",
    access=SIGNED_IN,
    summary="The quiz of a lecture",
    shows=Record("attempt", is_own=True),
)
async def get_quiz_of_lecture(
    tx: Reader, actor: Actor, lecture_id: UUID
) -> Answer[schemas.FullQuiz | schemas.QuizOutline]:
    """Those who may change it see it whole (`view` is `full`), learners its rules and their own
    attempts (`outline`): questions are shown in an attempt alone."""
    quiz, version = await reading.get_quiz_of_lecture(tx, actor, lecture_id)
    return Answer(data=quiz, version=version)


@routes.get(
    "/quizzes/{quiz_id}", access=SIGNED_IN, summary="A quiz", shows=Record("attempt", is_own=True)
)
async def get_quiz(
    tx: Reader, actor: Actor, quiz_id: UUID
) -> Answer[schemas.FullQuiz | schemas.QuizOutline]:
    """As `GET /lectures/{id}/quiz`."""
    quiz, version = await reading.get_quiz(tx, actor, quiz_id)
    return Answer(data=quiz, version=version)


@routes.patch(
    "/quizzes/{quiz_id}", access=permissions.EDIT_QUIZZES, summary="Change a quiz's rules"
)
async def update_quiz(
    tx: Writer, actor: Actor, quiz_id: UUID, data: schemas.QuizChanges, if_match: int | None
) -> Answer[schemas.FullQuiz]:
    """Attempts under way keep the passing score and the deadline they began with; whether answers
    are shown changes at once."""
    quiz, version = await authoring.update_quiz(tx, actor, quiz_id, data, if_match)
    return Answer(data=quiz, version=version)


@routes.delete("/quizzes/{quiz_id}", access=permissions.EDIT_QUIZZES, summary="Delete a quiz")
async def delete_quiz(tx: Writer, actor: Actor, quiz_id: UUID, if_match: int | None) -> None:
    """Attempts stay readable to their learners, and those under way may be finished."""
    await authoring.delete_quiz(tx, actor, quiz_id, if_match)


@routes.put(
    "/quizzes/{quiz_id}/questions",
    access=permissions.EDIT_QUIZZES,
    summary="Replace all questions of a quiz",
    max_body=_WITH_QUESTIONS,
)
async def replace_questions(
    tx: Writer, actor: Actor, quiz_id: UUID, data: schemas.QuestionList, if_match: int | None
) -> Answer[schemas.FullQuiz]:
    """The questions in their order, as `GET` returns them; one with the `id` of a present question
    is its new version. Attempts keep the questions they began with."""
    quiz, version = await authoring.replace_questions(tx, actor, quiz_id, data.questions, if_match)
    return Answer(data=quiz, version=version)


@routes.post(
    "/quizzes/{quiz_id}/attempts",
    access=permissions.TAKE_QUIZZES,
    summary="Begin an attempt, or resume the one under way",
    status=201,
    found_status=200,
    facts=(errors.NotEnrolled, errors.QuizEmpty, errors.AttemptsUsedUp),
)
async def start_attempt(tx: Writer, actor: Actor, quiz_id: UUID) -> Answer[schemas.Attempt]:
    """201 with a new attempt and its questions; 200 with the one that is under way, as there is
    one at a time. Those who may change the quiz get a preview, which counts for nothing."""
    attempt, is_new = await taking.start_attempt(tx, actor, quiz_id)
    return Answer(
        data=attempt, status=201 if is_new else 200, location=f"{API}/attempts/{attempt.id}"
    )


@routes.get(
    "/quizzes/{quiz_id}/attempts",
    access=SIGNED_IN,
    summary="Attempts of a quiz",
    shows=Record("attempt", people="user_id"),
)
async def list_attempts(
    tx: Reader, actor: Actor, quiz_id: UUID, query: CursorQuery
) -> Answer[list[schemas.AttemptSummary]]:
    """One's own, newest first; everybody's for those who may change the quiz. Without previews."""
    before = paging.decode_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None
    found = await reading.list_attempts(tx, actor, quiz_id, before=before, limit=query.per_page + 1)
    page = found[: query.per_page]
    is_more = len(found) > len(page)
    cursor = paging.encode_cursor(page[-1].id) if is_more else None
    return Answer(data=page, page=PageInfo(per_page=query.per_page, next_cursor=cursor))


@routes.get(
    "/attempts/{attempt_id}",
    access=SIGNED_IN,
    summary="An attempt",
    shows=Record("attempt", people="user_id"),
)
async def get_attempt(tx: Writer, actor: Actor, attempt_id: UUID) -> schemas.Attempt:
    """With its questions and saved answers; once submitted with its result, and with what would
    have been right where the quiz shows that."""
    return await submission.get_attempt(tx, actor, attempt_id)


@routes.put(
    "/attempts/{attempt_id}/answers",
    access=permissions.TAKE_QUIZZES,
    summary="Save answers",
    facts=(errors.AttemptClosed, errors.DeadlinePassed),
)
async def save_answers(
    tx: Writer, actor: Actor, attempt_id: UUID, data: schemas.AnswersGiven
) -> schemas.AnswersSaved:
    """Safe to repeat. Taken until two seconds after the deadline by the server's clock."""
    return await taking.save_answers(tx, actor, attempt_id, data.answers)


@routes.post(
    "/attempts/{attempt_id}/submit",
    access=permissions.TAKE_QUIZZES,
    summary="Submit an attempt",
)
async def submit_attempt(tx: Writer, actor: Actor, attempt_id: UUID) -> schemas.Attempt:
    """Grades the saved answers. Submitting again returns the same result and receipt; an attempt
    whose time is over is graded with what was saved in time."""
    return await submission.submit_attempt(tx, actor, attempt_id)
