"""Failures: one counter for every way in, which strangers cannot turn against a known device."""

import asyncio

import httpx
import pytest

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.statements import command, sql
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.records import Account, Device
from lyceum.users.service import account as accounts
from lyceum.users.service import attempts, devices, sign_in
from tests.users import factories
from tests.users.conftest import SignIn, make_client

LOGIN = "/api/v1/auth/login"
# Of "imported-lanterns", as another system stored it.
BCRYPT = "$2b$04$kfW0jSLBGKeExmQ93UeVsO6P.7TKV662/FGXJJzYePVkVHYZldlIS"
_LOCKS = sql(
    "SELECT count(*) FROM platform.outbox WHERE name = 'login.failed'"
    " AND payload->>'user_id' = $1 AND (payload->>'starts_lock')::boolean",
    int,
)
_SET_HASH = command("UPDATE users.users SET password_hash = $2 WHERE id = $1")


@pytest.fixture
async def account(database: Database) -> Account:
    return await factories.store_user(database)


async def attempt(
    engines: Engines, email: str, password: str = factories.PASSWORD, device: Device | None = None
) -> int:
    """Try to sign in, and return the code of the refusal, or 0."""
    async with engines.database.transaction() as tx:
        outcome = await sign_in.sign_in(
            tx,
            ANONYMOUS,
            engines.settings,
            email=email,
            password=password,
            device=device or Device("192.0.2.66", "Stranger"),
        )
    return outcome.code if isinstance(outcome, errors.Fact) else 0


async def known_device(engines: Engines, account: Account) -> Device:
    async with engines.database.transaction() as tx:
        _, token = await devices.remember_device(tx, ANONYMOUS, account, Device())
    return Device("192.0.2.8", "Home", token=token)


async def test_a_stranger_does_not_lock_a_known_device_out(
    engines: Engines, account: Account
) -> None:
    """N6: sixty wrong ones from anywhere, and right ones between from where the owner has been."""
    home = await known_device(engines, account)
    codes = []
    for number in range(60):
        codes.append(await attempt(engines, account.email, f"guess-{number}"))
        if number % 10 == 9:
            assert await attempt(engines, account.email, device=home) == 0
    assert codes == [1002] * 5 + [1006] * 55
    assert await attempt(engines, account.email) == 1006, "from elsewhere even the right one waits"


async def test_a_known_device_has_a_counter_of_its_own(engines: Engines, account: Account) -> None:
    home, work = [await known_device(engines, account) for _ in range(2)]
    codes = [await attempt(engines, account.email, "wrong", home) for _ in range(6)]
    assert codes == [1002] * 5 + [1006]
    assert await attempt(engines, account.email, device=home) == 1006
    assert await attempt(engines, account.email, device=work) == 0
    assert await attempt(engines, account.email) == 1006, "its failures count with all others"


async def test_a_device_is_known_for_its_owner_alone(engines: Engines, account: Account) -> None:
    other = await factories.store_user(engines.database)
    theirs = await known_device(engines, other)
    codes = [await attempt(engines, account.email, "wrong") for _ in range(5)]
    assert codes == [1002] * 5
    assert await attempt(engines, account.email, device=theirs) == 1006


async def test_ones_own_sign_ins_buy_no_guesses(engines: Engines, account: Account) -> None:
    """N6: an attacker's own account does not clear what they did to another, nor their network."""
    attacker = await factories.store_user(engines.database)
    device = Device("203.0.113.9", "Attacker", network="n-own-sign-ins")
    codes = []
    for _ in range(6):
        assert await attempt(engines, attacker.email, device=device) == 0
        codes.append(await attempt(engines, account.email, "wrong", device))
    assert codes == [1002] * 5 + [1006]


async def test_a_network_that_tries_many_addresses_waits(
    engines: Engines, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "NETWORK_FAILURES", 3)
    spray = Device("203.0.113.10", "Spray", network="n-spray")
    codes = [await attempt(engines, factories.unique_email(), "wrong", spray) for _ in range(4)]
    assert codes == [1002] * 3 + [1006]
    assert await attempt(engines, account.email, device=spray) == 1006
    assert await attempt(engines, account.email) == 0, "other networks do not wait"
    home = await known_device(engines, account)
    neighbour = Device(home.ip, home.user_agent, "n-spray", home.token)
    assert await attempt(engines, account.email, device=neighbour) == 0


async def test_networks_are_counted_where_requests_are(
    engines: Engines, database: Database, client: httpx.AsyncClient
) -> None:
    account = await factories.store_user(database)
    wrong = {"email": account.email, "password": "wrong"}
    assert (await client.post(LOGIN, json=wrong)).status_code == 401
    found = await database.reader().all(
        sql("SELECT account_key FROM users.login_failures WHERE account_key = $1", bytes),
        attempts._key_of("network", "192.0.2.7"),  # noqa: SLF001
    )
    assert found == [], "rate limits are off, and so is what counts by address"


async def test_whoever_speaks_in_a_session_is_not_locked_out(
    engines: Engines, account: Account
) -> None:
    """A change of password waits for what was done in that session alone."""
    opened = await factories.open_session(engines.database, engines.settings, account)
    owner = Actor(user_id=account.id, session_id=opened.session_id)
    for _ in range(5):
        await attempt(engines, account.email, "wrong")
    assert await attempt(engines, account.email) == 1006
    async with engines.database.transaction() as tx:
        denial = await accounts.change_password(
            tx, owner, current=factories.PASSWORD, new="another-9-lanterns", device=Device()
        )
    assert denial is None


async def test_the_owner_is_told_once_when_it_begins(engines: Engines, account: Account) -> None:
    guesses = [attempt(engines, account.email, f"guess-{n}") for n in range(12)]
    assert sorted(await asyncio.gather(*guesses)) == [1002] * 5 + [1006] * 7
    assert await engines.database.reader().one(_LOCKS, str(account.id)) == 1


async def test_a_client_without_cookies_is_known_by_a_token(
    client: httpx.AsyncClient, account: Account
) -> None:
    right = {"email": account.email, "password": factories.PASSWORD}
    opened = await client.post(LOGIN, json=right)
    token = opened.json()["data"]["deviceToken"]
    client.cookies.clear()
    for _ in range(5):
        await client.post(LOGIN, json={**right, "password": "wrong"})
    assert (await client.post(LOGIN, json=right)).status_code == 429
    again = await client.post(LOGIN, json={**right, "deviceToken": token})
    assert again.status_code == 200
    assert again.json()["data"]["deviceToken"] == token


async def test_a_browser_is_known_by_a_cookie(
    client: httpx.AsyncClient, engines: Engines, account: Account
) -> None:
    right = {"email": account.email, "password": factories.PASSWORD}
    opened = await client.post(LOGIN, json=right)
    assert "lyceum_device=" in opened.headers["set-cookie"]
    assert "HttpOnly" in opened.headers["set-cookie"]
    async with make_client(engines) as stranger:
        for _ in range(5):
            await stranger.post(LOGIN, json={**right, "password": "wrong"})
        assert (await stranger.post(LOGIN, json=right)).status_code == 429
    assert (await client.post(LOGIN, json=right)).status_code == 200


async def test_an_imported_hash_is_replaced_at_sign_in(engines: Engines, account: Account) -> None:
    async with engines.database.transaction() as tx:
        await tx.execute(_SET_HASH, account.id, BCRYPT)
    assert await attempt(engines, account.email, "wrong") == 1002
    unchanged = await engines.database.reader().one(credential_queries.FIND_CREDENTIALS, account.id)
    assert unchanged.password_hash == BCRYPT
    assert await attempt(engines, account.email, "imported-lanterns") == 0
    found = await engines.database.reader().one(credential_queries.FIND_CREDENTIALS, account.id)
    assert found.password_hash is not None
    assert found.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await attempt(engines, account.email, "imported-lanterns") == 0


async def test_sign_ins_at_once_replace_an_imported_hash_once(
    engines: Engines, account: Account
) -> None:
    async with engines.database.transaction() as tx:
        await tx.execute(_SET_HASH, account.id, BCRYPT)
    tries = [attempt(engines, account.email, "imported-lanterns") for _ in range(6)]
    assert await asyncio.gather(*tries) == [0] * 6


async def test_every_way_in_counts_together(
    client: httpx.AsyncClient, headers_of: SignIn, account: Account
) -> None:
    """Step-up, password login and browser login count together."""
    headers = await headers_of(account)
    wrong = {"email": account.email, "password": "wrong"}
    for path in ("login", "session", "login", "session"):
        assert (await client.post(f"/api/v1/auth/{path}", json=wrong)).status_code == 401
    step_up = await client.post("/api/v1/auth/step-up", json={"password": "wrong"}, headers=headers)
    assert step_up.status_code == 401
    locked = await client.post(LOGIN, json={**wrong, "password": factories.PASSWORD})
    assert (locked.status_code, locked.json()["code"]) == (429, 1006)


async def test_an_import_brings_hashes_along(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    admin = await headers_of(await factories.store_user(database, roles=("admin",)))
    new = {"email": factories.unique_email(), "firstName": "Imp"}

    async def create(**more: str) -> httpx.Response:
        return await client.post("/api/v1/users", json={**new, **more}, headers=admin)

    for wrong in (
        {},
        {"password": factories.PASSWORD, "passwordHash": BCRYPT},
        {"passwordHash": "5f4dcc3b5aa765d61d8327deb882cf99"},
        {"passwordHash": BCRYPT.replace("$04$", "$31$")},
    ):
        refused = await create(**wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, 2002)
    made = await create(passwordHash=BCRYPT)
    assert made.status_code == 201
    assert BCRYPT not in made.text
    right = {"email": new["email"], "password": "imported-lanterns"}
    assert (await client.post(LOGIN, json={**right, "password": "x"})).status_code == 401
    assert (await client.post(LOGIN, json=right)).status_code == 200
