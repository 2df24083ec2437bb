"""A course over the wire: what is sent to make or change one, and what lists and details show."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.courses.schemas.structure import OutlineChapter
from lyceum.platform.wire import Input, Money, Output, Patch

Difficulty = Literal["beginner", "intermediate", "advanced"]
Visibility = Literal["public", "unlisted", "invited"]
Status = Literal["draft", "in_review", "published", "archived"]
Title = Annotated[str, Meta(min_length=5, max_length=255)]
Subtitle = Annotated[str, Meta(max_length=255)]
Description = Annotated[
    str, Meta(max_length=50_000, description="HTML of 10 to 5000 characters of text; cleaned")
]
CategoryName = Annotated[
    str,
    Meta(min_length=2, max_length=100, description="A category's name or slug; made if new"),
]
Tags = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=50)], ...], Meta(max_length=20)]
Objectives = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=500)], ...], Meta(max_length=30)
]
Language = Annotated[
    str,
    Meta(
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$(?!\n)",
        description="A BCP 47 language tag",
    ),
]
Prerequisites = Annotated[
    tuple[UUID, ...], Meta(max_length=20, description="Courses to complete before enrolling")
]
Minutes = Annotated[int, Meta(ge=0, le=1_000_000)]
Seats = Annotated[int, Meta(ge=1, le=1_000_000)]
AccessDays = Annotated[int, Meta(ge=1, le=36_500, description="How long an enrolment lasts")]
CompletionPercent = Annotated[
    int, Meta(ge=1, le=100, description="The part of the lectures that completes the course")
]
Moment = Annotated[datetime, Meta(tz=True)]
ThumbnailUrl = Annotated[str, Meta(max_length=2000, pattern=r"^https://[^\s<>\"'\\]+$(?!\n)")]


LectureId = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]


class Price(Input, frozen=True, kw_only=True):
    """What a course costs, in minor units of an ISO 4217 currency; 0 is free."""

    amount: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]


FREE = Price(amount=0, currency="EUR")


class NewCourse(Input, frozen=True, kw_only=True):
    """A course to make, as a draft."""

    title: Title
    subtitle: Subtitle = ""
    description: Description = ""
    category: CategoryName | None = None
    tags: Tags = ()
    difficulty: Difficulty = "beginner"
    language: Language = "en"
    estimated_minutes: Minutes = 0
    price: Price = FREE
    thumbnail_url: ThumbnailUrl | None = None
    objectives: Objectives = ()
    visibility: Visibility = "public"
    seats: Seats | None = None
    enrolment_opens_at: Moment | None = None
    enrolment_closes_at: Moment | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    has_certificate: bool = True
    access_days: AccessDays | None = None
    completion_percent: CompletionPercent = 100
    prerequisites: Prerequisites = ()


class CourseChanges(Patch, frozen=True, kw_only=True):
    """What to change of a course; a new price needs If-Match."""

    title: Title | UnsetType = UNSET
    subtitle: Subtitle | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    category: CategoryName | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET
    difficulty: Difficulty | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    estimated_minutes: Minutes | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    thumbnail_url: ThumbnailUrl | UnsetType | None = UNSET
    objectives: Objectives | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    seats: Seats | UnsetType | None = UNSET
    enrolment_opens_at: Moment | UnsetType | None = UNSET
    enrolment_closes_at: Moment | UnsetType | None = UNSET
    starts_at: Moment | UnsetType | None = UNSET
    ends_at: Moment | UnsetType | None = UNSET
    has_certificate: bool | UnsetType = UNSET
    access_days: AccessDays | UnsetType | None = UNSET
    completion_percent: CompletionPercent | UnsetType = UNSET
    prerequisites: Prerequisites | UnsetType = UNSET


class CategoryRef(Output, frozen=True, kw_only=True):
    """The category of a course."""

    id: UUID
    name: str
    slug: str


class InstructorCard(Output, frozen=True, kw_only=True):
    """Somebody who teaches a course."""

    user_id: UUID
    display_name: str
    avatar_url: str | None


class Rating(Output, frozen=True, kw_only=True):
    """What learners gave, from 1 to 5; 0 while nobody has."""

    average: float
    count: int


class CourseCard(Output, frozen=True, kw_only=True):
    """A course as lists show it; `seatsLeft` is null without a limit."""

    id: UUID
    slug: str
    title: str
    subtitle: str
    category: CategoryRef | None
    difficulty: Difficulty
    language: str
    price: Money
    thumbnail_url: str | None
    status: Status
    visibility: Visibility
    instructors: tuple[InstructorCard, ...]
    chapter_count: int
    lecture_count: int
    duration_seconds: int
    enrolment_count: int
    rating: Rating
    seats_left: int | None
    created_at: datetime
    published_at: datetime | None
    version: int


class ViewerEnrolment(Output, frozen=True, kw_only=True):
    """The caller's enrolment."""

    id: UUID
    status: str
    progress_percent: int
    enrolled_at: datetime
    completed_at: datetime | None


class LockedLecture(Output, frozen=True, kw_only=True):
    """A lecture that is not open to the caller yet: from when it may be, as far as that is known,
    and which lecture has to be completed before."""

    lecture_id: LectureId
    available_at: datetime | None
    after_lecture_id: LectureId | None


class ViewerView(Output, frozen=True, kw_only=True):
    """How the caller stands to a course: role (of the staff, or learner), enrolment, progress.

    `completedLectureIds` are in the outline's order; `nextLectureId` is where to go on, which may
    be locked. Until `beginsAt`, when it is there, every lecture but the previews is locked.
    """

    role: str | None
    enrolment: ViewerEnrolment | None
    completed_lecture_ids: tuple[LectureId, ...]
    next_lecture_id: LectureId | None
    begins_at: datetime | None = None
    locked_lectures: tuple[LockedLecture, ...] = ()


class RequiredCourseView(Output, frozen=True, kw_only=True):
    """A course that has to be completed before another."""

    id: UUID
    slug: str
    title: str


class CourseDetail(CourseCard, frozen=True, kw_only=True):
    """A course with its outline; `viewer` is there when the caller is signed in.

    `ratingDistribution` counts the reviews with 1, 2, 3, 4 and 5.
    """

    description: str
    tags: tuple[str, ...]
    objectives: tuple[str, ...]
    estimated_minutes: int
    seats: int | None
    has_certificate: bool
    access_days: int | None
    completion_percent: int
    enrolment_opens_at: datetime | None
    enrolment_closes_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    rating_distribution: tuple[int, int, int, int, int]
    prerequisites: tuple[RequiredCourseView, ...]
    outline: tuple[OutlineChapter, ...]
    viewer: ViewerView | UnsetType = UNSET
