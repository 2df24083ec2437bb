"""Changing one's address: both addresses are told, and the new one is proved before it counts.

Until then everything stays as it was. Whether the new address has an account already, only its
owner hears. Not here: proving the first address (`registration`).
"""

from uuid import UUID

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.users.adapters import email_addresses
from lyceum.users.errors import EmailTaken, LinkInvalid
from lyceum.users.events import EmailChanged, EmailChangeRequested
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import recovery as recovery_queries
from lyceum.users.records import Account, Device, FormerAddress
from lyceum.users.service.mail_limits import claim_mail
from lyceum.users.service.recovery import void_links
from lyceum.users.service.registration import Letter
from lyceum.users.service.step_up import require_fresh

LINK_HOURS = 24


async def request_email_change(tx: Writer, actor: Actor, *, email: str, device: Device) -> None:
    """Note the address that the actor wants; a newer wish voids the one before it.

    Raises StepUpRequired, EmailInvalid, Conflict for the present address, and RateLimitExceeded
    after three mails in an hour.
    """
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    address = email_addresses.normalise_email(email)
    may_mail = await claim_mail(tx, actor, email=address, device=device)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    if account.email == address:
        raise errors.Conflict("This is your address already.")
    if not may_mail:
        raise errors.RateLimitExceeded(
            "This address has had enough mail for an hour.", headers=(("retry-after", "3600"),)
        )
    await tx.execute(recovery_queries.PUT_EMAIL_CHANGE, user_id, address, LINK_HOURS)
    await events.emit(tx, actor, EmailChangeRequested(user_id=user_id))


async def prepare_email_proof(tx: Writer, actor: Actor, user_id: UUID) -> Letter | None:
    """Return the mail to the new address: the link, or that it has an account already."""
    change = await tx.one_or_none(recovery_queries.FIND_EMAIL_CHANGE, user_id)
    if change is None:
        return None
    if await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, change.email) is not None:
        return Letter(change.email, "exists")
    token = ids.new_secret()
    await tx.execute(
        recovery_queries.SET_EMAIL_CHANGE_TOKEN, user_id, change.email, ids.hash_secret(token)
    )
    return Letter(change.email, "change", token)


async def confirm_email_change(tx: Writer, actor: Actor, token: str) -> Account:
    """Give the account the address that the link proves, once; LinkInvalid, EmailTaken."""
    token_hash = ids.hash_secret(token)
    change = await tx.one_or_none(recovery_queries.FIND_EMAIL_CHANGE_BY_TOKEN, token_hash)
    if change is None:
        raise LinkInvalid
    account = await tx.one(account_queries.LOCK_ACCOUNT, change.user_id)
    claimed = await tx.one_or_none(recovery_queries.CLAIM_EMAIL_CHANGE, token_hash, account.id)
    if claimed is None or account.status != "active":
        raise LinkInvalid
    former_id = ids.new_id()
    await tx.execute(recovery_queries.INSERT_FORMER_ADDRESS, former_id, account.id, account.email)
    with constraint_facts({"users_email_unique": EmailTaken}):
        changed = await tx.one(account_queries.UPDATE_EMAIL, account.id, claimed.email)
    await void_links(tx, actor, account.id)
    happened = EmailChanged(user_id=account.id, former_address_id=former_id)
    await events.emit(tx, actor, happened)
    tx.invalidate(f"users:{account.id}", "users:list")
    return changed


async def find_former_address(tx: Reader, actor: Actor, former_id: UUID) -> FormerAddress | None:
    """Return an address that an account had, for the mail that tells of it."""
    return await tx.one_or_none(recovery_queries.FIND_FORMER_ADDRESS, former_id)
