"""What a row of the discussions schema is to Python."""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.platform.statements import Json


class Thread(msgspec.Struct, frozen=True):
    """A thread as its rules need it."""

    id: UUID
    course_id: UUID
    lecture_id: UUID | None
    author_id: UUID
    title: str
    body: str
    is_pinned: bool
    is_locked: bool
    is_hidden: bool
    accepted_post_id: UUID | None
    post_count: int
    version: int


class Post(msgspec.Struct, frozen=True):
    """A post as its rules need it."""

    id: UUID
    thread_id: UUID
    author_id: UUID
    body: str
    is_hidden: bool
    version: int


class Page(msgspec.Struct, frozen=True):
    """A page in JSON, and how many items there are in all."""

    items: Json
    total: int


class Report(msgspec.Struct, frozen=True):
    """A report, under the lock of its row."""

    id: UUID
    course_id: UUID
    thread_id: UUID
    post_id: UUID | None
    resolution: str | None


class Announcement(msgspec.Struct, frozen=True):
    """An announcement with its author as others see them."""

    id: UUID
    course_id: UUID
    author_id: UUID
    title: str
    body: str
    version: int
    created_at: datetime
    updated_at: datetime
    display_name: str | None
    avatar_url: str | None
