"""Asking once more for the mail that proves an address. Not here: the proof (`registration`)."""

from uuid import UUID

from lyceum.platform import events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users.adapters import email_addresses
from lyceum.users.events import MailRequested
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import recovery as recovery_queries
from lyceum.users.queries import registrations as registration_queries
from lyceum.users.records import Device
from lyceum.users.service.mail_limits import claim_mail
from lyceum.users.service.registration import Letter, prepare_answer, prepare_verification


async def request_verification(tx: Writer, actor: Actor, *, email: str, device: Device) -> None:
    """Note that somebody wants the mail again; nothing tells whether there is anything to prove.

    The same work is done for every address.
    """
    address = email_addresses.normalise_email(email)
    if not await claim_mail(tx, actor, email=address, device=device):
        return
    request_id = ids.new_id()
    await tx.execute(recovery_queries.INSERT_MAIL_REQUEST, request_id, "verify-email", address)
    await events.emit(tx, actor, MailRequested(request_id=request_id, purpose="verify-email"))


async def prepare_requested_verification(
    tx: Writer, actor: Actor, request_id: UUID
) -> Letter | None:
    """Return the mail for an account, or for the last registration, that is not proved yet."""
    request = await tx.one_or_none(recovery_queries.FIND_MAIL_REQUEST, request_id)
    if request is None:
        return None
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, request.email)
    if account is not None:
        return await prepare_verification(tx, actor, account.id)
    registration_id = await tx.one_or_none(
        registration_queries.FIND_LAST_REGISTRATION, request.email
    )
    if registration_id is None:
        return None
    return await prepare_answer(tx, actor, registration_id)
