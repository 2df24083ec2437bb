"""Writing quizzes: what is stored, what is refused, and that attempts are not touched."""

from typing import Any

import msgspec
import pytest

from lyceum.assessments import api
from lyceum.assessments.errors import LectureIsNoQuiz, QuizExists
from lyceum.assessments.schemas import (
    AnswerDefinition,
    ChoiceDefinition,
    FullQuiz,
    NumberDefinition,
    QuestionDefinition,
    QuizChanges,
    QuizOutline,
)
from lyceum.assessments.service import authoring, reading, submission, taking
from lyceum.packages.records import NumberRange, PackageAnswer, PackageChoice, PackageQuestion
from lyceum.platform import errors, ids
from lyceum.platform.database import Writer
from lyceum.platform.statements import sql
from tests.assessments import factories
from tests.assessments.factories import CAPITAL, EVERY_KIND, GRAVITY, PRIMES, TELESCOPE, Classroom

_COUNT_REVISIONS = sql(
    "SELECT count(*) FROM assessments.question_revisions WHERE quiz_id = $1", int
)


@pytest.fixture
async def room(tx: Writer) -> Classroom:
    return await factories.make_classroom(tx)


async def make_quiz(tx: Writer, room: Classroom, **changes: Any) -> FullQuiz:
    made, _ = await authoring.create_quiz(
        tx, room.instructor, room.lecture_id, factories.quiz(**changes)
    )
    return made


async def test_a_quiz_is_stored_as_it_was_written(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, attempts_allowed=3, time_limit_seconds=600)
    assert (made.lecture_id, made.course_id) == (room.lecture_id, room.course_id)
    assert (made.question_count, made.max_points, made.passing_percent) == (5, 8, 70)
    assert (made.attempts_allowed, made.time_limit_seconds) == (3, 600)
    capital, primes, _, telescope, gravity = made.questions
    assert capital.choices == CAPITAL.choices
    assert primes.choices == PRIMES.choices
    assert telescope.answers == TELESCOPE.answers
    assert gravity.answers[0].number == NumberDefinition(lowest=9.8, highest=9.82)
    again, version = await reading.get_quiz(tx, room.instructor, made.id)
    assert (again, version) == (made, 2)


async def test_what_get_returns_may_be_put_back(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    definitions = tuple(
        QuestionDefinition(**{name: getattr(q, name) for name in q.__struct_fields__})
        for q in made.questions
    )
    put, _ = await authoring.replace_questions(tx, room.instructor, made.id, definitions, None)
    assert put == made
    assert await tx.one(_COUNT_REVISIONS, made.id) == 5


async def test_html_is_cleaned_on_the_way_in(tx: Writer, room: Classroom) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    made = await make_quiz(
        tx,
        room,
        title="  A\x07 <quiz> ",
        questions=(
            QuestionDefinition(
                kind="multiple_choice",
                html=evil,
                choices=(
                    ChoiceDefinition(html=evil, is_correct=True, feedback_html=evil),
                    ChoiceDefinition(html="b", is_correct=False, unchosen_feedback_html=evil),
                ),
                explanation_html=evil,
            ),
            factories.question(
                TELESCOPE, answers=(AnswerDefinition(text="x", feedback_html=evil),)
            ),
        ),
    )
    assert made.title == "A <quiz>"
    clean = '<img src="x">'
    first, second = made.questions
    shown = [first.html, first.explanation_html, second.answers[0].feedback_html]
    shown += [first.choices[0].html, first.choices[0].feedback_html]
    assert [*shown, first.choices[1].unchosen_feedback_html] == [clean] * 6


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"html": "<script>x</script>"}, "/html"),
        ({"choices": CAPITAL.choices[:1]}, "/choices"),
        ({"choices": (CAPITAL.choices[0],) * 2}, "/choices"),
        ({"kind": "true_false", "choices": PRIMES.choices}, "/choices"),
        ({"kind": "true_false", "choices": (CAPITAL.choices[1],) * 2}, "/choices"),
        ({"answers": TELESCOPE.answers}, "/answers"),
        ({"choices": (*CAPITAL.choices, ChoiceDefinition(html="<p></p>", is_correct=False))},
         "/choices/2/html"),
        ({"kind": "short_answer"}, "/choices"),
        ({"kind": "short_answer", "choices": ()}, "/answers"),
        ({"kind": "short_answer", "choices": (), "answers": (AnswerDefinition(text=" "),)},
         "/answers/0"),
        ({"kind": "short_answer", "choices": (), "answers": (AnswerDefinition(text="\x07"),)},
         "/answers/0/text"),
        ({"kind": "short_answer", "choices": (),
          "answers": (AnswerDefinition(text="(?=a)", is_pattern=True),)}, "/answers/0/text"),
        ({"id": ids.new_id()}, "/id"),
    ],
)  # fmt: skip
async def test_a_question_that_contradicts_itself_is_refused(
    tx: Writer, room: Classroom, changes: dict[str, Any], pointer: str
) -> None:
    wrong = factories.question(CAPITAL, **changes)
    with pytest.raises(errors.ValidationFailed) as refused:
        await make_quiz(tx, room, questions=(GRAVITY, wrong))
    assert refused.value.data["errors"][0]["pointer"] == f"/questions/1{pointer}"


@pytest.mark.parametrize(
    "number",
    [
        NumberDefinition(),
        NumberDefinition(value=1, lowest=0),
        NumberDefinition(lowest=2, highest=1),
        NumberDefinition(lowest=2, highest=2, is_lowest_open=True),
    ],
)
def test_a_range_without_numbers_is_refused(number: NumberDefinition) -> None:
    wrong = factories.question(GRAVITY, answers=(AnswerDefinition(number=number),))
    assert api.find_fault(wrong)


async def test_a_quiz_has_few_patterns(tx: Writer, room: Classroom) -> None:
    many = tuple(AnswerDefinition(text=f"a{n}.*", is_pattern=True) for n in range(51))
    with pytest.raises(errors.ValidationFailed, match="50 patterns"):
        await make_quiz(tx, room, questions=(factories.question(TELESCOPE, answers=many),))


async def test_a_lecture_has_one_quiz(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    with pytest.raises(QuizExists) as refused:
        await make_quiz(tx, room)
    assert refused.value.data == {"quiz_id": made.id}


async def test_only_a_quiz_lecture_holds_a_quiz(tx: Writer) -> None:
    room = await factories.make_classroom(tx, lecture_type="text")
    with pytest.raises(LectureIsNoQuiz):
        await make_quiz(tx, room)


async def test_questions_keep_their_identity_over_edits(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    capital, primes, *_ = made.questions
    edited = (
        factories.question(PRIMES, id=primes.id),
        factories.question(CAPITAL, id=capital.id, points=5),
        GRAVITY,
    )
    put, version = await authoring.replace_questions(tx, room.instructor, made.id, edited, None)
    assert [q.id for q in put.questions[:2]] == [primes.id, capital.id]
    assert put.questions[2].id not in {q.id for q in made.questions}
    assert (put.question_count, put.max_points, version) == (3, 9, 3)
    assert await tx.one(_COUNT_REVISIONS, made.id) == 3


async def test_a_question_is_named_once(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    twice = (factories.question(id=made.questions[0].id),) * 2
    with pytest.raises(errors.ValidationFailed, match="twice"):
        await authoring.replace_questions(tx, room.instructor, made.id, twice, None)
    twice = (factories.question(source_key="a"),) * 2
    with pytest.raises(errors.ValidationFailed, match="twice"):
        await authoring.replace_questions(tx, room.instructor, made.id, twice, None)


async def test_rules_change_alone(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room, time_limit_seconds=60)
    changes = QuizChanges(passing_percent=50, time_limit_seconds=None, title="Another")
    changed, version = await authoring.update_quiz(tx, room.instructor, made.id, changes, 2)
    assert (changed.passing_percent, changed.time_limit_seconds) == (50, None)
    assert (changed.title, changed.shows_answers) == ("Another", made.shows_answers)
    assert (changed.questions, version) == (made.questions, 3)
    with pytest.raises(errors.PreconditionFailed):
        await authoring.update_quiz(tx, room.instructor, made.id, changes, 2)
    with pytest.raises(errors.ValidationFailed):
        await authoring.update_quiz(tx, room.instructor, made.id, QuizChanges(title=" "), None)


async def test_a_deleted_quiz_leaves_its_attempts(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    attempt, _ = await taking.start_attempt(tx, room.learner, made.id)
    await authoring.delete_quiz(tx, room.instructor, made.id, None)
    with pytest.raises(errors.NotFound):
        await reading.get_quiz(tx, room.instructor, made.id)
    with pytest.raises(errors.NotFound):
        await taking.start_attempt(tx, room.learner, made.id)
    assert (await submission.submit_attempt(tx, room.learner, attempt.id)).result
    assert (await make_quiz(tx, room)).id != made.id


async def test_learners_and_strangers_write_nothing(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    stranger = await factories.make_visitor(tx)
    for actor, fact in ((room.learner, errors.Forbidden), (stranger, errors.Forbidden)):
        with pytest.raises(fact):
            await authoring.create_quiz(tx, actor, room.lecture_id, factories.quiz())
        with pytest.raises(fact):
            await authoring.update_quiz(tx, actor, made.id, QuizChanges(title="x"), None)
        with pytest.raises(fact):
            await authoring.replace_questions(tx, actor, made.id, (), None)
        with pytest.raises(fact):
            await authoring.delete_quiz(tx, actor, made.id, None)


async def test_a_key_without_the_scope_sees_an_outline(tx: Writer, room: Classroom) -> None:
    made = await make_quiz(tx, room)
    scoped = factories.with_scopes(room.instructor, "courses:update")
    with pytest.raises(errors.Forbidden):
        await authoring.delete_quiz(tx, scoped, made.id, None)
    seen, _ = await reading.get_quiz(tx, scoped, made.id)
    assert isinstance(seen, QuizOutline)


async def test_a_repeated_import_stores_nothing_twice(tx: Writer, room: Classroom) -> None:
    questions = tuple(
        factories.question(q, source_key=f"block-{n}") for n, q in enumerate(EVERY_KIND)
    )
    quiz_id = await api.put_quiz(
        tx, room.instructor, room.lecture_id, factories.quiz(questions=questions)
    )
    first, _ = await reading.get_quiz(tx, room.instructor, quiz_id)
    assert isinstance(first, FullQuiz)
    changed = (factories.question(questions[1], points=1), questions[0], *questions[2:])
    again = await api.put_quiz(
        tx, room.instructor, room.lecture_id, factories.quiz(title="New", questions=changed)
    )
    second, _ = await reading.get_quiz(tx, room.instructor, quiz_id)
    assert isinstance(second, FullQuiz)
    assert again == quiz_id
    assert second.title == "New"
    assert [q.id for q in second.questions[:2]] == [q.id for q in first.questions[1::-1]]
    assert await tx.one(_COUNT_REVISIONS, quiz_id) == 5


async def test_an_import_that_is_too_long_is_told(tx: Writer, room: Classroom) -> None:
    too_long = factories.question(title="x" * 300)
    assert "255" in (api.find_fault(too_long) or "")
    with pytest.raises(errors.ValidationFailed):
        await api.put_quiz(
            tx, room.instructor, room.lecture_id, factories.quiz(questions=(too_long,))
        )


def test_everything_of_a_package_can_be_said() -> None:
    """Each field of the packages' questions has a place in a definition."""
    renamed = {"external_id": "source_key"}
    kinds: tuple[tuple[type[msgspec.Struct], type[msgspec.Struct]], ...] = (
        (PackageQuestion, QuestionDefinition),
        (PackageAnswer, AnswerDefinition),
        (NumberRange, NumberDefinition),
        (PackageChoice, ChoiceDefinition),
    )
    for source, target in kinds:
        names = {renamed.get(name, name) for name in source.__struct_fields__}
        assert names <= set(target.__struct_fields__)
