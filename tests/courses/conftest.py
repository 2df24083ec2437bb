"""The door of courses, in process."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from lyceum.app import services
from lyceum.platform.access import Actor
from lyceum.platform.engines import Engines
from lyceum.users.queries.accounts import FIND_ACCOUNT
from tests.doors import open_door
from tests.users import factories as users

SignIn = Callable[[Actor], Awaitable[dict[str, str]]]
ROUTES = [route for group in services.ROUTES["courses"] for route in group.all]


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    async with open_door(engines, ROUTES) as client:
        yield client


@pytest.fixture
def sign_in(engines: Engines) -> SignIn:
    """Sign a person in, and return the header that says so."""

    async def sign_in(actor: Actor) -> dict[str, str]:
        account = await engines.database.reader().one(FIND_ACCOUNT, actor.user_id)
        opened = await users.open_session(engines.database, engines.settings, account)
        return {"authorization": f"Bearer {opened.access_token}"}

    return sign_in
