"""A sign-in on its way through an OpenID provider: sent there, and heard what came of it.

`state` is random and known by its hash; `nonce` and the PKCE verifier are computed from it with
keys of the installation, so nothing that is stored completes a sign-in. The state is good once, in
the browser that began. Not here: who gets a session for it (`oidc_sign_in`, `identities`).
"""

import base64
import hmac
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters import oidc_exchange, return_paths, sealing
from lyceum.users.adapters.id_tokens import IdTokenRefused
from lyceum.users.adapters.oidc_exchange import Handshake
from lyceum.users.adapters.oidc_http import GrantRefused, ProviderFailed
from lyceum.users.adapters.oidc_providers import Provider, callback_of, providers_of
from lyceum.users.errors import IdentityRefused, ProviderUnavailable
from lyceum.users.queries import identities as identity_queries
from lyceum.users.records import OidcFlow

FLOW_SECONDS = 600
CODE_SECONDS = 300
# What providers say of people who turn back; Apple has a word of its own.
_OWN_WISHES = ("access_denied", "user_cancelled_authorize")
_SEAL = "identities on their way"


class Answered(msgspec.Struct, frozen=True):
    """What a provider sends back with the browser."""

    state: str
    code: str | None
    iss: str | None
    error: str | None


class Returned(msgspec.Struct, frozen=True):
    """Where the browser goes on: with a code, or with what went wrong."""

    path: str
    code: str | None = None
    error: str | None = None


async def begin_flow(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    *,
    provider: str,
    next_path: str,
    code_challenge: str | UnsetType,
    browser: str,
    link_with: UUID | None,
) -> str:
    """Return where to send the browser that keeps the secret `browser`.

    Asks the provider before the first statement of `tx`. Raises NotFound, ValidationFailed for a
    path that is not of the list, ProviderUnavailable.
    """
    found = _provider(settings, provider)
    if not return_paths.is_allowed(next_path, settings.return_paths):
        raise errors.ValidationFailed(
            "", errors.FieldError("/next", "This is none of the front end's paths")
        )
    state = ids.new_secret()
    try:
        url = await oidc_exchange.authorization_url(
            found, _handshake(settings, state), callback_of(settings, provider)
        )
    except ProviderFailed as problem:
        raise ProviderUnavailable from problem
    await tx.execute(
        identity_queries.INSERT_FLOW,
        ids.hash_secret(state),
        provider,
        ids.hash_secret(browser),
        None if code_challenge is UNSET else code_challenge,
        next_path,
        link_with,
        float(FLOW_SECONDS),
    )
    return url


async def finish_flow(
    tx: Writer, actor: Actor, settings: Settings, provider: str, given: Answered, browser: str
) -> Returned:
    """Take a provider's answer, once, and return where the browser goes on.

    The state is used up by a command of its own, whatever comes then; the provider is asked before
    the first statement of `tx`. Raises NotFound, TokenInvalid for a state that is not of this
    browser, IdentityRefused, ProviderUnavailable.
    """
    found = _provider(settings, provider)
    state_hash, browser_hash = ids.hash_secret(given.state), ids.hash_secret(browser)
    flow = await tx.database.sole_writer().one_or_none(
        identity_queries.CLAIM_FLOW, state_hash, provider, browser_hash
    )
    if flow is None:
        raise errors.TokenInvalid("This sign-in was not begun here, or is over.")
    identity = await _ask(settings, found, given)
    if identity is None:
        is_own_wish = given.error in _OWN_WISHES
        error = "access_denied" if is_own_wish else "sign_in_failed"
        return Returned(flow.return_path, error=error)
    code = ids.new_secret()
    sealed = sealing.seal(settings.secret_key, _SEAL, msgspec.json.encode(identity))
    await tx.execute(
        identity_queries.TELL_FLOW,
        state_hash,
        sealed,
        ids.hash_secret(code),
        float(CODE_SECONDS),
    )
    return Returned(flow.return_path, code=code)


async def claim_code(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    *,
    code: str,
    code_verifier: str | UnsetType,
    browser: str,
) -> tuple[OidcFlow, oidc_exchange.Identity] | None:
    """Return the locked flow that a code is of, and who it is about, if whoever brings the code is
    who began; None otherwise. The caller deletes it."""
    flow = await tx.one_or_none(identity_queries.LOCK_FLOW, ids.hash_secret(code))
    if flow is None:
        return None
    if flow.code_challenge is not None:
        given = "" if code_verifier is UNSET else oidc_exchange.challenge_of(code_verifier)
        is_theirs = hmac.compare_digest(given, flow.code_challenge)
    else:
        is_theirs = hmac.compare_digest(ids.hash_secret(browser), flow.browser_hash)
    if not is_theirs:
        return None
    try:
        plain = sealing.unseal(settings.secret_key, _SEAL, flow.identity)
    except sealing.Unsealable:
        return None
    return flow, msgspec.json.decode(plain, type=oidc_exchange.Identity)


async def _ask(
    settings: Settings, provider: Provider, given: Answered
) -> oidc_exchange.Identity | None:
    """Return who the provider says it is; None when the person did not want to."""
    callback = callback_of(settings, provider.name)
    try:
        await oidc_exchange.require_issuer(provider, given.iss)
        if given.code is None:
            return None
        handshake = _handshake(settings, given.state)
        return await oidc_exchange.redeem(provider, handshake, callback, given.code)
    except (IdTokenRefused, GrantRefused) as problem:
        raise IdentityRefused from problem
    except ProviderFailed as problem:
        raise ProviderUnavailable from problem


def _handshake(settings: Settings, state: str) -> Handshake:
    return Handshake(
        state=state,
        nonce=_derived(settings, "oidc nonces", state),
        verifier=_derived(settings, "oidc verifiers", state),
    )


def _derived(settings: Settings, purpose: str, state: str) -> str:
    digest = hmac.digest(sealing.derive_key(settings.secret_key, purpose), state.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _provider(settings: Settings, name: str) -> Provider:
    found = providers_of(settings).get(name)
    if found is None:
        raise errors.NotFound("There is no such provider.")
    return found
