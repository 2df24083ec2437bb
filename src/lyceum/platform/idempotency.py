"""`Idempotency-Key`: the same POST twice has one effect. Kept 24 h, per actor and route.

The key's row commits together with the effect, so neither exists without the other.
"""

import hashlib
import re
from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.statements import Json, command, sql

_KEY = re.compile(r"[!-~]{1,255}")


class StoredResponse(msgspec.Struct, frozen=True):
    """What the first request got."""

    body_hash: bytes
    status: int
    headers: Json
    body: bytes


_LOCK = command("SELECT pg_try_advisory_xact_lock($1)", bool)
_FIND = sql(
    """
    SELECT body_hash, status, headers, body FROM platform.idempotency_keys
    WHERE owner = $1 AND route = $2 AND key = $3 AND created_at > now() - interval '24 hours'
    """,
    StoredResponse,
)
_KEEP = command(
    """
    INSERT INTO platform.idempotency_keys (owner, route, key, body_hash, status, headers, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (owner, route, key) DO UPDATE SET
        body_hash = excluded.body_hash, status = excluded.status, headers = excluded.headers,
        body = excluded.body, created_at = now()
    """
)
PURGE = command(
    "DELETE FROM platform.idempotency_keys WHERE created_at < now() - interval '24 hours'"
)


class Claim(msgspec.Struct, frozen=True):
    """One use of a key: whose, on which route, with which body."""

    owner: str
    route: str
    key: str
    body_hash: bytes

    @staticmethod
    def of(actor: Actor, ip: str, route: str, key: str, body: bytes) -> "Claim":
        """Return the claim; guests are told apart by address. Raises for a key that is no key."""
        if not _KEY.fullmatch(key):
            raise errors.InvalidInput("Idempotency-Key has 1 to 255 visible ASCII characters.")
        owner: UUID | str = actor.user_id or f"ip:{ip}"
        return Claim(str(owner), route, key, hashlib.sha256(body).digest())


async def find_response(tx: Writer, claim: Claim) -> StoredResponse | None:
    """Return what an earlier request got, or None, holding the key until `tx` ends.

    Raises Conflict while another request with the key runs, InvalidInput for another body.
    """
    digest = hashlib.sha256(repr((claim.owner, claim.route, claim.key)).encode()).digest()
    if not await tx.one(_LOCK, int.from_bytes(digest[:8], signed=True)):
        raise errors.Conflict(
            "A request with this Idempotency-Key is running.", headers=(("retry-after", "1"),)
        )
    stored = await tx.one_or_none(_FIND, claim.owner, claim.route, claim.key)
    if stored is not None and stored.body_hash != claim.body_hash:
        raise errors.InvalidInput("This Idempotency-Key was used with another body.")
    return stored


async def keep_response(
    tx: Writer, claim: Claim, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Store the response with the effect."""
    kept = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    await tx.execute(
        _KEEP, claim.owner, claim.route, claim.key, claim.body_hash, status,
        msgspec.json.encode(kept), body,
    )  # fmt: skip
