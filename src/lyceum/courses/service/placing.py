"""Moving one chapter or lecture, as dragging does. Not here: a whole new order (`structure`)."""

from uuid import UUID

from lyceum.courses import errors as facts
from lyceum.courses.queries import placing as queries
from lyceum.courses.queries import structure as structure_queries
from lyceum.courses.records import Chapter, Lecture
from lyceum.courses.schemas.structure import ChapterPlace, LecturePlace
from lyceum.courses.service import structure
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer


async def place_chapter(
    tx: Writer, actor: Actor, chapter_id: UUID, place: ChapterPlace, if_match: int | None
) -> Chapter:
    """Put a chapter behind another of its course, or first."""
    chapter = await structure.lock_chapter(tx, actor, chapter_id)
    facts.require_version(chapter.version, if_match)
    if place.after is not None:
        before = await tx.one_or_none(structure_queries.FIND_CHAPTER, place.after)
        if before is None or before.course_id != chapter.course_id or before.id == chapter_id:
            raise facts.invalid("/after", "There is no such other chapter in this course")
    moved = await tx.one(queries.MOVE_CHAPTER, chapter_id, chapter.course_id, place.after)
    await structure.outline_changed(tx, actor, chapter.course_id)
    return moved


async def place_lecture(
    tx: Writer, actor: Actor, lecture_id: UUID, place: LecturePlace, if_match: int | None
) -> Lecture:
    """Put a lecture behind another of a chapter of its course, or first in the chapter."""
    lecture = await structure.lock_lecture(tx, actor, lecture_id)
    facts.require_version(lecture.version, if_match)
    home = place.chapter_id or lecture.chapter_id
    chapter = await tx.one_or_none(structure_queries.FIND_CHAPTER, home)
    if chapter is None or chapter.course_id != lecture.course_id:
        raise facts.invalid("/chapterId", "There is no such chapter in this course")
    if place.after is not None:
        before = await tx.one_or_none(structure_queries.FIND_LECTURE, place.after)
        if before is None or before.chapter_id != home or before.id == lecture_id:
            raise facts.invalid("/after", "There is no such other lecture in this chapter")
    moved = await tx.one(queries.MOVE_LECTURE, lecture_id, home, place.after)
    await structure.outline_changed(tx, actor, lecture.course_id)
    return moved
