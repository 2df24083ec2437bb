"""Enrolments over HTTP."""

from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.records import Enrolment
from lyceum.courses.schemas.enrolment import EnrolmentView, LearnerView, MyEnrolment, NewEnrolment
from lyceum.courses.service import enrolment
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import CursorQuery, PageQuery
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer, PageInfo

routes = Routes("courses")


@routes.post(
    "/courses/{course_id}/enroll",
    access=SIGNED_IN,
    summary="Enrol in a course",
    status=201,
    facts=(
        facts.AlreadyEnrolled, facts.SeatLimitReached, facts.EnrolmentClosed,
        facts.PaymentRequired, facts.CourseStateConflict, facts.PrerequisitesMissing,
    ),
)  # fmt: skip
async def enrol(tx: Writer, actor: Actor, course_id: UUID) -> Answer[EnrolmentView]:
    """Enrol the caller; coming back after leaving keeps the progress."""
    return _created(await enrolment.enrol(tx, actor, course_id))


@routes.delete("/courses/{course_id}/enroll", access=SIGNED_IN, summary="Leave a course")
async def drop_enrolment(tx: Writer, actor: Actor, course_id: UUID, if_match: int | None) -> None:
    """End the caller's enrolment and free the seat; the progress is kept for coming back."""
    await enrolment.drop_enrolment(tx, actor, course_id, if_match)


@routes.get(
    "/courses/{course_id}/enrollments",
    access=SIGNED_IN,
    summary="List the learners of a course",
    returns=list[LearnerView],
    shows=Record("enrolment", people="user_id"),
)
async def list_learners(
    tx: Reader, actor: Actor, course_id: UUID, query: CursorQuery
) -> Answer[list[LearnerView]]:
    """For the course's staff: everybody who is or was enrolled, newest first."""
    found, cursor = await enrolment.list_learners(tx, actor, course_id, query)
    views = msgspec.convert(found, list[LearnerView], from_attributes=True)
    return Answer(data=views, page=PageInfo(per_page=query.per_page, next_cursor=cursor))


@routes.post(
    "/courses/{course_id}/enrollments",
    access=permissions.UPDATE_COURSE,
    summary="Enrol somebody in a course",
    status=201,
    facts=(facts.AlreadyEnrolled, facts.SeatLimitReached, facts.CourseStateConflict),
)
async def enrol_learner(
    tx: Writer, actor: Actor, course_id: UUID, data: NewEnrolment
) -> Answer[EnrolmentView]:
    """For the course's instructors: enrol a person by id or address, whatever the price, window
    or visibility."""
    return _created(await enrolment.enrol_learner(tx, actor, course_id, data))


@routes.get(
    "/me/enrollments",
    access=SIGNED_IN,
    summary="List the courses that one learns",
    returns=list[MyEnrolment],
    shows=Record("enrolment", is_own=True),
)
async def list_own_enrolments(
    tx: Reader, actor: Actor, query: PageQuery
) -> Answer[list[MyEnrolment]]:
    """The caller's courses with progress and the lecture to go on with, last worked on first."""
    found = await enrolment.list_own_enrolments(tx, actor, query)
    return Answer(data=found.items, page=query.info(found.total))


def _created(made: Enrolment) -> Answer[EnrolmentView]:
    return Answer(
        data=msgspec.convert(made, EnrolmentView, from_attributes=True),
        version=made.version,
        location=f"{API}/courses/{made.course_id}/progress",
    )
