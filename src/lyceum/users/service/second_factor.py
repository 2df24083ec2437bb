"""Signing in, the second half: the second factor of whoever has proved the first.

A wrong proof counts with every other way in against the account, however many sign-ins are begun;
five of them end the one sign-in too. Not here: the first half (`admission`).
"""

import msgspec

from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.errors import AccountSuspended
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import mfa_challenges as challenge_queries
from lyceum.users.records import Account, Credentials, Device
from lyceum.users.schemas.mfa import MfaVerification
from lyceum.users.service.attempts import claim_attempt, count_failure
from lyceum.users.service.proofs import check_factor
from lyceum.users.service.sessions import open_session
from lyceum.users.service.tokens import SignedIn
from lyceum.users.service.trusted_devices import trust_device

ALLOWED_FAILURES = 5


class Verified(msgspec.Struct, frozen=True):
    """An open session, and the token of a device that was trusted with it."""

    signed_in: SignedIn
    device_token: str | None

    def __repr__(self) -> str:
        return f"Verified({self.signed_in})"


async def verify_second_factor(
    tx: Writer, actor: Actor, settings: Settings, given: MfaVerification, device: Device
) -> Verified | errors.Fact:
    """Open the session that a sign-in was about, or return why not; what it counts is to be
    committed."""
    given.require_one()
    token_hash = ids.hash_secret(given.mfa_token)
    user_id = await tx.one_or_none(challenge_queries.FIND_USER, token_hash)
    if user_id is None:
        return errors.TokenInvalid()
    address = (await tx.one(account_queries.FIND_ACCOUNT, user_id)).email
    locked = await claim_attempt(tx, actor, address=address)
    if locked is not None:
        return locked
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    challenge = await tx.one_or_none(challenge_queries.LOCK_CHALLENGE, token_hash, ALLOWED_FAILURES)
    if challenge is None:
        return errors.TokenInvalid()
    if account.status != "active":
        return AccountSuspended()
    method = await check_factor(tx, actor, settings, account, given)
    if isinstance(method, errors.Fact):
        await tx.execute(challenge_queries.FAIL_CHALLENGE, token_hash)
        await _count(tx, actor, account, device)
        return method
    await tx.execute(challenge_queries.DELETE_CHALLENGE, token_hash)
    opened = await open_session(
        tx, actor, settings, account, device, methods=(*challenge.methods, method)
    )
    trusted = await trust_device(tx, actor, account, device) if given.trust_device else None
    return Verified(opened, trusted)


async def _count(tx: Writer, actor: Actor, account: Account, device: Device) -> None:
    whose = Credentials(account.id, account.email, None)
    await count_failure(
        tx, actor, "wrong_factor", address=account.email, credentials=whose, device=device
    )
