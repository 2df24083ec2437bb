"""The import of an uploaded package and the export of a course, as jobs, and what removes what they
leave behind."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from lyceum.courses.events import CourseDuplicated, LecturePurged
from lyceum.packages.adapters import packing, reading, uploads
from lyceum.packages.adapters.scratch import scratch_folder
from lyceum.packages.adapters.uploads import chunks_of
from lyceum.packages.errors import PackageRefused
from lyceum.packages.records import PackageCourse, PackageReport, StoredExport, StoredImport
from lyceum.packages.schemas import ExportResult, ImportReport
from lyceum.packages.service import exports, files
from lyceum.packages.service import imports as service
from lyceum.platform import clock, errors, failures
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import handles
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.routing import API
from lyceum.platform.storage import FileMissing, Storage, StorageUnavailable

log = logging.getLogger("lyceum.packages")

UPLOADS: Final = "imports"
ATTEMPTS: Final = 3
# Of the time an import takes, reading is about this share.
READING: Final = 0.6
STORING: Final = 0.9
SHOWN_EVERY_SECONDS: Final = 0.5
UPLOAD_DAYS: Final = 2
AT_A_TIME: Final = 1000
_KEEPER: Final = system_actor("packages.upkeep")
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


@job(cron="57 3 * * *", timeout_seconds=3600)
async def purge_files(context: JobContext) -> int:
    """Delete the files that were stored for an import more than two days ago and that no course
    holds; return how many."""
    before = clock.utc_now() - timedelta(days=UPLOAD_DAYS)
    storage = context.engines.storage
    old = [file.key async for file in storage.list(uploads.STORED) if file.modified_at < before]
    unknown = []
    for at in range(0, len(old), AT_A_TIME):
        unknown += await files.list_unknown(
            context.reader(), context.actor, old[at : at + AT_A_TIME]
        )
    for key in unknown:
        await storage.delete(key)
    return len(unknown)


@job(queue="default", timeout_seconds=900, attempts=ATTEMPTS)
async def export_course(context: JobContext, *, export_id: UUID) -> ExportResult:
    """Make the package of a course and put it into the store; safe to run again."""
    export = await exports.get_export(context.reader(), context.actor, export_id)
    result = ExportResult(export_id=export_id, location=f"{API}/course-exports/{export_id}")
    if export.finished_at is not None:
        return result
    try:
        await _export(context, export)
    except errors.Fact as fact:
        if failures.is_final(fact) or context.attempt >= ATTEMPTS:
            async with context.transaction() as tx:
                await exports.fail_export(tx, context.actor, export_id, fact)
        raise
    return result


@job(cron="7 * * * *", timeout_seconds=600)
async def purge_exports(context: JobContext) -> int:
    """Delete the exports whose time is over, and what is left of others; return how many files."""
    async with context.transaction() as tx:
        await exports.purge_exports(tx, context.actor)
    before = clock.utc_now() - timedelta(hours=exports.KEPT_HOURS + 1)
    storage = context.engines.storage
    old = [file.key async for file in storage.list(packing.STORED) if file.modified_at < before]
    for key in old:
        await storage.delete(key)
    return len(old)


@handles(CourseDuplicated)
async def copy_file_uses(tx: Writer, event: CourseDuplicated) -> None:
    """Let a copied course show the files of the course."""
    await files.copy_uses(tx, _KEEPER, event.course_id)


@handles(LecturePurged)
async def forget_file_uses(tx: Writer, event: LecturePurged) -> None:
    """Forget which files a lecture showed that is gone for good."""
    await files.forget_lecture(tx, _KEEPER, event.lecture_id)


async def _export(context: JobContext, export: StoredExport) -> None:
    await context.report(0.1, "reading the course")
    async with context.transaction() as tx:
        course, held = await exports.read_whole_course(tx, context.actor, export.course_id)
    await context.report(0.3, "writing the package")
    key = f"{packing.STORED}/{export.id}"
    storage = context.engines.storage
    async with packing.packed(storage, course, held, export.format) as package:
        await context.report(0.8, "keeping the package")
        try:
            await storage.put(key, chunks_of(package.path))
        except StorageUnavailable as fault:
            raise errors.ServiceUnavailable(str(fault)) from fault
        size, notes = package.path.stat().st_size, package.notes
    async with context.transaction() as tx:
        await exports.finish_export(
            tx,
            context.actor,
            export,
            file_key=key,
            file_name=packing.file_name(course, export.format),
            size_bytes=size,
            notes=notes,
        )


async def _import(context: JobContext, stored: StoredImport) -> ImportReport:
    with scratch_folder() as folder:
        path = folder / "package"
        await _fetch(context.engines.storage, stored, path)
        async with _opened(context, path) as (course, report):
            await context.report(READING, "keeping its files")
            uploaded = await uploads.upload_files(context.engines.storage, stored.id, course.assets)
    await context.report(STORING, "storing the course")
    async with context.transaction() as tx:
        return await service.store_package(
            tx,
            context.actor,
            stored.id,
            owner_id=stored.owner_id,
            course=course,
            report=report,
            uploaded=uploaded,
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


@asynccontextmanager
async def _opened(
    context: JobContext, path: Path
) -> AsyncIterator[tuple[PackageCourse, PackageReport]]:
    """Read the package, showing how far that is."""
    share = 0.0

    def tell(done: float) -> None:
        nonlocal share
        share = done

    async def show() -> None:
        while True:
            await context.report(share * READING, "reading the package")
            await asyncio.sleep(SHOWN_EVERY_SECONDS)

    showing = asyncio.create_task(show())
    async with AsyncExitStack() as stack:
        try:
            package = reading.open_package(path, tell, service.RECEIVER)
            read = await stack.enter_async_context(package)
        finally:
            await _stop(showing)
        yield read


async def _stop(showing: asyncio.Task[None]) -> None:
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
