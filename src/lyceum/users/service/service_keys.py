"""The keys of other services: making, replacing and ending them.

A service has two keys at most, so that the old one is good until every machine of the service has
the new one. Not here: verifying what they sign (`signed_requests`).
"""

import secrets

import msgspec

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.platform.settings import Settings
from lyceum.users.adapters import sealing
from lyceum.users.errors import ServiceHasKey
from lyceum.users.events import ServiceKeyCreated, ServiceKeyRevoked
from lyceum.users.permissions import MANAGE_SERVICES
from lyceum.users.queries import service_keys as key_queries
from lyceum.users.records import ServiceKey

PURPOSE = "secrets of service keys"


class MadeServiceKey(msgspec.Struct, frozen=True):
    """A key with its secret, which is told once."""

    key: ServiceKey
    secret: str

    def __repr__(self) -> str:
        return f"MadeServiceKey({self.key.id})"


async def list_service_keys(tx: Reader, actor: Actor) -> list[ServiceKey]:
    """Return every key, by service."""
    actor.require(MANAGE_SERVICES)
    return await tx.all(key_queries.LIST_SERVICE_KEYS)


async def create_service_key(
    tx: Writer, actor: Actor, settings: Settings, service: str
) -> MadeServiceKey:
    """Make the first key of a service; ServiceHasKey when there is one."""
    actor.require(MANAGE_SERVICES)
    await tx.execute(key_queries.LOCK_SERVICE_KEYS)
    if await tx.all(key_queries.LIST_KEYS_OF_SERVICE, service):
        raise ServiceHasKey
    return await _insert(tx, actor, settings, service, place=1)


async def rotate_service_key(
    tx: Writer, actor: Actor, settings: Settings, service: str, *, overlap_seconds: int
) -> MadeServiceKey:
    """Make another key; the present one is good for `overlap_seconds` more, any older one ends."""
    actor.require(MANAGE_SERVICES)
    await tx.execute(key_queries.LOCK_SERVICE_KEYS)
    present = await tx.all(key_queries.LIST_KEYS_OF_SERVICE, service)
    if not present:
        raise errors.NotFound(f"There is no service {service}.")
    *older, latest = present
    for key in older:
        await tx.execute(key_queries.DELETE_SERVICE_KEY, key.id)
    await tx.execute(key_queries.END_SERVICE_KEY, latest.id, float(overlap_seconds))
    return await _insert(tx, actor, settings, service, place=3 - latest.place)


async def revoke_service_key(tx: Writer, actor: Actor, key_id: str) -> None:
    """End a key at once."""
    actor.require(MANAGE_SERVICES)
    gone = await tx.one_or_none(key_queries.DELETE_SERVICE_KEY, key_id)
    if gone is None:
        raise errors.NotFound(f"There is no key {key_id}.")
    await events.emit(tx, actor, ServiceKeyRevoked(service=gone.service, key_id=key_id))


async def _insert(
    tx: Writer, actor: Actor, settings: Settings, service: str, *, place: int
) -> MadeServiceKey:
    secret = ids.new_secret()
    sealed = sealing.seal(settings.secret_key, PURPOSE, secret.encode())
    wrong = errors.InvalidInput("A service's name is of lower-case letters, digits and hyphens.")
    with constraint_facts({"service_keys_service": lambda: wrong}):
        key = await tx.one(
            key_queries.INSERT_SERVICE_KEY, f"sk_{secrets.token_hex(8)}", service, place, sealed
        )
    await events.emit(tx, actor, ServiceKeyCreated(service=service, key_id=key.id))
    return MadeServiceKey(key, secret)
