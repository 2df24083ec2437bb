"""Reading the audit trail."""

from datetime import datetime
from uuid import UUID

from lyceum.audit import queries
from lyceum.audit.permissions import READ_AUDIT
from lyceum.audit.records import Entry, FullEntry
from lyceum.audit.schemas import AuditQuery
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader


async def list_entries(
    tx: Reader, actor: Actor, query: AuditQuery, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Entry]:
    """Return what fits the query, newest first."""
    actor.require(READ_AUDIT)
    statement, values = queries.search(query.given(), before, limit)
    return await tx.all(statement, *values)


async def get_entry(tx: Reader, actor: Actor, entry_id: UUID) -> FullEntry:
    """Return one entry with its details."""
    actor.require(READ_AUDIT)
    found = await tx.one_or_none(queries.FIND, entry_id)
    if found is None:
        raise errors.NotFound
    return found
