"""What goes over the wire about permissions."""

from typing import Annotated

from msgspec import Meta

from lyceum.platform.wire import Input, Output


class ResourceRef(Input, frozen=True, kw_only=True):
    """One object: a `course` by id or slug, a `user` by id."""

    type: Annotated[str, Meta(min_length=1, max_length=50)]
    id: Annotated[str, Meta(min_length=1, max_length=300)]


class PermissionQuestion(Input, frozen=True, kw_only=True):
    """One question about somebody's rights; with `resource`, about that object."""

    permission: Annotated[str, Meta(min_length=1, max_length=100)]
    resource: ResourceRef | None = None


class PermissionQuestions(Input, frozen=True, kw_only=True):
    """Questions about the asker's rights."""

    checks: Annotated[tuple[PermissionQuestion, ...], Meta(min_length=1, max_length=100)]


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
    """Whether somebody may, and why or why not."""

    permission: str
    resource: ResourceRef | None
    allowed: bool
    reason: str
