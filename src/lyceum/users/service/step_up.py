"""Step-up: what is dangerous takes a person who has proved who they are a moment ago.

Signing in is such a proof; whoever is signed in for longer gives one more, by a way that their
account has. Not here: signing in (`sign_in`), what takes it (each use case that calls
`require_fresh`).
"""

from datetime import datetime, timedelta

from msgspec import UNSET

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.settings import Settings
from lyceum.users.errors import StepUpRequired
from lyceum.users.events import SteppedUp
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.queries import freshness as freshness_queries
from lyceum.users.records import Device, Freshness
from lyceum.users.schemas.mfa import FactorProof
from lyceum.users.schemas.step_up import StepUp
from lyceum.users.service.attempts import claim_attempt, count_failure, prove_password
from lyceum.users.service.proofs import check_factor

FRESH_SECONDS = 600


async def require_fresh(tx: Reader, actor: Actor) -> None:
    """Raise StepUpRequired unless the actor has proved who they are in the last 10 minutes.

    The system passes. Whoever acts without a session of their own (an API key, say) never does:
    there is nobody to ask.
    """
    if actor.system is not None:
        return
    user_id = actor.require_user()
    found = await tx.one_or_none(
        freshness_queries.FIND_FRESHNESS, actor.session_id, user_id, float(FRESH_SECONDS)
    )
    if found is None:
        raise StepUpRequired("This takes a person who is signed in, not a key.", ways=())
    if not found.is_fresh:
        raise StepUpRequired(
            "Prove once more that it is you: POST /api/v1/auth/step-up.", ways=_ways_of(found)
        )


async def step_up(
    tx: Writer, actor: Actor, settings: Settings, given: StepUp, device: Device
) -> datetime | errors.Fact:
    """Take a proof of who is there; return until when it counts, or why it does not.

    The password of whoever has a second factor proves nothing here: it is the second that keeps
    a thief of the session out.
    """
    given.require_one(given.password)
    user_id = actor.require_user()
    primary = tx.database.sole_writer()
    found = await primary.one_or_none(
        freshness_queries.FIND_FRESHNESS, actor.session_id, user_id, float(FRESH_SECONDS)
    )
    if found is None:
        raise errors.NotFound
    if given.password is UNSET:
        return await _step_up_with_factor(tx, actor, settings, given, device)
    if found.factors:
        raise StepUpRequired("Show your second factor.", ways=_ways_of(found))
    return await _step_up_with_password(tx, actor, given.password, device)


async def record_proof(tx: Writer, actor: Actor, methods: tuple[str, ...]) -> datetime:
    """Note that the actor has proved who they are just now; return until when that counts."""
    user_id = actor.require_user()
    proved_at = await tx.one_or_none(
        freshness_queries.RECORD_AUTHENTICATION, actor.session_id, user_id, list(methods)
    )
    if proved_at is None or actor.session_id is None:
        raise errors.TokenInvalid
    stepped_up = SteppedUp(user_id=user_id, session_id=actor.session_id, methods=methods)
    await events.emit(tx, actor, stepped_up)
    return proved_at + timedelta(seconds=FRESH_SECONDS)


def _ways_of(found: Freshness) -> tuple[str, ...]:
    """Return how the person of a session can prove who they are; `sign_in` where nothing else
    is left than to sign in anew."""
    if found.factors:
        return (*found.factors, "recovery_code")
    return ("password",) if found.has_password else ("sign_in",)


async def _step_up_with_password(
    tx: Writer, actor: Actor, password: str, device: Device
) -> datetime | errors.Fact:
    primary = tx.database.sole_writer()
    credentials = await primary.one(credential_queries.FIND_CREDENTIALS, actor.user_id)
    denial = await prove_password(
        tx,
        actor,
        address=credentials.email,
        credentials=credentials,
        password=password,
        device=device,
    )
    return denial or await record_proof(tx, actor, ("password",))


async def _step_up_with_factor(
    tx: Writer, actor: Actor, settings: Settings, proof: FactorProof, device: Device
) -> datetime | errors.Fact:
    credentials = await tx.one(credential_queries.FIND_CREDENTIALS, actor.user_id)
    locked = await claim_attempt(
        tx, actor, address=credentials.email, credentials=credentials, device=device
    )
    if locked is not None:
        return locked
    account = await tx.one(account_queries.LOCK_ACCOUNT, actor.user_id)
    here = actor.session_id.bytes if actor.session_id else b""
    method = await check_factor(
        tx, actor, settings, account, proof, purpose="step-up", bound_to=here
    )
    if not isinstance(method, errors.Fact):
        return await record_proof(tx, actor, (method,))
    await count_failure(
        tx,
        actor,
        "wrong_factor",
        address=account.email,
        credentials=credentials,
        device=device,
    )
    return method
