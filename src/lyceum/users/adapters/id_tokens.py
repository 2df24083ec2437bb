"""ID tokens (OpenID Connect Core 1.0, 3.1.3.7): who somebody is, by the word of their provider.

The algorithms are ours to choose: no `none`, and nothing with a shared secret. Not here: fetching
keys (`oidc_directory`).
"""

import base64
import binascii
import warnings
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import Key, KeySet

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")
MAX_LENGTH: Final = 16_384
_SKEW_SECONDS: Final = 60
_MAX_AGE_SECONDS: Final = 600
_TRIPS: Final = (JoseError, ValueError, TypeError, KeyError, AttributeError)


class IdTokenRefused(Exception):
    """A token that is not to be believed; the text says why, for logs."""


class Header(msgspec.Struct, frozen=True):
    """The part of a token's header that we look at."""

    alg: str
    kid: str | None = None
    crit: list[str] | None = None


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says, as far as we listen."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    iat: int | float
    nonce: str | None = None
    azp: str | None = None
    email: str | None = None
    # Apple writes it as text at times.
    email_verified: bool | str | None = None
    given_name: str | None = None
    family_name: str | None = None
    name: str | None = None

    @property
    def is_email_verified(self) -> bool:
        """Whether the provider vouches for the address."""
        return self.email_verified in (True, "true")


def header_of(token: str) -> Header:
    """Return what a token says about itself; IdTokenRefused for what no key could verify."""
    if len(token) > MAX_LENGTH or token.count(".") != 2:
        raise IdTokenRefused("no token")
    part = token.partition(".")[0]
    try:
        plain = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
        header = msgspec.json.decode(plain, type=Header)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as problem:
        raise IdTokenRefused("no header") from problem
    if header.alg not in ALGORITHMS or header.crit is not None:
        raise IdTokenRefused("an algorithm that is not ours")
    return header


def verify_signature(token: str, keys: KeySet) -> bytes:
    """Return what a token holds, if one of `keys` has signed it; IdTokenRefused."""
    header = header_of(token)
    candidates = [key for key in keys if header.kid in (None, key.kid)]
    if header.kid is None and len(candidates) > 1:
        candidates = [key for key in candidates if _fits(key, header.alg)]
    if len(candidates) != 1:
        raise IdTokenRefused("no key of that name")
    key = candidates[0]
    if key.key_type == "oct":
        raise IdTokenRefused("a shared secret is no key of a provider")
    try:
        with warnings.catch_warnings():
            # RFC 9864 gave EdDSA another name, which providers do not use yet.
            warnings.simplefilter("ignore", SecurityWarning)
            payload = jws.deserialize_compact(token, key, algorithms=[header.alg]).payload
    except _TRIPS as problem:
        raise IdTokenRefused("the signature does not hold") from problem
    return payload or b""


def verify(
    token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, now: float
) -> Claims:
    """Return what a token says, if it is for us, of this sign-in, and of now; IdTokenRefused."""
    payload = verify_signature(token, keys)
    try:
        claims = msgspec.json.decode(payload, type=Claims)
    except msgspec.MsgspecError as problem:
        raise IdTokenRefused("no claims") from problem
    for is_wrong, what in _faults(claims, issuer, client_id, nonce, now):
        if is_wrong:
            raise IdTokenRefused(what)
    return claims


def _faults(
    claims: Claims, issuer: str, client_id: str, nonce: str, now: float
) -> list[tuple[bool, str]]:
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    return [
        (claims.iss != issuer, "another issuer"),
        (client_id not in audience, "for somebody else"),
        (len(audience) > 1 and claims.azp != client_id, "not asked for by us"),
        (claims.azp not in (None, client_id), "asked for by somebody else"),
        (claims.nonce != nonce, "of another sign-in"),
        (claims.exp <= now - _SKEW_SECONDS, "too old"),
        (claims.iat > now + _SKEW_SECONDS, "not made yet"),
        (claims.iat < now - _MAX_AGE_SECONDS, "made too long ago"),
        (not 1 <= len(claims.sub) <= 255, "nobody"),
    ]


def _fits(key: Key, algorithm: str) -> bool:
    kinds: dict[str, Any] = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    return bool(key.key_type == kinds[algorithm[:2]])
