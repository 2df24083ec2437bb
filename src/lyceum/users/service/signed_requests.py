"""From a signed request to the service that sent it.

Not here: the format (`adapters.signatures`).
"""

from lyceum.platform import clock
from lyceum.platform.access import Actor
from lyceum.platform.database import SoleWriter
from lyceum.platform.errors import TokenInvalid
from lyceum.platform.settings import Settings
from lyceum.users.adapters import sealing, signatures
from lyceum.users.queries import service_keys as key_queries
from lyceum.users.service.service_keys import PURPOSE

# What the signature of an unknown key is held to, so that it takes as long.
_NOBODY = b"the secret of no service"


async def authenticate_service(
    tx: SoleWriter,
    actor: Actor,
    settings: Settings,
    credentials: str,
    parts: signatures.SignedParts,
) -> Actor:
    """Return the service that signed a request; TokenInvalid, whatever is wrong.

    The nonce is taken when everything else is right, and stays taken if the request fails.
    """
    given = signatures.parse(credentials)
    stored = await tx.one_or_none(key_queries.FIND_SERVICE_KEY, given.key_id)
    secret = _NOBODY
    if stored is not None:
        secret = _unsealed(settings, stored.sealed_secret)
    is_genuine = signatures.is_genuine(secret, parts, given)
    if stored is None or not is_genuine:
        raise TokenInvalid("The signature is not that of a key that is good now.")
    if abs(clock.utc_now().timestamp() - given.timestamp) > signatures.MAX_SKEW_SECONDS:
        raise TokenInvalid("The timestamp is too far from our clock.")
    claimed = await tx.one_or_none(key_queries.CLAIM_NONCE, given.key_id, given.nonce)
    if claimed is None:
        raise TokenInvalid("The nonce was used before.")
    return Actor(service=stored.service)


def _unsealed(settings: Settings, sealed: bytes) -> bytes:
    try:
        return sealing.unseal(settings.secret_key, PURPOSE, sealed)
    except sealing.Unsealable as fault:
        raise TokenInvalid("The installation has another secret now.") from fault
