"""Writing entries of requests: those that were refused, and those that showed people's records.

An entry has the id of its notice, so that writing it again changes nothing.
"""

import os
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.audit import queries
from lyceum.audit.adapters.details import MOST_SUBJECTS, redacted_details
from lyceum.audit.permissions import require_program
from lyceum.audit.records import NewEntry, Notice, RecordRead, Refusal
from lyceum.customers import api as customers
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer

REFUSALS: Final = 8
READS: Final = 9
REFUSED_ACTION: Final = "request.refused"
READ_ACTION: Final = "record.read"


async def record_notices(tx: Writer, actor: Actor, notices: Sequence[Notice]) -> None:
    """Record what was refused and what was read, in one round trip."""
    require_program(actor)
    owners = await _owners_of(tx, notices)
    entries = [
        _refused(notice) if isinstance(notice, Refusal) else _read(notice, owners)
        for notice in notices
    ]
    # In the order of the chains, whose heads are locked: two processes never wait for each other.
    entries.sort(key=lambda entry: entry.stream)
    await tx.execute_many(queries.APPEND, [msgspec.structs.astuple(entry) for entry in entries])


async def _owners_of(tx: Writer, notices: Sequence[Notice]) -> dict[UUID, list[UUID]]:
    """Return the people whose customer records were read."""
    wanted: set[UUID] = set()
    for notice in notices:
        if isinstance(notice, RecordRead) and notice.names == "customer":
            wanted.update(notice.ids)
    return await customers.list_accounts_of(tx, wanted) if wanted else {}


def _refused(refusal: Refusal) -> NewEntry:
    told = {"method": refusal.method, "status": refusal.status, "ip": refusal.ip}
    return NewEntry(
        stream=REFUSALS,
        id=refusal.id,
        occurred_at=refusal.occurred_at,
        actor_id=refusal.actor_id,
        impersonator_id=refusal.impersonator_id,
        action=REFUSED_ACTION,
        object_type="route",
        object_id=refusal.route,
        result="refused",
        request_id=refusal.request_id,
        **redacted_details(told, refusal.actor_id, refusal.impersonator_id),
    )


def _read(read: RecordRead, owners: dict[UUID, list[UUID]]) -> NewEntry:
    told: dict[str, Any] = {
        "record": read.record, "route": read.route, "ip": read.ip, "count": read.count
    }  # fmt: skip
    people = list(read.ids)
    if read.names == "customer":
        told["customers"] = read.ids
        people = [person for customer_id in read.ids for person in owners.get(customer_id, ())]
    people = list(dict.fromkeys(people))[:MOST_SUBJECTS]
    told["people"] = people
    named = dict.fromkeys((read.actor_id, read.impersonator_id, *people))
    # Nothing to redact: ids, an address, and words of ours.
    return NewEntry(
        stream=READS,
        id=read.id,
        occurred_at=read.occurred_at,
        actor_id=read.actor_id,
        impersonator_id=read.impersonator_id,
        action=READ_ACTION,
        object_type=read.object_type,
        object_id=read.object_id,
        result="done",
        request_id=read.request_id,
        salt=os.urandom(16),
        body=msgspec.json.encode(told).decode(),
        subject_ids=[person for person in named if person is not None],
    )
