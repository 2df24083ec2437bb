"""The public keys, as others read them."""

import msgspec


class Jwk(msgspec.Struct, frozen=True, kw_only=True):
    """A public key (RFC 8037)."""

    kty: str
    crv: str
    use: str
    alg: str
    kid: str
    x: str


class JwkSet(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that verify our tokens (RFC 7517)."""

    keys: list[Jwk]
