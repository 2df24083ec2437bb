"""Accounts from a file of people: each row has an outcome of its own, and a dry run only says it.

Safe to run again: whoever has an account keeps it as it is. Not here: reading the file
(`adapters.people_csv`), inviting one person (`invitations`).
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.adapters import email_addresses, names
from lyceum.users.adapters.people_csv import PersonRow
from lyceum.users.permissions import CREATE_USERS, READ_USERS
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import invitations as queries
from lyceum.users.records import PeopleImport
from lyceum.users.schemas.invitations import ImportOutcome, NewUserInvitation, PeopleImportReport
from lyceum.users.service.invitations import invite
from lyceum.users.service.registration import insert_account
from lyceum.users.service.roles import hold_roles


async def import_people(
    tx: Writer,
    actor: Actor,
    rows: Sequence[PersonRow],
    *,
    is_dry_run: bool,
    sends_invitations: bool,
) -> list[ImportOutcome]:
    """Make the accounts of some rows of a file, and return what came of each.

    Accounts have no password: whoever is not invited sets one as if it were forgotten.
    """
    actor.require(CREATE_USERS)
    outcomes = []
    seen: set[str] = set()
    for row in rows:
        try:
            email = email_addresses.normalise_email(row.email)
            names.clean_first_name(row.first_name)
            names.clean_last_name(row.last_name)
            roles = await hold_roles(tx, actor, row.roles)
        except errors.Fact as refused:
            outcomes.append(ImportOutcome(row.line, row.email, "refused", refused.detail))
            continue
        found = await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, email)
        if found is not None or email in seen:
            outcomes.append(ImportOutcome(row.line, row.email, "exists", "There is an account."))
            continue
        seen.add(email)
        if not is_dry_run:
            await _make(tx, actor, row, email, roles, sends_invitations=sends_invitations)
        outcomes.append(ImportOutcome(row.line, row.email, "created", ""))
    return outcomes


def make_report(
    tx: Reader | None, actor: Actor, outcomes: Sequence[ImportOutcome], *, is_dry_run: bool
) -> PeopleImportReport:
    """Return the outcomes with their sums."""
    kinds = [outcome.outcome for outcome in outcomes]
    return PeopleImportReport(
        is_dry_run=is_dry_run,
        created=kinds.count("created"),
        existing=kinds.count("exists"),
        refused=kinds.count("refused"),
        rows=tuple(outcomes),
    )


async def add_import(
    tx: Writer,
    actor: Actor,
    import_id: UUID,
    *,
    job_id: UUID,
    content: str,
    is_dry_run: bool,
    sends_invitations: bool,
) -> PeopleImport:
    """Keep a file of people for the job that works it through."""
    actor.require(CREATE_USERS)
    return await tx.one(
        queries.INSERT_IMPORT,
        import_id,
        actor.require_user(),
        job_id,
        is_dry_run,
        sends_invitations,
        content,
    )


async def get_import(tx: Reader, actor: Actor, import_id: UUID) -> PeopleImport:
    """Return an import; NotFound for whoever did not ask for it and may not see people."""
    found = await tx.one_or_none(queries.FIND_IMPORT, import_id)
    is_own = found is not None and found.asked_by == actor.user_id
    if found is None or not (is_own or actor.may(READ_USERS)):
        raise errors.NotFound
    return found


async def finish_import(
    tx: Writer, actor: Actor, import_id: UUID, report: PeopleImportReport
) -> None:
    """Keep the report of an import, and its file no longer."""
    await tx.execute(queries.FINISH_IMPORT, import_id, msgspec.json.encode(report))


async def _make(
    tx: Writer,
    actor: Actor,
    row: PersonRow,
    email: str,
    roles: tuple[str, ...],
    *,
    sends_invitations: bool,
) -> None:
    if sends_invitations:
        new = NewUserInvitation(
            email=email, first_name=row.first_name, last_name=row.last_name, roles=roles
        )
        await invite(tx, actor, new)
        return
    await insert_account(
        tx,
        actor,
        email=email,
        password_hash=None,
        first_name=row.first_name,
        last_name=row.last_name,
        roles=roles,
        is_verified=False,
    )
