"""The HTTP door of the outline: chapters, lectures, and their order."""

from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.records import Chapter, Lecture
from lyceum.courses.schemas import structure as schemas
from lyceum.courses.service import structure
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.routing import API, PUBLIC, Routes
from lyceum.platform.statements import Json
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get(
    "/courses/{course_id}/chapters",
    access=PUBLIC,
    summary="List the chapters of a course with their lectures",
    returns=tuple[schemas.OutlineChapter, ...],
)
async def list_chapters(tx: Reader, actor: Actor, course_id: UUID) -> Answer[Json]:
    """In order, without the lectures' content."""
    return Answer(data=await structure.list_outline(tx, actor, course_id))


@routes.post(
    "/courses/{course_id}/chapters",
    access=permissions.UPDATE_COURSE,
    summary="Add a chapter at the end of a course",
    status=201,
    facts=(facts.OutlineFull,),
)
async def add_chapter(
    tx: Writer, actor: Actor, course_id: UUID, data: schemas.NewChapter
) -> Answer[schemas.ChapterView]:
    """Its place is changed with the order of the course."""
    chapter = await structure.add_chapter(tx, actor, course_id, data.title)
    return _chapter(chapter, location=f"{API}/chapters/{chapter.id}")


@routes.patch(
    "/chapters/{chapter_id}", access=permissions.UPDATE_COURSE, summary="Rename a chapter"
)
async def rename_chapter(
    tx: Writer, actor: Actor, chapter_id: UUID, data: schemas.ChapterChanges, if_match: int | None
) -> Answer[schemas.ChapterView]:
    """Only what is sent changes."""
    title = data.changes().get("title")
    return _chapter(await structure.rename_chapter(tx, actor, chapter_id, title, if_match))


@routes.delete(
    "/chapters/{chapter_id}",
    access=permissions.UPDATE_COURSE,
    summary="Delete a chapter with its lectures",
)
async def delete_chapter(tx: Writer, actor: Actor, chapter_id: UUID, if_match: int | None) -> None:
    """The learners' percentages are counted anew."""
    await structure.delete_chapter(tx, actor, chapter_id, if_match)


@routes.post(
    "/chapters/{chapter_id}/lectures",
    access=permissions.UPDATE_COURSE,
    summary="Add a lecture at the end of a chapter",
    status=201,
    facts=(facts.OutlineFull,),
)
async def add_lecture(
    tx: Writer, actor: Actor, chapter_id: UUID, data: schemas.NewLecture
) -> Answer[schemas.LectureView]:
    """Its content is cleaned; the learners' percentages are counted anew."""
    lecture = await structure.add_lecture(tx, actor, chapter_id, data)
    return _lecture(lecture, location=f"{API}/lectures/{lecture.id}")


@routes.get("/lectures/{lecture_id}", access=PUBLIC, summary="Open a lecture")
async def get_lecture(tx: Reader, actor: Actor, lecture_id: UUID) -> Answer[schemas.LectureView]:
    """For the staff and the learners of its course; a preview is for everybody who sees it."""
    return _lecture(await structure.get_lecture(tx, actor, lecture_id))


@routes.patch(
    "/lectures/{lecture_id}", access=permissions.UPDATE_COURSE, summary="Change a lecture"
)
async def update_lecture(
    tx: Writer, actor: Actor, lecture_id: UUID, data: schemas.LectureChanges, if_match: int | None
) -> Answer[schemas.LectureView]:
    """Only what is sent changes; what learners did in it stays."""
    return _lecture(await structure.update_lecture(tx, actor, lecture_id, data, if_match))


@routes.delete(
    "/lectures/{lecture_id}", access=permissions.UPDATE_COURSE, summary="Delete a lecture"
)
async def delete_lecture(tx: Writer, actor: Actor, lecture_id: UUID, if_match: int | None) -> None:
    """The learners' percentages are counted anew."""
    await structure.delete_lecture(tx, actor, lecture_id, if_match)


@routes.put(
    "/courses/{course_id}/order",
    access=permissions.UPDATE_COURSE,
    summary="Put the whole outline of a course in order",
    facts=(facts.OutlineChanged,),
    returns=tuple[schemas.OutlineChapter, ...],
)
async def reorder_outline(
    tx: Writer, actor: Actor, course_id: UUID, data: schemas.OutlineOrder, if_match: int | None
) -> Answer[Json]:
    """Every chapter and every lecture is named once; a lecture may move to another chapter."""
    await structure.reorder_outline(tx, actor, course_id, data, if_match)
    return Answer(data=await structure.list_outline(tx, actor, course_id))


def _chapter(chapter: Chapter, location: str | None = None) -> Answer[schemas.ChapterView]:
    view = schemas.ChapterView(**msgspec.structs.asdict(chapter))
    return Answer(data=view, version=chapter.version, location=location)


def _lecture(lecture: Lecture, location: str | None = None) -> Answer[schemas.LectureView]:
    view = schemas.LectureView(**msgspec.structs.asdict(lecture))
    return Answer(data=view, version=lecture.version, location=location)
