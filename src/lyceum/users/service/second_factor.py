"""Signing in, the second half: the second factor of whoever has proved the first.

A wrong proof counts with every other way in against the account, however many sign-ins are begun;
five of them end the one sign-in too. Not here: the first half (`admission`).
"""

from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.errors import AccountSuspended
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import mfa_challenges as challenge_queries
from lyceum.users.records import Credentials, Device
from lyceum.users.schemas.mfa import MfaVerification
from lyceum.users.service.attempts import claim_attempt, count_failure
from lyceum.users.service.opening import Opened, open_way
from lyceum.users.service.proofs import check_factor
from lyceum.users.service.trusted_devices import trust_device

ALLOWED_FAILURES = 5


async def verify_second_factor(
    tx: Writer, actor: Actor, settings: Settings, given: MfaVerification, device: Device
) -> Opened | errors.Fact:
    """Open the session that a sign-in was about, or return why not; what it counts is to be
    committed."""
    given.require_one()
    token_hash = ids.hash_secret(given.mfa_token)
    user_id = await tx.one_or_none(challenge_queries.FIND_USER, token_hash)
    if user_id is None:
        return errors.TokenInvalid()
    address = (await tx.one(account_queries.FIND_ACCOUNT, user_id)).email
    whose = Credentials(user_id, address, None)
    locked = await claim_attempt(tx, actor, address=address, credentials=whose, device=device)
    if locked is not None:
        return locked
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    challenge = await tx.one_or_none(challenge_queries.LOCK_CHALLENGE, token_hash, ALLOWED_FAILURES)
    if challenge is None:
        return errors.TokenInvalid()
    if not account.may_sign_in:
        return AccountSuspended()
    method = await check_factor(
        tx, actor, settings, account, given, purpose="second-factor", bound_to=token_hash
    )
    if isinstance(method, errors.Fact):
        await tx.execute(challenge_queries.FAIL_CHALLENGE, token_hash)
        await count_failure(
            tx, actor, "wrong_factor", address=address, credentials=whose, device=device
        )
        return method
    await tx.execute(challenge_queries.DELETE_CHALLENGE, token_hash)
    opened = await open_way(
        tx, actor, settings, account, device, methods=(*challenge.methods, method)
    )
    if given.trust_device:
        await trust_device(tx, actor, account, device, token=opened.device_token)
    return opened
