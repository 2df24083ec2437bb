"""What goes over the wire about API keys."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import LINE, Secretive

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=LINE)]
Scopes = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...],
    Meta(
        min_length=1,
        max_length=500,
        description="Permissions that its owner has; `self:read` and `self:write` are for what"
        " takes no permission but being somebody",
    ),
]
Networks = Annotated[
    tuple[Annotated[str, Meta(min_length=2, max_length=50)], ...],
    Meta(max_length=50, description="Addresses or CIDR networks it may be used from; none: all"),
]


class NewApiKey(Input, frozen=True, kw_only=True):
    """A key to make."""

    name: Name
    scopes: Scopes
    networks: Networks = ()
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    ends_with_password: Annotated[
        bool, Meta(description="Whether changing the password revokes the key")
    ] = False


class KeyRotation(Input, frozen=True, kw_only=True):
    """How long the present secret still opens after the new one is made."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=7 * 86_400)] = 0


class ApiKeyView(Output, frozen=True, kw_only=True):
    """A key, as its owner sees it: of the secret only the prefix."""

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    networks: list[str]
    ends_with_password: bool
    expires_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None
    last_used_ip: str
    previous_until: datetime | None


class NewApiKeyView(Secretive, ApiKeyView, frozen=True, kw_only=True):
    """A key that was made just now; the secret is shown this once."""

    secret: str
