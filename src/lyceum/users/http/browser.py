"""The HTTP door for browsers: sessions that a cookie opens, `/auth/session`."""

from typing import Any

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import IN_PERSON, PUBLIC, Routes
from lyceum.platform.wire import Answer
from lyceum.users.adapters.csrf_tokens import csrf_token
from lyceum.users.errors import AccountSuspended, CodeInvalid, EmailNotVerified
from lyceum.users.http import answers, cookies
from lyceum.users.schemas.browser import BrowserSessionView, BrowserSignInAnswer
from lyceum.users.schemas.mfa import MfaVerification
from lyceum.users.schemas.sign_in import SignIn
from lyceum.users.service import account, browser_sessions, second_factor, sessions, sign_in

routes = Routes("users")


@routes.post(
    "/auth/session",
    access=PUBLIC,
    summary="Sign in with a browser",
    status=201,
    found_status=200,
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
    returns=BrowserSignInAnswer,
)
async def open_session(engines: Engines, request: RequestInfo, data: SignIn) -> Answer[Any]:
    """Sets a cookie that pages cannot read, good for seven days; `csrfToken` is for the header
    X-CSRF-Token, which goes with everything that changes something. 200 asks for the second
    factor."""
    async with engines.database.transaction() as tx:
        outcome = await sign_in.sign_in(
            tx,
            ANONYMOUS,
            engines.settings,
            email=data.email,
            password=data.password,
            device=answers.device_of(request, token=data.device_token, is_browser=True),
        )
    return answers.admitted(engines.settings, outcome)


@routes.post(
    "/auth/session/mfa",
    access=PUBLIC,
    summary="Sign in with a browser: the second factor",
    status=201,
    own_pages_only=True,
    keeps_response=False,
    facts=(errors.TokenInvalid, CodeInvalid, errors.AccountLocked, AccountSuspended),
    returns=BrowserSessionView,
)
async def verify_session(
    engines: Engines, request: RequestInfo, data: MfaVerification
) -> Answer[Any]:
    """As `/auth/mfa/verify`, for a session by cookie."""
    device = answers.device_of(request, is_browser=True)
    async with engines.database.transaction() as tx:
        outcome = await second_factor.verify_second_factor(
            tx, ANONYMOUS, engines.settings, data, device
        )
    return answers.admitted(engines.settings, outcome)


@routes.get("/auth/session", access=IN_PERSON, summary="The session I speak in")
async def get_session(
    tx: Reader, actor: Actor, engines: Engines, request: RequestInfo
) -> BrowserSessionView:
    """With the token against forgery, if the session is a browser's: pages ask for it once."""
    found = await browser_sessions.get_session(tx, actor)
    view = BrowserSessionView(
        user=answers.user_view(await account.get_own_account(tx, actor)),
        session_id=found.id,
        expires_at=found.expires_at,
    )
    cookie = cookies.read(request, cookies.SESSION)
    if not found.is_browser or not cookie:
        return view
    return answers.with_csrf_token(view, csrf_token(engines.settings.secret_key, cookie))


@routes.delete("/auth/session", access=IN_PERSON, summary="Sign out with a browser")
async def close_session(tx: Writer, actor: Actor, engines: Engines) -> Answer[None]:
    """Ends the session and takes the cookie away."""
    await sessions.sign_out(tx, actor)
    return Answer(data=None, status=204, headers=(cookies.no_session(engines.settings),))
