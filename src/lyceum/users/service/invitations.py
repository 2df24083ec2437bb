"""Inviting people: an account that its owner opens with the link of a mail, by setting a password.

Not here: files of people (`people_imports`), sending the mail (`jobs`).
"""

from uuid import UUID

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users.adapters import email_addresses, passwords
from lyceum.users.errors import LinkInvalid
from lyceum.users.events import InvitationAccepted, UserInvited
from lyceum.users.permissions import CREATE_USERS
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.queries import invitations as queries
from lyceum.users.records import Account
from lyceum.users.schemas.invitations import NewUserInvitation
from lyceum.users.service.administration import get_account
from lyceum.users.service.registration import Letter, insert_account
from lyceum.users.service.roles import hold_roles, require_reach

VALID_DAYS = 14


async def invite(tx: Writer, actor: Actor, new: NewUserInvitation) -> Account:
    """Make an account without a password, and have its owner invited; EmailTaken, RankTooLow."""
    actor.require(CREATE_USERS)
    account = await insert_account(
        tx,
        actor,
        email=email_addresses.normalise_email(new.email),
        password_hash=None,
        first_name=new.first_name,
        last_name=new.last_name,
        roles=await hold_roles(tx, actor, new.roles),
        is_verified=False,
    )
    await _put(tx, actor, account.id)
    return account


async def invite_again(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """Have the mail sent once more to somebody who has no password yet; an earlier link ends.

    Raises NotFound, RankTooLow, Conflict.
    """
    account = await get_account(tx, actor, user_id)
    actor.require(CREATE_USERS)
    await require_reach(tx, actor, account.roles)
    credentials = await tx.one(credential_queries.FIND_CREDENTIALS, user_id)
    if credentials.password_hash is not None or account.status != "active":
        raise errors.Conflict("Only an active account without a password can be invited to.")
    await _put(tx, actor, user_id)


async def prepare_invitation(tx: Writer, actor: Actor, user_id: UUID) -> Letter | None:
    """Return the mail with the link, which voids the one before; None when it is not due."""
    token = ids.new_secret()
    email = await tx.one_or_none(queries.SET_TOKEN, user_id, ids.hash_secret(token))
    return None if email is None else Letter(email, "invite", token)


async def accept_invitation(tx: Writer, actor: Actor, *, token: str, password: str) -> None:
    """Set the password of whoever has the link, once, which also proves the address; LinkInvalid,
    PasswordRefused.

    Hashes before the first statement of `tx`.
    """
    token_hash = ids.hash_secret(token)
    primary = tx.database.sole_writer()
    user_id = await primary.one_or_none(queries.FIND_INVITED, token_hash)
    if user_id is None:
        raise LinkInvalid
    credentials = await primary.one(credential_queries.FIND_CREDENTIALS, user_id)
    passwords.require_acceptable(password, credentials.email)
    hashed = await passwords.hash_password(password)
    await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    claimed = await tx.one_or_none(queries.CLAIM_INVITATION, token_hash)
    if claimed is None or await tx.one_or_none(queries.SET_FIRST_PASSWORD, user_id, hashed) is None:
        raise LinkInvalid
    await events.emit(tx, actor, InvitationAccepted(user_id=user_id))
    tx.invalidate(f"users:{user_id}", "users:list")


async def _put(tx: Writer, actor: Actor, user_id: UUID) -> None:
    await tx.execute(queries.PUT_INVITATION, user_id, actor.user_id, VALID_DAYS)
    await events.emit(tx, actor, UserInvited(user_id=user_id))
