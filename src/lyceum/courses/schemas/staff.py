"""Who teaches a course, over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from lyceum.platform.wire import Input, Output

GrantedRole = Literal["co_instructor", "assistant"]


class NewStaffMember(Input, frozen=True, kw_only=True):
    """Whom to add: a person by id, or by address. A co-instructor changes the course; an assistant
    sees it, its drafts and its learners, and changes nothing."""

    role: GrantedRole
    user_id: UUID | None = None
    email: Annotated[str, Meta(min_length=3, max_length=320)] | None = None


class StaffChanges(Input, frozen=True, kw_only=True):
    """The role from now on; `owner` hands the course over, and leaves the owner until now a
    co-instructor."""

    role: Literal["owner", "co_instructor", "assistant"]


class StaffView(Output, frozen=True, kw_only=True):
    """Somebody who teaches a course."""

    user_id: UUID
    role: Literal["owner", "co_instructor", "assistant"]
    display_name: str | None
    avatar_url: str | None
    added_at: datetime
