"""The HTTP door of privacy: everything held on oneself, erasure, consents."""

from uuid import UUID

from lyceum.platform import errors, links
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.jobs import enqueue
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, IN_PERSON, PUBLIC, SIGNED_IN, Routes
from lyceum.platform.storage import FileMissing, StorageUnavailable
from lyceum.platform.wire import Answer, Content
from lyceum.users import jobs, permissions
from lyceum.users.errors import (
    ExportNotReady,
    LastSuperAdmin,
    NotOnOneself,
    RankTooLow,
    StepUpRequired,
)
from lyceum.users.records import Consent, DataExport
from lyceum.users.schemas.privacy import ConsentGiven, ConsentView, DataExportView, ExportLink
from lyceum.users.service import consents, data_exports, erasure

routes = Routes("users")


@routes.post(
    "/me/exports",
    access=IN_PERSON,
    summary="Ask for everything held on me",
    status=202,
    facts=(StepUpRequired,),
)
async def request_export(tx: Writer, actor: Actor) -> Answer[DataExportView]:
    """A job makes a ZIP archive of JSON and files: follow `Location`. It is kept for a week."""
    made = await data_exports.request_export(tx, actor)
    job_id = await enqueue(tx, actor, jobs.export_person, export_id=made.id)
    return Answer(data=_export_view(made), location=f"{API}/jobs/{job_id}")


@routes.get("/me/exports", access=IN_PERSON, summary="My exports")
async def list_exports(tx: Reader, actor: Actor) -> list[DataExportView]:
    """The newest first."""
    return [_export_view(found) for found in await data_exports.list_exports(tx, actor)]


@routes.post(
    "/me/exports/{export_id}/link",
    access=IN_PERSON,
    summary="Get a link to an export",
    keeps_response=False,
    facts=(errors.NotFound, ExportNotReady, StepUpRequired),
)
async def create_export_link(tx: Writer, actor: Actor, export_id: UUID) -> ExportLink:
    """Opens this archive for an hour, for whoever has it; an earlier link ends."""
    secret = await data_exports.create_link(tx, actor, export_id)
    return ExportLink(url=f"{API}/data-exports/{secret}", expires_in=data_exports.LINK_SECONDS)


@routes.get(
    "/data-exports/{secret}",
    access=PUBLIC,
    summary="Download an export",
    media_type="application/zip",
    facts=(errors.NotFound,),
)
async def download_export(tx: Reader, engines: Engines, secret: str) -> Content:
    """By the address that its owner was given; no other secret of ours opens it."""
    found = await data_exports.open_export(tx, ANONYMOUS, secret)
    try:
        if found.file_key is None:
            raise errors.NotFound
        stream = await engines.storage.stream(found.file_key)
    except FileMissing as fault:
        raise errors.NotFound from fault
    except StorageUnavailable as fault:
        raise errors.ServiceUnavailable(str(fault)) from fault
    headers = (
        ("content-length", str(stream.end - stream.start)),
        ("content-disposition", links.attachment("my-data.zip")),
    )
    return Content(body=b"", media_type="application/zip", headers=headers, chunks=stream)


@routes.post(
    "/me/erasure",
    access=IN_PERSON,
    summary="Erase my account",
    keeps_response=False,
    facts=(StepUpRequired, LastSuperAdmin),
)
async def erase_me(tx: Writer, actor: Actor) -> None:
    """Cannot be taken back. What tells of the person goes; what the academy must keep stays
    without a name."""
    await jobs.delete_files_later(tx, await erasure.erase_oneself(tx, actor))


@routes.post(
    "/users/{user_id}/erase",
    access=permissions.ERASE_USERS,
    summary="Erase somebody's account",
    facts=(errors.NotFound, RankTooLow, LastSuperAdmin, NotOnOneself, StepUpRequired),
)
async def erase_user(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """For a person who asks for it and cannot do it; as `POST /me/erasure` does."""
    await jobs.delete_files_later(tx, await erasure.erase_other(tx, actor, user_id))


@routes.get(
    "/me/consents",
    access=SIGNED_IN,
    summary="What I agreed to",
    shows=Record("consents", is_own=True),
)
async def list_consents(tx: Reader, actor: Actor) -> list[ConsentView]:
    """What counts now, by purpose."""
    return [_consent_view(consent) for consent in await consents.list_consents(tx, actor)]


@routes.put(
    "/me/consents/{purpose}",
    access=SIGNED_IN,
    summary="Agree, or take it back",
    facts=(errors.NotFound,),
)
async def record_consent(
    tx: Writer, actor: Actor, request: RequestInfo, purpose: str, data: ConsentGiven
) -> ConsentView:
    """To `terms`, `privacy`, `marketing-mail`, `analytics`, `personalisation` or `recording`; each
    answer is kept."""
    return _consent_view(await consents.record_consent(tx, actor, purpose, data, ip=request.ip))


def _export_view(found: DataExport) -> DataExportView:
    return DataExportView(
        id=found.id,
        requested_at=found.requested_at,
        ready_at=found.ready_at,
        expires_at=found.expires_at,
        size_bytes=found.size_bytes,
    )


def _consent_view(consent: Consent) -> ConsentView:
    return ConsentView(
        purpose=consent.purpose,
        is_given=consent.is_given,
        document_version=consent.document_version,
        decided_at=consent.decided_at,
    )
