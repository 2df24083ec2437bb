"""Signing in with a password. Not here: the second factor (`admission`), keeping the session
alive (`sessions`)."""

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters import email_addresses
from lyceum.users.errors import AccountSuspended, EmailNotVerified
from lyceum.users.events import RefusalReason
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.records import Account, Credentials, Device
from lyceum.users.service.admission import SecondFactorNeeded, admit
from lyceum.users.service.attempts import prove_password, report_failure
from lyceum.users.service.opening import Opened

_REASONS: dict[type[errors.Fact], RefusalReason] = {
    AccountSuspended: "suspended",
    EmailNotVerified: "not_verified",
}


async def sign_in(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    *,
    email: str,
    password: str,
    device: Device,
) -> Opened | SecondFactorNeeded | errors.Fact:
    """Open a session for whoever knows the password, ask for their second factor, or return why
    not (see `prove_password`).

    A suspended account, or an address nobody has proved where that is required, is told to those
    alone who know the password.
    """
    address = email_addresses.find_normal_form(email) or email
    # Outside the transaction, and not from a replica, which may know an older password.
    primary = tx.database.sole_writer()
    credentials = await primary.one_or_none(credential_queries.FIND_CREDENTIALS_BY_EMAIL, address)
    denial = await prove_password(
        tx, actor, address=address, credentials=credentials, password=password, device=device
    )
    if denial is not None or credentials is None:
        return denial or errors.InvalidCredentials()
    # Held against a suspension at the same moment, which would miss the new session.
    account = await tx.one(account_queries.LOCK_ACCOUNT, credentials.user_id)
    refusal = await refuse_account(
        tx, actor, settings, account, credentials=credentials, device=device
    )
    if refusal is not None:
        return refusal
    return await admit(tx, actor, settings, account, device, methods=("password",))


async def refuse_account(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    account: Account,
    *,
    credentials: Credentials,
    device: Device,
) -> errors.Fact | None:
    """Return why whoever has proved the first factor is not let in, and tell of it; or None."""
    refusal = _refusal_of(account, settings)
    if refusal is not None:
        await report_failure(
            tx,
            actor,
            _REASONS[type(refusal)],
            address=credentials.email,
            credentials=credentials,
            device=device,
        )
    return refusal


def _refusal_of(account: Account, settings: Settings) -> errors.Fact | None:
    if not account.may_sign_in:
        return AccountSuspended()
    if settings.registration_mode == "verified" and account.email_verified_at is None:
        return EmailNotVerified()
    return None
