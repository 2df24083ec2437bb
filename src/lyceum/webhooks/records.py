"""Rows of webhooks."""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.webhooks.schemas import Reason, State


class Endpoint(msgspec.Struct, frozen=True):
    """Where events of some types are sent."""

    id: UUID
    owner_id: UUID
    url: str
    event_types: list[str]
    description: str
    is_enabled: bool
    disabled_reason: Reason | None
    generation: int
    rotated_at: datetime | None
    failing_since: datetime | None
    version: int
    created_at: datetime


class Delivery(msgspec.Struct, frozen=True):
    """One event on its way to one endpoint."""

    id: UUID
    endpoint_id: UUID
    message_id: UUID
    event_type: str
    body: str
    state: State
    attempts: int
    next_try_at: datetime
    created_at: datetime
    finished_at: datetime | None


class Try(msgspec.Struct, frozen=True):
    """One request; `status` is None when nobody answered."""

    id: UUID
    tried_at: datetime
    status: int | None
    milliseconds: int
    excerpt: str
    error: str | None
