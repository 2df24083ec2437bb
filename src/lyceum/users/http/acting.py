"""The HTTP door of acting as somebody else: `/users/{id}/act-as`."""

from uuid import UUID

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.routing import Routes
from lyceum.users import permissions
from lyceum.users.errors import NotOnOneself, RankTooLow, StepUpRequired
from lyceum.users.http import answers
from lyceum.users.schemas.acting import ActingReason, ActingView
from lyceum.users.service import acting

routes = Routes("users")


@routes.post(
    "/users/{user_id}/act-as",
    access=permissions.ACT_AS,
    summary="See the academy as somebody else",
    keeps_response=False,
    facts=(errors.NotFound, errors.Conflict, RankTooLow, NotOnOneself, StepUpRequired),
)
async def act_as_user(
    tx: Writer, engines: Engines, actor: Actor, user_id: UUID, data: ActingReason
) -> ActingView:
    """The token opens what the person sees and changes nothing. It names who acts, the person
    finds the session in their list, and the reason stays on record."""
    opened = await acting.act_as(tx, actor, engines.settings, user_id, reason=data.reason)
    return ActingView(
        user=answers.user_view(opened.account),
        access_token=opened.access_token,
        expires_in=opened.expires_in,
    )


@routes.delete(
    "/users/{user_id}/act-as",
    access=permissions.ACT_AS,
    summary="See the academy as oneself again",
    facts=(errors.NotFound,),
)
async def stop_acting_as_user(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """Ends every session of this kind that one has; takes one's own token, not the person's."""
    await acting.stop_acting(tx, actor, user_id)
