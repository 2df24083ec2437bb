"""What other domains may ask of courses: find a course or a lecture, complete it, store a whole
course."""

from uuid import UUID

import msgspec

from lyceum.courses import permissions
from lyceum.courses.records import (
    ChapterDraft,
    CopiedLecture,
    CourseDraft,
    LectureDraft,
    LectureRelease,
    StoredCourse,
)
from lyceum.courses.schemas.courses import NewCourse
from lyceum.courses.service import access, structure
from lyceum.courses.service.courses import DESCRIPTION_LENGTH
from lyceum.courses.service.drafts import MAX_CONTENT, find_stored_course, store_course
from lyceum.courses.service.duplicates import list_copied_lectures
from lyceum.courses.service.participation import list_participants, list_readable_lectures
from lyceum.courses.service.progress import complete_lecture
from lyceum.courses.service.whole import WholeCourse, read_course
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader

__all__ = [
    "DESCRIPTION_LENGTH",
    "MAX_CONTENT",
    "ChapterDraft",
    "CopiedLecture",
    "CourseDraft",
    "CourseRef",
    "LectureDraft",
    "LectureRef",
    "LectureRelease",
    "NewCourse",
    "StoredCourse",
    "WholeCourse",
    "complete_lecture",
    "find_stored_course",
    "get_course",
    "get_lecture",
    "list_copied_lectures",
    "list_participants",
    "list_readable_lectures",
    "read_course",
    "require_open_lecture",
    "store_course",
]


class LectureRef(msgspec.Struct, frozen=True):
    """A lecture as the actor stands to it.

    `is_published` is of its course; `enrolment_id` is None unless the actor learns the course, or
    has completed it.
    """

    lecture_id: UUID
    course_id: UUID
    chapter_id: UUID
    title: str
    type: str
    is_published: bool
    may_edit: bool
    enrolment_id: UUID | None
    is_preview: bool


class CourseRef(msgspec.Struct, frozen=True):
    """A course as the actor stands to it.

    `is_staff` holds for assistants too, `may_edit` does not; `enrolment_id` is None unless the
    actor learns the course, or has completed it.
    """

    course_id: UUID
    slug: str
    owner_id: UUID
    may_edit: bool
    is_staff: bool
    enrolment_id: UUID | None


async def get_course(tx: Reader, actor: Actor, id_or_slug: UUID | str) -> CourseRef:
    """Return a course; NotFound when it is not visible to the actor."""
    found = await access.get_visible_course(tx, actor, id_or_slug)
    return CourseRef(
        course_id=found.id,
        slug=found.slug,
        owner_id=found.owner_id,
        may_edit=permissions.may_edit(actor, found),
        is_staff=permissions.is_staff_of(actor, found.actor_role),
        enrolment_id=found.enrolment_id if permissions.is_enrolled(found) else None,
    )


async def require_open_lecture(tx: Reader, actor: Actor, lecture_id: UUID) -> None:
    """Refuse whoever may not read the lecture's content now: NotFound, Unauthorized, Forbidden."""
    await structure.get_lecture(tx, actor, lecture_id)


async def get_lecture(tx: Reader, actor: Actor, lecture_id: UUID) -> LectureRef:
    """Return a lecture; NotFound when its course is not visible to the actor."""
    found = await structure.find_lecture_access(tx, actor, lecture_id)
    course = found.course()
    return LectureRef(
        lecture_id=found.lecture_id,
        course_id=found.course_id,
        chapter_id=found.chapter_id,
        title=found.title,
        type=found.type,
        is_published=found.status == "published",
        may_edit=permissions.may_edit(actor, course),
        enrolment_id=found.enrolment_id if permissions.is_enrolled(course) else None,
        is_preview=found.is_preview,
    )
