"""Getting an account: registering, proving the address, and the links that prove it.

In the mode `open` the account is there at once and the address is proved later; in the mode
`verified` an account is made by whoever proves the address, and everybody gets the same answer.
Not here: sending mail (`jobs`), accounts made by administrators (`administration`).
"""

from typing import Literal
from uuid import UUID

import msgspec

from lyceum.platform import events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer, constraint_facts
from lyceum.users.adapters import email_addresses, names, passwords
from lyceum.users.errors import EmailTaken, LinkInvalid
from lyceum.users.events import (
    RegistrationRequested,
    UserRegistered,
    UserVerified,
    VerificationRequested,
)
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import registrations as registration_queries
from lyceum.users.records import Account, Device
from lyceum.users.schemas.registration import NewRegistration
from lyceum.users.service.mail_limits import claim_mail

LINK_HOURS = 24


class Letter(msgspec.Struct, frozen=True):
    """A mail to write: with the link of a `token`, or to say that an address has an account."""

    to: str
    kind: Literal["prove", "exists", "reset", "change", "invite"]
    token: str = ""

    def __repr__(self) -> str:
        return f"Letter({self.kind})"


async def register(tx: Writer, actor: Actor, new: NewRegistration, device: Device) -> Account:
    """Make an account whose address is not proved yet; EmailTaken, PasswordRefused.

    Hashes before the first statement of `tx`, as every way to register does. The mail that asks
    for the proof is not sent where there has been enough mail for an hour.
    """
    email = email_addresses.normalise_email(new.email)
    passwords.require_acceptable(new.password, email)
    password_hash = await passwords.hash_password(new.password)
    may_mail = await claim_mail(tx, actor, email=email, device=device)
    account = await insert_account(
        tx,
        actor,
        email=email,
        password_hash=password_hash,
        first_name=new.first_name,
        last_name=new.last_name,
        roles=("student",),
        is_verified=False,
    )
    if may_mail:
        await events.emit(tx, actor, VerificationRequested(user_id=account.id))
    return account


async def request_registration(
    tx: Writer, actor: Actor, new: NewRegistration, device: Device
) -> None:
    """Note that somebody wants an account; a mail tells whether there is one already.

    The same work is done for a known and an unknown address, so neither answer nor time tells.
    """
    email = email_addresses.normalise_email(new.email)
    first_name = names.clean_first_name(new.first_name)
    last_name = names.clean_last_name(new.last_name)
    passwords.require_acceptable(new.password, email)
    password_hash = await passwords.hash_password(new.password)
    if not await claim_mail(tx, actor, email=email, device=device):
        return
    registration_id = ids.new_id()
    await tx.execute(
        registration_queries.INSERT_REGISTRATION,
        registration_id,
        email,
        password_hash,
        first_name,
        last_name,
    )
    await events.emit(tx, actor, RegistrationRequested(registration_id=registration_id))


async def insert_account(
    tx: Writer,
    actor: Actor,
    *,
    email: str,
    password_hash: str | None,
    first_name: str,
    last_name: str,
    roles: tuple[str, ...],
    is_verified: bool,
) -> Account:
    """Store an account for a normalised address and tell of it; EmailTaken."""
    first_name = names.clean_first_name(first_name)
    last_name = names.clean_last_name(last_name)
    with constraint_facts({"users_email_unique": EmailTaken}):
        account = await tx.one(
            account_queries.INSERT_ACCOUNT,
            ids.new_id(),
            email,
            password_hash,
            first_name,
            last_name,
            list(roles),
            is_verified,
        )
    registered = UserRegistered(user_id=account.id, is_verified=is_verified)
    await events.emit(tx, actor, registered)
    tx.invalidate("users:list")
    return account


async def prepare_answer(tx: Writer, actor: Actor, registration_id: UUID) -> Letter | None:
    """Return the mail that answers a registration; None when it is gone."""
    registration = await tx.one_or_none(registration_queries.FIND_REGISTRATION, registration_id)
    if registration is None:
        return None
    email = registration.email
    if await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, email) is not None:
        return Letter(email, "exists")
    token = ids.new_secret()
    await tx.execute(
        registration_queries.INSERT_LINK,
        ids.hash_secret(token),
        "register",
        None,
        registration_id,
        email,
        LINK_HOURS,
    )
    return Letter(email, "prove", token)


async def prepare_verification(tx: Writer, actor: Actor, user_id: UUID) -> Letter | None:
    """Return the mail by which the owner of an account proves the address; None if that is done."""
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT, user_id)
    if account is None or account.email_verified_at is not None or account.status == "erased":
        return None
    token = ids.new_secret()
    await tx.execute(
        registration_queries.INSERT_LINK,
        ids.hash_secret(token),
        "verify-email",
        user_id,
        None,
        account.email,
        LINK_HOURS,
    )
    return Letter(account.email, "prove", token)


async def verify_email(tx: Writer, actor: Actor, token: str) -> Account:
    """Take a link's word for its address, once; LinkInvalid.

    A registration becomes the account now, unless somebody was faster.
    """
    link = await tx.one_or_none(registration_queries.CLAIM_LINK, ids.hash_secret(token))
    if link is None:
        raise LinkInvalid
    if link.user_id is not None:
        account = await tx.one_or_none(account_queries.VERIFY_EMAIL, link.user_id, link.email)
    else:
        account = await _finish_registration(tx, actor, link.registration_id)
    if account is None:
        raise LinkInvalid
    await events.emit(tx, actor, UserVerified(user_id=account.id))
    tx.invalidate(f"users:{account.id}")
    return account


async def _finish_registration(
    tx: Writer, actor: Actor, registration_id: UUID | None
) -> Account | None:
    registration = await tx.one_or_none(registration_queries.FIND_REGISTRATION, registration_id)
    if registration is None:
        return None
    try:
        account = await insert_account(
            tx,
            actor,
            email=registration.email,
            password_hash=registration.password_hash,
            first_name=registration.first_name,
            last_name=registration.last_name,
            roles=("student",),
            is_verified=True,
        )
    except EmailTaken as taken:
        raise LinkInvalid from taken
    # Others for the same address stay until the purge: their links may be in use at this moment.
    await tx.execute(registration_queries.DELETE_REGISTRATION, registration.id)
    return account
