"""What goes over the wire about sessions of browsers and the devices that people sign in from."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from lyceum.platform.wire import Output
from lyceum.users.schemas.accounts import UserView
from lyceum.users.schemas.fields import Secretive
from lyceum.users.schemas.mfa import Way


class BrowserSessionView(Secretive, Output, frozen=True, kw_only=True):
    """A session; `csrf_token` goes into X-CSRF-Token with everything that changes something, and
    is there for a session of a browser alone."""

    user: UserView
    session_id: UUID
    csrf_token: str | UnsetType = UNSET
    expires_at: datetime


class BrowserSignInAnswer(Secretive, Output, frozen=True, kw_only=True):
    """A browser's session; or, where `mfa_required`, what the second factor is shown with at
    `/auth/session/mfa`, within `expires_in` seconds."""

    user: UserView | UnsetType = UNSET
    session_id: UUID | UnsetType = UNSET
    csrf_token: str | UnsetType = UNSET
    expires_at: datetime | UnsetType = UNSET
    mfa_required: Literal[True] | UnsetType = UNSET
    mfa_token: str | UnsetType = UNSET
    methods: list[Way] | UnsetType = UNSET
    expires_in: int | UnsetType = UNSET


class DeviceView(Output, frozen=True, kw_only=True):
    """A device that its owner has signed in from before."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip: str
    user_agent: str
    is_signed_in: bool
    is_current: bool
