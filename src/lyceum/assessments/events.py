"""What happened to attempts that others may care about. No answers, no keys; no previews."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from lyceum.platform.events import Event, event


@event("attempt.submitted")
class AttemptSubmitted(Event, frozen=True, kw_only=True):
    """An attempt was closed and graded; points are in thousandths."""

    attempt_id: UUID
    quiz_id: UUID
    lecture_id: UUID
    course_id: UUID
    user_id: UUID
    number: int
    points_milli: int
    max_points_milli: int
    is_passed: bool
    closed_by: Literal["learner", "deadline"]
    submitted_at: datetime


@event("attempt.passed")
class AttemptPassed(Event, frozen=True, kw_only=True):
    """An attempt reached the passing score; `is_first` for the first one of this learner."""

    attempt_id: UUID
    quiz_id: UUID
    lecture_id: UUID
    course_id: UUID
    user_id: UUID
    points_milli: int
    max_points_milli: int
    is_first: bool
