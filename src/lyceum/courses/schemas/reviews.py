"""Reviews over the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output, Patch

Stars = Annotated[int, Meta(ge=1, le=5)]
ReviewText = Annotated[str, Meta(max_length=5000, description="Plain text")]


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
    version: int
    created_at: datetime
    updated_at: datetime
