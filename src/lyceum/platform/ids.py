"""Identifiers and secrets that Lyceum makes. Not here: what they are identifiers of."""

import os
import secrets
import threading
import time
from hashlib import sha256
from uuid import UUID

from asyncpg.pgproto import pgproto

_lock = threading.Lock()
_last_ms = 0
_sequence = 0


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562 5.7): time-ordered, and increasing within this process.

    The 12 bits of `rand_a` count within a millisecond (RFC 9562 6.2 method 1), seeded at random.
    """
    global _last_ms, _sequence
    now_ms = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(9))
    with _lock:
        if now_ms > _last_ms:
            _last_ms = now_ms
            _sequence = random >> 62 & 0x3FF
        else:
            _sequence += 1
            if _sequence > 0xFFF:
                _last_ms += 1
                _sequence = 0
        stamp, sequence = _last_ms, _sequence
    value = stamp << 80 | 7 << 76 | sequence << 64 | 2 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


def text_of(raw: bytes) -> str:
    """Return 16 bytes as a UUID is written."""
    return str(pgproto.UUID(raw))


def new_secret(bits: int = 256) -> str:
    """Return a URL-safe random secret of at least `bits` bits."""
    return secrets.token_urlsafe((bits + 7) // 8)


def hash_secret(secret: str) -> bytes:
    """Return the 32 bytes under which a random secret is stored.

    Plain SHA-256: the secret has ≥ 128 random bits, so a slow hash would protect nothing.
    """
    return sha256(secret.encode()).digest()
