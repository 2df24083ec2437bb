"""Chapters, lectures and their order over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output, Patch

LectureType = Literal["video", "text", "quiz", "assignment", "live", "file", "embed"]
PartTitle = Annotated[str, Meta(min_length=1, max_length=255)]
LectureContent = Annotated[str, Meta(max_length=200_000, description="HTML; cleaned when stored")]
MediaUrl = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=r"^(https://[^\s<>\"'\\]+|/[^\s<>\"'\\/][^\s<>\"'\\]*)$(?!\n)",
        description="An https address, or a path on this server",
    ),
]
ReleaseDays = Annotated[int, Meta(ge=1, le=3650, description="Days of learning before it opens")]
Seconds = Annotated[int, Meta(ge=0, le=1_000_000)]


class NewChapter(Input, frozen=True, kw_only=True):
    """A chapter to add at the end of a course."""

    title: PartTitle


class ChapterChanges(Patch, frozen=True, kw_only=True):
    """What to change of a chapter."""

    title: PartTitle | UnsetType = UNSET


class ChapterView(Output, frozen=True, kw_only=True):
    """A chapter without its lectures."""

    id: UUID
    course_id: UUID
    title: str
    version: int


class NewLecture(Input, frozen=True, kw_only=True):
    """A lecture to add at the end of a chapter."""

    title: PartTitle
    type: LectureType
    content: LectureContent = ""
    media_url: MediaUrl | None = None
    duration_seconds: Seconds = 0
    is_preview: bool = False


class LectureChanges(Patch, frozen=True, kw_only=True):
    """What to change of a lecture. It is locked for learners until its release rules are met: a
    moment, days since they began, another lecture completed."""

    title: PartTitle | UnsetType = UNSET
    content: LectureContent | UnsetType = UNSET
    media_url: MediaUrl | UnsetType | None = UNSET
    duration_seconds: Seconds | UnsetType = UNSET
    is_preview: bool | UnsetType = UNSET
    release_at: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET
    release_after_days: ReleaseDays | UnsetType | None = UNSET
    release_after_id: UUID | UnsetType | None = UNSET


class LectureView(Output, frozen=True, kw_only=True):
    """A lecture with its content."""

    id: UUID
    course_id: UUID
    chapter_id: UUID
    title: str
    type: LectureType
    content: str
    media_url: str | None
    duration_seconds: int
    is_preview: bool
    section: str
    version: int
    updated_at: datetime
    release_at: datetime | None
    release_after_days: int | None
    release_after_id: UUID | None


class ChapterPlace(Input, frozen=True, kw_only=True):
    """Where to put a chapter: behind the chapter `after`, or first without it."""

    after: UUID | None = None


class LecturePlace(Input, frozen=True, kw_only=True):
    """Where to put a lecture: in `chapterId` (or where it is), behind the lecture `after`, or
    first without it."""

    chapter_id: UUID | None = None
    after: UUID | None = None


class DeletedPartView(Output, frozen=True, kw_only=True):
    """A chapter or lecture that was deleted; of a chapter, how many lectures went with it."""

    id: UUID
    kind: Literal["chapter", "lecture"]
    title: str
    chapter_id: UUID | None
    lecture_count: int
    deleted_at: datetime


class ChapterOrder(Input, frozen=True, kw_only=True):
    """A chapter and its lectures in the wanted order; a lecture may come from another chapter."""

    id: UUID
    lectures: Annotated[tuple[UUID, ...], Meta(max_length=2000)]


class OutlineOrder(Input, frozen=True, kw_only=True):
    """The whole outline of a course in the wanted order."""

    chapters: Annotated[tuple[ChapterOrder, ...], Meta(max_length=500)]


class OutlineLecture(Output, frozen=True, kw_only=True):
    """A lecture as the outline shows it, without content."""

    id: UUID
    title: str
    type: LectureType
    section: str
    duration_seconds: int
    is_preview: bool


class OutlineChapter(Output, frozen=True, kw_only=True):
    """A chapter of the outline with its lectures in order."""

    id: UUID
    title: str
    version: int
    lectures: tuple[OutlineLecture, ...]
