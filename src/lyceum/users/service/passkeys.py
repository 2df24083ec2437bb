"""Passkeys: adding one, and signing in with one alone, without naming an account or a password.

Not here: passkeys as second factor and for a step-up (`proofs`), renaming and removing (`factors`).
"""

from typing import TYPE_CHECKING
from uuid import UUID

from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer, constraint_facts
from lyceum.platform.loading import later
from lyceum.platform.settings import Settings
from lyceum.users.errors import CodeInvalid, NoSecondFactor, PasskeyInUse, TooManyFactors
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import factors as factor_queries
from lyceum.users.queries import mfa_challenges as mfa_queries
from lyceum.users.queries import passkeys as passkey_queries
from lyceum.users.records import Credentials, Device, Factor
from lyceum.users.schemas.passkeys import NewPasskey, PasskeySignIn
from lyceum.users.service.assertions import find_passkey, use_passkey
from lyceum.users.service.attempts import claim_attempt, count_failure
from lyceum.users.service.challenges import (
    PasskeyOptions,
    Purpose,
    claim_challenge,
    make_challenge,
)
from lyceum.users.service.factors import finish_adding
from lyceum.users.service.opening import Opened, open_way
from lyceum.users.service.sign_in import refuse_account
from lyceum.users.service.step_up import require_fresh

if TYPE_CHECKING:
    from lyceum.users.adapters import passkeys as webauthn
else:
    webauthn = later("lyceum.users.adapters.passkeys")

MAX_FACTORS = 20
_ANYWHERE = b""


async def begin_passkey(tx: Writer, actor: Actor, settings: Settings) -> PasskeyOptions:
    """Return what a browser makes a passkey of the actor with. StepUpRequired."""
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    account = await tx.one(account_queries.FIND_ACCOUNT, user_id)
    existing = await tx.all(passkey_queries.LIST_PASSKEYS, user_id)
    token, challenge = await make_challenge(tx, actor, "register", _session_of(actor))
    options = webauthn.creation_options(
        webauthn.RelyingParty.of(settings),
        challenge,
        user_id=user_id.bytes,
        name=account.email,
        display_name=account.display_name,
        existing=existing,
    )
    return PasskeyOptions(token, options)


async def add_passkey(
    tx: Writer, actor: Actor, settings: Settings, given: NewPasskey
) -> tuple[Factor, list[str] | None] | errors.Fact:
    """Store the passkey that a browser made; return it, and recovery codes with the first factor,
    or why not. Raises StepUpRequired, PasskeyInUse, TooManyFactors."""
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    challenge = await claim_challenge(
        tx, actor, given.challenge_token, "register", _session_of(actor)
    )
    if challenge is None:
        return CodeInvalid()
    try:
        party = webauthn.RelyingParty.of(settings)
        made = webauthn.verify_new(party, given.credential, challenge)
    except webauthn.PasskeyRefused:
        return CodeInvalid()
    if len(await tx.all(factor_queries.LIST_FACTORS, user_id)) >= MAX_FACTORS:
        raise TooManyFactors
    factor = await tx.one(passkey_queries.INSERT_FACTOR, ids.new_id(), user_id, given.name)
    with constraint_facts({"passkeys_credential": PasskeyInUse}):
        await tx.execute(
            passkey_queries.INSERT_PASSKEY,
            factor.id,
            made.credential_id,
            made.public_key,
            made.sign_count,
            made.transports,
            made.is_backed_up,
        )
    return factor, await finish_adding(tx, actor, settings, account, factor)


async def ask_for_any(tx: Writer, actor: Actor, settings: Settings) -> PasskeyOptions:
    """Return what a browser signs in with, by a passkey that it knows and nobody names."""
    token, challenge = await make_challenge(tx, actor, "sign-in", _ANYWHERE)
    party = webauthn.RelyingParty.of(settings)
    options = webauthn.request_options(party, challenge, [], needs_verification=True)
    return PasskeyOptions(token, options)


async def ask_for_second(
    tx: Writer, actor: Actor, settings: Settings, mfa_token: str
) -> PasskeyOptions:
    """Return what a browser shows a passkey with, as the second factor of a sign-in.

    Raises TokenInvalid, NoSecondFactor when the person has no passkey.
    """
    token_hash = ids.hash_secret(mfa_token)
    user_id = await tx.one_or_none(mfa_queries.FIND_USER, token_hash)
    if user_id is None:
        raise errors.TokenInvalid
    return await _ask(tx, actor, settings, user_id, "second-factor", token_hash)


async def ask_for_step_up(tx: Writer, actor: Actor, settings: Settings) -> PasskeyOptions:
    """Return what a browser shows a passkey with for a step-up of this session. NoSecondFactor."""
    user_id = actor.require_user()
    return await _ask(tx, actor, settings, user_id, "step-up", _session_of(actor))


async def sign_in_with_passkey(
    tx: Writer, actor: Actor, settings: Settings, given: PasskeySignIn, device: Device
) -> Opened | errors.Fact:
    """Open a session for whoever holds a passkey that has made sure of its user: that is two
    factors. Returns why not; what it counts and flags is to be committed."""
    challenge = await claim_challenge(tx, actor, given.challenge_token, "sign-in", _ANYWHERE)
    passkey = await find_passkey(tx, actor, given.credential)
    if challenge is None or passkey is None or not given.credential.response.user_handle:
        return CodeInvalid()
    address = (await tx.one(account_queries.FIND_ACCOUNT, passkey.user_id)).email
    whose = Credentials(passkey.user_id, address, None)
    locked = await claim_attempt(tx, actor, address=address, credentials=whose, device=device)
    if locked is not None:
        return locked
    account = await tx.one(account_queries.LOCK_ACCOUNT, passkey.user_id)
    refusal = await use_passkey(
        tx,
        actor,
        settings,
        passkey,
        given.credential,
        challenge=challenge,
        needs_verification=True,
    )
    if refusal is not None:
        await count_failure(
            tx, actor, "wrong_factor", address=address, credentials=whose, device=device
        )
        return refusal
    refusal = await refuse_account(tx, actor, settings, account, credentials=whose, device=device)
    return refusal or await open_way(tx, actor, settings, account, device, methods=("passkey",))


async def _ask(
    tx: Writer, actor: Actor, settings: Settings, user_id: UUID, purpose: Purpose, bound_to: bytes
) -> PasskeyOptions:
    """Ask for one of a person's passkeys; holding it is enough, beside another proof."""
    allowed = await tx.all(passkey_queries.LIST_PASSKEYS, user_id)
    if not allowed:
        raise NoSecondFactor("There is no passkey.")
    token, challenge = await make_challenge(tx, actor, purpose, bound_to)
    party = webauthn.RelyingParty.of(settings)
    options = webauthn.request_options(party, challenge, allowed, needs_verification=False)
    return PasskeyOptions(token, options)


def _session_of(actor: Actor) -> bytes:
    if actor.session_id is None:
        raise errors.NotFound
    return actor.session_id.bytes
