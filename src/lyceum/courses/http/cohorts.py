"""The HTTP door of cohorts."""

from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.queries.cohorts import Cohort
from lyceum.courses.schemas.cohorts import (
    CohortChanges,
    CohortMemberView,
    CohortView,
    NewCohort,
)
from lyceum.courses.service import cohorts
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import PageQuery
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get(
    "/courses/{course_id}/cohorts", access=SIGNED_IN, summary="List the cohorts of a course"
)
async def list_cohorts(tx: Reader, actor: Actor, course_id: UUID) -> list[CohortView]:
    """For the course's staff; an assistant of some of them gets those."""
    return [_view(cohort) for cohort in await cohorts.list_cohorts(tx, actor, course_id)]


@routes.post(
    "/courses/{course_id}/cohorts",
    access=permissions.UPDATE_COURSE,
    summary="Make a cohort",
    status=201,
    facts=(facts.CohortExists,),
)
async def create_cohort(
    tx: Writer, actor: Actor, course_id: UUID, data: NewCohort
) -> Answer[CohortView]:
    """A group of learners whose dates stand in for those of the course."""
    made = await cohorts.create_cohort(tx, actor, course_id, data)
    return _answer(made, location=f"{API}/cohorts/{made.id}")


@routes.patch(
    "/cohorts/{cohort_id}",
    access=permissions.UPDATE_COURSE,
    summary="Change a cohort",
    facts=(facts.CohortExists,),
)
async def update_cohort(
    tx: Writer, actor: Actor, cohort_id: UUID, data: CohortChanges, if_match: int | None
) -> Answer[CohortView]:
    """Only what is sent changes; new dates hold for its members at once."""
    return _answer(await cohorts.update_cohort(tx, actor, cohort_id, data, if_match))


@routes.delete("/cohorts/{cohort_id}", access=permissions.UPDATE_COURSE, summary="Delete a cohort")
async def delete_cohort(tx: Writer, actor: Actor, cohort_id: UUID, if_match: int | None) -> None:
    """Its members stay enrolled."""
    await cohorts.delete_cohort(tx, actor, cohort_id, if_match)


@routes.get(
    "/cohorts/{cohort_id}/members",
    access=SIGNED_IN,
    summary="List the learners in a cohort",
    shows=Record("enrolment", people="user_id"),
)
async def list_cohort_members(
    tx: Reader, actor: Actor, cohort_id: UUID, query: PageQuery
) -> Answer[list[CohortMemberView]]:
    """For the course's staff, in the order in which they joined."""
    found, total = await cohorts.list_members(tx, actor, cohort_id, query)
    views = msgspec.convert(found, list[CohortMemberView], from_attributes=True)
    return Answer(data=views, page=query.info(total))


@routes.put(
    "/cohorts/{cohort_id}/members/{user_id}",
    access=permissions.UPDATE_COURSE,
    summary="Put a learner into a cohort",
)
async def put_cohort_member(
    tx: Writer, actor: Actor, cohort_id: UUID, user_id: UUID
) -> Answer[CohortView]:
    """Out of any other cohort of the course."""
    return _answer(await cohorts.put_member(tx, actor, cohort_id, user_id))


@routes.delete(
    "/cohorts/{cohort_id}/members/{user_id}",
    access=permissions.UPDATE_COURSE,
    summary="Take a learner out of a cohort",
)
async def remove_cohort_member(tx: Writer, actor: Actor, cohort_id: UUID, user_id: UUID) -> None:
    """They stay enrolled."""
    await cohorts.remove_member(tx, actor, cohort_id, user_id)


@routes.put(
    "/cohorts/{cohort_id}/assistants/{user_id}",
    access=permissions.UPDATE_COURSE,
    summary="Have an assistant look after a cohort",
)
async def put_cohort_assistant(
    tx: Writer, actor: Actor, cohort_id: UUID, user_id: UUID
) -> Answer[CohortView]:
    """An assistant of the course, who sees the learners of such cohorts alone from now on."""
    return _answer(await cohorts.put_assistant(tx, actor, cohort_id, user_id))


@routes.delete(
    "/cohorts/{cohort_id}/assistants/{user_id}",
    access=permissions.UPDATE_COURSE,
    summary="Have an assistant look after a cohort no longer",
)
async def remove_cohort_assistant(tx: Writer, actor: Actor, cohort_id: UUID, user_id: UUID) -> None:
    """One who looks after no cohort sees all learners of the course."""
    await cohorts.remove_assistant(tx, actor, cohort_id, user_id)


def _view(cohort: Cohort) -> CohortView:
    return msgspec.convert(cohort, CohortView, from_attributes=True)


def _answer(cohort: Cohort, location: str | None = None) -> Answer[CohortView]:
    return Answer(data=_view(cohort), version=cohort.version, location=location)
