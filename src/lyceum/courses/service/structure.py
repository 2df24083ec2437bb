"""The outline of a course: chapters, lectures, and their order.

Every change locks the course first, so that the counters on its row and the positions are right.
"""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import courses as course_queries
from lyceum.courses.queries import structure as queries
from lyceum.courses.records import Chapter, CourseAccess, Lecture, LectureAccess
from lyceum.courses.schemas.structure import LectureChanges, NewLecture, OutlineOrder
from lyceum.courses.service import access, progress
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.statements import Json

MAX_CHAPTERS = 500
MAX_LECTURES = 2000


async def list_outline(tx: Reader, actor: Actor, course_id: UUID) -> Json:
    """Return the chapters of a visible course with their lectures, in order, as JSON."""
    await access.get_visible_course(tx, actor, course_id)
    return await tx.one(catalogue.FIND_OUTLINE, course_id)


async def add_chapter(tx: Writer, actor: Actor, course_id: UUID, title: str) -> Chapter:
    """Add a chapter at the end of a course; OutlineFull above `MAX_CHAPTERS`."""
    await access.lock_editable_course(tx, actor, course_id)
    outline = await tx.one(queries.FIND_OUTLINE_IDS, course_id)
    if len(outline.chapter_ids) >= MAX_CHAPTERS:
        raise facts.OutlineFull(limit=MAX_CHAPTERS)
    chapter = await tx.one(queries.INSERT_CHAPTER, ids.new_id(), course_id, _clean_title(title))
    await outline_changed(tx, actor, course_id)
    return chapter


async def rename_chapter(
    tx: Writer, actor: Actor, chapter_id: UUID, title: str | None, if_match: int | None
) -> Chapter:
    """Give a chapter another title; None changes nothing."""
    chapter = await lock_chapter(tx, actor, chapter_id)
    facts.require_version(chapter.version, if_match)
    cleaned = chapter.title if title is None else _clean_title(title)
    if cleaned == chapter.title:
        return chapter
    renamed = await tx.one(queries.UPDATE_CHAPTER, chapter_id, cleaned)
    await outline_changed(tx, actor, chapter.course_id)
    return renamed


async def delete_chapter(tx: Writer, actor: Actor, chapter_id: UUID, if_match: int | None) -> None:
    """Delete a chapter with its lectures; the learners' percentages follow."""
    chapter = await lock_chapter(tx, actor, chapter_id)
    facts.require_version(chapter.version, if_match)
    await tx.execute(queries.DELETE_CHAPTER, chapter_id)
    await lectures_changed(tx, actor, chapter.course_id)


async def add_lecture(tx: Writer, actor: Actor, chapter_id: UUID, new: NewLecture) -> Lecture:
    """Add a lecture at the end of a chapter; the learners' percentages follow."""
    chapter = await lock_chapter(tx, actor, chapter_id)
    outline = await tx.one(queries.FIND_OUTLINE_IDS, chapter.course_id)
    if len(outline.lecture_ids) >= MAX_LECTURES:
        raise facts.OutlineFull(limit=MAX_LECTURES)
    lecture = await tx.one(
        queries.INSERT_LECTURE,
        ids.new_id(),
        chapter.course_id,
        chapter_id,
        _clean_title(new.title),
        new.type,
        richtext.clean_html(new.content),
        new.media_url,
        new.duration_seconds,
        new.is_preview,
    )
    await lectures_changed(tx, actor, chapter.course_id)
    return lecture


async def find_lecture_access(tx: Reader, actor: Actor, lecture_id: UUID) -> LectureAccess:
    """Return a lecture of a course that is visible to the actor, without its content; one that is
    locked for them does not exist yet."""
    found = await tx.one_or_none(queries.FIND_LECTURE_ACCESS, lecture_id, actor.user_id)
    if found is None or not permissions.may_view(actor, found.course()):
        raise errors.NotFound
    if found.is_locked and not permissions.is_staff_of(actor, found.actor_role):
        raise errors.NotFound
    return found


async def get_lecture(tx: Reader, actor: Actor, lecture_id: UUID) -> Lecture:
    """Return a lecture with its content, which is for staff and learners, a preview for all."""
    found = await find_lecture_access(tx, actor, lecture_id)
    if not permissions.may_read_lecture(actor, found.course(), is_preview=found.is_preview):
        actor.require_user()
        raise errors.Forbidden("Enrol in the course to open its lectures.")
    lecture = await tx.one_or_none(queries.FIND_LECTURE, lecture_id)
    if lecture is None:
        raise errors.NotFound
    return lecture


async def update_lecture(
    tx: Writer, actor: Actor, lecture_id: UUID, changes: LectureChanges, if_match: int | None
) -> Lecture:
    """Change what was sent of a lecture; what learners did in it stays."""
    before = await lock_lecture(tx, actor, lecture_id)
    facts.require_version(before.version, if_match)
    sent: dict[str, Any] = changes.changes()
    if "title" in sent:
        sent["title"] = _clean_title(sent["title"])
    if "content" in sent:
        sent["content"] = richtext.clean_html(sent["content"])
    await _require_release(tx, before, sent)
    after = msgspec.structs.replace(before, **sent)
    if after == before:
        return before
    lecture = await tx.one(
        queries.UPDATE_LECTURE,
        lecture_id,
        after.title,
        after.content,
        after.media_url,
        after.duration_seconds,
        after.is_preview,
        after.release_at,
        after.release_after_days,
        after.release_after_id,
    )
    await outline_changed(tx, actor, before.course_id)
    return lecture


async def delete_lecture(tx: Writer, actor: Actor, lecture_id: UUID, if_match: int | None) -> None:
    """Delete a lecture; the learners' percentages follow."""
    lecture = await lock_lecture(tx, actor, lecture_id)
    facts.require_version(lecture.version, if_match)
    await tx.execute(queries.DELETE_LECTURE, lecture_id)
    await lectures_changed(tx, actor, lecture.course_id)


async def reorder_outline(
    tx: Writer, actor: Actor, course_id: UUID, order: OutlineOrder, if_match: int | None
) -> None:
    """Put the whole outline in order; OutlineChanged unless it names exactly what there is now."""
    course = await access.lock_editable_course(tx, actor, course_id)
    facts.require_version(course.version, if_match)
    chapters = [chapter.id for chapter in order.chapters]
    placed = [(lecture, chapter.id) for chapter in order.chapters for lecture in chapter.lectures]
    lectures = [lecture for lecture, _ in placed]
    if len(set(chapters)) < len(chapters) or len(set(lectures)) < len(lectures):
        raise facts.invalid("/chapters", "A chapter or lecture is named twice")
    outline = await tx.one(queries.FIND_OUTLINE_IDS, course_id)
    if set(outline.chapter_ids) != set(chapters) or set(outline.lecture_ids) != set(lectures):
        raise facts.OutlineChanged
    homes = [chapter for _, chapter in placed]
    await tx.execute(queries.REORDER_OUTLINE, course_id, chapters, lectures, homes)
    await tx.execute(course_queries.TOUCH_COURSE, course_id)
    await outline_changed(tx, actor, course_id)


async def recount_outline(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Make the counters of a locked course, and its learners' percentages, fit its outline."""
    await tx.execute(course_queries.RECOUNT_STRUCTURE, course_id)
    await progress.recount_enrolments(tx, actor, course_id)
    catalogue.forget_course(tx, course_id)


async def lectures_changed(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Make everything that depends on the lectures of a locked course fit them, and tell of it."""
    await recount_outline(tx, actor, course_id)
    await emit(tx, actor, events.CourseUpdated(course_id=course_id, changed=("outline",)))


async def outline_changed(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """As `lectures_changed`, where no lecture came or went."""
    await tx.execute(course_queries.RECOUNT_STRUCTURE, course_id)
    catalogue.forget_course(tx, course_id)
    await emit(tx, actor, events.CourseUpdated(course_id=course_id, changed=("outline",)))


async def _require_release(tx: Writer, lecture: Lecture, sent: dict[str, Any]) -> None:
    """Refuse a rule that could never open the lecture, or names one of another course."""
    moment = sent.get("release_at")
    if moment is not None and not 1970 <= moment.year <= 2999:
        raise facts.invalid("/releaseAt", "A year from 1970 to 2999, please")
    before_id = sent.get("release_after_id")
    if before_id is None:
        return
    before = await tx.one_or_none(queries.FIND_LECTURE, before_id)
    if before is None or before.course_id != lecture.course_id:
        raise facts.invalid("/releaseAfterId", "There is no such lecture in this course")
    if await tx.one(queries.WAITS_FOR, before_id, lecture.id):
        raise facts.invalid("/releaseAfterId", "The two would wait for each other")


async def lock_chapter(tx: Writer, actor: Actor, chapter_id: UUID) -> Chapter:
    """Lock the chapter's course, which the actor may change, and return the chapter."""
    course_id = await tx.one_or_none(queries.FIND_CHAPTER_COURSE, chapter_id)
    await _lock_course(tx, actor, course_id)
    chapter = await tx.one_or_none(queries.FIND_CHAPTER, chapter_id)
    if chapter is None:
        raise errors.NotFound
    return chapter


async def lock_lecture(tx: Writer, actor: Actor, lecture_id: UUID) -> Lecture:
    """Lock the lecture's course, which the actor may change, and return the lecture."""
    course_id = await tx.one_or_none(queries.FIND_LECTURE_COURSE, lecture_id)
    await _lock_course(tx, actor, course_id)
    lecture = await tx.one_or_none(queries.FIND_LECTURE, lecture_id)
    if lecture is None:
        raise errors.NotFound
    return lecture


async def _lock_course(tx: Writer, actor: Actor, course_id: UUID | None) -> CourseAccess:
    if course_id is None:
        raise errors.NotFound
    return await access.lock_editable_course(tx, actor, course_id)


def _clean_title(title: str) -> str:
    cleaned = richtext.clean_text(title)
    if not 1 <= len(cleaned) <= 255:
        raise facts.invalid("/title", "1 to 255 characters, please")
    return cleaned
