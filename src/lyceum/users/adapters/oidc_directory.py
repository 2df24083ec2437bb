"""What OpenID providers say about themselves: their addresses and their keys, kept for a while.

A key that is not known has the keys fetched again, once a minute at most, however many tokens name
it. One for a process. Not here: whether a token holds (`id_tokens`).
"""

import asyncio
from typing import Final

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from lyceum.platform import clock
from lyceum.users.adapters.oidc_http import ProviderFailed, ask, require_safe
from lyceum.users.adapters.oidc_providers import Provider

METADATA_SECONDS: Final = 3600.0
KEYS_SECONDS: Final = 3600.0
REFETCH_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 5.0


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a provider's configuration (OpenID Connect Discovery 1.0) that we use."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False
    code_challenge_methods_supported: list[str] | None = None


class _Known(msgspec.Struct):
    """What is known of one provider, and since when."""

    lock: asyncio.Lock
    metadata: Metadata | None = None
    metadata_until: float = 0.0
    keys: KeySet | None = None
    keys_fetched: float | None = None


class Directory:
    """The providers that a process has asked, by issuer."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    async def metadata(self, provider: Provider) -> Metadata:
        """Return a provider's configuration; ProviderFailed."""
        known = self._of(provider)
        async with known.lock:
            if known.metadata is None or known.metadata_until <= clock.monotonic():
                known.metadata = await _discover(provider)
                known.metadata_until = clock.monotonic() + METADATA_SECONDS
            return known.metadata

    async def keys(self, provider: Provider, kid: str | None) -> KeySet:
        """Return a provider's keys, among them `kid` if it has one of that name; ProviderFailed."""
        metadata = await self.metadata(provider)
        known = self._of(provider)
        async with known.lock:
            if _is_due(known, kid):
                # Noted before the answer: one that does not come is not asked for at once again.
                known.keys_fetched = clock.monotonic()
                known.keys = await _fetch_keys(metadata)
            if known.keys is None:
                raise ProviderFailed("no keys for now")
            return known.keys

    def _of(self, provider: Provider) -> _Known:
        return self._known.setdefault(provider.issuer, _Known(asyncio.Lock()))


async def _discover(provider: Provider) -> Metadata:
    url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        found = msgspec.convert(await ask(url), Metadata)
    except msgspec.ValidationError as problem:
        raise ProviderFailed(f"{provider.name}: {problem}") from problem
    if found.issuer != provider.issuer:
        raise ProviderFailed(f"{provider.name} says that it is another issuer")
    methods = found.code_challenge_methods_supported
    if methods is not None and "S256" not in methods:
        raise ProviderFailed(f"{provider.name} has no PKCE by S256")
    own = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    for endpoint in (*own, found.userinfo_endpoint or own[0]):
        require_safe(endpoint)
    return found


async def _fetch_keys(metadata: Metadata) -> KeySet:
    found = await ask(metadata.jwks_uri)
    try:
        return KeySet.import_key_set(found)  # type: ignore[arg-type] # checked by what it does
    except (JoseError, KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ProviderFailed(f"no keys at {metadata.jwks_uri}") from problem


def _is_due(known: _Known, kid: str | None) -> bool:
    if known.keys_fetched is None:
        return True
    age = clock.monotonic() - known.keys_fetched
    if known.keys is None:
        return age > RETRY_SECONDS
    is_missing = kid is not None and all(key.kid != kid for key in known.keys)
    return age > (REFETCH_SECONDS if is_missing else KEYS_SECONDS)
