"""Signing in with an OpenID provider: who is let in, and what no provider can talk us into."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey

from lyceum.platform import ids
from lyceum.platform.engines import Engines
from lyceum.platform.statements import sql
from lyceum.users.queries import accounts as account_queries
from tests.users import factories, fake_provider, mfa, oidc
from tests.users.conftest import SignIn
from tests.users.fake_provider import CLIENT_ID, FakeProvider, Person
from tests.users.oidc import IDENTITIES, OIDC

_PASSWORDLESS = sql("SELECT password_hash IS NULL FROM users.users WHERE email = $1", bool)
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())[:43].decode()


@pytest.fixture(scope="module")
def server() -> Iterator[FakeProvider]:
    with fake_provider.running() as provider:
        yield provider


@pytest.fixture
def provider(server: FakeProvider) -> FakeProvider:
    """The provider, honest again."""
    server.told = {}
    server.claims, server.header, server.signs_with = {}, {}, None
    return server


@pytest.fixture
def ours(engines: Engines, provider: FakeProvider) -> Engines:
    return oidc.engines_with(engines, provider)


def somebody(**changes: Any) -> Person:
    person = {
        "sub": ids.new_id().hex, "email": factories.unique_email(), "email_verified": True,
        "given_name": "Grace", "family_name": "Hopper",
    }  # fmt: skip
    return {**person, **changes}


def code_in(answer: httpx.Response) -> tuple[int, int | None]:
    return answer.status_code, answer.json().get("code")


async def test_somebody_new_gets_an_account(ours: Engines, provider: FakeProvider) -> None:
    person = somebody()
    async with oidc.browser(ours) as client:
        listed = (await client.get(f"{OIDC}/providers")).json()["data"]
        assert listed == [{"name": "campus", "title": "Campus", "startUrl": f"{OIDC}/campus/start"}]
        opened = await oidc.sign_in(client, provider, person)
    assert opened.status_code == 200, opened.text
    user = opened.json()["data"]["user"]
    assert (user["email"], user["firstName"], user["emailVerified"]) == (
        person["email"], "Grace", True,
    )  # fmt: skip
    assert await ours.database.reader().one(_PASSWORDLESS, person["email"])
    # Known by issuer and subject: the address may change, and comes along with nothing.
    moved = {**person, "email": factories.unique_email()}
    async with oidc.browser(ours) as client:
        again = await oidc.sign_in(client, provider, moved, asBrowser=True)
    assert again.status_code == 201, again.text
    assert again.json()["data"]["user"] == user
    assert "accessToken" not in again.text


async def test_no_token_is_in_an_address(ours: Engines, provider: FakeProvider) -> None:
    async with oidc.browser(ours) as client:
        url = await oidc.start(client, next="/courses/knots?tab=2")
        assert "secret" not in url
        given = provider.authorize(url, somebody())
        back = await client.get(f"{OIDC}/campus/callback", params=given)
        location = back.headers["location"]
        assert location.startswith("http://academy.test/courses/knots?tab=2&code=")
        opened = await client.post(f"{OIDC}/exchange", json={"code": oidc.code_of(back)})
        assert opened.json()["data"]["accessToken"] not in location
        assert given["code"] not in location


@pytest.mark.parametrize("vouched", [False, True, "false", "true", None])
async def test_an_address_lets_nobody_into_its_account(
    ours: Engines, provider: FakeProvider, vouched: Any
) -> None:
    """N18: whether or not the provider says that the address is theirs."""
    account = await factories.store_user(ours.database)
    person = somebody(email=account.email.upper(), email_verified=vouched)
    async with oidc.browser(ours) as client:
        refused = await oidc.sign_in(client, provider, person)
        assert code_in(refused) == (409, 6030)
        assert refused.json()["type"] == "/problems/link-required"
        assert "accessToken" not in refused.text


async def test_its_owner_links_it_then(
    ours: Engines, provider: FakeProvider, headers_of: SignIn
) -> None:
    account = await factories.store_user(ours.database)
    person = somebody(email=account.email)
    headers = await headers_of(account)
    stranger = await headers_of(await factories.store_user(ours.database))
    async with oidc.browser(ours) as client, oidc.browser(ours) as elsewhere:
        code = await oidc.come_back(client, provider, person)
        body = {"code": code}
        assert (await client.post(f"{OIDC}/exchange", json=body)).status_code == 409
        again = await client.post(f"{OIDC}/exchange", json=body)
        assert code_in(again) == (401, 6021), "the code is for linking now"
        confirm = f"{IDENTITIES}/confirm"
        assert (await client.post(confirm, json=body, headers=stranger)).status_code == 404
        assert (await elsewhere.post(confirm, json=body, headers=headers)).status_code == 404
        await mfa.grow_stale(ours.database, account)
        stale = await client.post(confirm, json=body, headers=headers)
        assert code_in(stale) == (403, 6020)
        headers = await headers_of(account)
        linked = await client.post(confirm, json=body, headers=headers)
        assert linked.status_code == 201, linked.text
        assert linked.json()["data"]["provider"] == "campus"
        assert (await client.post(confirm, json=body, headers=headers)).status_code == 404
        opened = await oidc.sign_in(client, provider, person)
        assert opened.json()["data"]["user"]["id"] == str(account.id)


async def begin_link(client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    begun = await client.post(IDENTITIES, json={"provider": "campus"}, headers=headers)
    assert begun.status_code == 200, begun.text
    url: str = begun.json()["data"]["authorizationUrl"]
    return url


async def test_linking_from_the_account(
    ours: Engines, provider: FakeProvider, headers_of: SignIn
) -> None:
    account, person = await factories.store_user(ours.database), somebody()
    headers = await headers_of(account)
    async with oidc.browser(ours) as client:
        given = provider.authorize(await begin_link(client, headers), person)
        code = oidc.code_of(await client.get(f"{OIDC}/campus/callback", params=given))
        signing_in = await client.post(f"{OIDC}/exchange", json={"code": code})
        assert code_in(signing_in) == (401, 6021), "begun to link, it opens nothing"
        confirm = f"{IDENTITIES}/confirm"
        assert (await client.post(confirm, json={"code": code}, headers=headers)).status_code == 201
        [identity] = (await client.get(IDENTITIES, headers=headers)).json()["data"]
        assert identity["email"] == person["email"]
        # An identity opens one account.
        other = await headers_of(await factories.store_user(ours.database))
        given = provider.authorize(await begin_link(client, other), person)
        code = oidc.code_of(await client.get(f"{OIDC}/campus/callback", params=given))
        taken = await client.post(confirm, json={"code": code}, headers=other)
        assert code_in(taken) == (409, 6031)
        url = f"{IDENTITIES}/{identity['id']}"
        assert (await client.delete(url, headers=other)).status_code == 404
        assert (await client.delete(url, headers=headers)).status_code == 204
        assert (await client.get(IDENTITIES, headers=headers)).json()["data"] == []


async def test_the_last_way_in_stays(ours: Engines, provider: FakeProvider) -> None:
    """N20: also when two are unlinked at the same time."""
    async with oidc.browser(ours) as client:
        opened = await oidc.sign_in(client, provider, somebody())
        headers = {"authorization": f"Bearer {opened.json()['data']['accessToken']}"}
        [first] = (await client.get(IDENTITIES, headers=headers)).json()["data"]
        last = await client.delete(f"{IDENTITIES}/{first['id']}", headers=headers)
        assert code_in(last) == (409, 6032)
        for _ in range(2):
            given = provider.authorize(await begin_link(client, headers), somebody())
            code = oidc.code_of(await client.get(f"{OIDC}/campus/callback", params=given))
            await client.post(f"{IDENTITIES}/confirm", json={"code": code}, headers=headers)
        listed = (await client.get(IDENTITIES, headers=headers)).json()["data"]
        assert len(listed) == 3
        answers = await asyncio.gather(
            *(client.delete(f"{IDENTITIES}/{one['id']}", headers=headers) for one in listed)
        )
        assert sorted(answer.status_code for answer in answers) == [204, 204, 409]
        assert len((await client.get(IDENTITIES, headers=headers)).json()["data"]) == 1


async def test_linking_takes_a_step_up(
    ours: Engines, provider: FakeProvider, headers_of: SignIn
) -> None:
    account = await factories.store_user(ours.database)
    headers = await headers_of(account)
    await mfa.grow_stale(ours.database, account)
    async with oidc.browser(ours) as client:
        refused = await client.post(IDENTITIES, json={"provider": "campus"}, headers=headers)
        assert code_in(refused) == (403, 6020)


async def test_the_second_factor_is_asked_for(
    ours: Engines, provider: FakeProvider, headers_of: SignIn
) -> None:
    async with oidc.browser(ours) as client:
        person = somebody()
        opened = await oidc.sign_in(client, provider, person)
        user_id = opened.json()["data"]["user"]["id"]
        async with ours.database.transaction() as tx:
            account = await tx.one(account_queries.FIND_ACCOUNT, user_id)
            await mfa.add_totp(tx, ours.settings, account)
        asked = await oidc.sign_in(client, provider, person)
        assert asked.json()["data"]["mfaRequired"] is True


async def test_where_addresses_are_proved_first(engines: Engines, provider: FakeProvider) -> None:
    strict = oidc.engines_with(engines, provider, registration="verified")
    person = somebody(email_verified=False)
    async with oidc.browser(strict) as client:
        refused = await oidc.sign_in(client, provider, person)
        assert code_in(refused) == (403, 6002)
        opened = await oidc.sign_in(client, provider, {**person, "email_verified": True})
        assert opened.status_code == 200
        nameless = somebody(email=None)
        provider.told = {"sub": nameless["sub"]}
        assert code_in(await oidc.sign_in(client, provider, nameless)) == (409, 6035)


async def test_what_is_told_apart_is_of_the_same_person(
    ours: Engines, provider: FakeProvider
) -> None:
    person = somebody(email=None)
    email = factories.unique_email()
    async with oidc.browser(ours) as client:
        for told in ({}, {"sub": "somebody-else", "email": email}):
            provider.told = told
            given = provider.authorize(await oidc.start(client), person)
            answer = await client.get(f"{OIDC}/campus/callback", params=given)
            assert code_in(answer) == (401, 6033)
        provider.told = {"sub": person["sub"], "email": email, "email_verified": True}
        opened = await oidc.sign_in(client, provider, person)
    assert opened.json()["data"]["user"]["email"] == email


async def test_whoever_is_suspended_stays_out(
    ours: Engines, provider: FakeProvider, headers_of: SignIn
) -> None:
    person = somebody()
    admin = await headers_of(await factories.store_user(ours.database, roles=("admin",)))
    async with oidc.browser(ours) as client:
        user = (await oidc.sign_in(client, provider, person)).json()["data"]["user"]
        await client.post(f"/api/v1/users/{user['id']}/suspend", headers=admin)
        assert code_in(await oidc.sign_in(client, provider, person)) == (403, 6003)


LIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"iss": "https://evil.test"}, {}), ({"aud": "somebody-else"}, {}), ({"aud": []}, {}),
    ({"aud": [CLIENT_ID, "other"]}, {}), ({"aud": [CLIENT_ID, "other"], "azp": "other"}, {}),
    ({"azp": "other"}, {}), ({"nonce": "of another sign-in"}, {}), ({"nonce": None}, {}),
    ({"exp": 1_000_000_000}, {}), ({"exp": None}, {}), ({"iat": 4_000_000_000}, {}),
    ({"iat": 1_000_000_000}, {}), ({"sub": ""}, {}), ({"sub": "x" * 256}, {}), ({"sub": None}, {}),
    ({"sub": 7}, {}), ({}, {"kid": "nobody's"}),
]  # fmt: skip


@pytest.mark.parametrize(("claims", "header"), LIES)
async def test_what_no_provider_talks_us_into(
    ours: Engines, provider: FakeProvider, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    async with oidc.browser(ours) as client:
        given = provider.authorize(await oidc.start(client), somebody())
        provider.claims, provider.header = claims, header
        answer = await client.get(f"{OIDC}/campus/callback", params=given)
        assert code_in(answer) == (401, 6033)
        assert "nonce" not in answer.text


async def test_keys_that_are_not_the_provider_s(ours: Engines, provider: FakeProvider) -> None:
    shared = OctKey.generate_key(256)
    for key, algorithm in ((ECKey.generate_key("P-256"), "ES256"), (shared, "HS256")):
        async with oidc.browser(ours) as client:
            given = provider.authorize(await oidc.start(client), somebody())
            provider.signs_with, provider.header = key, {"alg": algorithm}
            answer = await client.get(f"{OIDC}/campus/callback", params=given)
            assert code_in(answer) == (401, 6033)


@pytest.mark.parametrize("iss", ["https://evil.test", "", None])
async def test_an_answer_of_another_issuer(
    ours: Engines, provider: FakeProvider, iss: str | None
) -> None:
    """RFC 9207: the code of another provider is not even redeemed."""
    async with oidc.browser(ours) as client:
        given = provider.authorize(await oidc.start(client), somebody())
        before = provider.asked.count("/token")
        params = {**given, "iss": iss} if iss is not None else given
        if iss is None:
            params.pop("iss")
        answer = await client.get(f"{OIDC}/campus/callback", params=params)
        assert code_in(answer) == (401, 6033)
        assert provider.asked.count("/token") == before


async def test_a_state_is_good_once_and_in_its_browser(
    ours: Engines, provider: FakeProvider
) -> None:
    async with oidc.browser(ours) as client, oidc.browser(ours) as other:
        given = provider.authorize(await oidc.start(client), somebody())
        callback = f"{OIDC}/campus/callback"
        assert code_in(await other.get(callback, params=given)) == (401, 1004)
        await oidc.start(other)
        assert code_in(await other.get(callback, params=given)) == (401, 1004)
        for state in ("", "x" * 43, given["state"][:-1]):
            wrong = await client.get(callback, params={**given, "state": state})
            assert code_in(wrong) == (401, 1004)
        answers = await asyncio.gather(*(client.get(callback, params=given) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [302, 401, 401, 401]
        code = next(oidc.code_of(answer) for answer in answers if answer.status_code == 302)
        stolen = await other.post(f"{OIDC}/exchange", json={"code": code})
        assert code_in(stolen) == (401, 6021)
        body = {"code": code}
        answers = await asyncio.gather(
            *(client.post(f"{OIDC}/exchange", json=body) for _ in range(4))
        )
        assert sorted(code_in(answer) for answer in answers) == [(200, None)] + [(401, 6021)] * 3


async def test_a_front_end_without_cookies(ours: Engines, provider: FakeProvider) -> None:
    async with oidc.browser(ours) as client, oidc.browser(ours) as app:
        code = await oidc.come_back(client, provider, somebody(), codeChallenge=CHALLENGE)
        for verifier in ({}, {"codeVerifier": "w" * 43}):
            refused = await client.post(f"{OIDC}/exchange", json={"code": code, **verifier})
            assert code_in(refused) == (401, 6021)
        body = {"code": code, "codeVerifier": VERIFIER}
        assert (await app.post(f"{OIDC}/exchange", json=body)).status_code == 200


async def test_an_answer_by_form(ours: Engines, provider: FakeProvider) -> None:
    """As Apple gives it: posted by the browser from the provider's page."""
    async with oidc.browser(ours) as client:
        given = provider.authorize(await oidc.start(client), somebody())
        headers = {"origin": "https://appleid.apple.com", "sec-fetch-site": "cross-site"}
        data = {**given, "user": '{"name": {"firstName": "Grace"}}'}
        url = f"{OIDC}/campus/callback"
        as_json = await client.post(url, json=given, headers=headers)
        assert as_json.status_code == 415
        back = await client.post(url, data=data, headers=headers)
        opened = await client.post(f"{OIDC}/exchange", json={"code": oidc.code_of(back)})
        assert opened.status_code == 200


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("access_denied", "access_denied"), ("user_cancelled_authorize", "access_denied"),
        ("server_error", "sign_in_failed"), ("\r\nx: y", "sign_in_failed"),
    ],
)  # fmt: skip
async def test_whoever_does_not_get_through(
    ours: Engines, provider: FakeProvider, said: str, told: str
) -> None:
    async with oidc.browser(ours) as client:
        given = provider.authorize(await oidc.start(client), somebody())
        given.pop("code")
        answer = await client.get(f"{OIDC}/campus/callback", params={**given, "error": said})
        assert answer.status_code == 302
        assert answer.headers["location"] == f"http://academy.test/login?error={told}"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.test", "/\\evil.test", "\\\\evil.test", "javascript:alert(1)", "https:evil.test",
        "https://evil.test", "/login%0d%0aSet-Cookie:x=1", "/login\r\nSet-Cookie: x=1",
        "/@evil.test", "@evil.test", "/login/..//evil.test", "/login/../admin", "/admin",
        "/loginevil", "/login?next=%0d%0a", "/login#x", "/%2f%2fevil.test", "///evil.test", "",
        "/login//evil.test", " /login", "/login?x=%5c", "x",
    ],
)  # fmt: skip
async def test_where_a_sign_in_does_not_return(ours: Engines, path: str) -> None:
    """N28."""
    async with oidc.browser(ours) as client:
        answer = await client.get(f"{OIDC}/campus/start", params={"next": path})
        assert answer.status_code == 422
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/login", "/courses/knots", "/account?tab=2&x=%20y"])
async def test_where_a_sign_in_returns(ours: Engines, path: str) -> None:
    async with oidc.browser(ours) as client:
        answer = await client.get(f"{OIDC}/campus/start", params={"next": path})
        assert answer.status_code == 302


async def test_a_provider_that_nobody_knows(ours: Engines) -> None:
    async with oidc.browser(ours) as client:
        for path in ("nobody/start", "nobody/callback?state=x", "google/start", "apple/start"):
            assert (await client.get(f"{OIDC}/{path}")).status_code == 404
