"""API keys: long-lived credentials of a person for programs.

A key may do what is in its scopes and what its owner may do at that moment. Only a person who is
there makes one; a key never makes another. Not here: turning a key into an actor
(`authentication`).
"""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.platform import clock, errors, events, ids
from lyceum.platform.access import Actor, all_permissions
from lyceum.platform.database import Reader, Writer
from lyceum.users.adapters import networks
from lyceum.users.errors import TooManyApiKeys
from lyceum.users.events import ApiKeyCreated, ApiKeyRevoked, ApiKeyRotated, KeyRevocationReason
from lyceum.users.permissions import require_held
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import api_keys as key_queries
from lyceum.users.records import ApiKey
from lyceum.users.schemas.api_keys import NewApiKey
from lyceum.users.service.standing import API_KEY_PREFIX
from lyceum.users.service.step_up import require_fresh

MAX_KEYS = 50
_SHOWN = len(API_KEY_PREFIX) + 8


class MadeKey(msgspec.Struct, frozen=True):
    """A key with its secret, which is told once."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        return f"MadeKey({self.key.id})"


async def list_keys(tx: Reader, actor: Actor) -> list[ApiKey]:
    """Return the actor's keys that were not revoked, the newest first."""
    return await tx.all(key_queries.LIST_KEYS, actor.require_user())


async def get_key(tx: Reader, actor: Actor, key_id: UUID) -> ApiKey:
    """Return one of the actor's keys; NotFound for any other."""
    key = await tx.one_or_none(key_queries.FIND_KEY, key_id, actor.require_user())
    if key is None:
        raise errors.NotFound
    return key


async def create_key(tx: Writer, actor: Actor, new: NewApiKey) -> MadeKey:
    """Make a key; StepUpRequired, RankTooLow for a scope that the actor has not, TooManyApiKeys."""
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    scopes = _declared(new.scopes)
    require_held(actor, scopes)
    allowed = networks.normalise_networks(new.networks)
    _require_future(new.expires_at)
    await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    if await tx.one(key_queries.COUNT_KEYS, user_id) >= MAX_KEYS:
        raise TooManyApiKeys(f"A person has {MAX_KEYS} keys at most.", limit=MAX_KEYS)
    secret = API_KEY_PREFIX + ids.new_secret()
    key = await tx.one(
        key_queries.INSERT_KEY,
        ids.new_id(),
        user_id,
        new.name,
        secret[:_SHOWN],
        ids.hash_secret(secret),
        scopes,
        allowed,
        new.ends_with_password,
        new.expires_at,
    )
    await events.emit(
        tx, actor, ApiKeyCreated(user_id=user_id, key_id=key.id, scopes=tuple(scopes))
    )
    return MadeKey(key, secret)


async def rotate_key(tx: Writer, actor: Actor, key_id: UUID, *, overlap_seconds: int) -> MadeKey:
    """Give a live key another secret; the present one opens for `overlap_seconds` more."""
    user_id = actor.require_user()
    await get_key(tx, actor, key_id)
    await require_fresh(tx, actor)
    secret = API_KEY_PREFIX + ids.new_secret()
    key = await tx.one_or_none(
        key_queries.ROTATE_KEY,
        key_id,
        user_id,
        secret[:_SHOWN],
        ids.hash_secret(secret),
        float(overlap_seconds),
    )
    if key is None:
        raise errors.Conflict("The key has expired.")
    await events.emit(tx, actor, ApiKeyRotated(user_id=user_id, key_id=key_id))
    tx.invalidate(f"users:{user_id}")
    return MadeKey(key, secret)


async def revoke_key(tx: Writer, actor: Actor, key_id: UUID) -> None:
    """End one of the actor's keys at once, in every process; NotFound for any other."""
    user_id = actor.require_user()
    if await tx.one_or_none(key_queries.REVOKE_KEY, key_id, user_id) is None:
        raise errors.NotFound
    await _tell(tx, actor, user_id, key_id, "revoked_by_user")


async def revoke_keys_with_password(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """End the keys that a person wanted to end with the password."""
    for key_id in await tx.all(key_queries.REVOKE_WITH_PASSWORD, user_id):
        await _tell(tx, actor, user_id, key_id, "password_changed")


async def _tell(
    tx: Writer, actor: Actor, user_id: UUID, key_id: UUID, reason: KeyRevocationReason
) -> None:
    await events.emit(tx, actor, ApiKeyRevoked(user_id=user_id, key_id=key_id, reason=reason))
    tx.invalidate(f"users:{user_id}")


def _declared(given: tuple[str, ...]) -> list[str]:
    known = {permission.name for permission in all_permissions()}
    for index, name in enumerate(given):
        if name not in known:
            raise errors.ValidationFailed(
                "", errors.FieldError(f"/scopes/{index}", "There is no such permission")
            )
    return sorted(set(given))


def _require_future(moment: datetime | None) -> None:
    if moment is not None and moment <= clock.utc_now():
        raise errors.ValidationFailed(
            "", errors.FieldError("/expiresAt", "A key cannot expire before it is made")
        )
