"""What a row of the courses schema is to Python: one frozen struct for each shape that is read.

Fields stand in the order of the columns of their statement. `Draft` structs are a whole course that
another domain hands over. Not here: what goes over the wire.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.courses.schemas.courses import NewCourse, Status
from lyceum.courses.schemas.notes import NoteKind
from lyceum.courses.schemas.structure import LectureType
from lyceum.platform.statements import Json


class CourseAccess(msgspec.Struct, frozen=True):
    """A course and how one person stands to it: all that visibility and permission depend on.

    `actor_role` is the person's role among the instructors, `enrolment_*` the enrolment in
    whatever status it is; both are None for a stranger.
    """

    id: UUID
    slug: str
    status: str
    visibility: str
    owner_id: UUID
    is_deleted: bool
    version: int
    actor_role: str | None
    enrolment_id: UUID | None
    enrolment_status: str | None


class CourseFields(msgspec.Struct, frozen=True):
    """What the staff of a course may change of it directly."""

    title: str
    subtitle: str
    description: str
    category_id: UUID | None
    tags: list[str]
    difficulty: str
    language: str
    estimated_minutes: int
    price_minor: int
    currency: str
    thumbnail_url: str | None
    objectives: list[str]
    visibility: str
    seats: int | None
    enrolment_opens_at: datetime | None
    enrolment_closes_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    has_certificate: bool
    access_days: int | None
    completion_percent: int


class PublicCourse(msgspec.Struct, frozen=True):
    """A course as everybody sees it, in JSON, and the facts that say who may.

    `details` goes into the same object as `card`; `staff` is an object of roles by user id;
    `lecture_ids` are in the outline's order; `gates` are release rules: lecture, moment, days,
    lecture before.
    """

    id: UUID
    slug: str
    status: str
    visibility: str
    owner_id: UUID
    is_deleted: bool
    version: int
    card: Json
    details: Json
    staff: Json
    lecture_ids: list[UUID]
    starts_at: datetime | None
    gates: Json


class Viewer(msgspec.Struct, frozen=True):
    """The enrolment of one person in a course, in whatever status, and the lectures completed."""

    enrolment_id: UUID
    status: str
    progress_percent: int
    enrolled_at: datetime
    completed_at: datetime | None
    last_lecture_id: UUID | None
    completed: list[UUID]
    begins_at: datetime | None


class PlacedViewer(Viewer, frozen=True):
    """One of several who asked at once."""

    place: int


class CataloguePage(msgspec.Struct, frozen=True):
    """A page of course cards in JSON, and how many courses match in all."""

    items: Json
    total: int


class PlacedPage(CataloguePage, frozen=True):
    """One of several pages that were asked for at once."""

    place: int


class Readiness(msgspec.Struct, frozen=True):
    """What publishing depends on, and what else an author would do well to mend."""

    status: Status
    review_note: str
    description: str
    chapter_count: int
    lecture_count: int
    ends_at: datetime | None
    enrolment_closes_at: datetime | None
    has_category: bool
    has_thumbnail: bool
    has_objectives: bool
    empty_chapters: list[str]
    empty_lectures: list[str]


class StaffMember(msgspec.Struct, frozen=True):
    """Somebody who teaches a course; the name is None for somebody who is unknown now."""

    user_id: UUID
    role: str
    display_name: str | None
    avatar_url: str | None
    added_at: datetime


class RequiredCourse(msgspec.Struct, frozen=True):
    """A course that has to be completed before another."""

    id: UUID
    slug: str
    title: str


class DeletedPart(msgspec.Struct, frozen=True):
    """A chapter or lecture that was deleted and can be restored."""

    id: UUID
    kind: str
    title: str
    chapter_id: UUID | None
    lecture_count: int
    deleted_at: datetime


class CopiedLecture(msgspec.Struct, frozen=True):
    """A lecture and the one it was copied from."""

    lecture_id: UUID
    source_id: UUID


class Category(msgspec.Struct, frozen=True):
    """A category; `course_count` is of courses in the catalogue, without subcategories."""

    id: UUID
    parent_id: UUID | None
    name: str
    slug: str
    position: int
    version: int
    course_count: int


class Chapter(msgspec.Struct, frozen=True):
    """A chapter without its lectures."""

    id: UUID
    course_id: UUID
    title: str
    version: int


class Lecture(msgspec.Struct, frozen=True):
    """A lecture with its content."""

    id: UUID
    course_id: UUID
    chapter_id: UUID
    title: str
    type: LectureType
    content: str
    media_url: str | None
    duration_seconds: int
    is_preview: bool
    section: str
    version: int
    updated_at: datetime
    release_at: datetime | None
    release_after_days: int | None
    release_after_id: UUID | None


class LectureAccess(msgspec.Struct, frozen=True):
    """A lecture without its content, and how one person stands to its course."""

    lecture_id: UUID
    chapter_id: UUID
    title: str
    type: str
    is_preview: bool
    course_id: UUID
    slug: str
    status: str
    visibility: str
    owner_id: UUID
    is_deleted: bool
    version: int
    actor_role: str | None
    enrolment_id: UUID | None
    enrolment_status: str | None
    is_locked: bool

    def course(self) -> CourseAccess:
        """Return the part that is about the course."""
        return CourseAccess(
            self.course_id,
            self.slug,
            self.status,
            self.visibility,
            self.owner_id,
            self.is_deleted,
            self.version,
            self.actor_role,
            self.enrolment_id,
            self.enrolment_status,
        )


class OutlineIds(msgspec.Struct, frozen=True):
    """The chapters and lectures of a course that are not deleted."""

    chapter_ids: list[UUID]
    lecture_ids: list[UUID]


class Review(msgspec.Struct, frozen=True):
    """A review and who wrote it; the name is None for somebody who is unknown now."""

    id: UUID
    course_id: UUID
    user_id: UUID
    rating: int
    body: str
    version: int
    created_at: datetime
    updated_at: datetime
    display_name: str | None
    avatar_url: str | None
    reply: str
    replied_at: datetime | None
    helpful_count: int
    is_hidden: bool


class ReviewReport(msgspec.Struct, frozen=True):
    """A report about a review, with what was reported."""

    id: UUID
    review_id: UUID
    course_id: UUID
    rating: int
    body: str
    reporter_id: UUID
    reason: str
    created_at: datetime
    resolution: str | None


class Note(msgspec.Struct, frozen=True):
    """A note or bookmark."""

    id: UUID
    course_id: UUID
    lecture_id: UUID
    kind: NoteKind
    body: str
    position_seconds: int | None
    version: int
    created_at: datetime
    updated_at: datetime


class StoredPart(msgspec.Struct, frozen=True):
    """A chapter or lecture that a draft made or found again."""

    id: UUID
    source_key: str | None


class LectureRelease(msgspec.Struct, frozen=True, kw_only=True):
    """When a lecture of a course from elsewhere opens; `after` is the source key of another."""

    at: datetime | None = None
    after_days: int | None = None
    after: str | None = None


class LectureDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A lecture of a course from elsewhere; `source_key` is unique in the course. One that does not
    say whether it is a preview, or when it opens, stays what it is."""

    source_key: str
    title: str
    type: str
    content: str = ""
    media_url: str | None = None
    duration_seconds: int = 0
    section: str = ""
    is_preview: bool | None = None
    release: LectureRelease | None = None


class ChapterDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A chapter of a course from elsewhere; `source_key` is unique in the course."""

    source_key: str
    title: str
    lectures: tuple[LectureDraft, ...]


class CourseDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A whole course from elsewhere; the same `source_key` of the same owner is the same course.

    `settings` are all its fields, and then those of the draft itself are not looked at.
    """

    source_key: str
    title: str
    subtitle: str = ""
    description: str = ""
    language: str = "en"
    category: str | None = None
    objectives: tuple[str, ...] = ()
    chapters: tuple[ChapterDraft, ...] = ()
    settings: NewCourse | None = None


class WholeLecture(msgspec.Struct, frozen=True):
    """A lecture as it is read back."""

    id: UUID
    chapter_id: UUID
    title: str
    type: str
    content: str
    media_url: str | None
    duration_seconds: int
    is_preview: bool
    section: str
    source_key: str | None
    release_at: datetime | None
    release_after_days: int | None
    release_after_id: UUID | None


class WholeChapter(msgspec.Struct, frozen=True):
    """A chapter as it is read back."""

    id: UUID
    title: str
    source_key: str | None


class WholeSource(msgspec.Struct, frozen=True):
    """What a course is read back by: its own source, and the name of its category."""

    source_key: str | None
    category: str | None


class StoredCourse(msgspec.Struct, frozen=True):
    """A draft that was stored; `lecture_ids` by source key."""

    course_id: UUID
    is_new: bool
    lecture_ids: dict[str, UUID]


class EnrolmentOffer(msgspec.Struct, frozen=True):
    """What decides whether somebody may enrol in a course, and for how long."""

    price_minor: int
    currency: str
    seats: int | None
    opens_at: datetime | None
    closes_at: datetime | None
    ends_at: datetime | None
    access_days: int | None


class Enrolment(msgspec.Struct, frozen=True):
    """An enrolment as its own resource."""

    id: UUID
    course_id: UUID
    user_id: UUID
    status: str
    source: str
    enrolled_at: datetime
    completed_at: datetime | None
    completed_lectures: int
    progress_percent: int
    version: int


class EnrolmentPage(msgspec.Struct, frozen=True):
    """A page of a person's enrolments in JSON, and how many there are in all."""

    items: Json
    total: int


class Learner(msgspec.Struct, frozen=True):
    """A learner of a course as its staff sees them; the name is None for somebody unknown now."""

    enrolment_id: UUID
    user_id: UUID
    display_name: str | None
    avatar_url: str | None
    status: str
    source: str
    progress_percent: int
    completed_lectures: int
    time_spent_seconds: int
    enrolled_at: datetime
    completed_at: datetime | None
    last_activity_at: datetime | None


class Completion(msgspec.Struct, frozen=True):
    """What a certificate of a completed course says, as things stand now."""

    course_id: UUID
    user_id: UUID
    learner_name: str | None
    course_title: str
    instructor_names: list[str]
    has_certificate: bool
    completed_at: datetime | None


class Certificate(msgspec.Struct, frozen=True):
    """A certificate as it was issued."""

    id: UUID
    code: str
    course_id: UUID
    user_id: UUID
    learner_name: str
    course_title: str
    instructor_names: list[str]
    issued_at: datetime
    pdf_key: str | None
    revoked_at: datetime | None
    revoked_reason: str | None


class Invitation(msgspec.Struct, frozen=True):
    """An invitation to a course."""

    id: UUID
    course_id: UUID
    code: str
    email: str | None
    cohort_id: UUID | None
    max_uses: int | None
    use_count: int
    waives_price: bool
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
