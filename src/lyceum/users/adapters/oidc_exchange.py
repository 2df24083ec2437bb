"""Speaking OpenID Connect with a provider: sending a browser there, and what comes of its code.

Authorization code with PKCE (RFC 7636, S256), `state`, `nonce`, and `iss` (RFC 9207). Not here:
which sign-in it is (`service.oidc_flows`). Never called inside a transaction.
"""

import base64
import hashlib
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from lyceum.platform import clock
from lyceum.users.adapters import id_tokens
from lyceum.users.adapters.id_tokens import Claims, IdTokenRefused
from lyceum.users.adapters.oidc_directory import Directory
from lyceum.users.adapters.oidc_http import ProviderFailed, ask
from lyceum.users.adapters.oidc_providers import Provider

directory = Directory()


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is at a provider: `issuer` and `subject`; the rest is what they are told by."""

    provider: str
    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool
    first_name: str
    last_name: str


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets of one sign-in: each is known to whom it must be."""

    state: str
    nonce: str
    verifier: str

    def __repr__(self) -> str:
        return "Handshake(…)"


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def authorization_url(provider: Provider, handshake: Handshake, callback: str) -> str:
    """Return where to send the browser; ProviderFailed."""
    metadata = await directory.metadata(provider)
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": callback,
        "scope": provider.scopes,
        "state": handshake.state,
        "nonce": handshake.nonce,
        "code_challenge": challenge_of(handshake.verifier),
        "code_challenge_method": "S256",
    }
    if provider.by_post:
        asked["response_mode"] = "form_post"
    endpoint = metadata.authorization_endpoint
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"


async def require_issuer(provider: Provider, given: str | None) -> None:
    """Raise IdTokenRefused when an answer names another issuer, or none where one is promised."""
    metadata = await directory.metadata(provider)
    is_promised = metadata.authorization_response_iss_parameter_supported
    if (given is None and is_promised) or (given is not None and given != metadata.issuer):
        raise IdTokenRefused("an answer of another issuer")


async def redeem(provider: Provider, handshake: Handshake, callback: str, code: str) -> Identity:
    """Return who a code stands for; ProviderFailed, IdTokenRefused."""
    metadata = await directory.metadata(provider)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback,
        "code_verifier": handshake.verifier,
    }
    secret, basic = provider.secret(), None
    methods = metadata.token_endpoint_auth_methods_supported
    if not secret or "client_secret_basic" not in methods or provider.apple is not None:
        form["client_id"] = provider.client_id
        if secret:
            form["client_secret"] = secret
    else:
        # RFC 6749 2.3.1: both are encoded as in a form first.
        basic = (quote(provider.client_id, safe=""), quote(secret, safe=""))
    answer = await ask(metadata.token_endpoint, form=form, basic=basic)
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise ProviderFailed(f"{provider.name} gave no id_token")
    header = id_tokens.header_of(token)
    keys = await directory.keys(provider, header.kid)
    claims = id_tokens.verify(
        token,
        keys,
        issuer=metadata.issuer,
        client_id=provider.client_id,
        nonce=handshake.nonce,
        now=clock.utc_now().timestamp(),
    )
    access_token = answer.get("access_token")
    if claims.email is None and metadata.userinfo_endpoint and isinstance(access_token, str):
        claims = await _complete(claims, metadata.userinfo_endpoint, access_token)
    return _identity(provider, claims)


async def _complete(claims: Claims, endpoint: str, access_token: str) -> Claims:
    """Return what a provider tells at its userinfo endpoint beside `claims`, of the same person
    (OpenID Connect Core 1.0, 5.3.2)."""
    told = await ask(endpoint, bearer=access_token)
    if told.get("sub") != claims.sub:
        raise IdTokenRefused("told of somebody else")
    names = ("email", "email_verified", "given_name", "family_name", "name")
    try:
        more = {name: told[name] for name in names if name in told}
        return msgspec.convert({**msgspec.structs.asdict(claims), **more}, Claims)
    except msgspec.ValidationError as problem:
        raise ProviderFailed(f"{endpoint}: {problem}") from problem


def _identity(provider: Provider, claims: Claims) -> Identity:
    whole = (claims.name or "").split(maxsplit=1)
    return Identity(
        provider=provider.name,
        issuer=claims.iss,
        subject=claims.sub,
        email=claims.email,
        is_email_verified=claims.is_email_verified,
        first_name=claims.given_name or (whole[0] if whole else ""),
        last_name=claims.family_name or (whole[1] if len(whole) > 1 else ""),
    )
