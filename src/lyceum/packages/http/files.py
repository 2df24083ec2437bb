"""The files of courses over HTTP: sent as they are, for the page of a learner and never as a page.

Whatever the file holds, it runs nothing: the type is ours, it is not guessed at, it stands in a
sandbox, and what a browser need not show is only saved.
"""

import re
from typing import Final
from uuid import UUID

from lyceum.packages.adapters import media_types
from lyceum.packages.records import KeptFile
from lyceum.packages.service import files
from lyceum.platform import errors, links
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import PUBLIC, Routes
from lyceum.platform.storage import FileMissing, StorageUnavailable
from lyceum.platform.wire import Content

routes = Routes("packages")
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
_RANGE: Final = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?")


@routes.get(
    "/course-files/{file_id}",
    access=PUBLIC,
    summary="Open a file of a course",
    media_type=media_types.UNKNOWN,
    facts=(errors.NotFound, errors.Unauthorized, errors.Forbidden, errors.RangeNotSatisfiable),
)
async def open_course_file(
    tx: Reader, actor: Actor, request: RequestInfo, engines: Engines, file_id: UUID
) -> Content:
    """For the staff of the course, and for whoever may open a lecture that shows the file. One
    `Range` of bytes is answered with 206."""
    file = await files.open_file(tx, actor, file_id)
    span = _span(request.header(b"range"), file.size_bytes)
    try:
        stream = await engines.storage.stream(file.file_key, span)
    except FileMissing as fault:
        raise errors.NotFound from fault
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault
    headers = [
        ("content-length", str(stream.end - stream.start)),
        ("content-disposition", disposition(file)),
        ("content-security-policy", POLICY),
        ("cross-origin-resource-policy", "same-site"),
        ("accept-ranges", "bytes"),
    ]
    if span is not None:
        headers.append(
            ("content-range", f"bytes {stream.start}-{stream.end - 1}/{file.size_bytes}")
        )
    return Content(
        body=b"",
        media_type=file.media_type,
        status=200 if span is None else 206,
        headers=tuple(headers),
        etag=f'"{file.sha256.hex()[:32]}"',
        chunks=stream,
    )


def disposition(file: KeptFile) -> str:
    """Return the Content-Disposition (RFC 6266): its own name, in the page only where that is
    harmless."""
    attachment = links.attachment(file.path.rpartition("/")[2])
    if media_types.is_shown(file.media_type):
        return attachment.replace("attachment", "inline", 1)
    return attachment


def _span(given: str | None, size: int) -> tuple[int, int | None] | None:
    """Return the part that `Range` asks for; None for the whole, which any other form of it gets.

    RangeNotSatisfiable for a part that begins after the end.
    """
    found = None if given is None else _RANGE.fullmatch(given.strip())
    if found is None or (found[1] is None and found[2] is None):
        return None
    if found[1] is None:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), int(found[2]) + 1 if found[2] else size
    if end <= start < size:
        return None  # backwards: RFC 9110 has it ignored
    if start >= size:
        raise errors.RangeNotSatisfiable(headers=(("content-range", f"bytes */{size}"),))
    return start, min(end, size)
