"""The HTTP door for one's identities elsewhere: `/me/identities`."""

from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import IN_PERSON, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import IdentityInUse, LastWayIn, ProviderUnavailable, StepUpRequired
from lyceum.users.http import cookies
from lyceum.users.records import LinkedIdentity
from lyceum.users.schemas.identities import (
    AuthorizationView,
    IdentityView,
    LinkConfirmation,
    LinkStart,
)
from lyceum.users.service import identities

routes = Routes("users")


@routes.get("/me/identities", access=IN_PERSON, summary="What opens my account from elsewhere")
async def list_identities(tx: Reader, actor: Actor) -> list[IdentityView]:
    """Identities at OpenID providers, the oldest first."""
    return [_view(identity) for identity in await identities.list_identities(tx, actor)]


@routes.post(
    "/me/identities",
    access=IN_PERSON,
    summary="Begin to link an identity",
    keeps_response=False,
    facts=(errors.NotFound, StepUpRequired, ProviderUnavailable),
)
async def begin_link(
    tx: Writer, actor: Actor, engines: Engines, request: RequestInfo, data: LinkStart
) -> Answer[AuthorizationView]:
    """Takes a step-up. Send the browser to `authorizationUrl`; it comes back to `next` with
    `?code=…` for `/me/identities/confirm`."""
    browser = cookies.oidc_browser(request)
    url = await identities.begin_link(tx, actor, engines.settings, data, browser=browser)
    return Answer(
        data=AuthorizationView(authorization_url=url),
        headers=(cookies.oidc(engines.settings, browser),),
    )


@routes.post(
    "/me/identities/confirm",
    access=IN_PERSON,
    summary="Link an identity",
    status=201,
    keeps_response=False,
    facts=(errors.NotFound, IdentityInUse, StepUpRequired),
)
async def link_identity(
    tx: Writer, actor: Actor, engines: Engines, request: RequestInfo, data: LinkConfirmation
) -> IdentityView:
    """Takes a step-up, and the code of a link that was begun here, or of a sign-in that met the
    address of this account (409 6030)."""
    browser = cookies.read(request, cookies.OIDC)
    return _view(await identities.link_identity(tx, actor, engines.settings, data, browser=browser))


@routes.delete(
    "/me/identities/{identity_id}",
    access=IN_PERSON,
    summary="Unlink an identity",
    facts=(errors.NotFound, LastWayIn, StepUpRequired),
)
async def unlink_identity(tx: Writer, actor: Actor, identity_id: UUID) -> None:
    """Takes a step-up. The last way into an account stays."""
    await identities.unlink_identity(tx, actor, identity_id)


def _view(identity: LinkedIdentity) -> IdentityView:
    return IdentityView(**msgspec.structs.asdict(identity))
