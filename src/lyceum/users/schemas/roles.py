"""What goes over the wire about roles."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output, Patch
from lyceum.users.schemas.fields import TEXT

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,49}$(?!\n)")]
Description = Annotated[str, Meta(max_length=500, pattern=TEXT)]
PermissionNames = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...],
    Meta(max_length=500, description="Names of declared permissions"),
]


class NewRole(Input, frozen=True, kw_only=True):
    """A role to make; it has no permission that its maker has not."""

    name: Name
    description: Description = ""
    permissions: PermissionNames


class RolePatch(Patch, frozen=True, kw_only=True):
    """What may change of a custom role."""

    description: Description | UnsetType = UNSET
    permissions: PermissionNames | UnsetType = UNSET


class RoleView(Output, frozen=True, kw_only=True):
    """A role and all that it grants; a built-in one is the program's own and has no times."""

    name: str
    description: str
    permissions: list[str]
    is_built_in: bool
    created_at: datetime | None = None
    updated_at: datetime | None = None
