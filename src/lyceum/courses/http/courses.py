"""The HTTP door of a course itself: create, change, publish, archive, delete, restore."""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.schemas.courses import CourseChanges, CourseDetail, NewCourse
from lyceum.courses.service import catalogue, courses
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.routing import API, Routes
from lyceum.platform.statements import Json
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.post(
    "/courses",
    access=permissions.CREATE_COURSE,
    summary="Create a course",
    status=201,
    facts=(facts.PrerequisiteLoop,),
    returns=CourseDetail,
)
async def create_course(tx: Writer, actor: Actor, data: NewCourse) -> Answer[Json]:
    """As a draft that its staff alone can see. Rich text is cleaned; an unknown category is
    made."""
    course_id = await courses.create_course(tx, actor, data)
    return await _answer(tx, actor, course_id, location=f"{API}/courses/{course_id}")


@routes.patch(
    "/courses/{id_or_slug}",
    access=permissions.UPDATE_COURSE,
    summary="Change a course",
    facts=(facts.CourseStateConflict, facts.PrerequisiteLoop, errors.PreconditionRequired),
    returns=CourseDetail,
)
async def update_course(
    tx: Writer, actor: Actor, id_or_slug: str, data: CourseChanges, if_match: int | None
) -> Answer[Json]:
    """Only what is sent changes. A new price needs If-Match."""
    course_id = await courses.update_course(tx, actor, id_or_slug, data, if_match)
    return await _answer(tx, actor, course_id)


@routes.delete("/courses/{id_or_slug}", access=permissions.DELETE_COURSE, summary="Delete a course")
async def delete_course(tx: Writer, actor: Actor, id_or_slug: str, if_match: int | None) -> None:
    """It can be restored with everything in it."""
    await courses.delete_course(tx, actor, id_or_slug, if_match)


@routes.post(
    "/courses/{course_id}/publish",
    access=permissions.PUBLISH_COURSE,
    summary="Publish a course",
    status=200,
    facts=(facts.CourseNotReady, facts.CourseStateConflict),
    returns=CourseDetail,
)
async def publish_course(tx: Writer, actor: Actor, course_id: UUID) -> Answer[Json]:
    """A course that is not ready gets 409 with `missing`: all that is wanting."""
    await courses.publish_course(tx, actor, course_id)
    return await _answer(tx, actor, course_id)


@routes.post(
    "/courses/{course_id}/archive",
    access=permissions.PUBLISH_COURSE,
    summary="Archive a published course",
    status=200,
    facts=(facts.CourseStateConflict,),
    returns=CourseDetail,
)
async def archive_course(tx: Writer, actor: Actor, course_id: UUID) -> Answer[Json]:
    """It leaves the catalogue; those who learn it keep it."""
    await courses.archive_course(tx, actor, course_id)
    return await _answer(tx, actor, course_id)


@routes.post(
    "/courses/{course_id}/restore",
    access=permissions.DELETE_COURSE,
    summary="Restore a deleted or archived course",
    status=200,
    facts=(facts.CourseNotReady, facts.CourseStateConflict),
    returns=CourseDetail,
)
async def restore_course(tx: Writer, actor: Actor, course_id: UUID) -> Answer[Json]:
    """A deleted one comes back as it was; an archived one is published again."""
    await courses.restore_course(tx, actor, course_id)
    return await _answer(tx, actor, course_id)


async def _answer(
    tx: Writer, actor: Actor, course_id: UUID, location: str | None = None
) -> Answer[Json]:
    shown = await catalogue.show_changed_course(tx, actor, course_id)
    return Answer(data=shown.body, etag=shown.etag, location=location)
