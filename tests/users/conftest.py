"""The door of people, in process, with a fresh memory for every test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from lyceum.app.services import ROUTES
from lyceum.platform.engines import Engines
from lyceum.users.records import Account
from tests.doors import open_door
from tests.users import factories
from tests.users.mails import Post, open_post

SignIn = Callable[[Account], Awaitable[dict[str, str]]]


def make_client(engines: Engines) -> httpx.AsyncClient:
    """The door as another process would open it: it remembers nothing."""
    return open_door(engines, [route for group in ROUTES["users"] for route in group.all])


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(engines) as client:
        yield client


@pytest.fixture
def headers_of(engines: Engines) -> SignIn:
    """Sign a person in, and return the header that says so."""

    async def headers_of(account: Account) -> dict[str, str]:
        opened = await factories.open_session(engines.database, engines.settings, account)
        return {"authorization": f"Bearer {opened.access_token}"}

    return headers_of


@pytest.fixture
def post(engines: Engines, tmp_path: Path) -> Post:
    """Deliver every mail that is due, and return those to one address."""
    return open_post(engines, tmp_path)
