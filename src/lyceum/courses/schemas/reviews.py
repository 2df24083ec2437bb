"""Reviews over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.paging import PageQuery
from lyceum.platform.wire import Input, Output, Patch

Stars = Annotated[int, Meta(ge=1, le=5)]
ReviewText = Annotated[str, Meta(max_length=5000, description="Plain text")]


class ReviewQuery(PageQuery, frozen=True, kw_only=True):
    """Which reviews of a course to list."""

    rating: Stars | UnsetType = UNSET
    sort: Literal["new", "helpful", "best", "worst"] = "new"


class NewReview(Input, frozen=True, kw_only=True):
    """A review to post."""

    rating: Stars
    text: ReviewText = ""


class ReviewChanges(Patch, frozen=True, kw_only=True):
    """What to change of a review."""

    rating: Stars | UnsetType = UNSET
    text: ReviewText | UnsetType = UNSET


class ReviewAuthor(Output, frozen=True, kw_only=True):
    """Who wrote a review."""

    user_id: UUID
    display_name: str
    avatar_url: str | None


class ReviewView(Output, frozen=True, kw_only=True):
    """A review of a course."""

    id: UUID
    course_id: UUID
    author: ReviewAuthor
    rating: int
    text: str
    reply: str
    replied_at: datetime | None
    helpful_count: int
    is_hidden: bool
    version: int
    created_at: datetime
    updated_at: datetime


class ReviewReply(Input, frozen=True, kw_only=True):
    """What the course's instructor answers to a review; an empty text takes the answer back."""

    text: ReviewText


class NewReviewReport(Input, frozen=True, kw_only=True):
    """Why a review breaks the rules."""

    reason: Annotated[str, Meta(min_length=1, max_length=1000, description="Plain text")]


class ReviewReportMade(Output, frozen=True, kw_only=True):
    """A report that waits for a moderator."""

    id: UUID


class ReviewReportQuery(PageQuery, frozen=True, kw_only=True):
    """Which reports to list."""

    resolved: bool = False


class ReviewReportView(Output, frozen=True, kw_only=True):
    """A report about a review, for moderators."""

    id: UUID
    review_id: UUID
    course_id: UUID
    rating: int
    text: str
    reporter_id: UUID
    reason: str
    created_at: datetime
    resolution: Literal["hidden", "dismissed"] | None


class ReviewResolution(Input, frozen=True, kw_only=True):
    """What to do about a report."""

    resolution: Literal["hidden", "dismissed"]
