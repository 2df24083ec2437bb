"""Imports and exports on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from lyceum.platform.wire import Input, Output

OwnerEmail = Annotated[
    str, msgspec.Meta(max_length=320, description="Email of the owner-to-be; yourself if absent")
]
FileName = Annotated[
    str, msgspec.Meta(max_length=255, description="What to call a package that is the body")
]


class ImportQuery(Input, frozen=True, kw_only=True):
    """How to import."""

    instructor: OwnerEmail | None = None
    file_name: FileName | None = None


class LeftOutItem(Output, frozen=True, kw_only=True):
    """Something that did not come along, or not whole, and why.

    It is one thing, unless `count` sums up several alike. `isKeptAsText`: its words are reading.
    """

    kind: str
    reason: str
    external_id: str
    path: str
    title: str
    count: int
    is_kept_as_text: bool


class ImportReport(Output, frozen=True, kw_only=True):
    """What an import found, took and left out.

    Of every kind in `found`: found = taken + left out. `taken` also counts the lectures and
    questions that were made. `location` is the address of the course.
    """

    course_id: UUID
    location: str
    is_new: bool
    format: str
    title: str
    found: dict[str, int]
    taken: dict[str, int]
    left_out: list[LeftOutItem]
    left_out_counts: dict[str, int]

    def in_brief(self, most: int) -> "ImportReport":
        """Return it with what is beyond `most` entries summed up by reason; all still adds up."""
        if len(self.left_out) <= most:
            return self
        rest = _summed_up(self.left_out[most:])
        if len(rest) > most:
            reason = "for several reasons"
            rest = _summed_up([msgspec.structs.replace(item, reason=reason) for item in rest])
        return msgspec.structs.replace(self, left_out=[*self.left_out[:most], *rest])


class ImportProblem(Output, frozen=True, kw_only=True):
    """Why an import failed, as the problem document of a request would say it.

    `reason` is a stable word of what is wrong with a package, such as `unsafe-archive`.
    """

    code: int
    title: str
    detail: str
    reason: str | None


class NewExport(Input, frozen=True, kw_only=True):
    """What to make of a course: a Common Cartridge for other platforms, or our own archive, which
    imports back to the same course."""

    format: Literal["cc", "lyceum"] = "lyceum"


class ExportResult(Output, frozen=True, kw_only=True):
    """What the job of an export made."""

    export_id: UUID
    location: str


class ExportView(Output, frozen=True, kw_only=True):
    """An export; `downloadUrl` works without signing in, for an hour, and is made anew each time.

    `notes` say what of the course the format does not hold.
    """

    id: UUID
    course_id: UUID
    format: Literal["cc", "lyceum"]
    job_id: UUID | None
    file_name: str
    size_bytes: int
    download_url: str | None
    notes: list[LeftOutItem] | None
    problem: ImportProblem | None
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None


class LinkQuery(Input, frozen=True, kw_only=True):
    """What a link holds that was made for one file."""

    expires: Annotated[str, msgspec.Meta(max_length=12)] = ""
    signature: Annotated[str, msgspec.Meta(max_length=128)] = ""
    name: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class ImportView(Output, frozen=True, kw_only=True):
    """An import: how far it is, its job says; `finishedAt` comes with the report or the problem."""

    id: UUID
    file_name: str
    job_id: UUID | None
    course_id: UUID | None
    report: ImportReport | None
    problem: ImportProblem | None
    created_at: datetime
    finished_at: datetime | None


def _summed_up(items: list[LeftOutItem]) -> list[LeftOutItem]:
    sums: dict[tuple[str, str, bool], LeftOutItem] = {}
    for item in items:
        key = (item.kind, item.reason, item.is_kept_as_text)
        known = sums.get(key)
        sums[key] = (
            msgspec.structs.replace(known, count=known.count + item.count) if known else item
        )
    return list(sums.values())
