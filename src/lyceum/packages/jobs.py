"""The import of an uploaded package, as a job, and what removes uploads that nobody took."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from lyceum.packages import service
from lyceum.packages.adapters import reading
from lyceum.packages.adapters.scratch import scratch_folder
from lyceum.packages.errors import PackageRefused
from lyceum.packages.records import PackageCourse, PackageReport, StoredImport
from lyceum.packages.schemas import ImportReport
from lyceum.platform import clock, errors, failures
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.storage import FileMissing, Storage, StorageUnavailable

log = logging.getLogger("lyceum.packages")

UPLOADS: Final = "imports"
ATTEMPTS: Final = 3
# Of the time an import takes, reading is about this share.
READING: Final = 0.8
SHOWN_EVERY_SECONDS: Final = 0.5
UPLOAD_DAYS: Final = 2
# What is left out is listed one by one up to so many: the result of a job is short.
LISTED: Final = 100


@job(queue="default", timeout_seconds=900, attempts=ATTEMPTS)
async def import_package(context: JobContext, *, import_id: UUID) -> ImportReport:
    """Read an uploaded package and store its course; safe to run again.

    The upload is removed when the course is stored, or when trying again cannot help.
    """
    stored = await service.get_import(context.reader(), context.actor, import_id)
    if stored.report is not None:
        report = msgspec.json.decode(stored.report, type=ImportReport)
    else:
        try:
            report = await _import(context, stored)
        except errors.Fact as fact:
            if failures.is_final(fact) or context.attempt >= ATTEMPTS:
                async with context.transaction() as tx:
                    await service.fail_import(tx, context.actor, import_id, fact)
                await _remove(context.engines.storage, stored)
            raise
    await _remove(context.engines.storage, stored)
    return report.in_brief(LISTED)


@job(cron="47 * * * *", timeout_seconds=600)
async def purge_uploads(context: JobContext) -> int:
    """Delete uploads of more than two days ago, whatever kept them from being imported; return
    how many."""
    before = clock.utc_now() - timedelta(days=UPLOAD_DAYS)
    storage = context.engines.storage
    old = [file.key async for file in storage.list(UPLOADS) if file.modified_at < before]
    for key in old:
        await storage.delete(key)
    return len(old)


async def _import(context: JobContext, stored: StoredImport) -> ImportReport:
    with scratch_folder() as folder:
        path = folder / "package"
        await _fetch(context.engines.storage, stored, path)
        course, report = await _read(context, path)
    await context.report(READING, "storing the course")
    async with context.transaction() as tx:
        return await service.store_package(
            tx, context.actor, stored.id, owner_id=stored.owner_id, course=course, report=report
        )


async def _fetch(storage: Storage, stored: StoredImport, path: Path) -> None:
    try:
        if stored.file_key is None:
            raise FileMissing
        with path.open("wb") as file:
            async for chunk in await storage.stream(stored.file_key):
                await asyncio.to_thread(file.write, chunk)
    except FileMissing as fault:
        raise PackageRefused(
            "The uploaded file is not there any more: send it again", reason="upload-gone"
        ) from fault
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault


async def _read(context: JobContext, path: Path) -> tuple[PackageCourse, PackageReport]:
    share = 0.0

    def tell(done: float) -> None:
        nonlocal share
        share = done

    async def show() -> None:
        while True:
            await context.report(share * READING, "reading the package")
            await asyncio.sleep(SHOWN_EVERY_SECONDS)

    showing = asyncio.create_task(show())
    try:
        return await reading.read_in_thread(path, tell, service.RECEIVER)
    finally:
        showing.cancel()
        await asyncio.wait({showing})
        if not showing.cancelled() and (problem := showing.exception()):
            # A database that was away for a moment is no reason to lose the reading.
            log.warning("the progress of an import could not be shown: %s", problem)


async def _remove(storage: Storage, stored: StoredImport) -> None:
    """Remove the upload; what cannot be removed now goes with `purge_uploads`."""
    if stored.file_key is not None:
        with suppress(StorageUnavailable):
            await storage.delete(stored.file_key)
