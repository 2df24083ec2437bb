"""Exports of the trail: asked for, written page by page, kept for a day. Each is in the trail."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.audit import queries
from lyceum.audit.adapters import export_files
from lyceum.audit.events import AuditExported
from lyceum.audit.permissions import EXPORT_AUDIT
from lyceum.audit.records import FullEntry, StoredExport
from lyceum.audit.schemas import AuditFilters, ExportFormat
from lyceum.platform import clock, errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit

AT_A_TIME: Final = 1000
KEPT_HOURS: Final = 24
Report = Callable[[float, int], Awaitable[None]]


class Written(msgspec.Struct):
    """How much of an export is written."""

    entries: int = 0
    size_bytes: int = 0


async def add_export(
    tx: Writer,
    actor: Actor,
    export_id: UUID,
    *,
    wanted: AuditFilters,
    export_format: ExportFormat,
    job_id: UUID,
) -> StoredExport:
    """Record an export that begins."""
    actor.require(EXPORT_AUDIT)
    filters = msgspec.json.encode(_told(wanted))
    await tx.execute(
        queries.ADD_EXPORT, export_id, actor.user_id, export_format, filters, job_id, KEPT_HOURS
    )
    return await tx.one(queries.FIND_EXPORT, export_id)


async def get_export(tx: Reader, actor: Actor, export_id: UUID) -> StoredExport:
    """Return an export that has not expired."""
    actor.require(EXPORT_AUDIT)
    found = await tx.one_or_none(queries.FIND_EXPORT, export_id)
    if found is None:
        raise errors.NotFound
    return found


async def write_entries(
    tx: Reader,
    actor: Actor,
    wanted: AuditFilters,
    export_format: ExportFormat,
    *,
    written: Written,
    report: Report,
) -> AsyncIterator[bytes]:
    """Yield the file, the oldest entries first, up to those of now; `report` is told the share."""
    actor.require(EXPORT_AUDIT)
    filters = wanted.given()
    end = filters.setdefault("until", clock.utc_now())
    is_csv = export_format == "csv"
    if is_csv:
        heading = export_files.write_heading()
        written.size_bytes += len(heading)
        yield heading
    write = export_files.write_csv if is_csv else export_files.write_ndjson
    first = after = None
    while True:
        statement, values = queries.page_of_export(filters, after, AT_A_TIME)
        page: list[FullEntry] = await tx.all(statement, *values)
        if page:
            first = first or page[0].occurred_at
            after = page[-1].occurred_at, page[-1].id
            chunk = write(page)
            written.entries += len(page)
            written.size_bytes += len(chunk)
            share = (after[0] - first) / (end - first) if end > first else 1.0
            await report(share, written.entries)
            yield chunk
        if len(page) < AT_A_TIME:
            return


async def finish_export(
    tx: Writer, actor: Actor, export: StoredExport, *, file_key: str, written: Written
) -> None:
    """Record that the file of an export is there."""
    actor.require(EXPORT_AUDIT)
    size, entries = written.size_bytes, written.entries
    if await tx.one_or_none(queries.FINISH_EXPORT, export.id, file_key, entries, size) is not None:
        filters = msgspec.json.decode(export.filters)
        await _tell(tx, actor, export.id, export.format, filters, entries)


async def tell_export(
    tx: Writer, actor: Actor, *, wanted: AuditFilters, export_format: str, written: Written
) -> None:
    """Record an export that was written where the command line is."""
    actor.require(EXPORT_AUDIT)
    await _tell(tx, actor, None, export_format, _told(wanted), written.entries)


async def purge_exports(tx: Writer, actor: Actor) -> list[str]:
    """Forget the exports whose time is over; return the keys of their files."""
    actor.require(EXPORT_AUDIT)
    return [key for key in await tx.all(queries.PURGE_EXPORTS) if key]


async def _tell(
    tx: Writer,
    actor: Actor,
    export_id: UUID | None,
    export_format: str,
    filters: dict[str, Any],
    entries: int,
) -> None:
    happened = AuditExported(
        export_id=export_id, format=export_format, filters=filters, entries=entries
    )
    await emit(tx, actor, happened)


def _told(wanted: AuditFilters) -> dict[str, Any]:
    """Return the filters as they are over the wire."""
    plain = AuditFilters(**wanted.given())
    return {name: value for name, value in msgspec.to_builtins(plain).items() if value is not None}
