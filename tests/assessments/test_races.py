"""What holds when many do it at once, and when the database goes away in the middle."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from lyceum.assessments.errors import AttemptClosed, AttemptsUsedUp, QuizExists
from lyceum.assessments.schemas import Attempt, FullQuiz
from lyceum.assessments.service import authoring, reading, submission, taking
from lyceum.platform import errors
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Database
from lyceum.platform.statements import command, sql
from tests.assessments import factories
from tests.assessments.factories import CAPITAL, EVERY_KIND, GRAVITY, Classroom

_COUNT_EVENTS = sql("SELECT count(*) FROM platform.outbox WHERE payload ->> 'attempt_id' = $1", int)
_OWN_PROCESS = sql("SELECT pg_backend_pid()", int)
_KILL = command("SELECT pg_terminate_backend($1)", bool)
_SHIFT_DEADLINE = command(
    "UPDATE assessments.attempts SET deadline_at = clock_timestamp() - interval '9 s' WHERE id = $1"
)


async def make_quiz(database: Database, **changes: Any) -> tuple[Classroom, FullQuiz]:
    async with database.transaction() as tx:
        room = await factories.make_classroom(tx)
        made, _ = await authoring.create_quiz(
            tx, room.instructor, room.lecture_id, factories.quiz(**changes)
        )
    return room, made


async def start(database: Database, actor: Actor, quiz_id: UUID) -> tuple[Attempt, bool]:
    async with database.transaction() as tx:
        return await taking.start_attempt(tx, actor, quiz_id)


async def save(database: Database, actor: Actor, attempt: Attempt) -> None:
    async with database.transaction() as tx:
        answers = factories.right_answers(attempt)
        await taking.save_answers(tx, actor, attempt.id, answers)


async def submit(database: Database, actor: Actor, attempt: Attempt) -> Attempt:
    async with database.transaction() as tx:
        return await submission.submit_attempt(tx, actor, attempt.id)


async def test_twenty_starts_are_one_attempt(database: Database) -> None:
    room, made = await make_quiz(database, attempts_allowed=1)
    started = await asyncio.gather(*(start(database, room.learner, made.id) for _ in range(20)))
    assert len({attempt.id for attempt, _ in started}) == 1
    assert sum(is_new for _, is_new in started) == 1
    await submit(database, room.learner, started[0][0])
    refused = await asyncio.gather(
        *(start(database, room.learner, made.id) for _ in range(20)), return_exceptions=True
    )
    assert {type(outcome) for outcome in refused} == {AttemptsUsedUp}
    listed = await reading.list_attempts(
        database.reader(), room.learner, made.id, before=None, limit=9
    )
    assert len(listed) == 1


async def test_many_learners_begin_at_once(database: Database) -> None:
    room, made = await make_quiz(database, attempts_allowed=1)
    async with database.transaction() as tx:
        learners = [await factories.make_learner(tx, room) for _ in range(20)]
    started = await asyncio.gather(*(start(database, who, made.id) for who in learners))
    assert all(is_new for _, is_new in started)
    assert len({attempt.id for attempt, _ in started}) == 20


async def test_twenty_submissions_are_one_result(database: Database) -> None:
    room, made = await make_quiz(database)
    attempt, _ = await start(database, room.learner, made.id)
    await save(database, room.learner, attempt)
    done = await asyncio.gather(*(submit(database, room.learner, attempt) for _ in range(20)))
    assert len({found.result.receipt_id for found in done if found.result}) == 1
    assert await database.reader().one(_COUNT_EVENTS, str(attempt.id)) == 2


async def test_what_was_acknowledged_is_graded(database: Database) -> None:
    """An answer that was saved counts; one that came after the submission is refused."""
    room, made = await make_quiz(database)
    for _ in range(10):
        attempt, _ = await start(database, room.learner, made.id)
        saved, done = await asyncio.gather(
            save(database, room.learner, attempt),
            submit(database, room.learner, attempt),
            return_exceptions=True,
        )
        assert isinstance(done, Attempt)
        assert done.result
        assert saved is None or isinstance(saved, AttemptClosed)
        assert done.result.percent == (100 if saved is None else 0)


async def test_the_clock_and_the_learner_close_an_attempt_once(database: Database) -> None:
    room, made = await make_quiz(database, time_limit_seconds=60)
    attempt, _ = await start(database, room.learner, made.id)
    await save(database, room.learner, attempt)
    async with database.transaction() as tx:
        await tx.execute(_SHIFT_DEADLINE, attempt.id)

    async def close() -> None:
        async with database.transaction() as tx:
            await submission.close_overdue_attempt(tx, system_actor("test"), attempt.id)

    await asyncio.gather(
        *(close() for _ in range(5)),
        *(submit(database, room.learner, attempt) for _ in range(5)),
        *(start(database, room.learner, made.id) for _ in range(5)),
    )
    assert await database.reader().one(_COUNT_EVENTS, str(attempt.id)) == 2
    listed = await reading.list_attempts(
        database.reader(), room.learner, made.id, before=None, limit=9
    )
    assert [(a.number, a.closed_by) for a in listed] == [(2, None), (1, "deadline")]


async def test_an_attempt_has_one_version_of_the_questions(database: Database) -> None:
    room, made = await make_quiz(database)
    async with database.transaction() as tx:
        learners = [await factories.make_learner(tx, room) for _ in range(12)]
    sets = (EVERY_KIND, (CAPITAL, GRAVITY), EVERY_KIND[::-1], (GRAVITY,))

    async def write(index: int) -> None:
        async with database.transaction() as tx:
            await authoring.replace_questions(
                tx, room.instructor, made.id, sets[index % len(sets)], None
            )

    writing = (write(index) for index in range(8))
    starting = (start(database, who, made.id) for who in learners)
    outcomes = await asyncio.gather(*starting, *writing)
    allowed = {tuple(q.html for q in questions) for questions in sets}
    for attempt, _ in (outcome for outcome in outcomes if outcome is not None):
        assert tuple(q.html for q in attempt.questions) in allowed


async def test_a_lecture_gets_one_quiz(database: Database) -> None:
    async with database.transaction() as tx:
        room = await factories.make_classroom(tx)

    async def create() -> FullQuiz:
        async with database.transaction() as tx:
            made, _ = await authoring.create_quiz(
                tx, room.instructor, room.lecture_id, factories.quiz()
            )
            return made

    outcomes = await asyncio.gather(*(create() for _ in range(10)), return_exceptions=True)
    made = [outcome for outcome in outcomes if isinstance(outcome, FullQuiz)]
    assert len(made) == 1
    assert all(isinstance(o, QuizExists) for o in outcomes if o is not made[0])


async def test_a_submission_that_was_not_committed_did_not_happen(database: Database) -> None:
    room, made = await make_quiz(database)
    attempt, _ = await start(database, room.learner, made.id)
    await save(database, room.learner, attempt)
    in_use = database.write_pool.in_use
    with pytest.raises(errors.DatabaseUnreachable):
        await _submit_and_lose_the_connection(database, room.learner, attempt)
    assert database.write_pool.in_use == in_use
    reader = database.reader()
    assert await reader.one(_COUNT_EVENTS, str(attempt.id)) == 0
    assert not await factories.has_completed(reader, room, room.learner)
    done = await submit(database, room.learner, attempt)
    assert done.result
    assert done.result.percent == 100
    assert await reader.one(_COUNT_EVENTS, str(attempt.id)) == 2


async def _submit_and_lose_the_connection(
    database: Database, actor: Actor, attempt: Attempt
) -> None:
    async with database.transaction() as tx:
        done = await submission.submit_attempt(tx, actor, attempt.id)
        assert done.result
        process = await tx.one(_OWN_PROCESS)
        async with database.transaction() as other:
            assert await other.one(_KILL, process)
