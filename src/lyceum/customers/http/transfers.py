"""The HTTP door of imports and exports of customers."""

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from lyceum.customers import errors as facts
from lyceum.customers import jobs, permissions
from lyceum.customers.records import Transfer
from lyceum.customers.schemas import transfers as schemas
from lyceum.customers.service import transfers
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.jobs import enqueue
from lyceum.platform.links import attachment
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, Routes
from lyceum.platform.storage import FileMissing, StorageUnavailable
from lyceum.platform.wire import Answer, Content

routes = Routes("customers")
LARGEST = 20 * 1024 * 1024
TYPES = ("text/csv", "application/csv", "application/octet-stream")


@routes.post(
    "/customers/imports",
    access=permissions.IMPORT,
    summary="Import customers",
    status=202,
    max_body=LARGEST,
    upload_media_types=TYPES,
    facts=(errors.PayloadTooLarge, errors.UnsupportedMediaType),
)
async def import_customers(
    actor: Actor, query: schemas.CustomerImportQuery, request: RequestInfo, engines: Engines
) -> Answer[schemas.CustomerTransferView]:
    """The body is CSV in UTF-8 with a heading, of up to 50,000 rows. It is taken by a job: follow
    `Location`. With `dryRun=true` the report says what would be, and nothing is changed."""
    actor.require(permissions.IMPORT)
    declared = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if declared not in TYPES:
        raise errors.UnsupportedMediaType("Send text/csv.")
    transfer_id = ids.new_id()
    key = f"{jobs.FILES}/imports/{transfer_id}.csv"
    try:
        await engines.storage.put(key, _body(request))
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault
    async with engines.database.transaction() as tx:
        job_id = await enqueue(tx, actor, jobs.import_customers, transfer_id=transfer_id)
        made = await transfers.add_transfer(
            tx, actor, transfer_id, direction="in", job_id=job_id, options=query, file_key=key
        )
    return Answer(data=_view(made), location=f"{API}/jobs/{job_id}")


@routes.get(
    "/customers/imports/{transfer_id}",
    access=permissions.IMPORT,
    summary="An import of customers",
    facts=(errors.NotFound,),
    shows=Record("import of customers"),
)
async def get_customer_import(
    tx: Reader, actor: Actor, transfer_id: UUID
) -> schemas.CustomerTransferView:
    """Its report lists every row that was not taken, and why."""
    return _view(await transfers.get_transfer(tx, actor, transfer_id, "in"))


@routes.post(
    "/customers/exports",
    access=permissions.EXPORT,
    summary="Export customers",
    status=202,
    facts=(facts.ExportTooLarge, facts.FilterInvalid),
)
async def export_customers(
    tx: Writer, actor: Actor, data: schemas.NewCustomerExport
) -> Answer[schemas.CustomerTransferView]:
    """Up to 100,000 customers, as CSV that no spreadsheet runs; a job writes it."""
    await transfers.count_exported(tx, actor, data.filter)
    transfer_id = ids.new_id()
    job_id = await enqueue(tx, actor, jobs.export_customers, transfer_id=transfer_id)
    made = await transfers.add_transfer(
        tx, actor, transfer_id, direction="out", job_id=job_id, options=data, file_key=None
    )
    return Answer(data=_view(made), location=f"{API}/jobs/{job_id}")


@routes.get(
    "/customers/exports/{transfer_id}",
    access=permissions.EXPORT,
    summary="An export of customers",
    facts=(errors.NotFound,),
    shows=Record("export of customers"),
)
async def get_customer_export(
    tx: Reader, actor: Actor, transfer_id: UUID
) -> schemas.CustomerTransferView:
    """When its report is there, so is the file, for a week."""
    return _view(await transfers.get_transfer(tx, actor, transfer_id, "out"))


@routes.get(
    "/customers/exports/{transfer_id}/file",
    access=permissions.EXPORT,
    summary="The file of an export",
    media_type="text/csv",
    facts=(errors.NotFound, facts.ExportNotReady),
    shows=Record("export of customers"),
)
async def get_customer_export_file(
    tx: Reader, actor: Actor, engines: Engines, transfer_id: UUID
) -> Content:
    """CSV in UTF-8 with a heading."""
    found = await transfers.get_transfer(tx, actor, transfer_id, "out")
    if found.file_key is None:
        raise facts.ExportNotReady
    try:
        body = await engines.storage.get(found.file_key)
    except FileMissing as fault:
        raise facts.ExportNotReady from fault
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault
    name = f"customers-{found.created_at:%Y-%m-%d}.csv"
    headers = (("content-disposition", attachment(name)),)
    return Content(body, "text/csv; charset=utf-8; header=present", headers=headers)


async def _body(request: RequestInfo) -> AsyncIterator[bytes]:
    is_empty = True
    async for chunk in request.stream(LARGEST):
        is_empty = False
        yield chunk
    if is_empty:
        raise errors.ValidationFailed("", errors.FieldError("/", "The file is empty"))


def _view(found: Transfer) -> schemas.CustomerTransferView:
    return schemas.CustomerTransferView(
        id=found.id,
        job_id=found.job_id,
        report=None if found.report is None else msgspec.json.decode(found.report),
        created_at=found.created_at,
        finished_at=found.finished_at,
    )
