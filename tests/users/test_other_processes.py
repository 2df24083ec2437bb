"""What ends a session or takes a right away is so in every other process within two seconds.

N22, N30, N36: with the token of a program and with the cookie of a browser, both remembered by a
second process that hears of it through PostgreSQL alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import msgspec
import pytest

from lyceum.app.engines import open_engines
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.settings import Settings
from lyceum.users.records import Account, Device
from lyceum.users.service import account as accounts
from lyceum.users.service import (
    administration,
    browser_sessions,
    deactivation,
    devices,
    email_change,
    sessions,
)
from lyceum.users.service.opening import open_way
from tests.users import factories
from tests.users.conftest import make_client

SECONDS = 2.0


class Person(msgspec.Struct):
    """Somebody who is signed in with tokens and with a browser, and an administrator."""

    account: Account
    admin: Actor
    by_token: dict[str, str]
    by_cookie: dict[str, str]
    actor: Actor
    device: Device


@pytest.fixture(scope="module")
async def other_process(settings: Settings, dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    async with open_engines(settings, dsn) as engines, make_client(engines) as client:
        yield client


@pytest.fixture(autouse=True)
def notices_of_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both live in one process here, which does not listen to itself."""
    monkeypatch.setattr("lyceum.platform.database.PROCESS_ID", "another process")


@pytest.fixture
async def person(engines: Engines, database: Database) -> Person:
    account = await factories.store_user(database, roles=("instructor",))
    admin = await factories.store_user(database, roles=("super_admin",))
    device = Device("192.0.2.1", "Tester")
    async with database.transaction() as tx:
        opened = await open_way(
            tx, ANONYMOUS, engines.settings, account, device, methods=("password",)
        )
        browser = await browser_sessions.open_browser_session(
            tx, ANONYMOUS, engines.settings, account, device
        )
    token = await factories.open_session(database, engines.settings, account)
    return Person(
        account,
        await factories.sign_in_actor(database, admin),
        {"authorization": f"Bearer {token.access_token}"},
        {"cookie": f"lyceum_session={browser.cookie}"},
        msgspec.structs.replace(factories.actor_of(account), session_id=opened.session_id),
        device,
    )


async def statuses(client: httpx.AsyncClient, person: Person) -> list[int]:
    return [
        (await client.get("/api/v1/me", headers=headers)).status_code
        for headers in (person.by_token, person.by_cookie)
    ]


async def suspend(tx: Writer, person: Person) -> None:
    await administration.suspend(tx, person.admin, person.account.id)


async def end_others(tx: Writer, person: Person) -> None:
    await sessions.revoke_other_sessions(tx, person.actor)


async def change_password(tx: Writer, person: Person) -> None:
    denial = await accounts.change_password(
        tx, person.actor, current=factories.PASSWORD, new="another-9-lanterns", device=Device()
    )
    assert denial is None


async def deactivate(tx: Writer, person: Person) -> None:
    await deactivation.deactivate(tx, person.actor)


async def take_role(tx: Writer, person: Person) -> None:
    await administration.change_roles(
        tx, person.admin, person.account.id, ("student",), if_match=None
    )


async def forget_all_devices(tx: Writer, person: Person) -> None:
    for device in await devices.list_devices(tx, person.actor):
        await devices.forget_device(tx, person.actor, device.id)


async def ask_for_address(tx: Writer, person: Person) -> None:
    await email_change.request_email_change(
        tx, person.actor, email=factories.unique_email(), device=Device()
    )


@pytest.mark.parametrize(
    ("happens", "wanted"),
    [
        (suspend, [401, 401]),
        (end_others, [401, 401]),
        (change_password, [401, 401]),
        (deactivate, [401, 401]),
        (take_role, [200, 401]),
        (forget_all_devices, [200, 200]),
        (ask_for_address, [200, 200]),
    ],
)
async def test_every_process_follows(
    database: Database,
    other_process: httpx.AsyncClient,
    person: Person,
    happens: Callable[[Writer, Person], Awaitable[None]],
    wanted: list[int],
) -> None:
    assert await statuses(other_process, person) == [200, 200]
    async with database.transaction() as tx:
        await happens(tx, person)
    async with asyncio.timeout(SECONDS * 5):
        while await statuses(other_process, person) != wanted:  # noqa: ASYNC110 - time brings it
            await asyncio.sleep(0.02)


async def test_a_right_that_was_taken_is_gone_from_tokens(
    database: Database, other_process: httpx.AsyncClient, person: Person
) -> None:
    """N36: the token still says instructor, and is not believed."""
    asked = {"checks": [{"permission": "courses:create"}]}

    async def is_allowed() -> bool:
        answer = await other_process.post(
            "/api/v1/permissions/check", json=asked, headers=person.by_token
        )
        return bool(answer.json()["data"][0]["allowed"])

    assert await is_allowed()
    async with database.transaction() as tx:
        await take_role(tx, person)
    async with asyncio.timeout(SECONDS * 5):
        while await is_allowed():  # noqa: ASYNC110 - time brings it
            await asyncio.sleep(0.02)


async def test_signing_out_ends_the_session_everywhere(
    database: Database, other_process: httpx.AsyncClient, person: Person
) -> None:
    me = await other_process.get("/api/v1/auth/session", headers=person.by_cookie)
    csrf = me.json()["data"]["csrfToken"]
    assert await statuses(other_process, person) == [200, 200]
    closed = await other_process.delete(
        "/api/v1/auth/session", headers={**person.by_cookie, "x-csrf-token": csrf}
    )
    assert closed.status_code == 204
    assert await statuses(other_process, person) == [200, 401]
