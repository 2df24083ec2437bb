"""Keys derived from the installation's secret, and data sealed with them (AES-256-GCM).

Every use names a purpose and gets a key of its own (HKDF, RFC 5869), so that nothing made for one
purpose opens another. Not here: the secret itself (`platform.settings`).
"""

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class Unsealable(Exception):
    """Sealed with another secret, for another purpose, or altered."""


@lru_cache(maxsize=32)
def derive_key(secret: str, purpose: str) -> bytes:
    """Return the 32-byte key of `purpose`."""
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"lyceum {purpose}".encode())
    return hkdf.derive(secret.encode())


def fingerprint(secret: str, purpose: str) -> str:
    """Return a short name for the key of `purpose`, from which the key cannot be found."""
    return derive_key(secret, f"fingerprint of {purpose}").hex()[:16]


def seal(secret: str, purpose: str, plain: bytes) -> bytes:
    """Return `plain` encrypted and authenticated."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(derive_key(secret, purpose)).encrypt(nonce, plain, purpose.encode())


def unseal(secret: str, purpose: str, sealed: bytes) -> bytes:
    """Return what was sealed, or raise Unsealable."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(derive_key(secret, purpose)).decrypt(nonce, body, purpose.encode())
    except (InvalidTag, ValueError) as problem:
        raise Unsealable from problem
