"""What goes over the wire about signing in with OpenID providers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import Secretive, Token

CodeChallenge = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)",
        description="S256 of a verifier that the front end keeps (RFC 7636); without one, the"
        " browser's cookie proves who began",
    ),
]
CodeVerifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._~-]{43,128}$(?!\n)")]
ReturnPath = Annotated[
    str, Meta(min_length=1, max_length=500, description="A path of the front end, of its list")
]


class OidcStart(Input, frozen=True, kw_only=True):
    """How a sign-in goes on once the provider has answered."""

    next: ReturnPath = "/login"
    code_challenge: CodeChallenge | UnsetType = UNSET


class OidcExchange(Secretive, Input, frozen=True, kw_only=True):
    """The code that the front end was given in its address."""

    code: Token
    code_verifier: CodeVerifier | UnsetType = UNSET
    device_token: (
        Annotated[str, Meta(min_length=1, max_length=200, description="Of a known device")]
        | UnsetType
    ) = UNSET
    as_browser: Annotated[
        bool, Meta(description="Open a session by cookie, as `/auth/session` does")
    ] = False


class LinkStart(Input, frozen=True, kw_only=True):
    """With whom the account is to be linked."""

    provider: Annotated[str, Meta(min_length=1, max_length=32)]
    next: ReturnPath = "/account"
    code_challenge: CodeChallenge | UnsetType = UNSET


class LinkConfirmation(Secretive, Input, frozen=True, kw_only=True):
    """The code that the front end was given in its address."""

    code: Token
    code_verifier: CodeVerifier | UnsetType = UNSET


class ProviderView(Output, frozen=True, kw_only=True):
    """Somewhere to sign in."""

    name: str
    title: str
    start_url: str


class AuthorizationView(Output, frozen=True, kw_only=True):
    """Where to send the browser."""

    authorization_url: str


class IdentityView(Output, frozen=True, kw_only=True):
    """An identity elsewhere that opens this account."""

    id: UUID
    provider: str
    issuer: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None
