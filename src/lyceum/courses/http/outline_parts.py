"""The HTTP door of moving parts of an outline, and of what was deleted of it."""

from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.records import Chapter, Lecture
from lyceum.courses.schemas import structure as schemas
from lyceum.courses.service import placing, trash
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.routing import Routes
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.put(
    "/chapters/{chapter_id}/place", access=permissions.UPDATE_COURSE, summary="Move a chapter"
)
async def place_chapter(
    tx: Writer, actor: Actor, chapter_id: UUID, data: schemas.ChapterPlace, if_match: int | None
) -> Answer[schemas.ChapterView]:
    """Behind another chapter of the course, or first."""
    return _chapter(await placing.place_chapter(tx, actor, chapter_id, data, if_match))


@routes.put(
    "/lectures/{lecture_id}/place", access=permissions.UPDATE_COURSE, summary="Move a lecture"
)
async def place_lecture(
    tx: Writer, actor: Actor, lecture_id: UUID, data: schemas.LecturePlace, if_match: int | None
) -> Answer[schemas.LectureView]:
    """Behind another lecture, or first, in its own chapter or in another of the course."""
    return _lecture(await placing.place_lecture(tx, actor, lecture_id, data, if_match))


@routes.get(
    "/courses/{course_id}/trash",
    access=permissions.UPDATE_COURSE,
    summary="List what was deleted of a course",
)
async def list_deleted_parts(
    tx: Reader, actor: Actor, course_id: UUID
) -> tuple[schemas.DeletedPartView, ...]:
    """Chapters and lectures that can be restored, the last deleted first."""
    found = await trash.list_deleted_parts(tx, actor, course_id)
    return tuple(
        msgspec.convert(part, schemas.DeletedPartView, from_attributes=True) for part in found
    )


@routes.post(
    "/chapters/{chapter_id}/restore",
    access=permissions.UPDATE_COURSE,
    summary="Restore a deleted chapter",
    status=200,
    facts=(facts.OutlineFull,),
)
async def restore_chapter(
    tx: Writer, actor: Actor, chapter_id: UUID
) -> Answer[schemas.ChapterView]:
    """With the lectures that were deleted with it, where it was."""
    return _chapter(await trash.restore_chapter(tx, actor, chapter_id))


@routes.post(
    "/lectures/{lecture_id}/restore",
    access=permissions.UPDATE_COURSE,
    summary="Restore a deleted lecture",
    status=200,
    facts=(facts.OutlineFull, facts.ChapterDeleted),
)
async def restore_lecture(
    tx: Writer, actor: Actor, lecture_id: UUID
) -> Answer[schemas.LectureView]:
    """Where it was; who had completed it has so still."""
    return _lecture(await trash.restore_lecture(tx, actor, lecture_id))


@routes.delete(
    "/chapters/{chapter_id}/permanently",
    access=permissions.UPDATE_COURSE,
    summary="Remove a deleted chapter for good",
    facts=(facts.HasHistory,),
)
async def purge_chapter(tx: Writer, actor: Actor, chapter_id: UUID) -> None:
    """With its lectures; refused where anybody has progress in one of them."""
    await trash.purge_chapter(tx, actor, chapter_id)


@routes.delete(
    "/lectures/{lecture_id}/permanently",
    access=permissions.UPDATE_COURSE,
    summary="Remove a deleted lecture for good",
    facts=(facts.HasHistory,),
)
async def purge_lecture(tx: Writer, actor: Actor, lecture_id: UUID) -> None:
    """Refused where anybody has progress in it."""
    await trash.purge_lecture(tx, actor, lecture_id)


def _chapter(chapter: Chapter) -> Answer[schemas.ChapterView]:
    view = schemas.ChapterView(**msgspec.structs.asdict(chapter))
    return Answer(data=view, version=chapter.version)


def _lecture(lecture: Lecture) -> Answer[schemas.LectureView]:
    view = schemas.LectureView(**msgspec.structs.asdict(lecture))
    return Answer(data=view, version=lecture.version)
