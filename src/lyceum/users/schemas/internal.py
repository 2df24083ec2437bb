"""What goes over the wire between services."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import Secretive
from lyceum.users.schemas.permissions import PermissionQuestions


class Introspection(Secretive, Input, frozen=True, kw_only=True):
    """A token or API key that a service was given; `ip` is where it came from."""

    token: Annotated[str, Meta(min_length=1, max_length=4096)]
    ip: Annotated[str, Meta(max_length=45)] = ""


class IntrospectionView(Output, frozen=True, kw_only=True):
    """What a token stands for now (after RFC 7662); nothing but `active` when it is not good."""

    active: bool
    kind: Literal["access_token", "api_key"] | None = None
    user_id: UUID | None = None
    session_id: UUID | None = None
    impersonator_id: UUID | None = None
    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    expires_at: datetime | None = None


class QuestionsAboutUser(PermissionQuestions, frozen=True, kw_only=True):
    """Questions about the rights of a person."""

    user_id: UUID
