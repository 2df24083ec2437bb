"""Enrolling many people at once, from a request or a CSV file, and the list of who is enrolled.

Each row has an outcome of its own: one that cannot be enrolled keeps no other out.
Not here: reading and writing CSV (`adapters.roster_csv`), the job that works a file through
(`jobs`).
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from lyceum.courses import permissions
from lyceum.courses.queries import cohorts as cohort_queries
from lyceum.courses.queries import enrolment as enrolment_queries
from lyceum.courses.queries import rosters as queries
from lyceum.courses.queries.cohorts import Cohort
from lyceum.courses.queries.rosters import EnrolmentImport, RosterLine
from lyceum.courses.records import CourseAccess
from lyceum.courses.schemas.enrolment import (
    Outcome,
    PersonToEnrol,
    RosterReport,
    RosterResult,
)
from lyceum.courses.service import access, admission, cohorts, enrolment
from lyceum.platform import clock, errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users import api as users

MESSAGES: dict[Outcome, str] = {
    "enrolled": "Enrolled",
    "already_enrolled": "Enrolled already",
    "unknown_person": "There is no such person in the academy",
    "no_cohort": "The course has no cohort of this name",
    "no_seat": "Every seat is taken",
    "invalid": "Give either a user id or an address",
}


async def enrol_people(
    tx: Writer,
    actor: Actor,
    course_id: UUID,
    people: Sequence[PersonToEnrol],
    *,
    is_dry_run: bool,
    first_row: int = 1,
) -> RosterReport:
    """Enrol people in a course that the actor edits, whatever its price, window or prerequisites;
    a dry run says what would come of it."""
    course = await access.lock_editable_course(tx, actor, course_id)
    admission.require_published(tx, actor, course)
    left = await _count_seats_left(tx, course.id)
    names = {each.name.lower(): each.id for each in await _list_cohorts(tx, course.id)}
    results = []
    seen: set[UUID] = set()
    for row, wanted in enumerate(people, start=first_row):
        outcome, user_id = await _judge(tx, course.id, wanted, names, seen, left)
        if outcome == "enrolled" and user_id is not None:
            seen.add(user_id)
            left = None if left is None else left - 1
            if not is_dry_run:
                await _admit(tx, actor, course, user_id, names.get((wanted.cohort or "").lower()))
        results.append(
            RosterResult(row=row, outcome=outcome, user_id=user_id, message=MESSAGES[outcome])
        )
    return make_report(tx, actor, results, is_dry_run=is_dry_run)


def make_report(
    tx: Reader, actor: Actor, results: Sequence[RosterResult], *, is_dry_run: bool
) -> RosterReport:
    """Return the results with their sums."""
    outcomes = [result.outcome for result in results]
    enrolled, already = outcomes.count("enrolled"), outcomes.count("already_enrolled")
    return RosterReport(
        is_dry_run=is_dry_run,
        enrolled=enrolled,
        already_enrolled=already,
        refused=len(outcomes) - enrolled - already,
        results=tuple(results),
    )


async def require_import(tx: Reader, actor: Actor, course_id: UUID) -> None:
    """Refuse whoever may not enrol people in the course, before anything of theirs is read."""
    course = await access.get_editable_course(tx, actor, course_id)
    admission.require_published(tx, actor, course)


async def add_import(
    tx: Writer,
    actor: Actor,
    course_id: UUID,
    import_id: UUID,
    *,
    job_id: UUID,
    content: str,
    is_dry_run: bool,
) -> EnrolmentImport:
    """Keep a file of people for the job that works it through."""
    await require_import(tx, actor, course_id)
    user_id = actor.require_user()
    await tx.execute(queries.ADD_IMPORT, import_id, course_id, user_id, job_id, is_dry_run, content)
    return await tx.one(queries.FIND_IMPORT, import_id)


async def get_import(tx: Reader, actor: Actor, import_id: UUID) -> EnrolmentImport:
    """Return an import into a course that the actor edits; to others there is none."""
    found = await tx.one_or_none(queries.FIND_IMPORT, import_id)
    if found is None:
        raise errors.NotFound
    try:
        await access.get_editable_course(tx, actor, found.course_id)
    except errors.Forbidden as fact:
        raise errors.NotFound from fact
    return found


async def finish_import(tx: Writer, actor: Actor, import_id: UUID, report: RosterReport) -> None:
    """Keep the report of an import, and its file no longer."""
    found = await get_import(tx, actor, import_id)
    encoded = msgspec.json.encode(report)
    await tx.execute(queries.FINISH_IMPORT, found.id, encoded, clock.utc_now())


async def list_roster(tx: Reader, actor: Actor, course_id: UUID) -> list[RosterLine]:
    """Return everybody who is or was enrolled in a course whose staff the actor is, for a file; an
    assistant of single cohorts gets the learners of those."""
    course = await access.get_visible_course(tx, actor, course_id)
    if not permissions.is_staff_of(actor, course.actor_role):
        actor.require_user()
        raise errors.Forbidden("Only the course's own staff sees who learns it.")
    bound = await enrolment.find_bound_assistant(tx, actor, course)
    return await tx.all(queries.EXPORT_ROSTER, course.id, bound)


async def _judge(
    tx: Writer,
    course_id: UUID,
    wanted: PersonToEnrol,
    cohort_names: dict[str, UUID],
    seen: set[UUID],
    left: int | None,
) -> tuple[Outcome, UUID | None]:
    """Return what comes of one person, and who it is."""
    if (wanted.user_id is None) == (wanted.email is None):
        return "invalid", None
    if wanted.user_id is not None:
        person = await users.find_person(tx, wanted.user_id)
    else:
        person = await users.find_person_by_email(tx, wanted.email or "")
    if person is None or person.status != "active":
        return "unknown_person", None
    status = await tx.one_or_none(queries.FIND_STATUS, course_id, person.user_id)
    if person.user_id in seen or status in permissions.ENROLLED:
        return "already_enrolled", person.user_id
    if wanted.cohort is not None and wanted.cohort.lower() not in cohort_names:
        return "no_cohort", person.user_id
    if left is not None and left <= 0:
        return "no_seat", person.user_id
    return "enrolled", person.user_id


async def _admit(
    tx: Writer, actor: Actor, course: CourseAccess, user_id: UUID, cohort_id: UUID | None
) -> None:
    offer = await tx.one(enrolment_queries.FIND_OFFER, course.id)
    made = await admission.admit(tx, actor, course.id, user_id, "staff", offer)
    if cohort_id is not None:
        await cohorts.put_enrolment(tx, actor, cohort_id, made.id)


async def _count_seats_left(tx: Reader, course_id: UUID) -> int | None:
    found = await tx.one(queries.COUNT_SEATS_LEFT, course_id)
    (left,) = msgspec.json.decode(found, type=tuple[int | None])
    return left


async def _list_cohorts(tx: Reader, course_id: UUID) -> list[Cohort]:
    return await tx.all(cohort_queries.LIST_COHORTS, course_id, None)
