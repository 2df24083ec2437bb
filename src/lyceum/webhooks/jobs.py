"""What the worker does for webhooks: writing down what happened, and sending it."""

import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from uuid import UUID

from lyceum.platform import clock, errors, jobs, redaction
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import Envelope, Event, handles_each
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.outbound import AddressRefused, OutboundClient, Reply, Unreachable
from lyceum.users import api as users
from lyceum.webhooks import queries, service
from lyceum.webhooks.adapters import signing
from lyceum.webhooks.permissions import MANAGE_WEBHOOKS, SUBSCRIBABLE
from lyceum.webhooks.records import Delivery, Endpoint
from lyceum.webhooks.service import Outcome

ACTOR: Final = system_actor("webhooks")
SECONDS: Final = 15.0
ANSWER_BYTES: Final = 16 * 1024
EXCERPT: Final = 1000
AT_ONCE: Final = 500
LOG_DAYS: Final = 30


@handles_each(*SUBSCRIBABLE)
async def write_down(tx: Writer, envelope: Envelope, _happened: Event) -> None:
    """Have an event sent to every webhook that wants it."""
    for delivery_id in await service.add_deliveries(tx, ACTOR, envelope):
        await enqueue_sending(tx, delivery_id)


async def enqueue_sending(tx: Writer, delivery_id: UUID) -> None:
    """Have a delivery sent now, once."""
    key = f"webhooks:{delivery_id}"
    await jobs.enqueue_once(tx, ACTOR, key, send_delivery, delivery_id=delivery_id)


@job(timeout_seconds=30, attempts=1)
async def send_delivery(context: JobContext, *, delivery_id: UUID) -> None:
    """Send a delivery if it is due; a try that fails is repeated by `send_due`."""
    delivery = await context.reader().one_or_none(queries.FIND_DELIVERY, delivery_id)
    if delivery is None or delivery.state != "waiting" or delivery.next_try_at > clock.utc_now():
        return
    endpoint = await context.reader().one(queries.FIND_ENDPOINT, delivery.endpoint_id)
    if endpoint.is_enabled and not await _owner_may(context, endpoint):
        async with context.transaction() as tx:
            await service.disable(tx, ACTOR, endpoint, "not_allowed")
            await service.give_up(tx, ACTOR, delivery)
        return
    if not endpoint.is_enabled:
        async with context.transaction() as tx:
            await service.give_up(tx, ACTOR, delivery)
        return
    outcome = await _send(context, endpoint, delivery)
    async with context.transaction() as tx:
        await service.end_try(tx, ACTOR, delivery_id, outcome)


@job(cron="* * * * *", timeout_seconds=120)
async def send_due(context: JobContext) -> int:
    """Have everything sent whose pause is over; return how many."""
    due = await context.reader().all(queries.LIST_DUE, clock.utc_now(), AT_ONCE)
    for delivery_id in due:
        async with context.transaction() as tx:
            await enqueue_sending(tx, delivery_id)
    return len(due)


@job(cron="41 4 * * *", timeout_seconds=600)
async def purge_deliveries(context: JobContext) -> int:
    """Delete what has been over for 30 days; return how many."""
    total = 0
    before = clock.utc_now() - timedelta(days=LOG_DAYS)
    while True:
        async with context.transaction() as tx:
            gone = len(await tx.all(queries.PURGE_DELIVERIES, before, AT_ONCE))
        total += gone
        if gone < AT_ONCE:
            return total


async def _owner_may(context: JobContext, endpoint: Endpoint) -> bool:
    try:
        owner = await users.actor_for(context.reader(), endpoint.owner_id)
    except errors.NotFound:
        return False
    return owner.may(MANAGE_WEBHOOKS)


async def _send(context: JobContext, endpoint: Endpoint, delivery: Delivery) -> Outcome:
    settings = context.engines.settings
    now = clock.utc_now()
    body = delivery.body.encode()
    secrets = signing.secrets_at(settings.secret_key, endpoint, now)
    headers = {
        "content-type": "application/json",
        **signing.sign(secrets, f"msg_{delivery.message_id}", now, body),
    }
    client = OutboundClient(allows_private=settings.outbound_private == "on")
    started = time.monotonic()
    reply: Reply | None = None
    error: str | None = None
    try:
        reply = await client.request(
            "POST", endpoint.url, headers=headers, body=body, seconds=SECONDS,
            most_bytes=ANSWER_BYTES,
        )  # fmt: skip
    except (AddressRefused, Unreachable) as fact:
        error = fact.detail
    milliseconds = round((time.monotonic() - started) * 1000)
    if reply is None:
        return Outcome(now, milliseconds, error=error)
    return Outcome(
        now,
        milliseconds,
        status=reply.status,
        excerpt=_excerpt(reply.body),
        error="A redirect is not followed." if 300 <= reply.status < 400 else None,
        retry_after=_retry_after(reply) if reply.status in {429, 503} else None,
    )


def _excerpt(body: bytes) -> str:
    text = body[: EXCERPT * 4].decode("utf-8", "replace").replace("\x00", "\ufffd")
    return redaction.clean_text(text, longest=EXCERPT)


def _retry_after(reply: Reply) -> timedelta | None:
    value = reply.headers.get("retry-after", "")
    if value.isascii() and value.isdigit() and len(value) < 10:
        return timedelta(seconds=int(value))
    try:
        return parsedate_to_datetime(value) - clock.utc_now()
    except (ValueError, TypeError):
        return None
