"""What goes over the wire about invitations and files of people."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import (
    Email,
    FirstName,
    LastName,
    NewSecret,
    Roles,
    Secretive,
    Token,
)


class NewUserInvitation(Input, frozen=True, kw_only=True):
    """Somebody to invite; they choose their password themselves."""

    email: Email
    first_name: FirstName
    last_name: LastName = ""
    roles: Roles = ("student",)


class InvitationAnswer(Secretive, Input, frozen=True, kw_only=True):
    """The token of the link, and the password that its owner wants."""

    token: Token
    password: NewSecret


class PeopleImportOptions(Input, frozen=True, kw_only=True):
    """How a file of people is taken."""

    dry_run: bool = False
    invite: bool = False


class ImportOutcome(Output, frozen=True):
    """What came of one line of a file."""

    line: int
    email: str
    outcome: Literal["created", "exists", "refused"]
    message: str


class PeopleImportReport(Output, frozen=True, kw_only=True):
    """What came of a file of people, or would come of it."""

    is_dry_run: bool
    created: int
    existing: int
    refused: int
    rows: tuple[ImportOutcome, ...]


class PeopleImportView(Output, frozen=True, kw_only=True):
    """A file of people; the report is there when the job is done."""

    id: UUID
    job_id: UUID
    is_dry_run: bool
    sends_invitations: bool
    report: PeopleImportReport | None
    created_at: datetime
    finished_at: datetime | None
