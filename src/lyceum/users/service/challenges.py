"""What passkeys sign: random, for one purpose, in one session, once, within five minutes.

Not here: whether a signature holds (`adapters.passkeys`).
"""

import os
from typing import Any, Literal

import msgspec

from lyceum.platform import ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users.queries import passkeys as passkey_queries

SECONDS = 300
Purpose = Literal["register", "sign-in", "second-factor", "step-up"]


class PasskeyOptions(msgspec.Struct, frozen=True):
    """What a browser is asked for, and the token that comes back with what it gives."""

    challenge_token: str
    public_key: dict[str, Any]


async def make_challenge(
    tx: Writer, actor: Actor, purpose: Purpose, bound_to: bytes
) -> tuple[str, bytes]:
    """Return a fresh challenge with the token that claims it."""
    token, challenge = ids.new_secret(), os.urandom(32)
    await tx.execute(
        passkey_queries.INSERT_CHALLENGE,
        ids.hash_secret(token),
        purpose,
        bound_to,
        challenge,
        float(SECONDS),
    )
    return token, challenge


async def claim_challenge(
    tx: Writer, actor: Actor, token: str, purpose: Purpose, bound_to: bytes
) -> bytes | None:
    """Return the challenge of a token, used up now, or None; to be committed."""
    return await tx.one_or_none(
        passkey_queries.CLAIM_CHALLENGE, ids.hash_secret(token), purpose, bound_to
    )
