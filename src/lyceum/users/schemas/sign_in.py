"""What goes over the wire about signing in, passwords and sessions."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.accounts import UserView
from lyceum.users.schemas.fields import GivenSecret, NewSecret, Secretive, Token
from lyceum.users.schemas.mfa import Way


class SignIn(Secretive, Input, frozen=True, kw_only=True):
    """Who wants in."""

    email: Annotated[str, Meta(min_length=1, max_length=320)]
    password: GivenSecret
    device_token: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=200,
                description="What this device is known by, for clients that keep no cookies",
            ),
        ]
        | UnsetType
    ) = UNSET


class Refresh(Secretive, Input, frozen=True, kw_only=True):
    """A refresh token to exchange."""

    refresh_token: Token


class PasswordChange(Secretive, Input, frozen=True, kw_only=True):
    """A new password, and the present one as proof."""

    current_password: GivenSecret
    new_password: NewSecret


class SignedInView(Secretive, Output, frozen=True, kw_only=True):
    """A session's tokens; `expires_in` is the life of the access token in seconds."""

    user: UserView
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int
    # What the device is known by from now on.
    device_token: str | UnsetType = UNSET


class SignInAnswer(Secretive, Output, frozen=True, kw_only=True):
    """A session's tokens; or, where `mfa_required`, what the second factor is shown with at
    `/auth/mfa/verify`, within `expires_in` seconds."""

    user: UserView | UnsetType = UNSET
    access_token: str | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET
    token_type: Literal["Bearer"] | UnsetType = UNSET
    expires_in: int
    device_token: str | UnsetType = UNSET
    mfa_required: Literal[True] | UnsetType = UNSET
    mfa_token: str | UnsetType = UNSET
    methods: list[Way] | UnsetType = UNSET


class EitherSignInAnswer(Secretive, Output, frozen=True, kw_only=True):
    """A session with tokens, or by cookie where that was asked for (`csrfToken`); or, where
    `mfaRequired`, what the second factor is shown with, within `expiresIn` seconds."""

    user: UserView | UnsetType = UNSET
    access_token: str | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET
    token_type: Literal["Bearer"] | UnsetType = UNSET
    session_id: UUID | UnsetType = UNSET
    csrf_token: str | UnsetType = UNSET
    expires_at: datetime | UnsetType = UNSET
    expires_in: int | UnsetType = UNSET
    device_token: str | UnsetType = UNSET
    mfa_required: Literal[True] | UnsetType = UNSET
    mfa_token: str | UnsetType = UNSET
    methods: list[Way] | UnsetType = UNSET


class SessionView(Output, frozen=True, kw_only=True):
    """Where a person is signed in."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip: str
    user_agent: str
    kind: Literal["tokens", "browser"]
    is_current: bool
