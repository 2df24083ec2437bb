"""Access tokens: JSON Web Tokens signed with Ed25519 (RFC 7519, 8037, 9068).

Every token that we accept is one that we made, so its header is one of the few that we write, byte
by byte: there is no header to parse, no algorithm to choose, no key address to follow. Not here:
where keys are kept (`service.signing_keys`), what a session allows (`service.authentication`).
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from lyceum.platform.errors import TokenExpired, TokenInvalid
from lyceum.platform.settings import Settings

AUDIENCE: Final = "lyceum"
MAX_LENGTH: Final = 4096
# How far the clocks of two of our machines may be apart.
_CLOCK_SKEW_SECONDS = 5


class ActingParty(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts in the subject's place (RFC 8693, section 4.1)."""

    sub: UUID
    email: str


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says; `roles` and `pv` are for clients and never believed by us."""

    iss: str
    aud: str
    sub: UUID
    sid: UUID
    email: str
    roles: tuple[str, ...]
    pv: int
    iat: int
    exp: int
    nbf: int | None = None
    act: ActingParty | None = None


class PublicJwk(msgspec.Struct, frozen=True, kw_only=True):
    """A public key as RFC 8037 writes it."""

    kty: str = "OKP"
    crv: str = "Ed25519"
    use: str = "sig"
    alg: str = "EdDSA"
    kid: str
    x: str


class SigningKey:
    """A private key with the name that verifiers find it by."""

    def __init__(self, private_bytes: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(private_bytes)
        self.private_bytes = private_bytes
        x = _encode(self._private.public_key().public_bytes_raw())
        # RFC 7638: the name of a key is the hash of its members in order.
        members = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
        self.jwk = PublicJwk(kid=_encode(hashlib.sha256(members.encode()).digest()), x=x)

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a new random key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    def sign(self, claims: Claims) -> str:
        """Return the token that says `claims`."""
        body = _encode(msgspec.json.encode(claims))
        signed = f"{header_of(self.jwk.kid)}.{body}"
        return f"{signed}.{_encode(self._private.sign(signed.encode()))}"


def issuer_of(settings: Settings) -> str:
    """Return the name under which this installation issues tokens; all its processes share it."""
    return settings.public_url.rstrip("/") or "lyceum"


def header_of(kid: str) -> str:
    """Return the first segment of every token signed by the key `kid`."""
    return _encode(f'{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}'.encode())


def public_key(jwk: PublicJwk) -> Ed25519PublicKey:
    """Return the key that verifies."""
    return Ed25519PublicKey.from_public_bytes(_decode(jwk.x))


def has_known_header(token: str, keys: Mapping[str, Ed25519PublicKey]) -> bool:
    """Return whether one of `keys`, by `header_of` their names, is said to have signed."""
    return token.partition(".")[0] in keys


def verify(token: str, keys: Mapping[str, Ed25519PublicKey], issuer: str, now: float) -> Claims:
    """Return what a token says; TokenInvalid or TokenExpired when it must not be believed."""
    header, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    key = keys.get(header)
    if key is None or len(token) > MAX_LENGTH:
        raise TokenInvalid
    try:
        key.verify(_decode(signature), f"{header}.{body}".encode("ascii"))
        claims = msgspec.json.decode(_decode(body), type=Claims)
    except (InvalidSignature, msgspec.MsgspecError, ValueError) as problem:
        raise TokenInvalid from problem
    if claims.iss != issuer or claims.aud != AUDIENCE:
        raise TokenInvalid
    if claims.iat > now + _CLOCK_SKEW_SECONDS or (claims.nbf is not None and claims.nbf > now):
        raise TokenInvalid
    if claims.exp <= now:
        raise TokenExpired
    return claims


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    """Return the bytes of base64url without padding; ValueError for any other spelling of them."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except binascii.Error as problem:
        raise ValueError from problem
    if _encode(data) != text:
        raise ValueError("not the canonical spelling")
    return data
