"""Devices that their owner has said to need no second factor for 30 days.

Not here: known devices, which a stranger's failures do not lock out (`attempts`).
"""

from uuid import UUID

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.events import DeviceTrusted, TrustWithdrawn
from lyceum.users.queries import trusted_devices as device_queries
from lyceum.users.records import Account, Device, TrustedDevice

TRUST_DAYS = 30
MAX_DEVICES = 20


async def trust_device(
    tx: Writer, actor: Actor, account: Account, device: Device, *, token: str
) -> None:
    """Trust the device that is known by `token`, of `account`, whose row is locked; only the hash
    is stored. Of more than 20 the one used least is forgotten."""
    device_id = await tx.one(
        device_queries.INSERT_DEVICE,
        ids.new_id(),
        account.id,
        ids.hash_secret(token),
        device.ip,
        device.user_agent,
        TRUST_DAYS,
    )
    await tx.execute(device_queries.DELETE_SURPLUS, account.id, MAX_DEVICES)
    await events.emit(tx, actor, DeviceTrusted(user_id=account.id, device_id=device_id))


async def list_trusted_devices(tx: Reader, actor: Actor) -> list[TrustedDevice]:
    """Return the devices that the actor trusts, the one used last first."""
    return await tx.all(device_queries.LIST_DEVICES, actor.require_user())


async def withdraw_trust(tx: Writer, actor: Actor, device_id: UUID) -> None:
    """Ask a device of the actor for the second factor again; NotFound."""
    user_id = actor.require_user()
    if await tx.one_or_none(device_queries.DELETE_DEVICE, device_id, user_id) is None:
        raise errors.NotFound
    await events.emit(tx, actor, TrustWithdrawn(user_id=user_id, device_id=device_id))
