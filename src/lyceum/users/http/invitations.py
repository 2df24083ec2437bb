"""The HTTP door of invitations and files of people."""

from typing import Final
from uuid import UUID

import msgspec

from lyceum.platform import csv_cells, errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.csv_uploads import CSV, LARGEST, read_csv
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.jobs import enqueue
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, PUBLIC, SIGNED_IN, Routes
from lyceum.platform.wire import Answer, Content
from lyceum.users import jobs, permissions
from lyceum.users.errors import EmailInvalid, EmailTaken, LinkInvalid, PasswordRefused, RankTooLow
from lyceum.users.http import answers
from lyceum.users.records import PeopleImport
from lyceum.users.schemas.accounts import UserView
from lyceum.users.schemas.invitations import (
    InvitationAnswer,
    NewUserInvitation,
    PeopleImportOptions,
    PeopleImportReport,
    PeopleImportView,
)
from lyceum.users.service import invitations, people_imports

routes = Routes("users")
_HEADER: Final = ("line", "email", "outcome", "message")


@routes.post(
    "/users/invitations",
    access=permissions.CREATE_USERS,
    summary="Invite somebody",
    status=201,
    facts=(EmailTaken, EmailInvalid, RankTooLow),
)
async def invite_user(tx: Writer, actor: Actor, data: NewUserInvitation) -> Answer[UserView]:
    """Makes the account and mails a link, good for two weeks, that sets its password."""
    made = await invitations.invite(tx, actor, data)
    return answers.account_answer(made, location=f"{API}/users/{made.id}")


@routes.post(
    "/users/{user_id}/invitation",
    access=permissions.CREATE_USERS,
    summary="Invite somebody again",
    facts=(errors.NotFound, errors.Conflict, RankTooLow),
)
async def invite_user_again(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """For an account without a password; the link of an earlier mail ends."""
    await invitations.invite_again(tx, actor, user_id)


@routes.post(
    "/auth/accept-invitation",
    access=PUBLIC,
    summary="Take up an invitation",
    bucket="login",
    keeps_response=False,
    facts=(LinkInvalid, PasswordRefused),
)
async def take_up_invitation(tx: Writer, data: InvitationAnswer) -> None:
    """Takes the token of the link that was mailed, once; sign in after it."""
    await invitations.accept_invitation(tx, ANONYMOUS, token=data.token, password=data.password)


@routes.post(
    "/users/import",
    access=permissions.CREATE_USERS,
    summary="Make accounts of the people of a CSV file",
    status=202,
    max_body=LARGEST,
    upload_media_types=(CSV,),
    facts=(errors.PayloadTooLarge, errors.UnsupportedMediaType),
)
async def import_users(
    actor: Actor, query: PeopleImportOptions, request: RequestInfo, engines: Engines
) -> Answer[PeopleImportView]:
    """A header with `email` and `firstName`, and perhaps `lastName` and `roles`, then up to 10,000
    people. A job works it through: follow `Location`; the import has the report, line by line.
    `dryRun` says what would come of it; `invite` mails a link to each."""
    actor.require(permissions.CREATE_USERS)
    content = await read_csv(request)
    import_id = ids.new_id()
    async with engines.database.transaction() as tx:
        job_id = await enqueue(tx, actor, jobs.import_people, import_id=import_id)
        stored = await people_imports.add_import(
            tx,
            actor,
            import_id,
            job_id=job_id,
            content=content,
            is_dry_run=query.dry_run,
            sends_invitations=query.invite,
        )
    return Answer(data=_view(stored), location=f"{API}/jobs/{job_id}")


@routes.get(
    "/user-imports/{people_import_id}",
    access=SIGNED_IN,
    summary="What came of a file of people",
    facts=(errors.NotFound,),
    shows=Record("import of people"),
)
async def get_user_import(tx: Reader, actor: Actor, people_import_id: UUID) -> PeopleImportView:
    """For whoever asked for it, and those who may see people."""
    return _view(await people_imports.get_import(tx, actor, people_import_id))


@routes.get(
    "/user-imports/{people_import_id}.csv",
    access=SIGNED_IN,
    summary="The report of a file of people",
    media_type=CSV,
    facts=(errors.NotFound,),
    shows=Record("import of people"),
)
async def download_user_import(tx: Reader, actor: Actor, people_import_id: UUID) -> Content:
    """Line by line, safe to open in a spreadsheet."""
    stored = await people_imports.get_import(tx, actor, people_import_id)
    report = _view(stored).report
    rows = [msgspec.structs.astuple(row) for row in report.rows] if report else []
    return Content(
        body=csv_cells.write_rows(_HEADER, rows),
        media_type=f"{CSV}; charset=utf-8",
        headers=(("content-disposition", 'attachment; filename="people.csv"'),),
    )


def _view(stored: PeopleImport) -> PeopleImportView:
    report = stored.report
    return PeopleImportView(
        id=stored.id,
        job_id=stored.job_id,
        is_dry_run=stored.is_dry_run,
        sends_invitations=stored.sends_invitations,
        report=None if report is None else msgspec.json.decode(report, type=PeopleImportReport),
        created_at=stored.created_at,
        finished_at=stored.finished_at,
    )
