"""Sessions: opening them, keeping them alive with refresh tokens, ending them.

A session is a family of refresh tokens of which one is live. Only hashes are stored: a successor
is computed from the token that it replaces (HMAC with a key derived from the secret), so the same
answer can be given twice. Not here: passwords (`attempts`), access tokens (`tokens`), sessions that
a cookie opens (`browser_sessions`).
"""

import base64
import hmac
from uuid import UUID

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters import sealing
from lyceum.users.events import RevocationReason, SessionRevoked
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import mfa_challenges as challenge_queries
from lyceum.users.queries import sessions as session_queries
from lyceum.users.queries import trusted_devices as trusted_device_queries
from lyceum.users.records import Account, Device, RefreshState, Session
from lyceum.users.service.tokens import SignedIn, issue_tokens

RETRY_SECONDS = 10.0
MAX_SESSIONS = 50
_PURPOSE = "refresh token successors"


async def open_session(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    account: Account,
    device: Device,
    *,
    methods: tuple[str, ...] = ("password",),
) -> SignedIn:
    """Open a session of `account`, whose row is locked; of more than 50 the least used one ends.

    `methods` is how the person has proved who they are.
    """
    token = ids.new_secret()
    sliding = float(settings.refresh_token_seconds)
    absolute = float(settings.refresh_absolute_seconds)
    session_id = await insert_session(
        tx, actor, account, device, methods=methods, seconds=(sliding, absolute)
    )
    await tx.execute(
        session_queries.INSERT_REFRESH_TOKEN, ids.hash_secret(token), session_id, sliding
    )
    return await issue_tokens(
        tx, actor, settings, account, session_id=session_id, refresh_token=token
    )


async def insert_session(
    tx: Writer,
    actor: Actor,
    account: Account,
    device: Device,
    *,
    methods: tuple[str, ...],
    seconds: tuple[float, float],
) -> UUID:
    """Store a session that lasts so long unused, and so long however much it is used."""
    session_id = ids.new_id()
    await tx.execute(
        session_queries.INSERT_SESSION,
        session_id,
        account.id,
        *seconds,
        device.ip,
        device.user_agent,
        list(methods),
    )
    surplus = await tx.all(session_queries.REVOKE_SURPLUS_SESSIONS, account.id, MAX_SESSIONS)
    await tell_of_end(tx, actor, account.id, surplus, "too_many_sessions")
    return session_id


async def refresh_session(
    tx: Writer, actor: Actor, settings: Settings, *, token: str
) -> SignedIn | errors.Fact:
    """Exchange a refresh token for new tokens, or return why not; locks the session.

    A client whose answer was lost gets the very same successor within 10 s, as long as nobody has
    used it. Any other use of a rotated token ends the session, because one of its two holders is a
    thief; that is to be committed, so the refusal is returned, not raised.
    """
    token_hash = ids.hash_secret(token)
    if await tx.one_or_none(session_queries.LOCK_SESSION_OF_TOKEN, token_hash) is None:
        return errors.TokenInvalid()
    state = await tx.one(session_queries.FIND_REFRESH_STATE, token_hash, RETRY_SECONDS)
    account = await tx.one(account_queries.FIND_ACCOUNT, state.user_id)
    if state.is_revoked or account.status != "active":
        return errors.TokenInvalid()
    successor = _successor_of(settings, token)
    successor_hash = ids.hash_secret(successor)
    if state.is_used and not (state.is_retry and state.successor_hash == successor_hash):
        await _end_session(tx, actor, state.user_id, state.session_id, "refresh_token_reused")
        return errors.TokenInvalid()
    if state.is_expired:
        return errors.TokenExpired()
    if not state.is_used:
        await _rotate(tx, settings, state, token_hash, successor_hash)
    return await issue_tokens(
        tx, actor, settings, account, session_id=state.session_id, refresh_token=successor
    )


async def sign_out(tx: Writer, actor: Actor) -> None:
    """End the session that the actor speaks in; done twice, it is still ended."""
    user_id = actor.require_user()
    if actor.session_id is not None:
        await _end_session(tx, actor, user_id, actor.session_id, "signed_out")


async def list_sessions(tx: Reader, actor: Actor) -> list[Session]:
    """Return where the actor is signed in, the place used last first."""
    return await tx.all(session_queries.LIST_SESSIONS, actor.require_user())


async def revoke_session(tx: Writer, actor: Actor, session_id: UUID) -> None:
    """End one of the actor's own sessions; NotFound for any other."""
    user_id = actor.require_user()
    if not await _end_session(tx, actor, user_id, session_id, "revoked_by_user"):
        raise errors.NotFound


async def revoke_all_sessions(
    tx: Writer, actor: Actor, user_id: UUID, *, but: UUID | None, reason: RevocationReason
) -> None:
    """End every session of a person whose row is locked, except `but`; with them goes what a
    sign-in was about to open, and what would let one do without the second factor."""
    await tx.execute(challenge_queries.DELETE_CHALLENGES, user_id)
    await tx.execute(trusted_device_queries.DELETE_DEVICES, user_id)
    ended = await tx.all(session_queries.REVOKE_OTHER_SESSIONS, user_id, but, reason)
    await tell_of_end(tx, actor, user_id, ended, reason)


async def revoke_other_sessions(tx: Writer, actor: Actor) -> None:
    """End every session of the actor but the one that they speak in."""
    user_id = actor.require_user()
    await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    await revoke_all_sessions(tx, actor, user_id, but=actor.session_id, reason="revoked_by_user")


async def _rotate(
    tx: Writer, settings: Settings, state: RefreshState, token_hash: bytes, successor_hash: bytes
) -> None:
    lasting = float(settings.refresh_token_seconds)
    await tx.execute(session_queries.USE_REFRESH_TOKEN, token_hash, successor_hash)
    await tx.execute(
        session_queries.INSERT_REFRESH_TOKEN, successor_hash, state.session_id, lasting
    )
    await tx.execute(session_queries.EXTEND_SESSION, state.session_id, lasting)


async def _end_session(
    tx: Writer, actor: Actor, user_id: UUID, session_id: UUID, reason: RevocationReason
) -> bool:
    ended = await tx.all(session_queries.REVOKE_SESSION, session_id, user_id, reason)
    await tell_of_end(tx, actor, user_id, ended, reason)
    return bool(ended)


async def tell_of_end(
    tx: Writer, actor: Actor, user_id: UUID, ended: list[UUID], reason: RevocationReason
) -> None:
    """Tell of sessions that were revoked, and make every process look again at the person."""
    for session_id in ended:
        revoked = SessionRevoked(user_id=user_id, session_id=session_id, reason=reason)
        await events.emit(tx, actor, revoked)
    if ended:
        tx.invalidate(f"users:{user_id}")


def _successor_of(settings: Settings, token: str) -> str:
    key = sealing.derive_key(settings.secret_key, _PURPOSE)
    digest = hmac.digest(key, token.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
