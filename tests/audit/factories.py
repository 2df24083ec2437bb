"""Notices of requests, and who reads the trail, for tests."""

from typing import Any
from uuid import UUID

from lyceum.audit.api import RecordRead, Refusal
from lyceum.audit.permissions import READ_AUDIT
from lyceum.audit.records import Entry
from lyceum.audit.schemas import AuditQuery
from lyceum.audit.service import search
from lyceum.platform import clock, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Database

AUDITOR = Actor(user_id=ids.new_id(), permissions=frozenset({READ_AUDIT.name}))


async def find(database: Database, **filters: Any) -> list[Entry]:
    """Return what fits the filters, newest first."""
    query = AuditQuery(**filters)
    return await search.list_entries(database.reader(), AUDITOR, query, before=None, limit=100)


def refusal(actor_id: UUID | None = None) -> Refusal:
    """Return a refusal that nobody else has: its route is its own."""
    return Refusal(
        id=ids.new_id(), occurred_at=clock.utc_now(), actor_id=actor_id, impersonator_id=None,
        request_id="request-1", method="GET", route=f"/{ids.new_id()}", status=403, ip="192.0.2.7",
    )  # fmt: skip


def reading(actor_id: UUID, *people: UUID, count: int | None = None) -> RecordRead:
    """Return that somebody read records of people."""
    return RecordRead(
        id=ids.new_id(), occurred_at=clock.utc_now(), actor_id=actor_id, impersonator_id=None,
        request_id="request-1", route="/users", ip="192.0.2.7", record="account", names="user",
        ids=people, count=len(people) if count is None else count, object_type="route",
        object_id=f"/{ids.new_id()}",
    )  # fmt: skip
