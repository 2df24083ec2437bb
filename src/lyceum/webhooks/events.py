"""What happened to webhooks that others may care about. No address, no secret."""

from typing import Literal
from uuid import UUID

from lyceum.platform.events import Event, event

Reason = Literal["by_owner", "gone", "failing", "not_allowed"]


@event("webhook.created")
class WebhookCreated(Event, frozen=True, kw_only=True):
    """Events of these types are sent to an address from now on."""

    webhook_id: UUID
    owner_id: UUID
    event_types: tuple[str, ...]


@event("webhook.changed")
class WebhookChanged(Event, frozen=True, kw_only=True):
    """An address, its events, or whether it is on, has been changed by its owner."""

    webhook_id: UUID
    owner_id: UUID
    event_types: tuple[str, ...]
    is_enabled: bool


@event("webhook.secret_rotated")
class WebhookSecretRotated(Event, frozen=True, kw_only=True):
    """A webhook signs with a new secret, and with the old one for a day."""

    webhook_id: UUID
    owner_id: UUID


@event("webhook.disabled")
class WebhookDisabledByUs(Event, frozen=True, kw_only=True):
    """Nothing is sent any more: the other side is gone, fails for days, or the owner may not."""

    webhook_id: UUID
    owner_id: UUID
    reason: Reason


@event("webhook.deleted")
class WebhookDeleted(Event, frozen=True, kw_only=True):
    """A webhook and its log are gone."""

    webhook_id: UUID
    owner_id: UUID
