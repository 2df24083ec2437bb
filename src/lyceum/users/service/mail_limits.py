"""How many mails people get that somebody asked for without proof: three an hour, whatever for.

A network has thirty an hour sent; as everything counted by address, that goes with the setting
`rate_limits`. Not here: mails that warn, which are sent always.
"""

import hashlib

from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users.queries import mail_limits as limit_queries
from lyceum.users.records import Device

MAILS_AN_HOUR = 3
MAILS_OF_A_NETWORK = 30


async def claim_mail(tx: Writer, actor: Actor, *, email: str, device: Device) -> bool:
    """Return whether one more mail may go to a normalised address, and count it if so.

    Call it before other rows are locked; asking costs the same for every address.
    """
    counters = [(_key_of("address", email), MAILS_AN_HOUR)]
    if device.network:
        counters.append((_key_of("network", device.network), MAILS_OF_A_NETWORK))
    columns = [key for key, _ in counters], [allowed for _, allowed in counters]
    if not await tx.one(limit_queries.CLAIM_MAIL, *columns):
        return False
    await tx.execute(limit_queries.COUNT_MAIL, *columns)
    return True


def _key_of(kind: str, name: str) -> bytes:
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()
