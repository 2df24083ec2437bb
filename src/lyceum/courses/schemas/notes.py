"""Notes and bookmarks over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.paging import PageQuery
from lyceum.platform.wire import Input, Output, Patch

NoteKind = Literal["note", "bookmark"]
NoteText = Annotated[str, Meta(max_length=10_000, description="Plain text; a bookmark's label")]
Position = Annotated[int, Meta(ge=0, le=1_000_000, description="Seconds from the start")]


class NewNote(Input, frozen=True, kw_only=True):
    """A note, which says something, or a bookmark, which need not."""

    kind: NoteKind = "note"
    text: NoteText = ""
    position_seconds: Position | None = None


class NoteChanges(Patch, frozen=True, kw_only=True):
    """What to change of a note."""

    text: NoteText | UnsetType = UNSET
    position_seconds: Position | UnsetType | None = UNSET


class NoteQuery(PageQuery, frozen=True, kw_only=True):
    """Which of one's notes in a course to list."""

    lecture_id: UUID | UnsetType = UNSET
    kind: NoteKind | UnsetType = UNSET
    search: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET


class NoteView(Output, frozen=True, kw_only=True):
    """A note or bookmark of the caller's own."""

    id: UUID
    course_id: UUID
    lecture_id: UUID
    kind: NoteKind
    text: str
    position_seconds: int | None
    version: int
    created_at: datetime
    updated_at: datetime
