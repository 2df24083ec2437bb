"""Progress over the wire."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from lyceum.platform.wire import Input, Output

Seconds = Annotated[int, Meta(ge=0, le=86_400, description="Seconds, a day at most")]
Position = Annotated[int, Meta(ge=0, le=1_000_000, description="Seconds from the beginning")]
Segments = Annotated[
    tuple[tuple[Position, Position], ...],
    Meta(max_length=100, description="Parts that were played: [from, to) in seconds"),
]


class ProgressUpdate(Input, frozen=True, kw_only=True):
    """What the caller did in a lecture since the last update.

    Without `positionSeconds` the position stays. `completed: false` takes nothing back.
    """

    lecture_id: UUID
    completed: bool = False
    time_spent_seconds: Seconds = 0
    position_seconds: Position | None = None
    played_segments: Segments = ()


class ProgressItem(ProgressUpdate, frozen=True, kw_only=True):
    """An update that a client saved up while it was offline; `recordedAt` is when it was made.

    One that is older than what is known of the lecture completes it and adds played parts, but
    moves neither position nor time. Without `recordedAt` it counts as made now.
    """

    recorded_at: Annotated[datetime, Meta(tz=True)] | None = None


class ProgressBatch(Input, frozen=True, kw_only=True):
    """Updates from an offline client: recorded all or none, and once however often it is sent."""

    items: Annotated[tuple[ProgressItem, ...], Meta(min_length=1, max_length=500)]


class LectureState(Output, frozen=True, kw_only=True):
    """How far the caller is in a lecture."""

    lecture_id: UUID
    is_completed: bool
    completed_at: datetime | None
    position_seconds: int
    time_spent_seconds: int


class CourseState(Output, frozen=True, kw_only=True):
    """How far the caller is in a course; `nextLectureId` is null when every lecture is complete."""

    progress_percent: int
    completed_lectures: int
    total_lectures: int
    time_spent_seconds: int
    is_course_completed: bool
    next_lecture_id: UUID | None


class ProgressRecorded(CourseState, frozen=True, kw_only=True):
    """The course and the lecture after an update."""

    lecture: LectureState


class LectureProgress(LectureState, frozen=True, kw_only=True):
    """A lecture of the outline with the caller's progress."""

    chapter_id: UUID
    is_locked: bool
    played_segments: tuple[tuple[int, int], ...]


class ProgressView(CourseState, frozen=True, kw_only=True):
    """The caller's progress in a course; every lecture, in the order of the outline."""

    enrolment_id: UUID
    status: str
    enrolled_at: datetime
    completed_at: datetime | None
    last_activity_at: datetime | None
    last_lecture_id: UUID | None
    lectures: tuple[LectureProgress, ...]


class LearningQuery(Input, frozen=True, kw_only=True):
    """How many days back, and by the days of which time zone; without it, of one's own."""

    days: Annotated[int, Meta(ge=1, le=366)] = 30
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class LearningDay(Output, frozen=True, kw_only=True):
    """A day on which one learnt."""

    day: date
    seconds: int


class LearningView(Output, frozen=True, kw_only=True):
    """How long and on which days one learnt; a streak is a run of such days, and the present one
    may end yesterday."""

    time_zone: str
    today: date
    current_streak_days: int
    longest_streak_days: int
    total_seconds: int
    days: tuple[LearningDay, ...]
