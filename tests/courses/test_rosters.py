"""People enrolled at once, cohorts, and who sees whom."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.adapters import roster_csv
from lyceum.courses.schemas.cohorts import CohortChanges, NewCohort
from lyceum.courses.schemas.enrolment import PersonToEnrol
from lyceum.courses.schemas.staff import NewStaffMember
from lyceum.courses.service import cohorts, enrolment, rosters, staff
from lyceum.platform import clock, csv_cells, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.paging import CursorQuery, PageQuery
from tests.courses import factories
from tests.courses.conftest import SignIn
from tests.courses.factories import Outline
from tests.courses.learning import rows_in, teach
from tests.users.factories import make_user, store_user

Drain = Callable[[], Awaitable[int]]
API = "/api/v1"


async def test_each_person_of_a_list_has_an_outcome(tx: Writer) -> None:
    course = await factories.make_published(tx, seats=3, visibility="invited")
    known, other, late = [await make_user(tx) for _ in range(3)]
    people = (
        PersonToEnrol(email=known.email),
        PersonToEnrol(user_id=known.id),
        PersonToEnrol(email="nobody@people.test"),
        PersonToEnrol(),
        PersonToEnrol(user_id=other.id, cohort="No such group"),
        PersonToEnrol(user_id=other.id, cohort="GROUP a"),
        PersonToEnrol(user_id=course.owner.user_id),
        PersonToEnrol(user_id=late.id),
    )
    group = await cohorts.create_cohort(
        tx, course.owner, course.course_id, NewCohort(name="Group A")
    )
    expected = [
        "enrolled", "already_enrolled", "unknown_person", "invalid", "no_cohort", "enrolled",
        "enrolled", "no_seat",
    ]  # fmt: skip
    for is_dry_run in (True, False):
        report = await rosters.enrol_people(
            tx, course.owner, course.course_id, people, is_dry_run=is_dry_run
        )
        assert [result.outcome for result in report.results] == expected
        assert (report.enrolled, report.already_enrolled, report.refused) == (3, 1, 4)
        seats = "SELECT seats_taken FROM courses.courses WHERE id = $1"
        taken = await rows_in(tx, seats, course.course_id)
        assert taken == [(0 if is_dry_run else 3,)]
    (member,), total = await cohorts.list_members(tx, course.owner, group.id, PageQuery())
    assert (member.user_id, total) == (other.id, 1)
    stranger = await factories.make_person(tx, "instructor")
    with pytest.raises(errors.NotFound):
        await rosters.enrol_people(tx, stranger, course.course_id, people, is_dry_run=True)


def test_lists_in_several_shapes_are_read() -> None:
    some = ids.new_id()
    text = f'\ufeffName;E-Mail;Cohort\r\nAda;ada@x.test;"A; B"\r\n\r\nBob;;\r\n;{"x" * 400};\r\n'
    assert roster_csv.read_people(text) == [
        PersonToEnrol(email="ada@x.test", cohort="A; B"),
        PersonToEnrol(),
        PersonToEnrol(),
    ]
    assert roster_csv.read_people(f"userId\n{some}\nnonsense\n") == [
        PersonToEnrol(user_id=some),
        PersonToEnrol(),
    ]
    for wrong in ("", "name\nAda", 'email\n"unclosed', "email\n" + "a@b.c\n" * 5001):
        with pytest.raises(errors.InvalidInput):
            roster_csv.read_people(wrong)


def test_what_is_written_is_no_formula() -> None:
    names = ("=1+1", "+1", "-1", "@x", "\tx", 'a"b,c\nd', "plain", None)
    written = csv_cells.write_rows(("name",), [(name,) for name in names]).decode()
    lines = ["name", "'=1+1", "'+1", "'-1", "'@x", "'\tx", '"a""b,c\nd"', "plain", ""]
    assert written.removesuffix('""\r\n') + "\r\n" in ("\r\n".join(lines) + "\r\n", written)
    assert written.startswith("\r\n".join(lines[:6]))


async def test_a_file_is_worked_through_by_a_job(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn, drain: Drain
) -> None:
    course = await teach(database)
    headers = await sign_in(course.owner)
    people = [await store_user(database) for _ in range(3)]
    lines = ["email", *(person.email for person in people), "nobody@people.test"]
    import_id = ""
    for dry, count in (("true", 0), ("false", 3)):
        sent = await client.post(
            f"{API}/courses/{course.id}/enrollments/import?dryRun={dry}",
            content="\n".join(lines),
            headers={**headers, "content-type": "text/csv; charset=utf-8"},
        )
        assert sent.status_code == 202, sent.text
        await drain()
        import_id = sent.json()["data"]["id"]
        found = await client.get(f"{API}/enrollment-imports/{import_id}", headers=headers)
        report = found.json()["data"]["report"]
        assert (report["enrolled"], report["refused"]) == (3, 1)
        assert report["results"][3]["outcome"] == "unknown_person"
        listed = await client.get(f"{API}/courses/{course.id}/enrollments", headers=headers)
        assert len(listed.json()["data"]) == count
    stranger = await sign_in(await factories.store_person(database, "instructor"))
    assert (
        await client.get(f"{API}/enrollment-imports/{import_id}", headers=stranger)
    ).status_code == 404
    for kind, content, status in (("text/csv", b"\xff", 422), ("text/plain", b"email", 415)):
        refused = await client.post(
            f"{API}/courses/{course.id}/enrollments/import",
            content=content,
            headers={**headers, "content-type": kind},
        )
        assert refused.status_code == status


async def test_the_roster_is_a_file_for_the_staff_alone(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    course = await teach(database)
    learner = await store_user(database, first_name="=cmd", last_name="x")
    async with database.transaction() as tx:
        people = (PersonToEnrol(user_id=learner.id),)
        await rosters.enrol_people(tx, course.owner, course.id, people, is_dry_run=False)
    path = f"{API}/courses/{course.id}/enrollments.csv"
    got = await client.get(path, headers=await sign_in(course.owner))
    assert got.headers["content-type"].startswith("text/csv")
    assert "attachment" in got.headers["content-disposition"]
    assert got.text.splitlines()[1].split(",")[:2] == [str(learner.id), "'=cmd x"]
    assert (await client.get(path)).status_code == 401
    student = await sign_in(await factories.store_person(database))
    assert (await client.get(path, headers=student)).status_code == 403


async def enrolled(tx: Writer, course: Outline) -> Actor:
    learner = await factories.make_person(tx)
    people = (PersonToEnrol(user_id=learner.user_id),)
    await rosters.enrol_people(tx, course.owner, course.course_id, people, is_dry_run=False)
    return learner


async def make_group(tx: Writer, course: Outline, name: str, **dates: Any) -> UUID:
    new = NewCohort(name=name, **dates)
    return (await cohorts.create_cohort(tx, course.owner, course.course_id, new)).id


async def test_an_assistant_of_one_cohort_sees_its_learners_alone(tx: Writer) -> None:
    course = await factories.make_published(tx)
    owner = course.owner
    inside, outside = await enrolled(tx, course), await enrolled(tx, course)
    mine, other = await make_group(tx, course, "One"), await make_group(tx, course, "Two")
    assert inside.user_id is not None
    assert outside.user_id is not None
    await cohorts.put_member(tx, owner, mine, inside.user_id)
    await cohorts.put_member(tx, owner, other, outside.user_id)
    assistant = await factories.make_person(tx)
    assert assistant.user_id is not None
    new = NewStaffMember(role="assistant", user_id=assistant.user_id)
    await staff.add_staff(tx, owner, course.course_id, new)
    listed, _ = await enrolment.list_learners(tx, assistant, course.course_id, CursorQuery())
    assert len(listed) == 2
    await cohorts.put_assistant(tx, owner, mine, assistant.user_id)
    listed, _ = await enrolment.list_learners(tx, assistant, course.course_id, CursorQuery())
    assert [learner.user_id for learner in listed] == [inside.user_id]
    exported = await rosters.list_roster(tx, assistant, course.course_id)
    assert [line.user_id for line in exported] == [inside.user_id]
    assert [each.id for each in await cohorts.list_cohorts(tx, assistant, course.course_id)] == [
        mine
    ]
    assert await enrolment.get_learner_progress(tx, assistant, course.course_id, inside.user_id)
    with pytest.raises(errors.NotFound):
        await enrolment.get_learner_progress(tx, assistant, course.course_id, outside.user_id)
    with pytest.raises(errors.NotFound):
        await cohorts.list_members(tx, assistant, other, PageQuery())
    with pytest.raises(errors.Forbidden):
        await cohorts.put_member(tx, assistant, mine, outside.user_id)
    everybody, _ = await enrolment.list_learners(tx, owner, course.course_id, CursorQuery())
    assert len(everybody) == 2


async def test_who_does_not_teach_a_course_sees_none_of_its_cohorts_or_progress(
    tx: Writer,
) -> None:
    course = await factories.make_published(tx)
    learner = await enrolled(tx, course)
    group = await make_group(tx, course, "One")
    assert learner.user_id is not None
    stranger = await factories.make_person(tx, "instructor")
    for person in (stranger, learner):
        with pytest.raises(errors.NotFound):
            await cohorts.list_members(tx, person, group, PageQuery())
        with pytest.raises(errors.NotFound):
            await cohorts.update_cohort(tx, person, group, CohortChanges(name="x"), None)
        with pytest.raises(errors.NotFound):
            await enrolment.get_learner_progress(tx, person, course.course_id, learner.user_id)


async def test_the_dates_of_a_cohort_are_those_of_its_members(tx: Writer) -> None:
    course = await factories.make_published(tx, access_days=10)
    learner = await enrolled(tx, course)
    assert learner.user_id is not None
    soon = clock.utc_now() + timedelta(days=3)
    group = await make_group(tx, course, "One", starts_at=soon)
    text = "SELECT begins_at, expires_at FROM courses.enrolments WHERE course_id = $1"
    ((_, by_course),) = await rows_in(tx, text, course.course_id)
    await cohorts.put_member(tx, course.owner, group, learner.user_id)
    assert await rows_in(tx, text, course.course_id) == [(soon, by_course)]
    later = soon + timedelta(days=30)
    await cohorts.update_cohort(
        tx, course.owner, group, CohortChanges(starts_at=None, ends_at=later), None
    )
    assert await rows_in(tx, text, course.course_id) == [(None, later)]
    with pytest.raises(facts.CohortExists):
        await make_group(tx, course, "ONE")
