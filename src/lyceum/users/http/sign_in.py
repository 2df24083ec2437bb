"""The HTTP door for signing in and out: `/auth`."""

from typing import Any

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import IN_PERSON, PUBLIC, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import AccountSuspended, EmailNotVerified
from lyceum.users.http import answers
from lyceum.users.schemas.sign_in import Refresh, SignedInView, SignIn, SignInAnswer
from lyceum.users.service import sessions, sign_in

routes = Routes("users")


@routes.post(
    "/auth/login",
    access=PUBLIC,
    summary="Sign in",
    bucket="login",
    own_pages_only=True,
    keeps_response=False,
    facts=(
        errors.InvalidCredentials,
        errors.AccountLocked,
        AccountSuspended,
        EmailNotVerified,
        errors.ServiceUnavailable,
    ),
    returns=SignInAnswer,
)
async def login(engines: Engines, request: RequestInfo, data: SignIn) -> Answer[Any]:
    """After five wrong passwords there are waits that grow from one minute to fifteen, but not on
    a device that is known by its `deviceToken` or cookie. Known and unknown addresses get the same
    answers. Whoever has a second factor gets a token to show it with."""
    async with engines.database.transaction() as tx:
        outcome = await sign_in.sign_in(
            tx,
            ANONYMOUS,
            engines.settings,
            email=data.email,
            password=data.password,
            device=answers.device_of(request, token=data.device_token),
        )
    return answers.admitted(engines.settings, outcome)


@routes.post(
    "/auth/refresh-token",
    access=PUBLIC,
    summary="Exchange a refresh token",
    keeps_response=False,
    facts=(errors.TokenInvalid, errors.TokenExpired),
)
async def refresh_token(engines: Engines, data: Refresh) -> SignedInView:
    """Every token is good for one exchange; sent again within 10 seconds, while its successor is
    unused, it gives the same successor. Any later use ends the session."""
    async with engines.database.transaction() as tx:
        outcome = await sessions.refresh_session(
            tx, ANONYMOUS, engines.settings, token=data.refresh_token
        )
    return answers.signed_in(answers.accepted(outcome))


@routes.post("/auth/logout", access=IN_PERSON, summary="Sign out", status=204, keeps_response=False)
async def logout(tx: Writer, actor: Actor) -> None:
    """Ends the session of the access token, and with it every token of the session."""
    await sessions.sign_out(tx, actor)
