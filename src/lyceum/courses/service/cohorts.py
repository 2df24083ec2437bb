"""Cohorts: groups of the learners of a course, with dates and assistants of their own.

The dates of a cohort stand in for those of the course; they are kept on the enrolments of its
members too, where learning looks at them.
"""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import events
from lyceum.courses.queries import cohorts as queries
from lyceum.courses.queries import enrolment as enrolment_queries
from lyceum.courses.queries import staff as staff_queries
from lyceum.courses.queries.cohorts import Cohort, CohortPerson
from lyceum.courses.schemas.cohorts import CohortChanges, NewCohort
from lyceum.courses.service import access, enrolment
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.platform.events import emit
from lyceum.platform.paging import PageQuery

_BROKEN: Final[dict[str, Callable[[], errors.Fact]]] = {
    "cohorts_name_unique": facts.CohortExists,
    "cohorts_run": lambda: facts.invalid("/endsAt", "The cohort must end after it starts"),
}


async def list_cohorts(tx: Reader, actor: Actor, course_id: UUID) -> list[Cohort]:
    """Return the cohorts of a course, for its staff; to an assistant of some of them, those."""
    course = await access.get_taught_course(tx, actor, course_id)
    bound = await enrolment.find_bound_assistant(tx, actor, course)
    return await tx.all(queries.LIST_COHORTS, course.id, bound)


async def create_cohort(tx: Writer, actor: Actor, course_id: UUID, new: NewCohort) -> Cohort:
    """Make a cohort in a course that the actor edits; CohortExists when the name is taken."""
    course = await access.lock_editable_course(tx, actor, course_id)
    cohort_id = ids.new_id()
    name = _clean_name(new.name)
    with constraint_facts(_BROKEN):
        await tx.execute(queries.ADD_COHORT, cohort_id, course.id, name, new.starts_at, new.ends_at)
    return await _changed(tx, actor, cohort_id, "created")


async def update_cohort(
    tx: Writer, actor: Actor, cohort_id: UUID, changes: CohortChanges, if_match: int | None
) -> Cohort:
    """Change what was sent of a cohort; new dates are those of its members at once."""
    before = await _lock_cohort(tx, actor, cohort_id)
    facts.require_version(before.version, if_match)
    sent: dict[str, Any] = changes.changes()
    if "name" in sent:
        sent["name"] = _clean_name(sent["name"])
    after = msgspec.structs.replace(before, **sent)
    if after == before:
        return before
    with constraint_facts(_BROKEN):
        await tx.execute(
            queries.UPDATE_COHORT, cohort_id, after.name, after.starts_at, after.ends_at
        )
    await _date_members(tx, cohort_id)
    return await _changed(tx, actor, cohort_id, "updated")


async def delete_cohort(tx: Writer, actor: Actor, cohort_id: UUID, if_match: int | None) -> None:
    """Take a cohort away; its members stay enrolled, by the dates of the course."""
    cohort = await _lock_cohort(tx, actor, cohort_id)
    facts.require_version(cohort.version, if_match)
    members = await tx.all(queries.LIST_MEMBER_IDS, cohort_id)
    await tx.execute(queries.DELETE_COHORT, cohort_id)
    await tx.execute(queries.DATE_ENROLMENTS, members)
    gone = events.CohortChanged(course_id=cohort.course_id, cohort_id=cohort_id, what="deleted")
    await emit(tx, actor, gone)


async def list_members(
    tx: Reader, actor: Actor, cohort_id: UUID, page: PageQuery
) -> tuple[list[CohortPerson], int]:
    """Return a page of the learners in a cohort, and how many there are, for the course's staff; an
    assistant of other cohorts does not see it."""
    cohort = await tx.one_or_none(queries.FIND_COHORT, cohort_id)
    if cohort is None:
        raise errors.NotFound
    seen = await _list_seen(tx, actor, cohort.course_id)
    if cohort_id not in {each.id for each in seen}:
        raise errors.NotFound
    found = await tx.all(queries.LIST_MEMBERS, cohort_id, page.offset, page.per_page)
    return found, cohort.member_count


async def put_member(tx: Writer, actor: Actor, cohort_id: UUID, user_id: UUID) -> Cohort:
    """Put a learner of the course into a cohort, out of any other; doing it twice is doing it
    once."""
    cohort = await _lock_cohort(tx, actor, cohort_id)
    enrolment_id = await _find_enrolment(tx, cohort, user_id)
    if enrolment_id is None:
        raise facts.invalid("/path/user_id", "This person is not enrolled in the course")
    return await put_enrolment(tx, actor, cohort_id, enrolment_id)


async def put_enrolment(tx: Writer, actor: Actor, cohort_id: UUID, enrolment_id: UUID) -> Cohort:
    """Put an enrolment into a cohort of its course, which is locked, by whoever may."""
    await tx.execute(queries.PUT_MEMBER, enrolment_id, cohort_id)
    await tx.execute(queries.DATE_ENROLMENTS, [enrolment_id])
    return await _changed(tx, actor, cohort_id, "members")


async def remove_member(tx: Writer, actor: Actor, cohort_id: UUID, user_id: UUID) -> None:
    """Take a learner out of a cohort; they stay enrolled, by the dates of the course."""
    cohort = await _lock_cohort(tx, actor, cohort_id)
    enrolment_id = await _find_enrolment(tx, cohort, user_id)
    if await tx.one_or_none(queries.REMOVE_MEMBER, enrolment_id, cohort_id) is None:
        raise errors.NotFound("This person is not in the cohort.")
    await tx.execute(queries.DATE_ENROLMENTS, [enrolment_id])
    await _changed(tx, actor, cohort_id, "members")


async def put_assistant(tx: Writer, actor: Actor, cohort_id: UUID, user_id: UUID) -> Cohort:
    """Have an assistant of the course look after a cohort: they see such cohorts alone from now
    on."""
    cohort = await _lock_cohort(tx, actor, cohort_id)
    role = await tx.one_or_none(staff_queries.FIND_ROLE, cohort.course_id, user_id)
    if role != "assistant":
        raise facts.invalid("/path/user_id", "This person is no assistant of the course")
    await tx.execute(queries.ADD_ASSISTANT, cohort_id, user_id)
    return await _changed(tx, actor, cohort_id, "assistants")


async def remove_assistant(tx: Writer, actor: Actor, cohort_id: UUID, user_id: UUID) -> None:
    """Have an assistant look after a cohort no longer; one of no cohort sees all learners."""
    cohort = await _lock_cohort(tx, actor, cohort_id)
    if user_id not in cohort.assistant_ids:
        raise errors.NotFound("This person does not look after the cohort.")
    await tx.execute(queries.REMOVE_ASSISTANT, cohort_id, user_id)
    await _changed(tx, actor, cohort_id, "assistants")


async def _list_seen(tx: Reader, actor: Actor, course_id: UUID) -> list[Cohort]:
    try:
        return await list_cohorts(tx, actor, course_id)
    except errors.Forbidden as fact:
        raise errors.NotFound from fact


async def _lock_cohort(tx: Writer, actor: Actor, cohort_id: UUID) -> Cohort:
    """Lock the cohort's course, which the actor edits, and return the cohort; to who does not
    teach the course it does not exist."""
    found = await tx.one_or_none(queries.FIND_COHORT, cohort_id)
    if found is None:
        raise errors.NotFound
    await _list_seen(tx, actor, found.course_id)
    await access.lock_editable_course(tx, actor, found.course_id)
    locked = await tx.one_or_none(queries.FIND_COHORT, cohort_id)
    if locked is None:
        raise errors.NotFound
    return locked


async def _find_enrolment(tx: Writer, cohort: Cohort, user_id: UUID) -> UUID | None:
    found = await tx.one_or_none(enrolment_queries.LOCK_ENROLMENT, cohort.course_id, user_id)
    return None if found is None else found.id


async def _date_members(tx: Writer, cohort_id: UUID) -> None:
    members = await tx.all(queries.LIST_MEMBER_IDS, cohort_id)
    await tx.execute(queries.DATE_ENROLMENTS, members)


async def _changed(tx: Writer, actor: Actor, cohort_id: UUID, what: str) -> Cohort:
    cohort = await tx.one(queries.FIND_COHORT, cohort_id)
    changed = events.CohortChanged(course_id=cohort.course_id, cohort_id=cohort_id, what=what)
    await emit(tx, actor, changed)
    return cohort


def _clean_name(name: str) -> str:
    cleaned = richtext.clean_text(name)
    if not cleaned:
        raise facts.invalid("/name", "1 to 100 characters, please")
    return cleaned
