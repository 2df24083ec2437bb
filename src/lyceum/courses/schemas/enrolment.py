"""Enrolments over the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from lyceum.courses.schemas.courses import CourseCard
from lyceum.platform.wire import Input, Output


class NewEnrolment(Input, frozen=True, kw_only=True):
    """Whom the staff of a course enrols: a person by id, or by address."""

    user_id: UUID | None = None
    email: Annotated[str, Meta(min_length=3, max_length=320)] | None = None


class EnrolmentView(Output, frozen=True, kw_only=True):
    """Somebody's enrolment in a course; `source` is self or staff."""

    id: UUID
    course_id: UUID
    user_id: UUID
    status: str
    source: str
    enrolled_at: datetime
    completed_at: datetime | None
    completed_lectures: int
    progress_percent: int


class MyEnrolment(Output, frozen=True, kw_only=True):
    """A course that the caller learns: how far, and where to go on."""

    id: UUID
    status: str
    source: str
    progress_percent: int
    completed_lectures: int
    total_lectures: int
    time_spent_seconds: int
    enrolled_at: datetime
    completed_at: datetime | None
    last_activity_at: datetime | None
    last_lecture_id: UUID | None
    next_lecture_id: UUID | None
    course: CourseCard


class LearnerView(Output, frozen=True, kw_only=True):
    """A learner of a course, for its staff."""

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
