"""The HTTP door for other services of the operator: `/internal/v1`, by signed requests alone."""

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import SoleWriter
from lyceum.platform.engines import Engines
from lyceum.platform.routing import SERVICE, Routes
from lyceum.users import api
from lyceum.users.schemas.internal import Introspection, IntrospectionView, QuestionsAboutUser
from lyceum.users.schemas.permissions import PermissionAnswer
from lyceum.users.service import introspection, rights

routes = Routes("users", prefix="/internal/v1")


@routes.post(
    "/tokens/introspect",
    access=SERVICE,
    summary="What a token stands for",
    keeps_response=False,
)
async def introspect_token(
    tx: SoleWriter, engines: Engines, actor: Actor, data: Introspection
) -> IntrospectionView:
    """After RFC 7662: whose the access token or API key is and what it carries at this moment;
    `active: false`, and nothing else, for one that opens nothing."""
    found = await introspection.introspect(tx, actor, engines.settings, data.token, ip=data.ip)
    if found is None:
        return IntrospectionView(active=False)
    return IntrospectionView(
        active=True,
        kind=found.kind,
        user_id=found.holder.user_id,
        session_id=found.holder.session_id,
        impersonator_id=found.holder.impersonator_id,
        roles=found.holder.roles,
        permissions=found.permissions,
        expires_at=found.expires_at,
    )


@routes.post(
    "/permissions/check",
    access=SERVICE,
    summary="Ask what a person may do",
    keeps_response=False,
    facts=(errors.NotFound,),
)
async def check_permissions_of(tx: SoleWriter, data: QuestionsAboutUser) -> list[PermissionAnswer]:
    """As `/api/v1/permissions/check`, about a person who is active."""
    person = await api.actor_for(tx, data.user_id)
    return await rights.check_permissions(tx, person, data.checks)
