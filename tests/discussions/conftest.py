"""A course with people in it, and the door of discussions."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import msgspec
import pytest

from lyceum.app.services import ROUTES
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.users.queries.accounts import FIND_ACCOUNT
from tests.courses import factories
from tests.doors import open_door
from tests.users import factories as users

SignIn = Callable[[Actor], Awaitable[dict[str, str]]]


class Classroom(msgspec.Struct):
    """A published course, two who learn it, and one who learns another."""

    outline: factories.Outline
    ada: Actor
    ben: Actor
    stranger: Actor

    @property
    def owner(self) -> Actor:
        return self.outline.owner


async def make_classroom(tx: Writer) -> Classroom:
    outline = await factories.make_published(tx)
    elsewhere = await factories.make_published(tx)
    people = [await factories.make_person(tx) for _ in range(3)]
    for learner in people[:2]:
        await factories.enrol(tx, outline.course_id, learner)
    await factories.enrol(tx, elsewhere.course_id, people[2])
    return Classroom(outline, *people)


@pytest.fixture
async def room(tx: Writer) -> Classroom:
    return await make_classroom(tx)


@pytest.fixture
async def stored(database: Database) -> Classroom:
    async with database.transaction() as tx:
        return await make_classroom(tx)


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    routes = [route for group in ROUTES["discussions"] for route in group.all]
    async with open_door(engines, routes) as client:
        yield client


@pytest.fixture
def sign_in(engines: Engines) -> SignIn:
    """Sign a person in, and return the header that says so."""

    async def sign_in(actor: Actor) -> dict[str, str]:
        account = await engines.database.reader().one(FIND_ACCOUNT, actor.user_id)
        opened = await users.open_session(engines.database, engines.settings, account)
        return {"authorization": f"Bearer {opened.access_token}"}

    return sign_in
