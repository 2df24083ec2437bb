"""Devices and sessions to look through and end, and accounts laid to rest."""

import httpx
import pytest

from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.errors import InvalidCredentials
from lyceum.platform.statements import command, sql
from lyceum.users.errors import AccountSuspended, LastSuperAdmin
from lyceum.users.queries import accounts as account_queries
from lyceum.users.records import Account, Device
from lyceum.users.service import administration, deactivation, devices
from tests.users import factories
from tests.users.conftest import SignIn, make_client
from tests.users.mails import Post
from tests.users.test_attempts import attempt

LOGIN = "/api/v1/auth/login"
_DEVICES = sql("SELECT count(*) FROM users.known_devices WHERE user_id = $1", int)
_EXPIRE = command("UPDATE users.known_devices SET expires_at = now() WHERE user_id = $1")
_EVENTS = sql(
    "SELECT name FROM platform.outbox WHERE key = $1 AND name LIKE 'user.%activated' ORDER BY id",
    str,
)


_DEVICE_EVENTS = sql(
    "SELECT name FROM platform.outbox"
    " WHERE key = $1 AND name IN ('session.opened', 'device.added', 'device.forgotten')"
    " ORDER BY name",
    str,
)


@pytest.fixture
async def account(database: Database) -> Account:
    return await factories.store_user(database)


async def login(engines: Engines, account: Account, agent: str) -> dict[str, str]:
    """Sign in from a device of its own, and return the header that says so."""
    async with make_client(engines) as client:
        body = {"email": account.email, "password": factories.PASSWORD}
        opened = await client.post(LOGIN, json=body, headers={"user-agent": agent})
        return {"authorization": f"Bearer {opened.json()['data']['accessToken']}"}


async def test_devices_are_listed_and_forgotten(
    client: httpx.AsyncClient, engines: Engines, database: Database, account: Account
) -> None:
    phone = await login(engines, account, "Phone/1")
    laptop = await login(engines, account, "Laptop/1")
    listed = (await client.get("/api/v1/me/devices", headers=laptop)).json()["data"]
    shown = {device["userAgent"]: device for device in listed}
    assert set(shown) == {"Phone/1", "Laptop/1"}
    assert [shown[name]["isCurrent"] for name in ("Phone/1", "Laptop/1")] == [False, True]
    assert all(device["isSignedIn"] for device in listed)
    assert "token" not in str(listed).lower()
    stranger = await login(engines, await factories.store_user(database), "Other/1")
    url = f"/api/v1/me/devices/{shown['Phone/1']['id']}"
    assert (await client.delete(url, headers=stranger)).status_code == 404
    assert (await client.delete(url, headers=laptop)).status_code == 204
    assert (await client.delete(url, headers=laptop)).status_code == 404
    assert (await client.get("/api/v1/me", headers=phone)).status_code == 401
    assert (await client.get("/api/v1/me", headers=laptop)).status_code == 200
    told = await database.reader().all(_DEVICE_EVENTS, str(account.id))
    assert told == ["device.added", "device.forgotten", "session.opened", "session.opened"]


async def test_signing_out_everywhere_else(
    client: httpx.AsyncClient, engines: Engines, account: Account, headers_of: SignIn
) -> None:
    others = [await headers_of(account), await login(engines, account, "Phone/1")]
    here = await headers_of(account)
    assert (await client.delete("/api/v1/me/sessions", headers=here)).status_code == 204
    for headers in others:
        assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
    assert (await client.get("/api/v1/me", headers=here)).status_code == 200


async def test_a_new_device_is_told_of_and_a_familiar_one_is_not(
    engines: Engines, account: Account, post: Post
) -> None:
    await login(engines, account, "Laptop/1")
    assert await post(account.email) == [], "the first is no news"
    await login(engines, account, "Laptop/1")
    assert await post(account.email) == [], "nor is one that looks like another"
    await login(engines, account, "Burglar/1")
    [mail] = await post(account.email)
    assert "sign-in from a new device" in mail.subject
    assert "Burglar/1 at 192.0.2.7" in mail.text


async def test_of_many_devices_those_stay_that_come_again(
    engines: Engines, database: Database, account: Account
) -> None:
    async with database.transaction() as tx:
        _, token = await devices.remember_device(tx, factories.actor_of(account), account, Device())
    home = Device("192.0.2.8", "Home", token=token)
    assert await attempt(engines, account.email, device=home) == 0
    async with database.transaction() as tx:
        for _ in range(60):
            await devices.remember_device(tx, factories.actor_of(account), account, Device())
    assert await database.reader().one(_DEVICES, account.id) == 50
    for _ in range(5):
        await attempt(engines, account.email, "wrong")
    assert await attempt(engines, account.email, device=home) == 0
    async with database.transaction() as tx:
        await tx.execute(_EXPIRE, account.id)
    assert await attempt(engines, account.email, device=home) == 1006


async def test_an_account_rests_until_its_owner_comes_back(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, account: Account
) -> None:
    headers = await headers_of(account)
    assert (await client.post("/api/v1/me/deactivate", headers=headers)).status_code == 204
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
    other = await headers_of(await factories.store_user(database))
    person = f"/api/v1/users/{account.id}"
    assert (await client.get(person, headers=other)).status_code == 404
    body = {"email": account.email, "password": factories.PASSWORD}
    wrong = await client.post(LOGIN, json={**body, "password": "wrong"})
    assert wrong.json()["code"] == InvalidCredentials.code
    back = await client.post(LOGIN, json=body)
    assert back.status_code == 200
    assert back.json()["data"]["user"]["status"] == "active"
    assert (await client.get(person, headers=other)).status_code == 200
    told = await database.reader().all(_EVENTS, str(account.id))
    assert told == ["user.deactivated", "user.reactivated"]


async def test_whom_an_administrator_suspends_does_not_come_back(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, account: Account
) -> None:
    """Also if the account was at rest already."""
    headers = await headers_of(account)
    await client.post("/api/v1/me/deactivate", headers=headers)
    admin = factories.actor_of(await factories.store_user(database, roles=("admin",)))
    async with database.transaction() as tx:
        await administration.suspend(tx, admin, account.id)
    body = {"email": account.email, "password": factories.PASSWORD}
    refused = await client.post(LOGIN, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, AccountSuspended.code)
    found = await database.reader().one(account_queries.FIND_ACCOUNT, account.id)
    assert found.deactivated_at is None


async def test_resting_takes_a_step_up_and_not_the_last_super_admin(
    database: Database, monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    owner = await factories.sign_in_actor(database, account)
    async with database.transaction() as tx:
        await tx.execute(
            command("UPDATE users.sessions SET authenticated_at = now() - interval '1 h'"
                    " WHERE user_id = $1"), account.id,
        )  # fmt: skip
    with pytest.raises(Exception, match="Prove once more"):
        async with database.transaction() as tx:
            await deactivation.deactivate(tx, owner)
    top = await factories.store_user(database, roles=("super_admin",))
    alone = sql("SELECT count(*) FROM users.users WHERE id = $1 AND false", int)
    monkeypatch.setattr(account_queries, "COUNT_OTHER_SUPER_ADMINS", alone)
    highest = await factories.sign_in_actor(database, top)
    with pytest.raises(LastSuperAdmin):
        async with database.transaction() as tx:
            await deactivation.deactivate(tx, highest)
