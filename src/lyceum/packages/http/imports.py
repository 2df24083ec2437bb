"""Imports over HTTP: the package is the body, or the file of a form."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from lyceum.packages import jobs
from lyceum.packages.errors import InstructorUnknown
from lyceum.packages.permissions import IMPORT_PACKAGES
from lyceum.packages.records import StoredImport
from lyceum.packages.schemas import ImportProblem, ImportQuery, ImportReport, ImportView
from lyceum.packages.service import imports as service
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.jobs import enqueue
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.storage import StorageUnavailable
from lyceum.platform.wire import Answer

routes = Routes("packages")
LARGEST = 512 * 1024 * 1024
FORM = "multipart/form-data"
BARE = (
    "application/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "application/x-tar",
    "application/zip",
)
MOST_PARTS = 10
_UNSAFE = re.compile(r"[^\w. -]+")


@routes.post(
    "/imports",
    access=IMPORT_PACKAGES,
    summary="Import a content package",
    status=202,
    max_body=LARGEST,
    upload_media_types=(*BARE, FORM),
    facts=(InstructorUnknown, errors.PayloadTooLarge, errors.UnsupportedMediaType),
)
async def import_package(
    actor: Actor, query: ImportQuery, request: RequestInfo, engines: Engines
) -> Answer[ImportView]:
    """The package is the body, or the part `file` of a form. The course comes about in a job:
    follow `Location`; its result is the report, and why it failed is the import's `problem`.

    Importing the same course again updates it, so repeating a request is harmless;
    `Idempotency-Key` is not taken here, because the body is stored as it comes in.
    """
    owner_id = await service.find_owner(engines.database.reader(), actor, query.instructor)
    upload = _Upload(request, query.file_name or "")
    import_id = ids.new_id()
    key = f"{jobs.UPLOADS}/{import_id}"
    try:
        await engines.storage.put(key, upload.chunks())
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault
    # What is not recorded for want of a database goes with `jobs.purge_uploads`.
    async with engines.database.transaction() as tx:
        job_id = await enqueue(tx, actor, jobs.import_package, import_id=import_id)
        await service.add_import(
            tx,
            actor,
            import_id,
            owner_id=owner_id,
            file_name=upload.name,
            file_key=key,
            job_id=job_id,
        )
        stored = await service.get_import(tx, actor, import_id)
    return Answer(data=_view(stored), location=f"{API}/jobs/{job_id}")


@routes.get(
    "/imports/{import_id}",
    access=SIGNED_IN,
    summary="An import and its report",
    facts=(errors.NotFound,),
)
async def get_import(tx: Reader, actor: Actor, import_id: UUID) -> ImportView:
    """Visible to the owner of the course, to whoever asked for it, and to managers."""
    return _view(await service.get_import(tx, actor, import_id))


def _view(stored: StoredImport) -> ImportView:
    report, problem = stored.report, stored.problem
    return ImportView(
        id=stored.id,
        file_name=stored.file_name,
        job_id=stored.job_id,
        course_id=stored.course_id,
        report=None if report is None else msgspec.json.decode(report, type=ImportReport),
        problem=None if problem is None else msgspec.json.decode(problem, type=ImportProblem),
        created_at=stored.created_at,
        finished_at=stored.finished_at,
    )


class _Upload:
    """The bytes of a package on their way; `name` is known when all have come, and only a label.

    Raises UnsupportedMediaType for a body of any other type.
    """

    def __init__(self, request: RequestInfo, name: str) -> None:
        self._request = request
        self._set_name(name)
        kind, options = parse_options_header(request.header(b"content-type") or "")
        if kind not in (*BARE, FORM):
            raise errors.UnsupportedMediaType(f"Send one of {', '.join((*BARE, FORM))}.")
        self._boundary = options.get("boundary", "") if kind == FORM else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the package. ValidationFailed where there is none, or more than one;
        PayloadTooLarge beyond `LARGEST` bytes; InvalidFormat for a form that cannot be read."""
        is_bare = self._boundary is None
        is_empty = True
        async for chunk in self._request.stream(LARGEST) if is_bare else self._of_form():
            is_empty = False
            yield chunk
        if is_empty:
            raise _wrong_file("There is no file, or it is empty")

    async def _of_form(self) -> AsyncIterator[bytes]:
        try:
            parser = PushMultipartParser(self._boundary, max_segment_count=MOST_PARTS)
            files, is_file = 0, False
            async for chunk in self._request.stream(LARGEST):
                for event in parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        is_file = event.name == "file"
                        files += is_file
                        if is_file:
                            self._set_name(event.filename or self.name)
                    elif event is not None and is_file:
                        yield bytes(event)
                if files > 1:
                    raise _wrong_file("Send one file at a time")
            parser.close()
        except MultipartError as problem:
            raise errors.InvalidFormat(f"The form cannot be read: {problem}") from problem

    def _set_name(self, name: str) -> None:
        """Keep a file's name as a label: no path, no control characters."""
        last = name.replace("\\", "/").rpartition("/")[2]
        self.name = _UNSAFE.sub("_", last)[-255:].strip() or "package"


def _wrong_file(message: str) -> errors.ValidationFailed:
    return errors.ValidationFailed("", errors.FieldError("/file", message))
