"""Custom roles: making, changing, deleting and giving them.

Nobody makes, changes or gives a role with a permission that they have not themselves. Whoever has a
role follows its change at once, in every process. Not here: who has which role (`administration`).
"""

from collections.abc import Iterable

import msgspec

from lyceum.platform import errors, events
from lyceum.platform.access import Actor, all_permissions
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.users.errors import RoleExists, RoleInUse
from lyceum.users.events import RoleChanged, RoleCreated, RoleDeleted
from lyceum.users.permissions import (
    MANAGE_ROLES,
    READ_ROLES,
    canonical_roles,
    custom_roles,
    require_held,
    require_rank,
    role_tag,
)
from lyceum.users.queries import roles as role_queries
from lyceum.users.records import CustomRole
from lyceum.users.schemas.roles import NewRole, RolePatch
from lyceum.users.service.step_up import require_fresh


async def list_roles(tx: Reader, actor: Actor) -> list[CustomRole]:
    """Return the custom roles by name."""
    actor.require(READ_ROLES)
    return await tx.all(role_queries.LIST_ROLES)


async def get_role(tx: Reader, actor: Actor, name: str) -> CustomRole:
    """Return a custom role."""
    actor.require(READ_ROLES)
    role = await tx.one_or_none(role_queries.FIND_ROLE, name)
    if role is None:
        raise errors.NotFound
    return role


async def create_role(tx: Writer, actor: Actor, new: NewRole) -> CustomRole:
    """Make a role of declared permissions; StepUpRequired, RoleExists, RankTooLow."""
    actor.require(MANAGE_ROLES)
    await require_fresh(tx, actor)
    granted = _declared(new.permissions)
    require_held(actor, granted)
    taken = {"roles_pkey": RoleExists, "roles_not_built_in": RoleExists}
    with constraint_facts(taken):
        role = await tx.one(role_queries.INSERT_ROLE, new.name, new.description, list(granted))
    await events.emit(tx, actor, RoleCreated(role=role.name, permissions=granted))
    return role


async def update_role(
    tx: Writer, actor: Actor, name: str, patch: RolePatch, *, if_match: int | None
) -> CustomRole:
    """Change a role, effective on tokens already issued; PreconditionFailed, RankTooLow."""
    role = await _lock_role(tx, actor, name)
    if if_match is not None and if_match != role.version:
        raise errors.PreconditionFailed
    changes = patch.changes()
    if "permissions" in changes:
        changes["permissions"] = list(_declared(changes["permissions"]))
    changed = msgspec.structs.replace(role, **changes)
    if changed == role:
        return role
    require_held(actor, changed.permissions)
    stored = await tx.one(role_queries.UPDATE_ROLE, name, changed.description, changed.permissions)
    happened = RoleChanged(
        role=name,
        permissions=tuple(stored.permissions),
        previous_permissions=tuple(role.permissions),
    )
    await events.emit(tx, actor, happened)
    tx.invalidate(role_tag(name))
    return stored


async def delete_role(tx: Writer, actor: Actor, name: str) -> None:
    """Delete a role that nobody has; RoleInUse, RankTooLow."""
    role = await _lock_role(tx, actor, name)
    holders = await tx.one(role_queries.COUNT_HOLDERS, name)
    if holders:
        raise RoleInUse("Take the role from those who have it first.", holders=holders)
    await tx.execute(role_queries.DELETE_ROLE, name)
    await events.emit(tx, actor, RoleDeleted(role=name, permissions=tuple(role.permissions)))


async def hold_roles(tx: Writer, actor: Actor, names: Iterable[str]) -> tuple[str, ...]:
    """Return the roles that `names` mean, for the actor to give; they stay until `tx` ends.

    Raises RankTooLow for one above the actor, ValidationFailed for one that there is not.
    """
    roles = canonical_roles(names)
    require_rank(actor, roles)
    wanted = custom_roles(roles)
    held = await tx.all(role_queries.HOLD_ROLES, list(wanted)) if wanted else []
    unknown = set(wanted).difference(role.name for role in held)
    if unknown:
        raise errors.ValidationFailed(
            "", errors.FieldError("/roles", f"There is no role {min(unknown)}")
        )
    for role in held:
        require_held(actor, role.permissions)
    return roles


async def require_reach(tx: Reader, actor: Actor, roles: Iterable[str]) -> None:
    """Raise RankTooLow unless whoever has `roles` may be dealt with by the actor."""
    present = tuple(roles)
    require_rank(actor, present)
    require_held(actor, await role_queries.list_granted(tx, present))


async def _lock_role(tx: Writer, actor: Actor, name: str) -> CustomRole:
    actor.require(MANAGE_ROLES)
    role = await tx.one_or_none(role_queries.LOCK_ROLE, name)
    if role is None:
        raise errors.NotFound
    await require_fresh(tx, actor)
    require_held(actor, role.permissions)
    return role


def _declared(names: Iterable[str]) -> tuple[str, ...]:
    """Return the permissions in order, once each; ValidationFailed for one that there is not."""
    known = {permission.name for permission in all_permissions()}
    given = list(names)
    for index, name in enumerate(given):
        if name not in known:
            raise errors.ValidationFailed(
                "", errors.FieldError(f"/permissions/{index}", "There is no such permission")
            )
    return tuple(sorted(set(given)))
