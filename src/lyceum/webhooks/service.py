"""What can be done with webhooks: making, changing, testing, replaying; and what a try comes to.

Somebody's webhooks are visible to them alone. Not here: sending (`jobs`), signing (`adapters`).
"""

import ipaddress
import random
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import Envelope, emit
from lyceum.platform.outbound import AddressRefused, is_public, parse_target
from lyceum.webhooks import queries
from lyceum.webhooks.errors import TooManyWebhooks, WebhookDisabled
from lyceum.webhooks.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabledByUs,
    WebhookSecretRotated,
)
from lyceum.webhooks.permissions import MANAGE_WEBHOOKS, SUBSCRIBABLE
from lyceum.webhooks.records import Delivery, Endpoint, Try
from lyceum.webhooks.schemas import NewWebhook, Reason, WebhookSettings

MOST_ENDPOINTS: Final = 20
PAUSES_SECONDS: Final = (5, 60, 300, 1800, 7200, 18_000, 36_000, 72_000, 122_400)
"""Between ten tries; together about three days."""
TRIES: Final = len(PAUSES_SECONDS) + 1
LONGEST_PAUSE: Final = timedelta(days=1)
JITTER: Final = 0.1
TEST_TYPE: Final = "webhook.test"
_INNER_NAMES: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


class Outcome(msgspec.Struct, frozen=True):
    """What came of one request."""

    tried_at: datetime
    milliseconds: int
    status: int | None = None
    excerpt: str = ""
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Whether the other side took it; a redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300


async def create_webhook(
    tx: Writer, actor: Actor, data: NewWebhook, *, allows_private: bool
) -> Endpoint:
    """Have events sent to an address; raises TooManyWebhooks."""
    actor.require(MANAGE_WEBHOOKS)
    owner_id = actor.require_user()
    _check(data, allows_private)
    await tx.execute(queries.LOCK_OWNER, str(owner_id))
    if await tx.one(queries.COUNT_ENDPOINTS, owner_id) >= MOST_ENDPOINTS:
        raise TooManyWebhooks(f"An account has {MOST_ENDPOINTS} webhooks at most.")
    types = sorted(set(data.event_types))
    made = await tx.one(
        queries.ADD_ENDPOINT, ids.new_id(), owner_id, data.url, types, data.description
    )
    happened = WebhookCreated(webhook_id=made.id, owner_id=owner_id, event_types=tuple(types))
    await emit(tx, actor, happened)
    return made


async def list_webhooks(tx: Reader, actor: Actor) -> list[Endpoint]:
    """Return the actor's webhooks."""
    actor.require(MANAGE_WEBHOOKS)
    return await tx.all(queries.LIST_ENDPOINTS, actor.require_user())


async def get_webhook(tx: Reader, actor: Actor, webhook_id: UUID) -> Endpoint:
    """Return one of the actor's webhooks; NotFound when it is another's."""
    actor.require(MANAGE_WEBHOOKS)
    found = await tx.one_or_none(queries.FIND_ENDPOINT, webhook_id)
    if found is None or found.owner_id != actor.require_user():
        raise errors.NotFound
    return found


async def change_webhook(
    tx: Writer,
    actor: Actor,
    webhook_id: UUID,
    data: WebhookSettings,
    *,
    expected: int | None,
    allows_private: bool,
) -> Endpoint:
    """Replace what a webhook is about; PreconditionFailed when it is not at version `expected`."""
    await _lock(tx, actor, webhook_id, expected)
    _check(data, allows_private)
    types = sorted(set(data.event_types))
    await tx.execute(
        queries.CHANGE_ENDPOINT, webhook_id, data.url, types, data.description, data.is_enabled
    )
    changed = WebhookChanged(
        webhook_id=webhook_id,
        owner_id=actor.require_user(),
        event_types=tuple(types),
        is_enabled=data.is_enabled,
    )
    await emit(tx, actor, changed)
    return await get_webhook(tx, actor, webhook_id)


async def rotate_secret(tx: Writer, actor: Actor, webhook_id: UUID) -> Endpoint:
    """Sign with a new secret from now on, and for a day with the old one too."""
    await _lock(tx, actor, webhook_id)
    await tx.execute(queries.ROTATE_SECRET, webhook_id, clock.utc_now())
    rotated = WebhookSecretRotated(webhook_id=webhook_id, owner_id=actor.require_user())
    await emit(tx, actor, rotated)
    return await get_webhook(tx, actor, webhook_id)


async def delete_webhook(
    tx: Writer, actor: Actor, webhook_id: UUID, *, expected: int | None
) -> None:
    """Remove a webhook and its log."""
    await _lock(tx, actor, webhook_id, expected)
    await tx.execute(queries.DELETE_ENDPOINT, webhook_id)
    deleted = WebhookDeleted(webhook_id=webhook_id, owner_id=actor.require_user())
    await emit(tx, actor, deleted)


async def add_test_delivery(tx: Writer, actor: Actor, webhook_id: UUID) -> UUID:
    """Have a message of no meaning sent; return the delivery's id."""
    endpoint = await get_webhook(tx, actor, webhook_id)
    if not endpoint.is_enabled:
        raise WebhookDisabled
    body = _body(TEST_TYPE, clock.utc_now(), b'{"webhookId":"%s"}' % str(webhook_id).encode())
    delivery_id = ids.new_id()
    await tx.execute(queries.ADD_DELIVERY, delivery_id, webhook_id, ids.new_id(), TEST_TYPE, body)
    return delivery_id


async def list_deliveries(
    tx: Reader, actor: Actor, webhook_id: UUID, *, before: UUID | None, limit: int
) -> list[Delivery]:
    """Return the log of a webhook, the newest first."""
    await get_webhook(tx, actor, webhook_id)
    return await tx.all(queries.LIST_DELIVERIES, webhook_id, before, limit)


async def get_delivery(
    tx: Reader, actor: Actor, webhook_id: UUID, delivery_id: UUID
) -> tuple[Delivery, list[Try]]:
    """Return a delivery and its tries."""
    await get_webhook(tx, actor, webhook_id)
    found = await tx.one_or_none(queries.FIND_DELIVERY, delivery_id)
    if found is None or found.endpoint_id != webhook_id:
        raise errors.NotFound
    return found, await tx.all(queries.LIST_TRIES, delivery_id)


async def replay_delivery(tx: Writer, actor: Actor, webhook_id: UUID, delivery_id: UUID) -> None:
    """Send a message again, under the same id, with all its tries."""
    await get_delivery(tx, actor, webhook_id, delivery_id)
    if not (await get_webhook(tx, actor, webhook_id)).is_enabled:
        raise WebhookDisabled
    await tx.execute(queries.SEND_AGAIN, delivery_id, clock.utc_now())


async def add_deliveries(tx: Writer, actor: Actor, envelope: Envelope) -> list[UUID]:
    """Write down an event for every webhook that wants it; return the deliveries."""
    actor.require(MANAGE_WEBHOOKS)
    if envelope.name not in SUBSCRIBABLE:
        return []
    body = _body(envelope.name, envelope.occurred_at, envelope.payload)
    added = []
    for endpoint_id in await tx.all(queries.LIST_WANTING, envelope.name):
        delivery_id = ids.new_id()
        await tx.execute(
            queries.ADD_DELIVERY, delivery_id, endpoint_id, envelope.id, envelope.name, body
        )
        added.append(delivery_id)
    return added


async def end_try(tx: Writer, actor: Actor, delivery_id: UUID, outcome: Outcome) -> None:
    """Keep what came of a try, and decide what comes next."""
    delivery = await tx.one_or_none(queries.LOCK_DELIVERY, delivery_id)
    if delivery is None or delivery.state != "waiting":
        return
    endpoint = await tx.one(queries.LOCK_ENDPOINT, delivery.endpoint_id)
    attempts = delivery.attempts + 1
    await tx.execute(
        queries.ADD_TRY, ids.new_id(), delivery_id, outcome.tried_at, outcome.status,
        outcome.milliseconds, outcome.excerpt, outcome.error,
    )  # fmt: skip
    now = clock.utc_now()
    if outcome.is_success:
        await tx.execute(queries.END_TRY, delivery_id, "succeeded", attempts, now, now)
        await tx.execute(queries.NOTE_SUCCESS, endpoint.id)
        return
    await tx.execute(queries.NOTE_FAILURE, endpoint.id, now)
    is_gone = outcome.status == 410
    if not is_gone and attempts < TRIES:
        due = now + _pause(attempts, outcome.retry_after)
        await tx.execute(queries.END_TRY, delivery_id, "waiting", attempts, due, None)
        return
    await tx.execute(queries.END_TRY, delivery_id, "failed", attempts, now, now)
    # Nothing has got through for as long as this one was tried.
    is_failing = endpoint.failing_since is not None and (
        endpoint.failing_since <= delivery.created_at + timedelta(minutes=1)
    )
    if is_gone or is_failing:
        await disable(tx, actor, endpoint, "gone" if is_gone else "failing")


async def give_up(tx: Writer, actor: Actor, delivery: Delivery) -> None:
    """End a delivery without sending it: its webhook is switched off."""
    actor.require(MANAGE_WEBHOOKS)
    now = clock.utc_now()
    await tx.execute(queries.END_TRY, delivery.id, "failed", delivery.attempts, now, now)


async def disable(tx: Writer, actor: Actor, endpoint: Endpoint, reason: Reason) -> None:
    """Switch a webhook off, and tell."""
    if not endpoint.is_enabled:
        return
    await tx.execute(queries.DISABLE_ENDPOINT, endpoint.id, reason)
    disabled = WebhookDisabledByUs(
        webhook_id=endpoint.id, owner_id=endpoint.owner_id, reason=reason
    )
    await emit(tx, actor, disabled)


def _pause(attempts: int, asked: timedelta | None) -> timedelta:
    jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret depends on it
    pause = timedelta(seconds=PAUSES_SECONDS[attempts - 1] * jitter)
    return max(pause, min(asked, LONGEST_PAUSE)) if asked is not None else pause


def _body(event_type: str, occurred_at: datetime, payload: bytes) -> str:
    wrapped = {
        "type": event_type,
        "timestamp": occurred_at,
        "data": msgspec.json.decode(payload),
    }
    return msgspec.json.encode(wrapped).decode()


async def _lock(
    tx: Writer, actor: Actor, webhook_id: UUID, expected: int | None = None
) -> Endpoint:
    actor.require(MANAGE_WEBHOOKS)
    found = await tx.one_or_none(queries.LOCK_ENDPOINT, webhook_id)
    if found is None or found.owner_id != actor.require_user():
        raise errors.NotFound
    if expected is not None and expected != found.version:
        raise errors.PreconditionFailed
    return found


def _check(data: NewWebhook, allows_private: bool) -> None:
    for index, name in enumerate(data.event_types):
        if name not in SUBSCRIBABLE:
            pointer = f"/eventTypes/{index}"
            raise errors.ValidationFailed(
                "", errors.FieldError(pointer, "This is no type of event that can be had")
            )
    target = parse_target(data.url, pointer="/url")
    if allows_private:
        return
    if target.scheme != "https":
        raise AddressRefused("", errors.FieldError("/url", "An address starts with https://"))
    if not _may_be_public(target.host):
        message = "This address is private or special; nothing is sent there"
        raise AddressRefused("", errors.FieldError("/url", message))


def _may_be_public(host: str) -> bool:
    """Return False for what needs no look-up to be known as private; the rest is found out when
    it is connected to."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host and not host.lower().endswith(_INNER_NAMES)
    return is_public(host)
