"""Reading a whole course back as the draft that would make it again, for another domain to keep.

Not here: storing drafts (`drafts`), what learners did, co-instructors, prerequisites, when
lectures are released.
"""

from typing import cast
from uuid import UUID

import msgspec

from lyceum.courses.queries import courses as course_queries
from lyceum.courses.queries import whole as queries
from lyceum.courses.records import (
    ChapterDraft,
    CourseDraft,
    CourseFields,
    LectureDraft,
    LectureRelease,
    WholeChapter,
    WholeLecture,
)
from lyceum.courses.schemas.courses import Difficulty, NewCourse, Price, Visibility
from lyceum.courses.service import access
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer


class WholeCourse(msgspec.Struct, frozen=True):
    """A course that was read back, as the draft that makes it; the lectures' ids by source key."""

    draft: CourseDraft
    lecture_ids: dict[str, UUID]


async def read_course(tx: Writer, actor: Actor, id_or_slug: UUID | str) -> WholeCourse:
    """Return a course that the actor may change, as one moment saw it; drafts and all.

    What was made here has source keys made of its ids. NotFound or Forbidden for others.
    """
    course = await access.lock_editable_course(tx, actor, id_or_slug)
    fields = await tx.one(course_queries.FIND_FIELDS, course.id)
    source = await tx.one(queries.FIND_SOURCE, course.id)
    lectures = await tx.all(queries.LIST_LECTURES, course.id)
    keys = {lecture.id: _key(lecture) for lecture in lectures}
    chapters = [
        _chapter(chapter, [each for each in lectures if each.chapter_id == chapter.id], keys)
        for chapter in await tx.all(queries.LIST_CHAPTERS, course.id)
    ]
    draft = CourseDraft(
        source_key=source.source_key or f"lyceum/{course.id}",
        title=fields.title,
        subtitle=fields.subtitle,
        description=fields.description,
        language=fields.language,
        category=source.category,
        objectives=tuple(fields.objectives),
        chapters=tuple(chapters),
        settings=_settings(fields, source.category),
    )
    return WholeCourse(draft, {key: lecture_id for lecture_id, key in keys.items()})


def _settings(fields: CourseFields, category: str | None) -> NewCourse:
    return NewCourse(
        title=fields.title,
        subtitle=fields.subtitle,
        description=fields.description,
        category=category,
        tags=tuple(fields.tags),
        difficulty=cast(Difficulty, fields.difficulty),
        language=fields.language,
        estimated_minutes=fields.estimated_minutes,
        price=Price(amount=fields.price_minor, currency=fields.currency),
        thumbnail_url=fields.thumbnail_url,
        objectives=tuple(fields.objectives),
        visibility=cast(Visibility, fields.visibility),
        seats=fields.seats,
        enrolment_opens_at=fields.enrolment_opens_at,
        enrolment_closes_at=fields.enrolment_closes_at,
        starts_at=fields.starts_at,
        ends_at=fields.ends_at,
        has_certificate=fields.has_certificate,
        completion_percent=fields.completion_percent,
    )


def _chapter(
    chapter: WholeChapter, lectures: list[WholeLecture], keys: dict[UUID, str]
) -> ChapterDraft:
    return ChapterDraft(
        source_key=chapter.source_key or f"chapter/{chapter.id}",
        title=chapter.title,
        lectures=tuple(
            LectureDraft(
                source_key=_key(lecture),
                title=lecture.title,
                type=lecture.type,
                content=lecture.content,
                media_url=lecture.media_url,
                duration_seconds=lecture.duration_seconds,
                section=lecture.section,
                is_preview=lecture.is_preview,
                release=LectureRelease(
                    at=lecture.release_at,
                    after_days=lecture.release_after_days,
                    # Of one that was deleted nobody waits for the completion any more.
                    after=keys.get(lecture.release_after_id) if lecture.release_after_id else None,
                ),
            )
            for lecture in lectures
        ),
    )


def _key(lecture: WholeLecture) -> str:
    return lecture.source_key or f"lecture/{lecture.id}"
