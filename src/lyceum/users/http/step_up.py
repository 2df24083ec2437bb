"""The HTTP door for proving once more who one is."""

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import IN_PERSON, Routes
from lyceum.users.errors import CodeInvalid
from lyceum.users.http import answers
from lyceum.users.schemas.step_up import SteppedUpView, StepUp
from lyceum.users.service import step_up

routes = Routes("users")


@routes.post(
    "/auth/step-up",
    access=IN_PERSON,
    summary="Prove once more that it is me",
    keeps_response=False,
    facts=(
        errors.InvalidCredentials,
        CodeInvalid,
        errors.AccountLocked,
        errors.NotFound,
        errors.ServiceUnavailable,
    ),
)
async def prove_again(
    engines: Engines, actor: Actor, request: RequestInfo, data: StepUp
) -> SteppedUpView:
    """What is dangerous (problem 6020) takes a proof that is at most ten minutes old. Signing in
    is one; this gives the session another."""
    async with engines.database.transaction() as tx:
        outcome = await step_up.step_up(
            tx, actor, engines.settings, data, answers.device_of(request)
        )
    return SteppedUpView(fresh_until=answers.accepted(outcome))
