"""What operators and owners of webhooks are tried on: a parked event, an audit entry, a webhook and
its log."""

import msgspec

from lyceum.audit.schemas import AuditFilters, NewHold
from lyceum.audit.service import exports, recording, retention
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


async def place_hold(tx: Writer) -> str:
    """Hold what nobody did; return the hold's id."""
    new = NewHold(reason="a sample", person_id=ids.new_id())
    return str((await retention.place_hold(tx, system_actor("tests"), new)).id)


async def add_audit_export(tx: Writer) -> str:
    """Ask for an export; return its id."""
    export_id = ids.new_id()
    await exports.add_export(
        tx, system_actor("tests"), export_id, wanted=AuditFilters(action="sample"),
        export_format="csv", job_id=ids.new_id(),
    )  # fmt: skip
    return str(export_id)


async def make_webhook(tx: Writer, owner: Actor) -> dict[str, str]:
    """Give somebody one webhook with one delivery; return their ids."""
    await tx.execute(_FORGET, owner.user_id)
    wanted = NewWebhook(url="https://receiver.example.org/", event_types=["course.published"])
    made = await service.create_webhook(tx, owner, wanted, allows_private=False)
    await service.add_test_delivery(tx, owner, made.id)
    [delivery] = await tx.all(queries.LIST_DELIVERIES, made.id, None, 1)
    return {"webhook_id": str(made.id), "delivery_id": str(delivery.id)}
