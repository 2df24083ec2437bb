"""The HTTP door of roles: `/roles`."""

from lyceum.platform import errors
from lyceum.platform.access import ROLES, Actor, permissions_of
from lyceum.platform.database import Reader, Writer
from lyceum.platform.routing import API, Routes
from lyceum.platform.wire import Answer
from lyceum.users import permissions
from lyceum.users.errors import RankTooLow, RoleExists, RoleInUse, StepUpRequired
from lyceum.users.records import CustomRole
from lyceum.users.schemas.roles import NewRole, RolePatch, RoleView
from lyceum.users.service import roles

routes = Routes("users")


@routes.get("/roles", access=permissions.READ_ROLES, summary="List roles")
async def list_roles(tx: Reader, actor: Actor) -> list[RoleView]:
    """The built-in ones from the lowest to the highest, then the custom ones by name."""
    built_in = [
        RoleView(
            name=name, description="", permissions=sorted(permissions_of((name,))), is_built_in=True
        )
        for name in ROLES
    ]
    return built_in + [_view(role) for role in await roles.list_roles(tx, actor)]


@routes.post(
    "/roles",
    access=permissions.MANAGE_ROLES,
    summary="Make a role",
    status=201,
    facts=(RoleExists, RankTooLow, StepUpRequired),
)
async def create_role(tx: Writer, actor: Actor, data: NewRole) -> Answer[RoleView]:
    """Permissions are chosen from the declared ones, and from one's own."""
    made = await roles.create_role(tx, actor, data)
    return Answer(data=_view(made), version=made.version, location=f"{API}/roles/{made.name}")


@routes.get(
    "/roles/{role_name}",
    access=permissions.READ_ROLES,
    summary="A custom role",
    facts=(errors.NotFound,),
)
async def get_role(tx: Reader, actor: Actor, role_name: str) -> Answer[RoleView]:
    """What it grants."""
    found = await roles.get_role(tx, actor, role_name)
    return Answer(data=_view(found), version=found.version)


@routes.patch(
    "/roles/{role_name}",
    access=permissions.MANAGE_ROLES,
    summary="Change a role",
    facts=(errors.NotFound, RankTooLow, StepUpRequired, errors.PreconditionFailed),
)
async def update_role(
    tx: Writer, actor: Actor, role_name: str, data: RolePatch, if_match: int | None
) -> Answer[RoleView]:
    """Takes effect on tokens already issued, within two seconds everywhere."""
    changed = await roles.update_role(tx, actor, role_name, data, if_match=if_match)
    return Answer(data=_view(changed), version=changed.version)


@routes.delete(
    "/roles/{role_name}",
    access=permissions.MANAGE_ROLES,
    summary="Delete a role",
    facts=(errors.NotFound, RankTooLow, StepUpRequired, RoleInUse),
)
async def delete_role(tx: Writer, actor: Actor, role_name: str) -> None:
    """Possible when nobody has it."""
    await roles.delete_role(tx, actor, role_name)


def _view(role: CustomRole) -> RoleView:
    return RoleView(
        name=role.name,
        description=role.description,
        permissions=role.permissions,
        is_built_in=False,
        created_at=role.created_at,
        updated_at=role.updated_at,
    )
