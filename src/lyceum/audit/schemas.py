"""What goes over the wire for the audit trail."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from lyceum.platform.paging import Cursor, PerPage
from lyceum.platform.wire import Input, Output

Result = Literal["done", "refused"]
ExportFormat = Literal["ndjson", "csv"]
RetentionClass = Literal["sign_ins", "refusals", "reads", "changes", "security"]
Action = Annotated[str, msgspec.Meta(min_length=1, max_length=100, examples=["course.published"])]
ObjectId = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class AuditFilters(Input, frozen=True, kw_only=True):
    """Which entries: all filters that are given hold; `from` is inclusive, `to` is not. `person`
    finds what somebody did and what names them, as who read their record."""

    actor: UUID | None = None
    person: UUID | None = None
    object_id: ObjectId | None = None
    action: Action | None = None
    result: Result | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")

    def given(self) -> dict[str, Any]:
        """Return the filters that are given, by their Python names."""
        values = {name: getattr(self, name) for name in AuditFilters.__struct_fields__}
        return {name: value for name, value in values.items() if value is not None}


class AuditQuery(AuditFilters, frozen=True, kw_only=True):
    """Which entries, and which page of them."""

    cursor: Cursor | None = None
    per_page: PerPage = 20


class NewAuditExport(AuditFilters, frozen=True, kw_only=True):
    """Which entries are written to a file, and how."""

    format: ExportFormat


class AuditExportView(Output, frozen=True, kw_only=True):
    """An export; once it is finished `downloadUrl` is good for an hour."""

    id: UUID
    format: ExportFormat
    filters: dict[str, Any]
    job_id: UUID
    entries: int | None
    size_bytes: int | None
    download_url: str | None
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None


class AuditExportResult(Output, frozen=True, kw_only=True):
    """What an export came to."""

    export_id: UUID
    location: str


class AuditLinkQuery(Input, frozen=True, kw_only=True):
    """What a link holds that was made for one file."""

    expires: Annotated[str, msgspec.Meta(max_length=12)] = ""
    signature: Annotated[str, msgspec.Meta(max_length=128)] = ""
    name: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class AuditEntryView(Output, frozen=True, kw_only=True):
    """Who did what to which object, on whose behalf, and whether it was refused."""

    id: UUID
    occurred_at: datetime
    recorded_at: datetime
    actor_id: UUID | None
    impersonator_id: UUID | None
    action: str
    object_type: str
    object_id: str
    result: Result
    request_id: str


class AuditEntryDetail(AuditEntryView, frozen=True, kw_only=True):
    """With its place in the chain, and its details unless a person in them was erased."""

    stream: int
    sequence: int
    hash: str
    details: Any


Days = Annotated[int, msgspec.Meta(ge=30, le=36_500, description="Days; null keeps for ever")]


class RetentionView(Output, frozen=True, kw_only=True):
    """How long entries of a class are kept, and how many are past their time and not yet removed.

    `isHeld` is whether a hold on the class keeps all of them.
    """

    retention_class: RetentionClass
    days: int | None
    is_held: bool
    expired_entries: int
    oldest_at: datetime | None


class RetentionChange(Input, frozen=True, kw_only=True):
    """How long entries of a class are kept from now on, those that are there included."""

    days: Days | None


class NewHold(Input, frozen=True, kw_only=True):
    """What is to be kept: entries of a class, or what a person did and what names them."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    retention_class: RetentionClass | None = None
    person_id: UUID | None = None


class HoldView(Output, frozen=True, kw_only=True):
    """A hold, by whom and why."""

    id: UUID
    retention_class: RetentionClass | None
    person_id: UUID | None
    reason: str
    placed_by: UUID | None
    placed_at: datetime
