"""Who acts, and what they may do by role. Not here: rules about an object (each domain's
`permissions.py`), and how a token becomes an actor (`users`)."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import msgspec

from lyceum.platform import errors

ROLES: Final = ("student", "instructor", "manager", "admin", "super_admin")
"""Lowest first; each role has every permission of those before it."""

ROLE_ALIASES: Final = {"user": "student", "teacher": "instructor"}


class Permission(msgspec.Struct, frozen=True):
    """A `resource:action` that roles grant; `role` is the lowest that has it by default."""

    name: str
    role: str
    description: str


_permissions: dict[str, Permission] = {}
_by_rank: dict[int, frozenset[str]] = {}


def permission(name: str, *, role: str, description: str) -> Permission:
    """Declare a permission of a domain; a name is declared once."""
    if name in _permissions or role not in ROLES:
        raise ValueError(f"permission {name} is declared twice, or its role {role} is unknown")
    _permissions[name] = declared = Permission(name, role, description)
    _by_rank.clear()
    return declared


def all_permissions() -> list[Permission]:
    """Return every declared permission, by name."""
    return sorted(_permissions.values(), key=lambda p: p.name)


def permissions_of(roles: tuple[str, ...], granted: Collection[str] = ()) -> frozenset[str]:
    """Return the names that the built-in `roles` grant by default, and what is `granted` beside.

    Those who are granted nothing share one set: there may be thousands of them.
    """
    rank = max((ROLES.index(role) for role in roles if role in ROLES), default=-1)
    names = _by_rank.get(rank)
    if names is None:
        names = frozenset(p.name for p in _permissions.values() if ROLES.index(p.role) <= rank)
        _by_rank[rank] = names
    return names.union(granted) if granted else names


class Actor(msgspec.Struct, frozen=True):
    """Whoever acts in a request, message, command or job; built once per entry.

    `user_id` is None for the anonymous and for the system; `system` names the job, handler or
    command when nobody is behind it. `service` is another program that signed its request: it is
    nobody, and may knock at the doors for services alone.
    """

    user_id: UUID | None = None
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    session_id: UUID | None = None
    impersonator_id: UUID | None = None
    system: str | None = None
    service: str | None = None

    @property
    def is_super(self) -> bool:
        """Whether every check passes: a super admin, or the system itself."""
        return self.system is not None or "super_admin" in self.roles

    def may(self, wanted: Permission) -> bool:
        """Whether a role of the actor grants `wanted`, and a scoped key does not withhold it."""
        return self.has(wanted.name)

    def has(self, name: str) -> bool:
        """Whether the actor has the permission called `name`."""
        if self.scopes is not None and name not in self.scopes:
            return False
        return self.is_super or name in self.permissions

    def require(self, wanted: Permission) -> None:
        """Raise Unauthorized or Forbidden unless the actor may."""
        if self.may(wanted):
            return
        if self.user_id is None:
            raise errors.Unauthorized
        raise errors.Forbidden(f"This needs the permission {wanted.name}.", permission=wanted.name)

    def require_user(self) -> UUID:
        """Return the user's id, or raise Unauthorized when nobody is signed in."""
        if self.user_id is None:
            raise errors.Unauthorized
        return self.user_id


READ_SELF = permission(
    "self:read", role="student", description="With an API key: see what is one's own"
)
WRITE_SELF = permission(
    "self:write", role="student", description="With an API key: act for oneself, as enrolling"
)
ANONYMOUS: Final = Actor()


def system_actor(name: str) -> Actor:
    """Return the actor for work that nobody asked for in person: a job, a handler, a command."""
    return Actor(system=name)
