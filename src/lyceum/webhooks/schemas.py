"""What goes over the wire for webhooks."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from lyceum.platform.wire import Input, Output

Reason = Literal["by_owner", "gone", "failing", "not_allowed"]
State = Literal["waiting", "succeeded", "failed"]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2000, examples=["https://a.test/in"])]
EventTypes = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=100)]],
    msgspec.Meta(min_length=1, max_length=100),
]
Description = Annotated[str, msgspec.Meta(max_length=200)]


class NewWebhook(Input, frozen=True, kw_only=True):
    """An address, and the types of events that are to be sent there."""

    url: Url
    event_types: EventTypes
    description: Description = ""


class WebhookSettings(NewWebhook, frozen=True, kw_only=True):
    """The same, and whether it is on; switching it on forgives what made us switch it off."""

    is_enabled: bool


class WebhookView(Output, frozen=True, kw_only=True):
    """A webhook; its secret is shown when it is made, and never again."""

    id: UUID
    url: str
    event_types: list[str]
    description: str
    is_enabled: bool
    disabled_reason: Reason | None
    failing_since: datetime | None
    created_at: datetime


class WebhookWithSecret(WebhookView, frozen=True, kw_only=True):
    """The secret verifies `webhook-signature` (Standard Webhooks)."""

    secret: str


class DeliveryView(Output, frozen=True, kw_only=True):
    """One event on its way; `nextTryAt` while it waits."""

    id: UUID
    message_id: str
    event_type: str
    state: State
    attempts: int
    next_try_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class TryView(Output, frozen=True, kw_only=True):
    """One request: what came back (cut, secrets masked), or why nothing did."""

    tried_at: datetime
    status: int | None
    milliseconds: int
    excerpt: str
    error: str | None


class DeliveryDetail(DeliveryView, frozen=True, kw_only=True):
    """With what was sent, and every try."""

    body: Any
    tries: list[TryView]
