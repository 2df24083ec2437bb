"""The door of courses, in process."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from lyceum.app import services
from lyceum.app.http import build_app
from lyceum.platform.access import Actor
from lyceum.platform.engines import Engines
from lyceum.users.queries.accounts import FIND_ACCOUNT
from lyceum.users.service.authentication import Authenticator
from tests.users import factories as users

SignIn = Callable[[Actor], Awaitable[dict[str, str]]]
ROUTES = [route for group in services.ROUTES["courses"] for route in group.all]


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(engines, ROUTES, authenticator=Authenticator(engines), watch=None)
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
        yield client


@pytest.fixture
def sign_in(engines: Engines) -> SignIn:
    """Sign a person in, and return the header that says so."""

    async def sign_in(actor: Actor) -> dict[str, str]:
        account = await engines.database.reader().one(FIND_ACCOUNT, actor.user_id)
        opened = await users.open_session(engines.database, engines.settings, account)
        return {"authorization": f"Bearer {opened.access_token}"}

    return sign_in
