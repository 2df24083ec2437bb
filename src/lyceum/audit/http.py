"""The HTTP door of the audit trail: reading it, and the rules of how long it is kept."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.audit import jobs
from lyceum.audit.permissions import EXPORT_AUDIT, MANAGE_AUDIT, READ_AUDIT
from lyceum.audit.records import Entry, Hold, StoredExport
from lyceum.audit.schemas import (
    AuditEntryDetail,
    AuditEntryView,
    AuditExportView,
    AuditLinkQuery,
    AuditQuery,
    HoldView,
    Moment,
    NewAuditExport,
    NewHold,
    RetentionChange,
    RetentionView,
)
from lyceum.audit.service import exports, retention, search
from lyceum.platform import clock, errors, ids, links, paging
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.jobs import enqueue
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, PUBLIC, Routes
from lyceum.platform.storage import FileMissing, StorageUnavailable
from lyceum.platform.wire import Answer, Content, PageInfo

routes = Routes("audit")
PURPOSE: Final = "audit-export"
LINK: Final = timedelta(hours=1)
MEDIA_TYPES: Final = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_READER: Final = system_actor("audit.export-links")


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


@routes.post("/audit/exports", access=EXPORT_AUDIT, summary="Export entries", status=202)
async def export_audit_entries(
    tx: Writer, actor: Actor, engines: Engines, data: NewAuditExport
) -> Answer[AuditExportView]:
    """With the filters of the list, the hashes and the details. A job writes the file: follow
    `Location`, then `GET /audit/exports/{id}` for the link to it. The export is in the trail."""
    export_id = ids.new_id()
    job_id = await enqueue(tx, actor, jobs.export_entries, export_id=export_id)
    made = await exports.add_export(
        tx, actor, export_id, wanted=data, export_format=data.format, job_id=job_id
    )
    return Answer(data=_export(engines, made), location=f"{API}/jobs/{job_id}")


@routes.get(
    "/audit/exports/{audit_export_id}",
    access=EXPORT_AUDIT,
    summary="An export of entries and the link to its file",
    facts=(errors.NotFound,),
    shows=Record("audit export"),
)
async def get_audit_export(
    tx: Reader, actor: Actor, engines: Engines, audit_export_id: UUID
) -> Answer[AuditExportView]:
    """For a day."""
    found = await exports.get_export(tx, actor, audit_export_id)
    headers = (("referrer-policy", "no-referrer"),)
    return Answer(data=_export(engines, found), headers=headers)


@routes.get(
    "/file-links/audit-export/audit-exports/{audit_export_id}",
    access=PUBLIC,
    summary="Fetch exported entries by their link",
    media_type="application/x-ndjson",
    facts=(errors.NotFound,),
)
async def fetch_audit_export(
    tx: Reader, engines: Engines, request: RequestInfo, audit_export_id: UUID, query: AuditLinkQuery
) -> Content:
    """The link says it all: it was made for this file, for an hour. Any other is not found."""
    given = {"expires": query.expires, "signature": query.signature}
    if query.name is not None:
        given["name"] = query.name
    key = f"{jobs.EXPORTS}/{audit_export_id}"
    try:
        engines.storage.links.verify(request.method, PURPOSE, key, given)
        found = await exports.get_export(tx, _READER, audit_export_id)
        stream = await engines.storage.stream(key)
    except (links.LinkRefused, FileMissing) as refusal:
        raise errors.NotFound from refusal
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault
    return Content(
        body=b"",
        media_type=MEDIA_TYPES[found.format],
        headers=(
            ("content-length", str(stream.end - stream.start)),
            ("content-disposition", links.attachment(_file_name(found))),
            ("referrer-policy", "no-referrer"),
        ),
        chunks=stream,
    )


@routes.get("/audit/retention", access=MANAGE_AUDIT, summary="How long entries are kept")
async def list_retention(tx: Reader, actor: Actor) -> list[RetentionView]:
    """By class, with how many entries are past their time: those go every night."""
    return [
        RetentionView(
            retention_class=rule.retention_class,
            days=rule.days,
            is_held=rule.is_held,
            expired_entries=expired.entries,
            oldest_at=expired.oldest_at,
        )
        for rule, expired in await retention.list_rules(tx, actor)
    ]


@routes.put(
    "/audit/retention/{retention_class}",
    access=MANAGE_AUDIT,
    summary="Say how long entries are kept",
    facts=(errors.NotFound,),
)
async def set_retention(
    tx: Writer, actor: Actor, retention_class: str, data: RetentionChange
) -> None:
    """30 days at least, null for ever; counts for entries that are there, too."""
    await retention.set_retention(tx, actor, retention_class, data.days)


@routes.get(
    "/audit/holds",
    access=MANAGE_AUDIT,
    summary="What must not be removed",
    shows=Record("audit hold", people="person_id"),
)
async def list_holds(tx: Reader, actor: Actor) -> list[HoldView]:
    """The oldest hold first."""
    return [_hold(held) for held in await retention.list_holds(tx, actor)]


@routes.post(
    "/audit/holds",
    access=MANAGE_AUDIT,
    summary="Hold entries",
    status=201,
    facts=(errors.ValidationFailed,),
)
async def place_hold(tx: Writer, actor: Actor, data: NewHold) -> HoldView:
    """Of a class, or of a person: what they did and what names them. An erasure of the person waits
    for the end of the hold."""
    return _hold(await retention.place_hold(tx, actor, data))


@routes.delete(
    "/audit/holds/{hold_id}", access=MANAGE_AUDIT, summary="Lift a hold", facts=(errors.NotFound,)
)
async def lift_hold(tx: Writer, actor: Actor, hold_id: UUID) -> None:
    """What is past its time goes the next night."""
    await retention.lift_hold(tx, actor, hold_id)


def _export(engines: Engines, export: StoredExport) -> AuditExportView:
    address = None
    if export.file_key is not None:
        left = max(min(LINK, export.expires_at - clock.utc_now()), timedelta(seconds=1))
        address = engines.storage.links.sign(export.file_key, PURPOSE, left, _file_name(export))
    return AuditExportView(
        id=export.id,
        format=export.format,
        filters=msgspec.json.decode(export.filters),
        job_id=export.job_id,
        entries=export.entries,
        size_bytes=export.size_bytes,
        download_url=address,
        created_at=export.created_at,
        expires_at=export.expires_at,
        finished_at=export.finished_at,
    )


def _file_name(export: StoredExport) -> str:
    return f"audit-{export.created_at:%Y-%m-%d}-{export.id}.{export.format}"


def _hold(held: Hold) -> HoldView:
    return msgspec.convert(held, HoldView, from_attributes=True)


def _fields(entry: Entry) -> dict[str, Any]:
    return {field: getattr(entry, field) for field in AuditEntryView.__struct_fields__}
