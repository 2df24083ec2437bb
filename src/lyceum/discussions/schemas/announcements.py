"""Announcements over the wire."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, UnsetType

from lyceum.discussions.schemas.contributions import Author, Body, Title
from lyceum.platform.wire import Input, Output, Patch


class NewAnnouncement(Input, frozen=True, kw_only=True):
    """Something that all learners of a course are to know."""

    title: Title
    body: Body


class AnnouncementChanges(Patch, frozen=True, kw_only=True):
    """What to change of an announcement."""

    title: Title | UnsetType = UNSET
    body: Body | UnsetType = UNSET


class AnnouncementView(Output, frozen=True, kw_only=True):
    """An announcement."""

    id: UUID
    course_id: UUID
    author: Author
    title: str
    body: str
    version: int
    created_at: datetime
    updated_at: datetime
