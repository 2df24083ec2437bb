"""What goes over the wire about accounts."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.paging import PageQuery
from lyceum.platform.wire import Input, Output, Patch
from lyceum.users.schemas.fields import (
    TEXT,
    Email,
    FirstName,
    LastName,
    NewSecret,
    RoleName,
    Roles,
    Secretive,
    Status,
    Visibility,
)


class NewUser(Secretive, Input, frozen=True, kw_only=True):
    """An account that an administrator makes for somebody, with a password, or with the hash of
    one that another system has kept."""

    email: Email
    password: NewSecret | UnsetType = UNSET
    password_hash: (
        Annotated[str, Meta(max_length=200, description="bcrypt ($2a$, $2b$, $2y$) or argon2id")]
        | UnsetType
    ) = UNSET
    first_name: FirstName
    last_name: LastName = ""
    roles: Roles = ("student",)


class ProfilePatch(Patch, frozen=True, kw_only=True):
    """What people may change about themselves."""

    first_name: FirstName | UnsetType = UNSET
    last_name: LastName | UnsetType = UNSET
    avatar_url: (
        Annotated[str, Meta(max_length=2000, pattern=r"^https?://[!-~]+$(?!\n)")] | UnsetType | None
    ) = UNSET
    bio: Annotated[str, Meta(max_length=5000, pattern=TEXT)] | UnsetType = UNSET
    locale: (
        Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$(?!\n)")]
        | UnsetType
    ) = UNSET
    time_zone: (
        Annotated[str, Meta(max_length=64, description="A name of the IANA database")] | UnsetType
    ) = UNSET
    visibility: Visibility | UnsetType = UNSET


class RolesChange(Input, frozen=True, kw_only=True):
    """The roles that a person shall have, in place of the present ones."""

    roles: Roles


class UserQuery(PageQuery, frozen=True, kw_only=True):
    """Which accounts to list."""

    search: (
        Annotated[str, Meta(min_length=1, max_length=100, description="Part of name or email")]
        | UnsetType
    ) = UNSET
    role: RoleName | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class UserView(Output, frozen=True, kw_only=True):
    """An account, as its owner and administrators see it."""

    id: UUID
    email: str
    first_name: str
    last_name: str
    display_name: str
    avatar_url: str | None
    bio: str
    locale: str
    time_zone: str
    visibility: Visibility
    roles: list[str]
    status: Status
    email_verified: bool
    created_at: datetime
    updated_at: datetime


class PersonCard(Output, frozen=True, kw_only=True):
    """A person in a list of people."""

    id: UUID
    display_name: str
    avatar_url: str | None


class PersonView(Output, frozen=True, kw_only=True):
    """A person, as others see them; what follows `email` is for themselves and administrators."""

    id: UUID
    display_name: str
    avatar_url: str | None
    bio: str
    is_instructor: bool
    followers_count: int
    following_count: int
    is_followed: bool
    email: str | UnsetType = UNSET
    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    roles: list[str] | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    email_verified: bool | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType = UNSET
