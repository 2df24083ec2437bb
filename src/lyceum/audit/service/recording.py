"""Writing entries: of every event, and of requests that were refused.

An entry of an event has the event's id, so that recording it again changes nothing.
"""

import os
import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.audit import queries
from lyceum.audit.permissions import require_program
from lyceum.audit.records import NewEntry
from lyceum.audit.schemas import Result
from lyceum.platform import ids, redaction
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.events import Envelope, Event

EVENT_STREAMS: Final = 8
REFUSALS: Final = 8
SIGN_IN: Final = "session.opened"
REFUSED_ACTION: Final = "request.refused"
MOST_SUBJECTS: Final = 200
_UUID: Final = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was answered with 401, 403 or, of an operation for some only, 404."""

    occurred_at: datetime
    actor_id: UUID | None
    impersonator_id: UUID | None
    request_id: str
    method: str
    route: str
    status: int
    ip: str


async def record_event(tx: Writer, actor: Actor, envelope: Envelope, happened: Event) -> None:
    """Record that something happened, with its payload redacted."""
    require_program(actor)
    payload = msgspec.json.decode(envelope.payload)
    object_type, object_id = _object_of(envelope, happened)
    actor_id = envelope.actor_id
    if actor_id is None and envelope.name == SIGN_IN:
        actor_id = getattr(happened, "user_id", None)  # nobody until then
    entry = NewEntry(
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
        **_details_of(payload, actor_id, envelope.impersonator_id),
    )
    await tx.execute(queries.APPEND, *msgspec.structs.astuple(entry))


async def record_refusals(tx: Writer, actor: Actor, refusals: Iterable[Refusal]) -> None:
    """Record requests that were refused, in one round trip."""
    require_program(actor)
    rows = [msgspec.structs.astuple(_entry_of(refusal)) for refusal in refusals]
    await tx.execute_many(queries.APPEND, rows)


def _entry_of(refusal: Refusal) -> NewEntry:
    told = {"method": refusal.method, "status": refusal.status, "ip": refusal.ip}
    return NewEntry(
        stream=REFUSALS,
        id=ids.new_id(),
        occurred_at=refusal.occurred_at,
        actor_id=refusal.actor_id,
        impersonator_id=refusal.impersonator_id,
        action=REFUSED_ACTION,
        object_type="route",
        object_id=refusal.route,
        result="refused",
        request_id=refusal.request_id,
        **_details_of(told, refusal.actor_id, refusal.impersonator_id),
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


def _details_of(payload: Any, *people: UUID | None) -> dict[str, Any]:
    body = msgspec.json.encode(redaction.clean(payload)).decode()
    named = [str(person) for person in people if person is not None]
    named += _UUID.findall(body)
    subjects = [UUID(text) for text in dict.fromkeys(named)]
    return {"salt": os.urandom(16), "body": body, "subject_ids": subjects[:MOST_SUBJECTS]}
