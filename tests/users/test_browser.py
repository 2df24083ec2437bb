"""Sessions of browsers: the cookie, what it opens, and what other sites can do with it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from lyceum.platform import ids
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.statements import command, sql
from lyceum.users.records import Account, Device
from lyceum.users.service import administration
from lyceum.users.service.opening import open_way
from tests.users import factories, mfa
from tests.users.conftest import SignIn, make_client

SESSION = "/api/v1/auth/session"
OURS = {"origin": "http://academy.test"}
_STORED = sql("SELECT encode(token_hash, 'escape') FROM users.session_cookies", str)
_SECONDS_LEFT = sql(
    "SELECT extract(epoch FROM expires_at - now())::int FROM users.sessions WHERE id = $1", int
)
_EXPIRE = command("UPDATE users.sessions SET expires_at = now() WHERE user_id = $1")


class Browser(msgspec.Struct):
    """A browser that is signed in."""

    client: httpx.AsyncClient
    account: Account
    csrf: str
    session_id: str

    async def change(self, **headers: str) -> httpx.Response:
        """Change something with the token against forgery and whatever headers are given."""
        given = {"x-csrf-token": self.csrf, **headers}
        return await self.client.patch(
            "/api/v1/me", json={"bio": f"I am {ids.new_id()}"}, headers=given
        )

    async def reads(self) -> int:
        """Return the status of reading what is one's own."""
        return (await self.client.get("/api/v1/me")).status_code


@pytest.fixture
async def browser(client: httpx.AsyncClient, database: Database) -> Browser:
    account = await factories.store_user(database)
    return await open_browser(client, account)


async def open_browser(client: httpx.AsyncClient, account: Account) -> Browser:
    body = {"email": account.email, "password": factories.PASSWORD}
    opened = await client.post(SESSION, json=body, headers=OURS)
    assert opened.status_code == 201, opened.text
    data = opened.json()["data"]
    return Browser(client, account, data["csrfToken"], data["sessionId"])


@pytest.fixture
async def elsewhere(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    """Another browser."""
    async with make_client(engines) as other:
        yield other


def with_settings(engines: Engines, **changes: Any) -> httpx.AsyncClient:
    settings = engines.settings.model_copy(update=changes)
    return make_client(msgspec.structs.replace(engines, settings=settings))


async def test_a_browser_signs_in_reads_changes_and_signs_out(
    client: httpx.AsyncClient, database: Database
) -> None:
    account = await factories.store_user(database)
    body = {"email": account.email, "password": factories.PASSWORD}
    opened = await client.post(SESSION, json=body)
    assert opened.status_code == 201
    assert opened.headers["location"] == SESSION
    assert opened.headers["cache-control"] == "private, no-store"
    data = opened.json()["data"]
    assert set(data) == {"user", "sessionId", "csrfToken", "expiresAt"}
    secret = client.cookies["lyceum_session"]
    assert secret not in opened.text
    assert secret not in "".join(await database.reader().all(_STORED))
    browser = Browser(client, account, data["csrfToken"], data["sessionId"])
    assert await browser.reads() == 200
    assert (await browser.change()).status_code == 200
    asked = await client.get(SESSION)
    assert asked.json()["data"]["csrfToken"] == data["csrfToken"]
    assert asked.json()["data"]["sessionId"] == data["sessionId"]
    closed = await client.delete(SESSION, headers={"x-csrf-token": data["csrfToken"]})
    assert closed.status_code == 204
    assert "Max-Age=0" in closed.headers["set-cookie"]
    client.cookies.set("lyceum_session", secret)
    assert await browser.reads() == 401


async def test_the_cookie_is_out_of_reach(client: httpx.AsyncClient, browser: Browser) -> None:
    body = {"email": browser.account.email, "password": factories.PASSWORD}
    cookies = (await client.post(SESSION, json=body)).headers.get_list("set-cookie")
    for cookie in cookies:
        assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    [session] = [cookie for cookie in cookies if "lyceum_session=" in cookie]
    assert "Max-Age=604800" in session
    assert "Secure" not in session, "the academy of this test is plain http"


@pytest.mark.parametrize(
    "changes", [{"public_url": "https://academy.test"}, {"environment": "production"}]
)
async def test_under_https_the_cookie_is_of_this_host_alone(
    engines: Engines, database: Database, changes: dict[str, str]
) -> None:
    account = await factories.store_user(database)
    body = {"email": account.email, "password": factories.PASSWORD}
    async with with_settings(engines, **changes) as client:
        opened = await client.post(SESSION, json=body)
        cookies = opened.headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == [
            "__Host-lyceum_session",
            "__Host-lyceum_device",
        ]
        assert all("Secure" in cookie.split("; ") for cookie in cookies)
        value = cookies[0].partition("=")[2].partition(";")[0]
        for name, status in (("__Host-lyceum_session", 200), ("lyceum_session", 401)):
            found = await client.get("/api/v1/me", headers={"cookie": f"{name}={value}"})
            assert found.status_code == status


async def test_seven_days_and_a_new_secret_each_time(
    client: httpx.AsyncClient, database: Database, browser: Browser
) -> None:
    left = await database.reader().one(_SECONDS_LEFT, UUID(browser.session_id))
    assert 7 * 86_400 - 60 <= left <= 7 * 86_400
    before = client.cookies["lyceum_session"]
    again = await open_browser(client, browser.account)
    assert client.cookies["lyceum_session"] != before
    assert again.session_id != browser.session_id
    assert again.csrf != browser.csrf
    client.cookies.set("lyceum_session", before, domain="academy.test")
    assert await browser.reads() == 401, "the session that the browser had is over"


async def test_an_expired_session_opens_nothing(
    engines: Engines, database: Database, browser: Browser
) -> None:
    async with database.transaction() as tx:
        await tx.execute(_EXPIRE, browser.account.id)
    async with make_client(engines) as other:
        other.cookies = browser.client.cookies
        assert (await other.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"x-csrf-token": ""}, {"x-csrf-token": "x"}, {"x-csrf-token": "é" * 43},
        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://academy.test:81"},
        {"origin": "https://academy.test"}, {"origin": "http://academy.test.evil.example"},
        {"sec-fetch-site": "cross-site"},
    ],
)  # fmt: skip
async def test_what_another_site_makes_a_browser_send(
    browser: Browser, headers: dict[str, str]
) -> None:
    raw = {name: value.encode() for name, value in headers.items()}
    refused = await browser.change(**raw)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["code"]) == (403, 1005)
    assert refused.json()["type"] == "/problems/cross-site"
    assert await browser.reads() == 200
    assert (await browser.change(**OURS)).status_code == 200


async def test_the_token_of_another_session_is_none(
    browser: Browser, elsewhere: httpx.AsyncClient, database: Database
) -> None:
    other = await open_browser(elsewhere, await factories.store_user(database))
    assert (await browser.change(**{"x-csrf-token": other.csrf})).status_code == 403
    without = await browser.client.post("/api/v1/auth/logout")
    assert without.status_code == 403
    assert await browser.reads() == 200


async def test_a_cookie_and_another_content_type(browser: Browser) -> None:
    """N24."""
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        refused = await browser.client.patch(
            "/api/v1/me", content=b'{"bio":"x"}', headers={"content-type": kind}
        )
        assert refused.status_code == 403
        refused = await browser.client.patch(
            "/api/v1/me",
            content=b'{"bio":"x"}',
            headers={"content-type": kind, "x-csrf-token": browser.csrf},
        )
        assert refused.status_code == 415


@pytest.mark.parametrize("path", ["login", "session", "register"])
@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
async def test_another_site_signs_nobody_in(
    client: httpx.AsyncClient, database: Database, path: str, headers: dict[str, str]
) -> None:
    """N26: with the credentials of whoever made the page."""
    attacker = await factories.store_user(database)
    body = {"email": attacker.email, "password": factories.PASSWORD}
    if path == "register":
        body = {**body, "email": factories.unique_email(), "firstName": "Eve"}
    refused = await client.post(f"/api/v1/auth/{path}", json=body, headers=headers)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers
    assert not client.cookies
    form = await client.post(
        f"/api/v1/auth/{path}", content=b"{}", headers={"content-type": "text/plain"}
    )
    assert form.status_code == 415


async def test_a_front_end_of_ours_may(engines: Engines, database: Database) -> None:
    account = await factories.store_user(database)
    origin = {"origin": "https://app.academy.test"}
    body = {"email": account.email, "password": factories.PASSWORD}
    async with with_settings(engines, cors_origins="https://app.academy.test") as client:
        opened = await client.post(SESSION, json=body, headers=origin)
        assert opened.status_code == 201
        assert opened.headers["access-control-allow-origin"] == "https://app.academy.test"
        assert opened.headers["access-control-allow-credentials"] == "true"
        csrf = {"x-csrf-token": opened.json()["data"]["csrfToken"], **origin}
        assert (await client.patch("/api/v1/me", json={}, headers=csrf)).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 201), ("http://127.0.0.1:3000", 403),
        ("http://localhost:5173", 403), ("http://evil.example", 403),
    ],
)  # fmt: skip
async def test_on_a_developers_machine(
    engines: Engines, database: Database, origin: str, status: int
) -> None:
    account = await factories.store_user(database)
    body = {"email": account.email, "password": factories.PASSWORD}
    headers = {"origin": origin, "host": "localhost:3000"}
    changes = {"public_url": "", "environment": "development", "port": 3000}
    async with with_settings(engines, **changes) as client:
        opened = await client.post(SESSION, json=body, headers=headers)
        assert opened.status_code == status
    async with with_settings(engines, **changes) as client:
        headers = {"origin": "http://127.0.0.1:3000", "host": "127.0.0.1:3000"}
        assert (await client.post(SESSION, json=body, headers=headers)).status_code == 201


async def test_a_stale_cookie_is_no_hindrance(client: httpx.AsyncClient, browser: Browser) -> None:
    """A page cannot drop a cookie that it cannot read."""
    client.cookies.set("lyceum_session", "stale", domain="academy.test")
    assert await browser.reads() == 401
    user = f"/api/v1/users/{browser.account.id}"
    assert (await client.get(user)).status_code == 404, "as for anybody who is not signed in"
    await open_browser(client, browser.account)


@pytest.mark.parametrize(
    "cookie",
    [
        "lyceum_session=",
        "lyceum_session",
        "lyceum_session=é",
        "=;;=",
        "lyceum_session=a\x01b; x",
        "x" * 4000,
    ],
)
async def test_odd_cookies(client: httpx.AsyncClient, cookie: str) -> None:
    for path, status in (("/api/v1/me", 401), ("/.well-known/jwks.json", 200)):
        found = await client.get(path, headers={b"cookie": cookie.encode("latin-1")})
        assert found.status_code == status


async def test_a_token_wins_over_a_cookie(
    browser: Browser, database: Database, headers_of: SignIn
) -> None:
    other = await factories.store_user(database)
    headers = await headers_of(other)
    found = await browser.client.get("/api/v1/me", headers=headers)
    assert found.json()["data"]["id"] == str(other.id)
    changed = await browser.client.patch("/api/v1/me", json={"bio": "x"}, headers=headers)
    assert changed.status_code == 200, "programs need no token against forgery"
    shown = await browser.client.get(SESSION, headers=headers)
    assert "csrfToken" not in shown.json()["data"]


async def test_the_secret_of_a_cookie_is_no_bearer_token(browser: Browser) -> None:
    """N38."""
    secret = browser.client.cookies["lyceum_session"]
    browser.client.cookies.clear()
    for value in (secret, f"lyceum_session={secret}", browser.csrf):
        found = await browser.client.get("/api/v1/me", headers={"authorization": f"Bearer {value}"})
        assert found.status_code == 401
    refreshed = await browser.client.post(
        "/api/v1/auth/refresh-token", json={"refreshToken": secret}
    )
    assert refreshed.status_code == 401


async def test_a_browser_is_asked_for_the_second_factor(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    account = await factories.store_user(database)
    member = await mfa.enrol(client, headers_of, account)
    client.cookies.clear()
    body = {"email": account.email, "password": factories.PASSWORD}
    asked = await client.post(SESSION, json=body)
    assert asked.status_code == 200
    assert "set-cookie" not in asked.headers
    proof = {"mfaToken": asked.json()["data"]["mfaToken"], "recoveryCode": member.recovery_codes[0]}
    opened = await client.post(f"{SESSION}/mfa", json={**proof, "trustDevice": True})
    assert opened.status_code == 201
    assert (await client.get("/api/v1/me")).status_code == 200
    trusted = await client.post(SESSION, json=body)
    assert trusted.status_code == 201, "this browser is trusted now"


async def test_sessions_are_listed_with_what_they_are(browser: Browser, headers_of: SignIn) -> None:
    await headers_of(browser.account)
    listed = (await browser.client.get("/api/v1/me/sessions")).json()["data"]
    kinds = {session["kind"]: session["isCurrent"] for session in listed}
    assert kinds == {"browser": True, "tokens": False}


async def test_roles_end_the_sessions_of_browsers_and_not_of_programs(
    browser: Browser, database: Database, headers_of: SignIn
) -> None:
    """N22."""
    headers = await headers_of(browser.account)
    admin = await factories.sign_in_actor(
        database, await factories.store_user(database, roles=("admin",))
    )
    async with database.transaction() as tx:
        await administration.change_roles(
            tx, admin, browser.account.id, ("instructor",), if_match=None
        )
    assert await browser.reads() == 401
    browser.client.cookies.clear()
    found = await browser.client.get("/api/v1/me", headers=headers)
    assert found.json()["data"]["roles"] == ["instructor"]


async def test_the_fifty_first_session_ends_the_oldest(
    engines: Engines, database: Database, browser: Browser
) -> None:
    """N32: whichever kind the others are."""
    async with database.transaction() as tx:
        for number in range(50):
            device = Device("192.0.2.1", "Tester", is_browser=number % 2 == 0)
            await open_way(
                tx, ANONYMOUS, engines.settings, browser.account, device, methods=("password",)
            )
    assert await browser.reads() == 401
