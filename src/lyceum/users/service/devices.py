"""Devices that people have signed in from: remembered by a token that the device keeps.

A known device is not locked out by strangers' guesses; it is not a second factor. Not here: the
sessions on it (`sessions`), devices that need no second factor.
"""

from uuid import UUID

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.events import DeviceAdded, DeviceForgotten
from lyceum.users.queries import devices as device_queries
from lyceum.users.records import Account, Device, DeviceOfPerson, KnownDevice
from lyceum.users.service.sessions import tell_of_end

MAX_DEVICES = 50
REMEMBERED_DAYS = 365


async def remember_device(
    tx: Writer, actor: Actor, account: Account, device: Device
) -> tuple[UUID, str]:
    """Return the id of a device and the token that it shall keep; locks nothing, the account's row
    is locked already. One that brings its token is known; of more than 50 the least used go."""
    seen = await tx.one_or_none(
        device_queries.TOUCH_DEVICE,
        ids.hash_secret(device.token),
        account.id,
        REMEMBERED_DAYS,
        device.ip,
        device.user_agent,
    )
    if seen is not None:
        return seen, device.token
    token = ids.new_secret()
    made = await tx.one(
        device_queries.INSERT_DEVICE,
        ids.new_id(),
        account.id,
        ids.hash_secret(token),
        REMEMBERED_DAYS,
        device.ip,
        device.user_agent,
    )
    await tx.execute(device_queries.DELETE_SURPLUS_DEVICES, account.id, made.id, MAX_DEVICES)
    if made.is_unfamiliar:
        await events.emit(tx, actor, DeviceAdded(user_id=account.id, device_id=made.id))
    return made.id, token


async def list_devices(tx: Reader, actor: Actor) -> list[KnownDevice]:
    """Return the devices that the actor has signed in from, the one used last first."""
    return await tx.all(device_queries.LIST_DEVICES, actor.require_user(), actor.session_id)


async def find_device(tx: Reader, actor: Actor, device_id: UUID) -> DeviceOfPerson | None:
    """Return a device with its owner's address, for the mail that tells of it."""
    return await tx.one_or_none(device_queries.FIND_DEVICE, device_id)


async def forget_device(tx: Writer, actor: Actor, device_id: UUID) -> None:
    """Forget one of the actor's own devices and end the sessions on it; NotFound for any other."""
    user_id = actor.require_user()
    reason = "device_forgotten"
    ended = await tx.all(device_queries.REVOKE_DEVICE_SESSIONS, device_id, user_id, reason)
    if await tx.one_or_none(device_queries.DELETE_DEVICE, device_id, user_id) is None:
        raise errors.NotFound
    await tell_of_end(tx, actor, user_id, ended, "device_forgotten")
    await events.emit(tx, actor, DeviceForgotten(user_id=user_id, device_id=device_id))
