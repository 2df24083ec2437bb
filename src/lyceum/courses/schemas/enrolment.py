"""Enrolments over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from lyceum.courses.schemas.courses import CourseCard
from lyceum.platform.wire import Input, Output

Address = Annotated[str, Meta(min_length=3, max_length=320)]
Outcome = Literal[
    "enrolled", "already_enrolled", "unknown_person", "no_cohort", "no_seat", "invalid"
]


class NewEnrolment(Input, frozen=True, kw_only=True):
    """Whom the staff of a course enrols: a person by id, or by address."""

    user_id: UUID | None = None
    email: Address | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class PersonToEnrol(Input, frozen=True, kw_only=True):
    """Somebody to enrol: a person by id, or by address; and in which cohort, by its name."""

    user_id: UUID | None = None
    email: Address | None = None
    cohort: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


class Roster(Input, frozen=True, kw_only=True):
    """People to enrol at once; a dry run says what would come of it, and enrols nobody."""

    people: Annotated[tuple[PersonToEnrol, ...], Meta(min_length=1, max_length=500)]
    is_dry_run: bool = False


class RosterResult(Output, frozen=True, kw_only=True):
    """What came of one person: their place in the list, from 1."""

    row: int
    outcome: Outcome
    user_id: UUID | None
    message: str


class RosterReport(Output, frozen=True, kw_only=True):
    """What came of a list of people; in a dry run, what would."""

    is_dry_run: bool
    enrolled: int
    already_enrolled: int
    refused: int
    results: tuple[RosterResult, ...]


class EnrolmentImportView(Output, frozen=True, kw_only=True):
    """A list of people that is, or was, worked through by a job."""

    id: UUID
    course_id: UUID
    job_id: UUID
    is_dry_run: bool
    report: RosterReport | None
    created_at: datetime
    finished_at: datetime | None


class ImportOptions(Input, frozen=True, kw_only=True):
    """A dry run says what would come of the list, and enrols nobody."""

    dry_run: bool = False


class WaitingPersonView(Output, frozen=True, kw_only=True):
    """Somebody who waits for a seat."""

    user_id: UUID
    display_name: str | None
    avatar_url: str | None
    joined_at: datetime


class OwnWaitView(Output, frozen=True, kw_only=True):
    """A course that the caller waits for; at position 1 one is next."""

    course_id: UUID
    slug: str
    title: str
    joined_at: datetime
    position: int


class NewInvitation(Input, frozen=True, kw_only=True):
    """An invitation to make: how often it may be used, until when, and for whom. Without `email` it
    is for whoever has the code."""

    max_uses: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    email: Address | None = None
    cohort_id: UUID | None = None
    waives_price: bool = False


class InvitationView(Output, frozen=True, kw_only=True):
    """An invitation, for the staff of its course."""

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


class InvitationCode(Input, frozen=True, kw_only=True):
    """The code of an invitation, as it was given."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]


class EnrolmentView(Output, frozen=True, kw_only=True):
    """Somebody's enrolment in a course; `source` says how they came in."""

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
