"""From the first factor to a session: whoever has a second one is asked for it.

Every way to prove a first factor ends here. Not here: proving it, and proving the second
(`second_factor`).
"""

import msgspec

from lyceum.platform import ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.queries import factors as factor_queries
from lyceum.users.queries import mfa_challenges as challenge_queries
from lyceum.users.queries import trusted_devices as device_queries
from lyceum.users.records import Account, Device
from lyceum.users.schemas.mfa import Way
from lyceum.users.service.opening import Opened, open_way

CHALLENGE_SECONDS = 300


class SecondFactorNeeded(msgspec.Struct, frozen=True):
    """The first factor is proved; `token` is good for proving the second, and for nothing else."""

    token: str
    methods: tuple[Way, ...]
    expires_in: int

    def __repr__(self) -> str:
        return f"SecondFactorNeeded({self.methods})"


async def admit(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    account: Account,
    device: Device,
    *,
    methods: tuple[str, ...],
) -> Opened | SecondFactorNeeded:
    """Open a session of `account`, whose row is locked, or ask for the second factor.

    `methods` is how the first was proved; a device that its owner trusts is not asked.
    """
    kinds = await tx.all(factor_queries.LIST_KINDS, account.id)
    if kinds and device.token:
        token_hash = ids.hash_secret(device.token)
        if await tx.one_or_none(device_queries.USE_DEVICE, token_hash, account.id) is not None:
            return await open_way(
                tx, actor, settings, account, device, methods=(*methods, "trusted_device")
            )
    if not kinds:
        return await open_way(tx, actor, settings, account, device, methods=methods)
    token = ids.new_secret()
    await tx.execute(
        challenge_queries.INSERT_CHALLENGE,
        ids.hash_secret(token),
        account.id,
        list(methods),
        float(CHALLENGE_SECONDS),
    )
    ways = tuple(msgspec.convert([*kinds, "recovery_code"], list[Way]))
    return SecondFactorNeeded(token, ways, CHALLENGE_SECONDS)
