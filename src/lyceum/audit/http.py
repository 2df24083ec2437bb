"""The HTTP door of the audit trail: reading alone."""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.audit.permissions import READ_AUDIT
from lyceum.audit.records import Entry
from lyceum.audit.schemas import AuditEntryDetail, AuditEntryView, AuditQuery, Moment
from lyceum.audit.service import search
from lyceum.platform import errors, paging
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import Routes
from lyceum.platform.wire import Answer, PageInfo

routes = Routes("audit")


@routes.get(
    "/audit",
    access=READ_AUDIT,
    summary="Who did what",
    shows=Record("audit entry", people="actor_id"),
)
async def list_audit_entries(
    tx: Reader, actor: Actor, query: AuditQuery
) -> Answer[list[AuditEntryView]]:
    """The newest first, with what was refused; an entry appears within seconds."""
    before = None
    if query.cursor is not None:
        before = paging.decode_cursor(query.cursor, tuple[Moment, UUID])
    limit = query.per_page + 1
    found = await search.list_entries(tx, actor, query, before=before, limit=limit)
    shown = found[: query.per_page]
    more = None
    if len(found) > query.per_page:
        more = paging.encode_cursor(shown[-1].occurred_at, shown[-1].id)
    return Answer(
        data=[AuditEntryView(**_fields(entry)) for entry in shown],
        page=PageInfo(per_page=query.per_page, next_cursor=more),
    )


@routes.get(
    "/audit/{entry_id}",
    access=READ_AUDIT,
    summary="An audit entry",
    facts=(errors.NotFound,),
    shows=Record("audit entry", people="actor_id"),
)
async def get_audit_entry(tx: Reader, actor: Actor, entry_id: UUID) -> AuditEntryDetail:
    """With its details, redacted; null once a person in them has been erased."""
    entry = await search.get_entry(tx, actor, entry_id)
    return AuditEntryDetail(
        **_fields(entry),
        stream=entry.stream,
        sequence=entry.sequence,
        hash=entry.hash.hex(),
        details=None if entry.body is None else msgspec.json.decode(entry.body),
    )


def _fields(entry: Entry) -> dict[str, Any]:
    return {field: getattr(entry, field) for field in AuditEntryView.__struct_fields__}
