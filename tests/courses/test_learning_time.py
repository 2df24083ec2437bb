"""When people learnt: time by day and streaks; and certificates that are issued anew."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.schemas.progress import LearningQuery, ProgressUpdate
from lyceum.courses.service import certificates, progress
from lyceum.platform import clock, errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from tests.courses import factories
from tests.courses.learning import SYSTEM, learn, rows, rows_in, teach


async def learning(tx: Writer, learner: Actor, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(
        await progress.get_learning(tx, learner, LearningQuery(**query))
    )
    return found


async def note(tx: Writer, enrolment_id: UUID, *moments: datetime) -> None:
    for moment in moments:
        await rows_in(
            tx, "INSERT INTO courses.learning_time VALUES ($1, $2, 600)", enrolment_id, moment
        )


async def test_time_is_counted_by_the_quarter_and_shown_by_day(tx: Writer) -> None:
    outline = await factories.make_published(tx)
    learner = await factories.make_person(tx)
    enrolment_id = await factories.enrol(tx, outline.course_id, learner)
    assert (await learning(tx, learner))["days"] == []
    update = ProgressUpdate(lecture_id=outline.lectures[0].id, time_spent_seconds=5)
    await progress.record_progress(tx, learner, outline.course_id, update)
    # As if that had been an hour ago: the next update puts it into the table.
    await rows_in(
        tx,
        "UPDATE courses.enrolments SET quarter_at = quarter_at - interval '1 hour' WHERE id = $1",
        enrolment_id,
    )
    await progress.record_progress(tx, learner, outline.course_id, update)
    kept = "SELECT seconds FROM courses.learning_time WHERE enrolment_id = $1"
    ((first,),) = await rows_in(tx, kept, enrolment_id)
    total = "SELECT time_spent_seconds FROM courses.enrolments WHERE id = $1"
    ((spent,),) = await rows_in(tx, total, enrolment_id)
    shown = await learning(tx, learner)
    assert 0 < first <= spent == shown["totalSeconds"]
    assert sum(day["seconds"] for day in shown["days"]) == spent
    assert shown["currentStreakDays"] >= 1


async def test_streaks_are_runs_of_days_in_the_time_zone_that_is_asked_for(tx: Writer) -> None:
    outline = await factories.make_published(tx)
    learner = await factories.make_person(tx)
    enrolment_id = await factories.enrol(tx, outline.course_id, learner)
    noon = datetime.combine(clock.utc_now().date(), datetime.min.time(), UTC) + timedelta(hours=12)
    ago = [noon - timedelta(days=days) for days in (1, 2, 3, 6, 7, 8, 9)]
    await note(tx, enrolment_id, *ago)
    shown = await learning(tx, learner)
    assert (shown["currentStreakDays"], shown["longestStreakDays"]) == (3, 4)
    assert len((await learning(tx, learner, days=3))["days"]) == 2
    # Half past eleven in the evening is the next day further east, also by three quarters.
    late = noon - timedelta(days=20) + timedelta(hours=11, minutes=30)
    await note(tx, enrolment_id, late)
    for zone, later in (("UTC", 0), ("Asia/Kathmandu", 1), ("America/New_York", 0)):
        days = (await learning(tx, learner, time_zone=zone, days=60))["days"]
        assert days[0]["day"] == str((late + timedelta(days=later)).date())
    with pytest.raises(errors.ValidationFailed):
        await learning(tx, learner, time_zone="Mars/Olympus")


async def certify(database: Database) -> tuple[str, Actor]:
    course = await teach(database, "text")
    learner = await learn(database, course)
    async with database.transaction() as tx:
        update = ProgressUpdate(lecture_id=course.lectures[0], completed=True)
        await progress.record_progress(tx, learner, course.id, update)
        text = "SELECT id FROM courses.enrolments WHERE course_id = $1"
        ((enrolment_id,),) = await rows_in(tx, text, course.id)
        await certificates.issue_certificate(tx, SYSTEM, enrolment_id)
        text = "SELECT code FROM courses.certificates WHERE course_id = $1"
        ((code,),) = await rows_in(tx, text, course.id)
    return code, learner


async def test_a_certificate_is_issued_anew_and_the_old_code_says_so(database: Database) -> None:
    code, learner = await certify(database)
    async with database.transaction() as tx:
        await rows_in(
            tx, "UPDATE users.users SET first_name = 'Augusta' WHERE id = $1", learner.user_id
        )
        with pytest.raises(errors.Forbidden):
            await certificates.reissue_certificate(tx, learner, code, "Wrong name")
        await certificates.revoke_certificate(tx, SYSTEM, code, "Wrong name")
        issued = await certificates.reissue_certificate(tx, SYSTEM, code, "Wrong name")
        assert issued.code != code
        assert issued.learner_name.startswith("Augusta")
        assert issued.revoked_at is None
        old = await certificates.get_certificate(tx, SYSTEM, code)
        assert not old.learner_name.startswith("Augusta")
        assert (old.revoked_at is not None, old.revoked_reason) == (True, "Wrong name")
        for again in (certificates.reissue_certificate, certificates.revoke_certificate):
            with pytest.raises(facts.RevokedAlready):
                await again(tx, SYSTEM, code, "Once more")


async def test_20_at_once_issue_it_anew_once(database: Database) -> None:
    code, learner = await certify(database)

    async def reissue() -> None:
        async with database.transaction() as tx:
            await certificates.reissue_certificate(tx, SYSTEM, code, "Wrong name")

    outcomes = await asyncio.gather(*(reissue() for _ in range(20)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(outcome is None or isinstance(outcome, facts.RevokedAlready) for outcome in outcomes)
    text = "SELECT count(*) FROM courses.former_certificates WHERE user_id = $1"
    assert await rows(database, text, learner.user_id) == [(1,)]
