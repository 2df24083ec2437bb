"""Exports over HTTP: asked for, looked at, and fetched by a link that is good for an hour."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from lyceum.packages import jobs
from lyceum.packages.adapters import packing
from lyceum.packages.records import LeftOut, StoredExport
from lyceum.packages.schemas import (
    ExportView,
    ImportProblem,
    LeftOutItem,
    LinkQuery,
    NewExport,
)
from lyceum.packages.service import exports
from lyceum.platform import clock, errors, ids, links
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.jobs import enqueue
from lyceum.platform.routing import API, PUBLIC, SIGNED_IN, Routes
from lyceum.platform.storage import FileMissing, StorageUnavailable
from lyceum.platform.wire import Answer, Content

routes = Routes("packages")
PURPOSE: Final = "export"
LINK: Final = timedelta(hours=1)
_READER: Final = system_actor("packages.export-links")


@routes.post(
    "/courses/{course_id}/exports",
    access=SIGNED_IN,
    summary="Export a course",
    status=202,
    facts=(errors.NotFound, errors.Forbidden),
)
async def export_course(
    tx: Writer, actor: Actor, engines: Engines, course_id: UUID, data: NewExport
) -> Answer[ExportView]:
    """For whoever may change the course: the package holds all of it, answers included. It comes
    about in a job: follow `Location`, then `GET /course-exports/{id}` for the link to it."""
    export_id = ids.new_id()
    job_id = await enqueue(tx, actor, jobs.export_course, export_id=export_id)
    await exports.add_export(tx, actor, export_id, course_id, data.format, job_id)
    found = await exports.get_export(tx, actor, export_id)
    return Answer(data=await _view(engines, found), location=f"{API}/jobs/{job_id}")


@routes.get(
    "/course-exports/{course_export_id}",
    access=SIGNED_IN,
    summary="An export and the link to its package",
    facts=(errors.NotFound,),
)
async def get_course_export(
    tx: Reader, actor: Actor, engines: Engines, course_export_id: UUID
) -> Answer[ExportView]:
    """Visible to whoever asked for it, and to managers, for a day."""
    found = await exports.get_export(tx, actor, course_export_id)
    return Answer(data=await _view(engines, found), headers=(("referrer-policy", "no-referrer"),))


@routes.get(
    "/file-links/export/exports/{course_export_id}",
    access=PUBLIC,
    summary="Fetch an exported package by its link",
    media_type="application/zip",
    facts=(errors.NotFound,),
)
async def fetch_course_export(
    tx: Reader, engines: Engines, request: RequestInfo, course_export_id: UUID, query: LinkQuery
) -> Content:
    """The link says it all: it was made for this package, for an hour. Any other is not found."""
    given = {"expires": query.expires, "signature": query.signature}
    if query.name is not None:
        given["name"] = query.name
    key = f"{packing.STORED}/{course_export_id}"
    try:
        engines.storage.links.verify(request.method, PURPOSE, key, given)
        found = await exports.get_export(tx, _READER, course_export_id)
        stream = await engines.storage.stream(key)
    except (links.LinkRefused, FileMissing) as refusal:
        raise errors.NotFound from refusal
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault
    return Content(
        body=b"",
        media_type="application/zip",
        headers=(
            ("content-length", str(stream.end - stream.start)),
            ("content-disposition", links.attachment(found.file_name)),
            ("referrer-policy", "no-referrer"),
        ),
        chunks=stream,
    )


async def _view(engines: Engines, export: StoredExport) -> ExportView:
    notes, problem = export.notes, export.problem
    address = None
    if export.file_key is not None:
        left = min(LINK, export.expires_at - clock.utc_now())
        address = engines.storage.links.sign(
            export.file_key, PURPOSE, max(left, timedelta(seconds=1)), export.file_name
        )
    return ExportView(
        id=export.id,
        course_id=export.course_id,
        format=export.format,
        job_id=export.job_id,
        file_name=export.file_name,
        size_bytes=export.size_bytes,
        download_url=address,
        notes=None if notes is None else _items(notes),
        problem=None if problem is None else msgspec.json.decode(problem, type=ImportProblem),
        created_at=export.created_at,
        expires_at=export.expires_at,
        finished_at=export.finished_at,
    )


def _items(notes: bytes) -> list[LeftOutItem]:
    return [
        msgspec.convert(note, LeftOutItem, from_attributes=True)
        for note in msgspec.json.decode(notes, type=list[LeftOut])
    ]
