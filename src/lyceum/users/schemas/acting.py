"""What goes over the wire about acting as somebody else."""

from typing import Annotated, Literal

from msgspec import Meta

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.accounts import UserView
from lyceum.users.schemas.fields import LINE, Secretive


class ActingReason(Input, frozen=True, kw_only=True):
    """Why an administrator looks at what a person sees; it stays on record."""

    reason: Annotated[str, Meta(min_length=1, max_length=500, pattern=LINE)]


class ActingView(Secretive, Output, frozen=True, kw_only=True):
    """A token to look with; its claim `act` names who does. It cannot be renewed."""

    user: UserView
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int
