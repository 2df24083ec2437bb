"""What operators and owners of webhooks are tried on: a parked event, an audit entry, a webhook and
its log."""

import msgspec

from lyceum.audit.service import recording
from lyceum.courses.events import CoursePublished
from lyceum.platform import clock, ids, leases
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import Envelope, Happened
from lyceum.platform.statements import command
from lyceum.webhooks import queries, service
from lyceum.webhooks.schemas import NewWebhook

_FORGET = command("DELETE FROM webhooks.endpoints WHERE owner_id = $1")


async def park_event(tx: Writer) -> str:
    """Store an event that nobody could handle; return its id."""
    envelope = Envelope(
        ids.new_id(), "tests.parked", 1, "a", b"{}", clock.utc_now(), None, None, "", None, None
    )
    await leases.hold(tx, "tests", envelope, attempts=4, error="Broken", is_dead=True)
    return str(envelope.id)


async def record_entry(tx: Writer) -> str:
    """Record what the audit trail shows; return its id."""
    happened = CoursePublished(course_id=ids.new_id(), owner_id=ids.new_id())
    envelope = Envelope(
        ids.new_id(), happened.name, 1, happened.key(), msgspec.json.encode(happened),
        clock.utc_now(), None, None, "", None, None,
    )  # fmt: skip
    await recording.record_events(tx, system_actor("tests"), [Happened(envelope, happened)])
    return str(envelope.id)


async def make_webhook(tx: Writer, owner: Actor) -> dict[str, str]:
    """Give somebody one webhook with one delivery; return their ids."""
    await tx.execute(_FORGET, owner.user_id)
    wanted = NewWebhook(url="https://receiver.example.org/", event_types=["course.published"])
    made = await service.create_webhook(tx, owner, wanted, allows_private=False)
    await service.add_test_delivery(tx, owner, made.id)
    [delivery] = await tx.all(queries.LIST_DELIVERIES, made.id, None, 1)
    return {"webhook_id": str(made.id), "delivery_id": str(delivery.id)}
