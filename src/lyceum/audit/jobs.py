"""What the worker does for the audit trail: recording every event, anchoring the chains, removing
what is past its time, writing exports."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from lyceum.audit.schemas import AuditExportResult, AuditFilters
from lyceum.audit.service import anchoring, exports, recording, retention
from lyceum.platform import clock, errors
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.events import Happened, handles_all_together
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.routing import API
from lyceum.platform.storage import StorageUnavailable

ACTOR = system_actor("audit")
EXPORTS: Final = "audit-exports"
SHOWN_EVERY_SECONDS: Final = 0.5


@handles_all_together
async def write_down(tx: Writer, happened: Sequence[Happened]) -> None:
    """Record events."""
    await recording.record_events(tx, ACTOR, happened)


@job(cron="*/5 * * * *", timeout_seconds=60)
async def anchor_heads(context: JobContext) -> str:
    """Write the heads of the chains outside the database; return the key of the file."""
    engines = context.engines
    secret = engines.settings.secret_key
    return await anchoring.anchor_heads(context.reader(), ACTOR, engines.storage, secret)


@job(timeout_seconds=3600)
async def export_entries(context: JobContext, *, export_id: UUID) -> AuditExportResult:
    """Write an export to its file; run again it writes the file again."""
    export = await exports.get_export(context.reader(), context.actor, export_id)
    location = f"{API}/audit/exports/{export_id}"
    if export.finished_at is not None:
        return AuditExportResult(export_id=export_id, location=location)
    filters = msgspec.json.decode(export.filters, type=AuditFilters)
    written = exports.Written()
    told_at = 0.0

    async def report(share: float, entries: int) -> None:
        nonlocal told_at
        if clock.monotonic() - told_at >= SHOWN_EVERY_SECONDS:
            told_at = clock.monotonic()
            await context.report(share, f"{entries} entries written")

    chunks = exports.write_entries(
        context.reader(), context.actor, filters, export.format, written=written, report=report
    )
    key = f"{EXPORTS}/{export_id}"
    try:
        await context.engines.storage.put(key, chunks)
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault
    async with context.transaction() as tx:
        await exports.finish_export(tx, context.actor, export, file_key=key, written=written)
    return AuditExportResult(export_id=export_id, location=location)


@job(cron="37 * * * *", timeout_seconds=600)
async def purge_exports(context: JobContext) -> int:
    """Delete the exports whose time is over, and what is left of others; return how many files."""
    async with context.transaction() as tx:
        await exports.purge_exports(tx, ACTOR)
    before = clock.utc_now() - timedelta(hours=exports.KEPT_HOURS + 1)
    storage = context.engines.storage
    old = [file.key async for file in storage.list(EXPORTS) if file.modified_at < before]
    for key in old:
        await storage.delete(key)
    return len(old)


@job(cron="23 2 * * *", timeout_seconds=3 * 3600)
async def remove_expired(context: JobContext) -> dict[str, int]:
    """Remove the entries that are past their time; return how many of each class."""

    async def report(share: float, removed: int) -> None:
        await context.report(share, f"{removed} entries removed")

    return await remove_all_expired(context.engines.database, report)


async def remove_all_expired(
    database: Database, report: Callable[[float, int], Awaitable[None]]
) -> dict[str, int]:
    """Remove in small transactions; `report` is told which share of the expired is looked at, and
    how many are removed. Safe to stop and to run again."""
    rules = await retention.list_rules(database.sole_writer(), ACTOR)
    total = sum(expired.entries for _, expired in rules) or 1
    removed: dict[str, int] = {}
    looked_at = 0
    for rule, expired in rules:
        if not expired.entries:
            continue
        for stream in retention.CHAINS:
            place = retention.START
            while True:
                async with database.transaction() as tx:
                    batch = await retention.remove_expired(
                        tx, ACTOR, rule.retention_class, stream, place
                    )
                if batch is None:
                    break
                place = batch
                looked_at += retention.AT_ONCE
                found = removed.get(rule.retention_class, 0)
                removed[rule.retention_class] = found + batch.removed
                await report(min(looked_at / total, 1.0), sum(removed.values()))
    return removed
