"""Requests that other services sign: what is right, and everything that is not."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lyceum.app.services import routes_of
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.statements import command, sql
from lyceum.users import jobs
from lyceum.users.adapters.signatures import SignedParts, sign
from lyceum.users.errors import ServiceHasKey
from lyceum.users.schemas.api_keys import NewApiKey
from lyceum.users.service import administration, api_keys, service_keys
from lyceum.users.service.service_keys import MadeServiceKey
from tests.doors import open_door
from tests.users import factories

SYSTEM = system_actor("test")
INTROSPECT = "/internal/v1/tokens/introspect"
CHECK = "/internal/v1/permissions/check"
CLIENT = Path(__file__).parents[2] / "examples" / "service_client.py"
_NONCES = sql("SELECT nonce FROM users.service_nonces WHERE key_id = $1", str)
_AGE = command(
    "UPDATE users.service_nonces SET used_at = now() - interval '21 minutes' WHERE key_id = $1"
)
_END = command("UPDATE users.service_keys SET expires_at = now() WHERE id = $1")


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    async with open_door(engines, routes_of("all"), "192.0.2.9") as client:
        yield client


@pytest.fixture
async def key(engines: Engines) -> MadeServiceKey:
    return await make(engines, f"service-{ids.new_id().hex[-12:]}")


async def make(engines: Engines, service: str) -> MadeServiceKey:
    async with engines.database.transaction() as tx:
        return await service_keys.create_service_key(tx, SYSTEM, engines.settings, service)


async def rotate(engines: Engines, service: str, overlap: int) -> MadeServiceKey:
    async with engines.database.transaction() as tx:
        return await service_keys.rotate_service_key(
            tx, SYSTEM, engines.settings, service, overlap_seconds=overlap
        )


def header(
    key_id: str,
    secret: str,
    *,
    path: str = INTROSPECT,
    query: str = "",
    body: bytes = b'{"token":"x"}',
    method: str = "POST",
    skew: int = 0,
    nonce: str | None = None,
) -> dict[str, str]:
    timestamp = int(clock.utc_now().timestamp()) + skew
    nonce = nonce or ids.new_secret(128)
    made = sign(secret.encode(), SignedParts(method, path, query, body), timestamp, nonce)
    return {
        "content-type": "application/json",
        "authorization": f"HMAC-SHA256 key={key_id}, timestamp={timestamp}, nonce={nonce},"
        f" signature={made}",
    }


async def post(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    *,
    path: str = INTROSPECT,
    body: bytes = b'{"token":"x"}',
) -> int:
    return (await client.post(path, content=body, headers=headers)).status_code


async def test_a_signed_request_is_the_services(
    client: httpx.AsyncClient, key: MadeServiceKey
) -> None:
    answer = await client.post(
        INTROSPECT, content=b'{"token":"x"}', headers=header(key.key.id, key.secret)
    )
    assert (answer.status_code, answer.json()["data"]["active"]) == (200, False)


@pytest.mark.parametrize("skew", [-301, 301, -100_000, 100_000])
async def test_a_timestamp_too_far_away(
    client: httpx.AsyncClient, key: MadeServiceKey, skew: int
) -> None:
    # A second of this test's own may pass in between.
    wrong = header(key.key.id, key.secret, skew=skew + (2 if skew > 0 else 0))
    assert await post(client, wrong) == 401


@pytest.mark.parametrize("skew", [-290, 290])
async def test_a_timestamp_near_enough(
    client: httpx.AsyncClient, key: MadeServiceKey, skew: int
) -> None:
    assert await post(client, header(key.key.id, key.secret, skew=skew)) == 200


async def test_what_is_changed_on_the_way(client: httpx.AsyncClient, key: MadeServiceKey) -> None:
    key_id, secret = key.key.id, key.secret
    asked = {
        "another secret": header(key_id, ids.new_secret()),
        "an empty secret": header(key_id, ""),
        "an unknown key": header("sk_0123456789abcdef", secret),
        "another body": header(key_id, secret, body=b'{"token":"y"}'),
        "an empty body": header(key_id, secret, body=b""),
        "another path": header(key_id, secret, path=CHECK),
        "another method": header(key_id, secret, method="PUT"),
        "a query": header(key_id, secret, query="a=1"),
    }
    for what, headers in asked.items():
        assert await post(client, headers) == 401, what
    assert await post(client, header(key_id, secret)) == 200


async def test_a_query_is_signed_in_its_order(
    client: httpx.AsyncClient, key: MadeServiceKey
) -> None:
    for signed, sent, status in (("b=2&a=1", "a=1&b=2", 401), ("a=1&b=2", "a=1&b=2", 200)):
        headers = header(key.key.id, key.secret, query=signed)
        assert await post(client, headers, path=f"{INTROSPECT}?{sent}") == status


async def test_a_header_with_something_missing(
    client: httpx.AsyncClient, key: MadeServiceKey
) -> None:
    whole = header(key.key.id, key.secret)["authorization"].removeprefix("HMAC-SHA256 ")
    parts = whole.split(", ")
    wrong = [", ".join(parts[:n] + parts[n + 1 :]) for n in range(4)]
    wrong += ["", whole.upper(), whole + ", x=1", whole.replace("signature=", "signature=x")]
    wrong += [", ".join(reversed(parts)), whole[:-1], whole + "é"]
    for given in wrong:
        headers = {
            "content-type": "application/json",
            "authorization": f"HMAC-SHA256 {given}".encode("latin-1"),
        }
        assert await post(client, headers) == 401, given  # type: ignore[arg-type]
    assert await post(client, {"content-type": "application/json"}) == 401


async def test_a_nonce_is_used_once(
    client: httpx.AsyncClient, key: MadeServiceKey, database: Database
) -> None:
    """Also by many at the same moment, and a refused request takes none."""
    headers = header(key.key.id, key.secret)
    statuses = await asyncio.gather(*(post(client, headers) for _ in range(12)))
    assert sorted(statuses) == [200, *[401] * 11]
    nonce = ids.new_secret(128)
    assert await post(client, header(key.key.id, "wrong", nonce=nonce)) == 401
    assert await post(client, header(key.key.id, key.secret, nonce=nonce)) == 200
    assert len(await database.reader().all(_NONCES, key.key.id)) == 2


async def test_a_nonce_is_kept_for_longer_than_a_timestamp_is_good(
    client: httpx.AsyncClient, key: MadeServiceKey, engines: Engines, database: Database
) -> None:
    context = JobContext(engines, ids.new_id(), 1, SYSTEM)
    assert await post(client, header(key.key.id, key.secret)) == 200
    await jobs.forget_nonces(context)
    assert len(await database.reader().all(_NONCES, key.key.id)) == 1
    async with database.transaction() as tx:
        await tx.execute(_AGE, key.key.id)
    await jobs.forget_nonces(context)
    assert await database.reader().all(_NONCES, key.key.id) == []


async def test_two_keys_are_good_while_one_replaces_the_other(
    client: httpx.AsyncClient, key: MadeServiceKey, engines: Engines
) -> None:
    service = key.key.service
    with pytest.raises(ServiceHasKey):
        await make(engines, service)
    second = await rotate(engines, service, 60)

    async def opens(made: MadeServiceKey) -> bool:
        return await post(client, header(made.key.id, made.secret)) == 200

    assert [await opens(made) for made in (key, second)] == [True, True]
    async with engines.database.transaction() as tx:
        await tx.execute(_END, key.key.id)
    assert [await opens(made) for made in (key, second)] == [False, True]
    third = await rotate(engines, service, 60)
    fourth = await rotate(engines, service, 60)
    assert [await opens(made) for made in (second, third, fourth)] == [False, True, True]
    fifth = await rotate(engines, service, 0)
    assert [await opens(made) for made in (fourth, fifth)] == [False, True]
    async with engines.database.transaction() as tx:
        await service_keys.revoke_service_key(tx, SYSTEM, fifth.key.id)
    assert not await opens(fifth)


async def test_keys_rotated_at_once_are_two_at_most(
    client: httpx.AsyncClient, key: MadeServiceKey, engines: Engines
) -> None:
    made = await asyncio.gather(*(rotate(engines, key.key.service, 60) for _ in range(6)))
    statuses = [await post(client, header(one.key.id, one.secret)) for one in (key, *made)]
    assert statuses.count(200) == 2


async def test_a_service_is_nobody_at_the_doors_of_people(
    client: httpx.AsyncClient, key: MadeServiceKey
) -> None:
    for method, path in (("GET", "/api/v1/me"), ("GET", "/api/v1/users"), ("GET", "/api/v1/roles")):
        headers = header(key.key.id, key.secret, path=path, method=method, body=b"")
        assert (await client.request(method, path, headers=headers)).status_code == 401


async def test_people_have_no_place_at_the_doors_of_services(
    client: httpx.AsyncClient, engines: Engines
) -> None:
    top = await factories.store_user(engines.database, roles=("super_admin",))
    opened = await factories.open_session(engines.database, engines.settings, top)
    for headers in ({}, {"authorization": f"Bearer {opened.access_token}"}):
        for path in (INTROSPECT, CHECK):
            answer = await client.post(path, json={"token": "x"}, headers=headers)
            assert answer.status_code == 401


async def ask(
    client: httpx.AsyncClient, key: MadeServiceKey, path: str, question: dict[str, Any]
) -> httpx.Response:
    """As the documented client does it."""
    spec = importlib.util.spec_from_file_location("service_client", CLIENT)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    request = client.build_request("POST", path, json=question)
    signed = example.signed_headers(
        key.key.id, key.secret, "POST", str(request.url), request.content
    )
    request.headers.update(signed)
    return await client.send(request)


async def test_what_a_token_stands_for(
    client: httpx.AsyncClient, key: MadeServiceKey, engines: Engines
) -> None:
    database = engines.database
    account = await factories.store_user(database, roles=("admin",))
    opened = await factories.open_session(database, engines.settings, account)
    async with database.transaction() as tx:
        actor = await factories.fresh_actor(tx, account)
        new = NewApiKey(name="x", scopes=("users:read",), networks=("192.0.2.0/24",))
        made = await api_keys.create_key(tx, actor, new)
    found = (await ask(client, key, INTROSPECT, {"token": opened.access_token})).json()["data"]
    assert (found["active"], found["kind"], found["userId"]) == (
        True, "access_token", str(account.id)
    )  # fmt: skip
    assert found["roles"] == ["admin"]
    assert "users:suspend" in found["permissions"]
    question = {"token": made.secret, "ip": "192.0.2.1"}
    found = (await ask(client, key, INTROSPECT, question)).json()["data"]
    assert (found["active"], found["kind"], found["permissions"]) == (
        True, "api_key", ["users:read"]
    )  # fmt: skip
    async with database.transaction() as tx:
        await administration.suspend(tx, SYSTEM, account.id)
    for token in (opened.access_token, opened.refresh_token, made.secret, "x", "é", "lk_é"):
        answer = await ask(client, key, INTROSPECT, {"token": token, "ip": "192.0.2.1"})
        found = answer.json()["data"]
        assert (found["active"], found["userId"], found["permissions"]) == (False, None, [])


async def test_a_key_for_some_networks_is_judged_by_where_it_came_from(
    client: httpx.AsyncClient, key: MadeServiceKey, database: Database
) -> None:
    async with database.transaction() as tx:
        actor = await factories.fresh_actor(tx, await factories.make_user(tx))
        new = NewApiKey(name="x", scopes=("self:read",), networks=("192.0.2.0/24",))
        made = await api_keys.create_key(tx, actor, new)
    for ip in ("", "198.51.100.1"):
        found = await ask(client, key, INTROSPECT, {"token": made.secret, "ip": ip})
        assert found.json()["data"]["active"] is False


async def test_what_a_person_may_do(
    client: httpx.AsyncClient, key: MadeServiceKey, database: Database
) -> None:
    student, other = [await factories.store_user(database) for _ in range(2)]
    about = {"type": "user", "id": str(other.id)}
    checks = [
        {"permission": "reviews:create"}, {"permission": "users:suspend", "resource": about}
    ]  # fmt: skip
    question = {"userId": str(student.id), "checks": checks}
    answers = (await ask(client, key, CHECK, question)).json()["data"]
    assert [answer["allowed"] for answer in answers] == [True, False]
    nobody = await ask(client, key, CHECK, {**question, "userId": str(ids.new_id())})
    assert nobody.status_code == 404
    assert (await ask(client, key, CHECK, {"userId": "x", "checks": checks})).status_code == 422


async def test_only_the_top_makes_keys_of_services(engines: Engines) -> None:
    async with engines.database.transaction() as tx:
        admin = factories.actor_of(await factories.make_user(tx, roles=("admin",)))
        with pytest.raises(errors.Forbidden):
            await service_keys.create_service_key(tx, admin, engines.settings, "any")
    with pytest.raises(errors.NotFound):
        await rotate(engines, f"no-{ids.new_id().hex[-12:]}", 0)
    with pytest.raises(errors.InvalidInput):
        await make(engines, "Not A Name")
