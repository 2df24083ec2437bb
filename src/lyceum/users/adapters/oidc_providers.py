"""Which OpenID providers people may sign in with, from the settings: Google, Apple, any other.

Not here: what a provider says about itself (`oidc_directory`).
"""

from functools import lru_cache
from typing import Final

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from lyceum.platform import clock
from lyceum.platform.routing import API
from lyceum.platform.settings import Settings

GOOGLE: Final = "https://accounts.google.com"
APPLE: Final = "https://appleid.apple.com"
_SECRET_SECONDS: Final = 300


class AppleKey(msgspec.Struct, frozen=True):
    """What Apple's client secrets are signed with."""

    team_id: str
    key_id: str
    private_key: str

    def __repr__(self) -> str:
        return f"AppleKey({self.key_id})"


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider, and who we are there; `by_post`: its answer is a form that browsers post."""

    name: str
    title: str
    issuer: str
    client_id: str
    client_secret: str
    scopes: str
    by_post: bool = False
    apple: AppleKey | None = None

    def __repr__(self) -> str:
        return f"Provider({self.name})"

    def secret(self) -> str:
        """Return what proves who we are; for Apple a token that we sign, good for 5 minutes."""
        if self.apple is None:
            return self.client_secret
        now = int(clock.utc_now().timestamp())
        claims = {
            "iss": self.apple.team_id,
            "iat": now,
            "exp": now + _SECRET_SECONDS,
            "aud": self.issuer,
            "sub": self.client_id,
        }
        header = {"alg": "ES256", "kid": self.apple.key_id}
        return jwt.encode(header, claims, ECKey.import_key(self.apple.private_key))


@lru_cache(maxsize=8)
def providers_of(settings: Settings) -> dict[str, Provider]:
    """Return the providers of an installation by name, in the order of their buttons."""
    found = []
    if settings.google_client_id:
        found.append(
            Provider(
                name="google",
                title="Google",
                issuer=GOOGLE,
                client_id=settings.google_client_id,
                client_secret=settings.google_client_secret.get_secret_value(),
                scopes="openid email profile",
            )
        )
    if settings.apple_client_id:
        found.append(_apple(settings, APPLE))
    found += [
        Provider(
            name=given.name,
            title=given.title or given.name,
            issuer=given.issuer,
            client_id=given.client_id,
            client_secret=given.client_secret.get_secret_value(),
            scopes=given.scopes,
        )
        for given in settings.oidc_providers
    ]
    return {provider.name: provider for provider in found}


def callback_of(settings: Settings, provider: str) -> str:
    """Return where a provider sends browsers back to: what is registered there."""
    return f"{settings.base_url}{API}/auth/oidc/{provider}/callback"


def _apple(settings: Settings, issuer: str) -> Provider:
    return Provider(
        name="apple",
        title="Apple",
        issuer=issuer,
        client_id=settings.apple_client_id,
        client_secret="",
        scopes="openid email name",
        by_post=True,
        apple=AppleKey(
            settings.apple_team_id,
            settings.apple_key_id,
            settings.apple_private_key.get_secret_value(),
        ),
    )
