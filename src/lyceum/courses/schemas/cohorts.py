"""Cohorts over the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output, Patch

CohortName = Annotated[str, Meta(min_length=1, max_length=100)]
Moment = Annotated[datetime, Meta(tz=True)]


class NewCohort(Input, frozen=True, kw_only=True):
    """A group of learners; its dates stand in for those of the course."""

    name: CohortName
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class CohortChanges(Patch, frozen=True, kw_only=True):
    """What to change of a cohort."""

    name: CohortName | UnsetType = UNSET
    starts_at: Moment | UnsetType | None = UNSET
    ends_at: Moment | UnsetType | None = UNSET


class CohortView(Output, frozen=True, kw_only=True):
    """A group of the learners of a course; its assistants, if they look after cohorts, see the
    learners of those alone."""

    id: UUID
    course_id: UUID
    name: str
    starts_at: datetime | None
    ends_at: datetime | None
    version: int
    member_count: int
    assistant_ids: tuple[UUID, ...]


class CohortMemberView(Output, frozen=True, kw_only=True):
    """A learner in a cohort."""

    user_id: UUID
    display_name: str | None
    avatar_url: str | None
    status: str
    progress_percent: int
    joined_at: datetime
