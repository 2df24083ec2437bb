"""The HTTP door of rights: `/permissions`, `/me/permissions`."""

from lyceum.platform.access import ROLES, Actor, all_permissions
from lyceum.platform.database import Reader
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import SIGNED_IN, Routes
from lyceum.users.schemas.permissions import (
    OwnPermissions,
    PermissionAnswer,
    PermissionQuestions,
    PermissionView,
)
from lyceum.users.service import rights

routes = Routes("users")


@routes.get(
    "/me/permissions",
    access=SIGNED_IN,
    summary="What I may do",
    shows=Record("permissions", is_own=True),
)
async def list_my_permissions(tx: Reader, actor: Actor) -> OwnPermissions:
    """Permissions by role; what an object allows is asked of the object."""
    names = await rights.list_own_permissions(tx, actor)
    return OwnPermissions(roles=list(actor.roles), permissions=names)


@routes.get("/permissions", access=SIGNED_IN, summary="Every permission there is")
async def list_permissions() -> list[PermissionView]:
    """Permissions by name, with the roles that have them by default."""
    return [
        PermissionView(
            name=declared.name,
            description=declared.description,
            roles=list(ROLES[ROLES.index(declared.role) :]),
        )
        for declared in all_permissions()
    ]


@routes.post(
    "/permissions/check", access=SIGNED_IN, summary="Ask what I may do", keeps_response=False
)
async def check_permissions(
    tx: Reader, actor: Actor, data: PermissionQuestions
) -> list[PermissionAnswer]:
    """Answers in the order of the questions, each with the reason. A question with a `resource` is
    about that object, by the rules that its use cases follow: own, taught, enrolled, its state."""
    return await rights.check_permissions(tx, actor, data.checks)
