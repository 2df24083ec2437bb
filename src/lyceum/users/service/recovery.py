"""A forgotten password: the link in a mail sets a new one, once, within half an hour.

Setting it ends every session and opens none: whoever has a second factor shows it when signing in.
Not here: changing a password that one knows (`account`).
"""

from uuid import UUID

from lyceum.platform import events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users.adapters import email_addresses, passwords
from lyceum.users.errors import LinkInvalid
from lyceum.users.events import MailRequested, PasswordChanged, UserVerified
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.queries import recovery as recovery_queries
from lyceum.users.records import Device
from lyceum.users.service.api_keys import revoke_keys_with_password
from lyceum.users.service.devices import remember_device
from lyceum.users.service.mail_limits import claim_mail
from lyceum.users.service.registration import Letter
from lyceum.users.service.sessions import revoke_all_sessions

RESET_MINUTES = 30


async def request_reset(tx: Writer, actor: Actor, *, email: str, device: Device) -> None:
    """Note that somebody has forgotten a password; a mail tells the rest to the address alone.

    The same work is done for a known and an unknown address, so neither answer nor time tells.
    """
    address = email_addresses.normalise_email(email)
    if not await claim_mail(tx, actor, email=address, device=device):
        return
    request_id = ids.new_id()
    await tx.execute(recovery_queries.INSERT_MAIL_REQUEST, request_id, "reset-password", address)
    await events.emit(tx, actor, MailRequested(request_id=request_id, purpose="reset-password"))


async def prepare_reset(tx: Writer, actor: Actor, request_id: UUID) -> Letter | None:
    """Return the mail with the link, which voids those before it; None where nobody is to get one:
    no account, or one that an administrator has suspended."""
    request = await tx.one_or_none(recovery_queries.FIND_MAIL_REQUEST, request_id)
    if request is None:
        return None
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, request.email)
    if account is None or not account.may_sign_in:
        return None
    token = ids.new_secret()
    await tx.execute(recovery_queries.PUT_RESET, account.id, ids.hash_secret(token), RESET_MINUTES)
    return Letter(account.email, "reset", token)


async def reset_password(
    tx: Writer, actor: Actor, *, token: str, new: str, email: str | None, device: Device
) -> str:
    """Set the password of whoever has the link, once, and end all their sessions; LinkInvalid,
    PasswordRefused. Return the token by which the device is known from now on, so that strangers
    who try the old password do not lock the owner out.

    `email`, if given, must be that of the account. Hashes before the first statement of `tx`.
    """
    primary = tx.database.sole_writer()
    token_hash = ids.hash_secret(token)
    user_id = await primary.one_or_none(recovery_queries.FIND_RESET, token_hash)
    if user_id is None:
        raise LinkInvalid
    credentials = await primary.one(credential_queries.FIND_CREDENTIALS, user_id)
    if email is not None and email_addresses.find_normal_form(email) != credentials.email:
        raise LinkInvalid
    passwords.require_acceptable(new, credentials.email, pointer="/newPassword")
    new_hash = await passwords.hash_password(new)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    claimed = await tx.one_or_none(recovery_queries.CLAIM_RESET, token_hash, user_id)
    if claimed is None or not account.may_sign_in:
        raise LinkInvalid
    await tx.execute(recovery_queries.SET_PASSWORD, user_id, new_hash)
    await void_links(tx, actor, user_id)
    await revoke_all_sessions(tx, actor, user_id, but=None, reason="password_changed")
    await revoke_keys_with_password(tx, actor, user_id)
    _, device_token = await remember_device(tx, actor, account, device)
    if account.email_verified_at is None:
        await events.emit(tx, actor, UserVerified(user_id=user_id))
    await events.emit(tx, actor, PasswordChanged(user_id=user_id, is_reset=True))
    tx.invalidate(f"users:{user_id}")
    return device_token


async def void_links(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """Make links that were mailed to a person good for nothing: what they prove is not so now."""
    await tx.execute(recovery_queries.VOID_RESETS, user_id)
    await tx.execute(recovery_queries.VOID_EMAIL_CHANGES, user_id)
