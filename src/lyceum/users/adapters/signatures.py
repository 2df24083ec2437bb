"""Signed requests between services: HMAC-SHA256 over what is sent, when, and a nonce.

    Authorization: HMAC-SHA256 key=sk_…, timestamp=1790000000, nonce=…, signature=<hex>

The signature is over these lines, each ended by a line feed but the last: `LYCEUM-1`, the method,
the path and the query exactly as they are sent (percent-encoded; an empty line without a query),
the hex SHA-256 of the body, the timestamp in seconds of the epoch, the nonce. Not here: which keys
there are, and whether a nonce was used (`service.signed_requests`).
"""

import hmac
import re
from hashlib import sha256
from typing import Final

import msgspec

from lyceum.platform.errors import TokenInvalid

SCHEME: Final = "hmac-sha256"
MAX_SKEW_SECONDS: Final = 300
_FIELDS: Final = re.compile(
    r"key=(?P<key_id>sk_[0-9a-f]{16}), *timestamp=(?P<timestamp>[0-9]{1,12}),"
    r" *nonce=(?P<nonce>[A-Za-z0-9_-]{16,64}), *signature=(?P<signature>[0-9a-f]{64})"
)


class SignedParts(msgspec.Struct, frozen=True):
    """What of a request is signed, beside timestamp and nonce."""

    method: str
    path: str
    query: str
    body: bytes


class Signature(msgspec.Struct, frozen=True):
    """What the header says."""

    key_id: str
    timestamp: int
    nonce: str
    signature: str


def parse(given: str) -> Signature:
    """Return what follows the scheme in the header; TokenInvalid when anything is missing."""
    found = _FIELDS.fullmatch(given.strip())
    if found is None:
        raise TokenInvalid("Send key, timestamp, nonce and signature, in this order.")
    return Signature(found["key_id"], int(found["timestamp"]), found["nonce"], found["signature"])


def sign(secret: bytes, parts: SignedParts, timestamp: int, nonce: str) -> str:
    """Return the signature in hex."""
    lines = (
        "LYCEUM-1",
        parts.method,
        parts.path,
        parts.query,
        sha256(parts.body).hexdigest(),
        str(timestamp),
        nonce,
    )
    return hmac.new(secret, "\n".join(lines).encode(), sha256).hexdigest()


def is_genuine(secret: bytes, parts: SignedParts, given: Signature) -> bool:
    """Return whether `secret` made the signature, in a time that does not depend on it."""
    wanted = sign(secret, parts, given.timestamp, given.nonce)
    return hmac.compare_digest(wanted.encode(), given.signature.encode())
