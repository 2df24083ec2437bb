"""What goes over the wire about people, sessions and permissions.

Text of people is plain text: control characters and those that turn the direction of writing are
refused. Bodies with secrets never show them, whoever prints one.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.paging import PageQuery
from lyceum.platform.wire import Input, Output, Patch

# One line: no control characters, and none that turn the direction of writing.
_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$(?!\n)"
_TEXT = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$(?!\n)"

Email = Annotated[
    str, Meta(min_length=3, max_length=254, description="An address that mail can reach")
]
FirstName = Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)]
LastName = Annotated[str, Meta(max_length=100, pattern=_LINE)]
NewSecret = Annotated[
    str,
    Meta(
        min_length=8,
        max_length=128,
        description="Any characters, taken exactly as they are; not a common password, and not"
        " one that contains the email address",
    ),
]
# What was once a password may be anything, so that the answer is the same for every wrong one.
GivenSecret = Annotated[str, Meta(min_length=1, max_length=1024)]
Token = Annotated[str, Meta(min_length=1, max_length=200)]
RoleName = Literal[
    "student", "instructor", "manager", "admin", "super_admin", "user", "teacher"
]  # fmt: skip
Roles = Annotated[
    tuple[RoleName, ...],
    Meta(min_length=1, max_length=5, description="`teacher` and `user` are taken as aliases"),
]
Status = Literal["active", "suspended", "erased"]
Visibility = Literal["public", "academy", "private"]


class _Secretive:
    """A body that is not shown with what it holds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class NewRegistration(_Secretive, Input, frozen=True, kw_only=True):
    """Who wants an account."""

    email: Email
    password: NewSecret
    first_name: FirstName
    last_name: LastName = ""


class NewUser(_Secretive, Input, frozen=True, kw_only=True):
    """An account that an administrator makes for somebody."""

    email: Email
    password: NewSecret
    first_name: FirstName
    last_name: LastName = ""
    roles: Roles = ("student",)


class SignIn(_Secretive, Input, frozen=True, kw_only=True):
    """Who wants in."""

    email: Annotated[str, Meta(min_length=1, max_length=320)]
    password: GivenSecret


class Refresh(_Secretive, Input, frozen=True, kw_only=True):
    """A refresh token to exchange."""

    refresh_token: Token


class EmailProof(_Secretive, Input, frozen=True, kw_only=True):
    """The token of a verification link."""

    token: Token


class PasswordChange(_Secretive, Input, frozen=True, kw_only=True):
    """A new password, and the present one as proof."""

    current_password: GivenSecret
    new_password: NewSecret


class ProfilePatch(Patch, frozen=True, kw_only=True):
    """What people may change about themselves."""

    first_name: FirstName | UnsetType = UNSET
    last_name: LastName | UnsetType = UNSET
    avatar_url: (
        Annotated[str, Meta(max_length=2000, pattern=r"^https?://[!-~]+$(?!\n)")] | UnsetType | None
    ) = UNSET
    bio: Annotated[str, Meta(max_length=5000, pattern=_TEXT)] | UnsetType = UNSET
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


class PermissionQuestion(Input, frozen=True, kw_only=True):
    """One question about the asker's rights."""

    permission: Annotated[str, Meta(min_length=1, max_length=100)]


class PermissionQuestions(Input, frozen=True, kw_only=True):
    """Questions about the asker's rights."""

    checks: Annotated[tuple[PermissionQuestion, ...], Meta(min_length=1, max_length=100)]


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


class PersonView(Output, frozen=True, kw_only=True):
    """A person, as others see them; what follows `bio` is for the owner and administrators."""

    id: UUID
    display_name: str
    avatar_url: str | None
    bio: str
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


class RegistrationPending(Output, frozen=True, kw_only=True):
    """The answer to everybody where addresses are proved first."""

    status: Literal["pending"] = "pending"
    message: str = "Look into your mailbox: we have sent you what to do next."


class SignedInView(_Secretive, Output, frozen=True, kw_only=True):
    """A session's tokens; `expires_in` is the life of the access token in seconds."""

    user: UserView
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int


class SessionView(Output, frozen=True, kw_only=True):
    """Where a person is signed in."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip: str
    user_agent: str
    is_current: bool


class PermissionView(Output, frozen=True, kw_only=True):
    """A permission, and the roles that have it by default."""

    name: str
    description: str
    roles: list[str]


class OwnPermissions(Output, frozen=True, kw_only=True):
    """What the asker may do by role."""

    roles: list[str]
    permissions: list[str]


class PermissionAnswer(Output, frozen=True, kw_only=True):
    """Whether the asker may, and why not."""

    permission: str
    allowed: bool
    reason: str


class Jwk(msgspec.Struct, frozen=True, kw_only=True):
    """A public key (RFC 8037)."""

    kty: str
    crv: str
    use: str
    alg: str
    kid: str
    x: str


class JwkSet(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that verify our tokens (RFC 7517)."""

    keys: list[Jwk]
