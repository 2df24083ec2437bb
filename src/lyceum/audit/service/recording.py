"""Writing entries of every event. Not here: those of requests (`noticing`).

An entry of an event has the event's id, so that recording it again changes nothing.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from lyceum.audit import queries
from lyceum.audit.adapters.details import redacted_details
from lyceum.audit.permissions import require_program
from lyceum.audit.records import NewEntry
from lyceum.audit.schemas import Result
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.events import Envelope, Event, Happened

EVENT_STREAMS: Final = 8
SIGN_IN: Final = "session.opened"


async def record_events(tx: Writer, actor: Actor, happened: Iterable[Happened]) -> None:
    """Record that things happened, in this order and one round trip, with payloads redacted."""
    require_program(actor)
    entries = [_entry_of_event(one.envelope, one.event) for one in happened]
    if not entries:
        return
    *columns, subjects = zip(*map(msgspec.structs.astuple, entries), strict=True)
    # An array of arrays has to be a rectangle: these go as text.
    texts = ["{" + ",".join(map(str, ids_of_one)) + "}" for ids_of_one in subjects]
    await tx.execute(queries.APPEND_MANY, *map(list, columns), texts)


def _entry_of_event(envelope: Envelope, happened: Event) -> NewEntry:
    payload = msgspec.json.decode(envelope.payload)
    if envelope.origin:
        payload.setdefault("ip", envelope.origin)
    object_type, object_id = _object_of(envelope, happened)
    actor_id = envelope.actor_id
    if actor_id is None and envelope.name == SIGN_IN:
        actor_id = getattr(happened, "user_id", None)  # nobody until then
    return NewEntry(
        stream=sha256(envelope.key.encode()).digest()[0] % EVENT_STREAMS,
        id=envelope.id,
        occurred_at=envelope.occurred_at,
        actor_id=actor_id,
        impersonator_id=envelope.impersonator_id,
        action=envelope.name,
        object_type=object_type,
        object_id=object_id,
        result=_result_of(envelope.name),
        request_id=envelope.request_id,
        **redacted_details(payload, actor_id, envelope.impersonator_id),
    )


def _object_of(envelope: Envelope, happened: Event) -> tuple[str, str]:
    """Return the object of an event: what it is named after, or else its first id, or its key."""
    noun = envelope.name.partition(".")[0]
    fields = [name for name in happened.__struct_fields__ if name.endswith("_id")]
    for field in (f"{noun}_id", *fields):
        value = getattr(happened, field, None)
        if value is not None:
            return field.removesuffix("_id"), str(value)
    return noun, envelope.key


def _result_of(action: str) -> Result:
    return "refused" if action.endswith((".failed", ".refused")) else "done"
