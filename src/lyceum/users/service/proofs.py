"""Proving a second factor of a known person, for a sign-in or a step-up.

Not here: what is counted when the proof is wrong (whoever calls has claimed an attempt).
"""

from msgspec import UNSET

from lyceum.platform import clock, errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters import recovery_codes, sealing, totp
from lyceum.users.errors import CodeInvalid
from lyceum.users.events import RecoveryCodeUsed
from lyceum.users.queries import factors as factor_queries
from lyceum.users.records import Account
from lyceum.users.schemas.mfa import FactorProof, Way
from lyceum.users.service.assertions import find_passkey, use_passkey
from lyceum.users.service.challenges import Purpose, claim_challenge

TOTP_PURPOSE = "totp secrets"


async def check_factor(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    account: Account,
    proof: FactorProof,
    *,
    purpose: Purpose,
    bound_to: bytes,
) -> Way | errors.Fact:
    """Return by which factor of `account`, whose row is locked, `proof` holds, or why it does
    not. A code that was good is used up; of a passkey, the challenge has to be one for `purpose`
    that was made where `bound_to` says.
    """
    if proof.code is not UNSET:
        return await _check_totp(tx, settings, account, proof.code)
    if proof.recovery_code is not UNSET:
        return await _use_recovery_code(tx, actor, settings, account, proof.recovery_code)
    if proof.passkey is UNSET:
        return CodeInvalid()
    challenge = await claim_challenge(tx, actor, proof.passkey.challenge_token, purpose, bound_to)
    if challenge is None:
        return CodeInvalid()
    passkey = await find_passkey(tx, actor, proof.passkey.credential)
    if passkey is None or passkey.user_id != account.id:
        return CodeInvalid()
    refusal = await use_passkey(
        tx,
        actor,
        settings,
        passkey,
        proof.passkey.credential,
        challenge=challenge,
        needs_verification=False,
    )
    return refusal or "passkey"


async def _check_totp(
    tx: Writer, settings: Settings, account: Account, code: str
) -> Way | errors.Fact:
    stored = await tx.one_or_none(factor_queries.FIND_TOTP, account.id)
    if stored is None:
        return CodeInvalid()
    try:
        secret = sealing.unseal(settings.secret_key, TOTP_PURPOSE, stored.secret)
    except sealing.Unsealable:
        # The installation has another secret now: recovery codes are void too, operators help.
        return CodeInvalid()
    step = totp.find_step(secret, code, clock.utc_now().timestamp())
    if step is None or await tx.one_or_none(factor_queries.CLAIM_STEP, stored.id, step) is None:
        return CodeInvalid()
    return "totp"


async def _use_recovery_code(
    tx: Writer, actor: Actor, settings: Settings, account: Account, code: str
) -> Way | errors.Fact:
    code_hash = recovery_codes.hash_code(settings.secret_key, code)
    claimed = await tx.one_or_none(factor_queries.CLAIM_RECOVERY_CODE, account.id, code_hash)
    if claimed is None:
        return CodeInvalid()
    left = await tx.one(factor_queries.COUNT_RECOVERY_CODES, account.id)
    await events.emit(tx, actor, RecoveryCodeUsed(user_id=account.id, left=left))
    return "recovery_code"
