"""What goes over the wire for the audit trail."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from lyceum.platform.paging import CursorQuery
from lyceum.platform.wire import Output

Result = Literal["done", "refused"]
RetentionClass = Literal["sign_ins", "refusals", "reads", "changes", "security"]
Action = Annotated[str, msgspec.Meta(min_length=1, max_length=100, examples=["course.published"])]
ObjectId = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class AuditQuery(CursorQuery, frozen=True, kw_only=True):
    """Which entries: all filters that are given hold; `from` is inclusive, `to` is not. `person`
    finds what somebody did and what names them, as who read their record."""

    actor: UUID | None = None
    person: UUID | None = None
    object_id: ObjectId | None = None
    action: Action | None = None
    result: Result | None = None
    since: Moment | None = msgspec.field(default=None, name="from")
    until: Moment | None = msgspec.field(default=None, name="to")


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
