"""API keys: what they open, for whom, from where, how long; and what they never open."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from lyceum.app.services import routes_of
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.statements import command, sql
from lyceum.users.errors import RankTooLow, StepUpRequired, TooManyApiKeys
from lyceum.users.records import Account, Device
from lyceum.users.schemas.api_keys import NewApiKey
from lyceum.users.service import account as own_account
from lyceum.users.service import administration, api_keys
from lyceum.users.service.authentication import Authenticator
from tests.doors import open_door
from tests.users import factories

URL = "/api/v1/api-keys"
_STORED = sql("SELECT secret_hash FROM users.api_keys WHERE id = $1", bytes)
_LAST_USED = sql("SELECT last_used_ip FROM users.api_keys WHERE id = $1", str)
_EXPIRE = command(
    "UPDATE users.api_keys SET expires_at = now() - interval '1 second' WHERE id = $1"
)
_END_OVERLAP = command("UPDATE users.api_keys SET previous_until = now() WHERE id = $1")
_EVENTS_OF = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY position", str)
_SUSPEND = command("UPDATE users.users SET status = 'suspended' WHERE id = $1")


@pytest.fixture
async def everything(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    """Every route, from an address of our own."""
    async with open_door(engines, routes_of("all")) as client:
        yield client


async def make(database: Database, account: Account, *scopes: str, **facts: Any) -> Any:
    """A key of the account, made by its owner a moment after they signed in."""
    async with database.transaction() as tx:
        actor = await factories.fresh_actor(tx, account)
        new = NewApiKey(name="Script", scopes=scopes or ("self:read",), **facts)
        return await api_keys.create_key(tx, actor, new)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def status(client: httpx.AsyncClient, secret: str, path: str = "/me") -> int:
    return (await client.get(f"/api/v1{path}", headers=bearer(secret))).status_code


async def test_a_key_opens_what_its_scopes_say(
    everything: httpx.AsyncClient, database: Database
) -> None:
    account = await factories.store_user(database, roles=("admin",))
    made = await make(database, account, "users:read", "self:read")
    for headers in (bearer(made.secret), {"x-api-key": made.secret}):
        assert (await everything.get("/api/v1/users", headers=headers)).status_code == 200
        me = await everything.get("/api/v1/me", headers=headers)
        assert me.json()["data"]["id"] == str(account.id)
        refused = await everything.post(f"/api/v1/users/{account.id}/suspend", headers=headers)
        assert refused.json()["permission"] == "users:suspend"
        unread = await everything.patch("/api/v1/me", json={"bio": "x"}, headers=headers)
        assert (unread.status_code, unread.json()["permission"]) == (403, "self:write")
        wanted = {"checks": [{"permission": "users:suspend"}, {"permission": "users:read"}]}
        answers = await everything.post("/api/v1/permissions/check", json=wanted, headers=headers)
        assert [one["allowed"] for one in answers.json()["data"]] == [False, True]
        assert "scopes" in answers.json()["data"][0]["reason"]


async def test_a_key_never_opens_what_takes_a_person(
    everything: httpx.AsyncClient, database: Database
) -> None:
    account = await factories.store_user(database, roles=("super_admin",))
    made = await make(
        database, account, "self:read", "self:write", "users:change-roles", "roles:manage"
    )
    headers = bearer(made.secret)
    new = {"name": "More", "scopes": ["self:read"]}
    for method, path, body in (
        ("POST", "/api-keys", new), ("GET", "/api-keys", None),
        ("DELETE", f"/api-keys/{made.key.id}", None),
        ("POST", f"/api-keys/{made.key.id}/rotate", {}), ("GET", "/me/sessions", None),
        ("POST", "/auth/logout", None), ("POST", "/auth/step-up", {"password": "x"}),
        ("POST", "/me/password", {"currentPassword": "x", "newPassword": "tide-over-8-lanterns"}),
        ("PATCH", f"/users/{account.id}/roles", {"roles": ["student"]}),
        ("POST", "/roles", {"name": "any", "permissions": []}),
    ):  # fmt: skip
        answer = await everything.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == 403, (path, answer.text)


async def test_a_key_follows_the_present_rights_of_its_owner(
    everything: httpx.AsyncClient, database: Database
) -> None:
    account = await factories.store_user(database, roles=("admin",))
    made = await make(database, account, "users:read", "self:read")
    assert await status(everything, made.secret, "/users") == 200
    async with database.transaction() as tx:
        top = await factories.fresh_actor(tx, await factories.make_user(tx, roles=("super_admin",)))
        await administration.change_roles(tx, top, account.id, ("student",), if_match=None)
    assert await status(everything, made.secret, "/users") == 403
    assert await status(everything, made.secret) == 200
    async with database.transaction() as tx:
        await administration.suspend(tx, top, account.id)
    assert await status(everything, made.secret) == 401


async def test_a_scope_is_a_permission_that_one_has(tx: Writer) -> None:
    actor = await factories.fresh_actor(tx, await factories.make_user(tx))
    with pytest.raises(RankTooLow):
        await api_keys.create_key(tx, actor, NewApiKey(name="x", scopes=("users:read",)))
    with pytest.raises(errors.ValidationFailed) as refused:
        await api_keys.create_key(tx, actor, NewApiKey(name="x", scopes=("self:read", "no:such")))
    assert refused.value.data["errors"][0]["pointer"] == "/scopes/1"
    past = clock.utc_now() - timedelta(seconds=1)
    with pytest.raises(errors.ValidationFailed):
        await api_keys.create_key(
            tx, actor, NewApiKey(name="x", scopes=("self:read",), expires_at=past)
        )
    stale = msgspec.structs.replace(actor, session_id=None)
    with pytest.raises(StepUpRequired):
        await api_keys.create_key(tx, stale, NewApiKey(name="x", scopes=("self:read",)))
    with pytest.raises(errors.Unauthorized):
        await api_keys.list_keys(tx, Actor())


async def test_only_the_hash_is_stored_and_the_secret_shown_once(
    everything: httpx.AsyncClient, database: Database, engines: Engines
) -> None:
    account = await factories.store_user(database)
    opened = await factories.open_session(database, engines.settings, account)
    headers = bearer(opened.access_token)
    body = {"name": "Script", "scopes": ["self:read"], "networks": ["192.0.2.9/24", "::1"]}
    answer = await everything.post(URL, json=body, headers=headers)
    assert answer.status_code == 201
    shown = answer.json()["data"]
    assert shown["secret"].startswith(shown["prefix"])
    assert shown["networks"] == ["192.0.2.0/24", "::1/128"]
    stored = await database.reader().one(_STORED, UUID(shown["id"]))
    assert stored == ids.hash_secret(shown["secret"])
    listed = await everything.get(URL, headers=headers)
    one = await everything.get(answer.headers["location"], headers=headers)
    assert shown["secret"] not in listed.text + one.text
    assert listed.json()["data"] == [one.json()["data"]]
    assert await status(everything, shown["secret"]) == 200
    assert await database.reader().one(_LAST_USED, UUID(shown["id"])) == "192.0.2.7"
    for wrong in (
        {**body, "scopes": []}, {**body, "scopes": "self:read"}, {**body, "networks": ["x.y"]},
        {**body, "name": ""}, {**body, "expiresAt": "tomorrow"}, {**body, "endsWithPassword": 1},
        {**body, "userId": str(ids.new_id())},
    ):  # fmt: skip
        assert (await everything.post(URL, json=wrong, headers=headers)).status_code == 422


async def test_keys_of_others_do_not_exist(
    everything: httpx.AsyncClient, database: Database, engines: Engines
) -> None:
    made = await make(database, await factories.store_user(database))
    other = await factories.store_user(database, roles=("super_admin",))
    opened = await factories.open_session(database, engines.settings, other)
    headers = bearer(opened.access_token)
    for method, path, body in (
        ("GET", "", None), ("DELETE", "", None), ("POST", "/rotate", {}),
    ):  # fmt: skip
        hidden = await everything.request(
            method, f"{URL}/{made.key.id}{path}", json=body, headers=headers
        )
        missing = await everything.request(
            method, f"{URL}/{ids.new_id()}{path}", json=body, headers=headers
        )
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert hidden.json()["detail"] == missing.json()["detail"]
    assert await status(everything, made.secret) == 200


@pytest.mark.parametrize(
    ("networks", "opens"),
    [
        ((), True), (("192.0.2.0/24",), True), (("10.0.0.0/8", "192.0.2.7"), True),
        (("198.51.100.0/24",), False), (("::/0",), False),
    ],
)  # fmt: skip
async def test_a_key_is_for_its_networks(
    everything: httpx.AsyncClient, database: Database, networks: tuple[str, ...], opens: bool
) -> None:
    made = await make(database, await factories.store_user(database), networks=networks)
    assert await status(everything, made.secret) == (200 if opens else 401)
    # Neither does the answer for one address let in another.
    assert await status(everything, made.secret) == (200 if opens else 401)


async def test_an_address_is_judged_each_time(engines: Engines) -> None:
    account = await factories.store_user(engines.database)
    made = await make(engines.database, account, networks=("192.0.2.7", "::ffff:0:0/96"))
    authenticator = Authenticator(engines)
    assert (await authenticator.authenticate(made.secret, "192.0.2.7")).user_id == account.id
    assert (await authenticator.authenticate(made.secret, "::ffff:192.0.2.7")).scopes
    for ip in ("192.0.2.8", "", "nonsense"):
        assert authenticator.peek(made.secret, ip) is None
        with pytest.raises(errors.TokenInvalid):
            await authenticator.authenticate(made.secret, ip)


async def test_a_key_ends(
    everything: httpx.AsyncClient, database: Database, engines: Engines
) -> None:
    account = await factories.store_user(database)
    expired, revoked = await make(database, account), await make(database, account)
    soon = await make(database, account, expires_at=clock.utc_now() + timedelta(milliseconds=1500))
    assert await status(everything, revoked.secret) == 200
    assert await status(everything, soon.secret) == 200
    async with database.transaction() as tx:
        await tx.execute(_EXPIRE, expired.key.id)
        actor = await factories.fresh_actor(tx, account)
        await api_keys.revoke_key(tx, actor, revoked.key.id)
    for made in (expired, revoked):
        assert await status(everything, made.secret) == 401
    async with asyncio.timeout(10):
        while await status(everything, soon.secret) != 401:  # noqa: ASYNC110 - time alone ends it
            await asyncio.sleep(0.1)
    async with database.transaction() as tx:
        with pytest.raises(errors.Conflict):
            await api_keys.rotate_key(tx, actor, expired.key.id, overlap_seconds=0)


async def test_a_rotated_key_opens_with_both_secrets_for_a_while(
    everything: httpx.AsyncClient, database: Database
) -> None:
    account = await factories.store_user(database)
    made = await make(database, account)

    async def rotate(overlap_seconds: int) -> Any:
        async with database.transaction() as tx:
            actor = await factories.fresh_actor(tx, account)
            return await api_keys.rotate_key(
                tx, actor, made.key.id, overlap_seconds=overlap_seconds
            )

    second = await rotate(60)
    assert [await status(everything, one.secret) for one in (made, second)] == [200, 200]
    async with database.transaction() as tx:
        await tx.execute(_END_OVERLAP, made.key.id)
        tx.invalidate(f"users:{account.id}")
    assert [await status(everything, one.secret) for one in (made, second)] == [401, 200]
    third = await rotate(0)
    assert [await status(everything, one.secret) for one in (second, third)] == [401, 200]
    seen = await database.reader().all(_EVENTS_OF, str(account.id))
    assert seen[1:] == ["api_key.created", "api_key.rotated", "api_key.rotated"]


async def test_a_key_that_ends_with_the_password(
    everything: httpx.AsyncClient, engines: Engines
) -> None:
    database = engines.database
    account = await factories.store_user(database)
    bound = await make(database, account, ends_with_password=True)
    free = await make(database, account)
    actor = await factories.sign_in_actor(database, account)
    async with database.transaction() as tx:
        outcome = await own_account.change_password(
            tx,
            actor,
            current=factories.PASSWORD,
            new="another-7-lanterns",
            device=Device(),
        )
    assert outcome is None
    assert [await status(everything, one.secret) for one in (bound, free)] == [401, 200]


async def test_what_is_for_one_purpose_opens_nothing_else(
    everything: httpx.AsyncClient, engines: Engines
) -> None:
    """Each secret at each other's door."""
    database = engines.database
    account = await factories.store_user(database)
    made = await make(database, account, "self:read")
    opened = await factories.open_session(database, engines.settings, account)
    for token in (opened.refresh_token, "lk_", "lk_" + "x" * 43, made.key.prefix, "lk_é"):
        headers = {"x-api-key": token.encode()}
        assert (await everything.get("/api/v1/me", headers=headers)).status_code == 401  # type: ignore[arg-type]
    for path, body in (
        ("/auth/refresh-token", {"refreshToken": made.secret}),
        ("/auth/verify-email", {"token": made.secret}),
    ):
        answer = await everything.post(f"/api/v1{path}", json=body)
        assert answer.status_code in (400, 401)
    assert await status(everything, opened.refresh_token) == 401
    assert await status(everything, opened.access_token) == 200


async def test_a_person_has_so_many_keys_at_most(database: Database) -> None:
    account = await factories.store_user(database)
    actor = await factories.sign_in_actor(database, account)

    async def create() -> Any:
        async with database.transaction() as tx:
            return await api_keys.create_key(tx, actor, NewApiKey(name="x", scopes=("self:read",)))

    made = await asyncio.gather(*(create() for _ in range(55)), return_exceptions=True)
    refused = [one for one in made if isinstance(one, Exception)]
    assert all(isinstance(one, TooManyApiKeys) for one in refused)
    assert len(made) - len(refused) == api_keys.MAX_KEYS
