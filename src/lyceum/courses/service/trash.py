"""What was deleted of a course: restoring it, and removing it for good where nobody has a history.

Not here: deleting (`structure`, `courses`), restoring a course (`courses`).
"""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses import events
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import structure as structure_queries
from lyceum.courses.queries import trash as queries
from lyceum.courses.records import Chapter, DeletedPart, Lecture
from lyceum.courses.service import access, structure
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.statements import Query


async def list_deleted_parts(tx: Reader, actor: Actor, course_id: UUID) -> list[DeletedPart]:
    """Return what was deleted of the outline of a course that the actor edits, the last first."""
    course = await access.get_editable_course(tx, actor, course_id)
    return await tx.all(queries.LIST_DELETED, course.id)


async def restore_chapter(tx: Writer, actor: Actor, chapter_id: UUID) -> Chapter:
    """Bring back a chapter with the lectures that went with it; percentages follow."""
    course_id = await _lock_course_of(tx, actor, queries.FIND_DELETED_CHAPTER, chapter_id)
    await tx.execute(queries.RESTORE_CHAPTER, chapter_id)
    await _require_room(tx, course_id)
    await structure.lectures_changed(tx, actor, course_id)
    return await tx.one(structure_queries.FIND_CHAPTER, chapter_id)


async def restore_lecture(tx: Writer, actor: Actor, lecture_id: UUID) -> Lecture:
    """Bring back a lecture; percentages follow, and who had completed it has so still."""
    course_id = await _lock_course_of(tx, actor, queries.FIND_DELETED_LECTURE, lecture_id)
    if await tx.one_or_none(queries.RESTORE_LECTURE, lecture_id) is None:
        raise facts.ChapterDeleted
    await _require_room(tx, course_id)
    await structure.lectures_changed(tx, actor, course_id)
    return await tx.one(structure_queries.FIND_LECTURE, lecture_id)


async def purge_chapter(tx: Writer, actor: Actor, chapter_id: UUID) -> None:
    """Remove a deleted chapter for good, with its lectures; HasHistory when one of them has."""
    course_id = await _lock_course_of(tx, actor, queries.FIND_DELETED_CHAPTER, chapter_id)
    for lecture_id in await tx.all(queries.LIST_LECTURES_OF_CHAPTER, chapter_id):
        await _purge_lecture(tx, actor, course_id, lecture_id)
    await tx.execute(queries.PURGE_CHAPTER, chapter_id)


async def purge_lecture(tx: Writer, actor: Actor, lecture_id: UUID) -> None:
    """Remove a deleted lecture for good; HasHistory when somebody has progress in it."""
    course_id = await _lock_course_of(tx, actor, queries.FIND_DELETED_LECTURE, lecture_id)
    await _purge_lecture(tx, actor, course_id, lecture_id)


async def purge_course(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Remove a deleted course for good; HasHistory when anybody ever enrolled in it."""
    course = await access.lock_deletable_course(tx, actor, course_id)
    if not course.is_deleted:
        raise facts.CourseStateConflict("Delete the course first.", state=course.status)
    if await tx.one_or_none(queries.PURGE_COURSE, course_id) is None:
        raise facts.HasHistory
    catalogue.forget_course(tx, course_id)
    await emit(tx, actor, events.CoursePurged(course_id=course_id))


async def _purge_lecture(tx: Writer, actor: Actor, course_id: UUID, lecture_id: UUID) -> None:
    if await tx.one_or_none(queries.PURGE_LECTURE, lecture_id) is None:
        raise facts.HasHistory
    purged = events.LecturePurged(course_id=course_id, lecture_id=lecture_id)
    await emit(tx, actor, purged)


async def _lock_course_of(tx: Writer, actor: Actor, statement: Query[UUID], part_id: UUID) -> UUID:
    """Lock the course of a deleted part, which the actor may change; return its id."""
    course_id = await tx.one_or_none(statement, part_id)
    if course_id is None:
        raise errors.NotFound
    await access.lock_editable_course(tx, actor, course_id)
    # Somebody may have restored it while this waited.
    if await tx.one_or_none(statement, part_id) is None:
        raise errors.NotFound
    return course_id


async def _require_room(tx: Writer, course_id: UUID) -> None:
    outline = await tx.one(structure_queries.FIND_OUTLINE_IDS, course_id)
    if len(outline.chapter_ids) > structure.MAX_CHAPTERS:
        raise facts.OutlineFull(limit=structure.MAX_CHAPTERS)
    if len(outline.lecture_ids) > structure.MAX_LECTURES:
        raise facts.OutlineFull(limit=structure.MAX_LECTURES)
