"""Proving a password: five wrong ones in 15 minutes lock an address, known or not.

One counter for every way in. A right password does not clear it, so that an owner who signs in
gives nobody else more guesses. Not here: longer waits for persistent attackers, known devices.
"""

import hashlib

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users.adapters import passwords
from lyceum.users.events import LoginFailed, RefusalReason
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.records import Credentials, Device

ALLOWED_FAILURES = 5
WINDOW_SECONDS = 15 * 60


async def prove_password(
    tx: Writer,
    actor: Actor,
    *,
    address: str,
    credentials: Credentials | None,
    password: str,
    device: Device,
) -> errors.Fact | None:
    """Return None if the password is right, otherwise what to tell.

    Hashes before the first statement of `tx`, so that no transaction waits for it, and as long for
    an unknown address (`credentials` None). What it counts is to be committed: the refusal is
    returned, not raised. Guesses made at the same time are counted one after the other.
    """
    account = _key_of(address)
    limits = (ALLOWED_FAILURES, WINDOW_SECONDS)
    primary = tx.database.sole_writer()
    seconds = await primary.one_or_none(credential_queries.FIND_LOCK, account, *limits)
    if seconds:
        return _locked(seconds)
    stored = credentials.password_hash if credentials else None
    is_right = await passwords.verify_password(password, stored)
    locked = await claim_attempt(tx, actor, address=address)
    if locked is not None or is_right:
        return locked
    await count_failure(
        tx, actor, "wrong_password", address=address, credentials=credentials, device=device
    )
    return errors.InvalidCredentials()


async def claim_attempt(tx: Writer, actor: Actor, *, address: str) -> errors.AccountLocked | None:
    """Wait for one's turn to try, whatever is to be proved; return what to tell if there is none.

    Whoever has the turn calls `count_failure` in the same transaction if the proof is wrong.
    """
    seconds = await tx.one(
        credential_queries.CLAIM_ATTEMPT, _key_of(address), ALLOWED_FAILURES, WINDOW_SECONDS
    )
    return _locked(seconds) if seconds else None


async def count_failure(
    tx: Writer,
    actor: Actor,
    reason: RefusalReason,
    *,
    address: str,
    credentials: Credentials | None,
    device: Device,
) -> None:
    """Count a wrong proof against the address, and tell of it; it is to be committed."""
    await tx.execute(credential_queries.RECORD_FAILURE, _key_of(address), ALLOWED_FAILURES)
    await report_failure(tx, actor, reason, address=address, credentials=credentials, device=device)


async def report_failure(
    tx: Writer,
    actor: Actor,
    reason: RefusalReason,
    *,
    address: str,
    credentials: Credentials | None,
    device: Device,
) -> None:
    """Tell whoever watches that somebody could not sign in."""
    failed = LoginFailed(
        account=_key_of(address).hex()[:32],
        user_id=credentials.user_id if credentials else None,
        reason=reason,
        ip=device.ip,
    )
    await events.emit(tx, actor, failed)


def _key_of(address: str) -> bytes:
    return hashlib.sha256(address.encode()).digest()


def _locked(seconds: int) -> errors.AccountLocked:
    return errors.AccountLocked(
        f"Too many wrong passwords: try again in {seconds} s.",
        headers=(("retry-after", str(seconds)),),
        retry_after=seconds,
    )
