"""Threads, posts and reports over the wire. Bodies are HTML, cleaned on the way in."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.paging import PageQuery
from lyceum.platform.wire import Input, Output, Patch

Title = Annotated[str, Meta(min_length=3, max_length=200, description="One line of plain text")]
Body = Annotated[str, Meta(min_length=1, max_length=20_000, description="HTML")]
Mentions = Annotated[
    tuple[UUID, ...], Meta(max_length=20, description="People of the course who are to see this")
]
Sort = Literal["active", "new", "votes"]


class NewThread(Input, frozen=True, kw_only=True):
    """A question about a lecture, or without one about the course."""

    title: Title
    body: Body
    lecture_id: UUID | None = None
    mentions: Mentions = ()


class ThreadChanges(Patch, frozen=True, kw_only=True):
    """What to change of a thread: its author the text, staff the rest."""

    title: Title | UnsetType = UNSET
    body: Body | UnsetType = UNSET
    is_pinned: bool | UnsetType = UNSET
    is_locked: bool | UnsetType = UNSET
    is_hidden: bool | UnsetType = UNSET


class NewPost(Input, frozen=True, kw_only=True):
    """Something to write in a thread."""

    body: Body
    mentions: Mentions = ()


class PostChanges(Patch, frozen=True, kw_only=True):
    """What to change of a post: its author the text, staff whether it is shown."""

    body: Body | UnsetType = UNSET
    is_hidden: bool | UnsetType = UNSET


class ThreadQuery(PageQuery, frozen=True, kw_only=True):
    """Which threads of a course to list."""

    lecture_id: UUID | UnsetType = UNSET
    is_answered: Annotated[bool, Meta(description="Whether an answer was accepted")] | UnsetType = (
        UNSET
    )
    mine: Annotated[bool, Meta(description="Only those one has begun")] = False
    search: Annotated[str, Meta(min_length=1, max_length=200, description="Words")] | UnsetType = (
        UNSET
    )
    sort: Sort = "active"


class Author(Output, frozen=True, kw_only=True):
    """Who wrote something."""

    user_id: UUID
    display_name: str
    avatar_url: str | None


class ThreadView(Output, frozen=True, kw_only=True):
    """A thread in a list; pinned ones come first."""

    id: UUID
    course_id: UUID
    lecture_id: UUID | None
    author: Author
    title: str
    is_pinned: bool
    is_locked: bool
    is_hidden: bool
    accepted_post_id: UUID | None
    post_count: int
    vote_count: int
    has_voted: bool
    is_subscribed: bool
    has_news: bool
    last_post_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int


class WholeThread(ThreadView, frozen=True, kw_only=True):
    """A thread with what its author wrote."""

    body: str
    mentions: list[UUID]


class PostView(Output, frozen=True, kw_only=True):
    """A post; a hidden one has no `body` but for its author and the staff."""

    id: UUID
    thread_id: UUID
    author: Author
    body: str | None
    mentions: list[UUID]
    is_by_staff: bool
    is_accepted: bool
    is_hidden: bool
    vote_count: int
    has_voted: bool
    created_at: datetime
    updated_at: datetime
    version: int


class NewReport(Input, frozen=True, kw_only=True):
    """Why something breaks the rules."""

    reason: Annotated[str, Meta(min_length=1, max_length=1000, description="Plain text")]


class ReportMade(Output, frozen=True, kw_only=True):
    """A report that waits for the staff."""

    id: UUID


class ReportView(Output, frozen=True, kw_only=True):
    """A report, for the staff of the course; `post_id` is None when it is about the thread."""

    id: UUID
    thread_id: UUID
    post_id: UUID | None
    title: str
    body: str
    author: Author
    reporter: Author
    reason: str
    created_at: datetime
    resolution: Literal["hidden", "dismissed"] | None


class ReportQuery(PageQuery, frozen=True, kw_only=True):
    """Which reports to list."""

    resolved: bool = False


class Resolution(Input, frozen=True, kw_only=True):
    """What to do about a report."""

    resolution: Literal["hidden", "dismissed"]
