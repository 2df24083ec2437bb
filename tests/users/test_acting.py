"""Acting as somebody else: who may, that it only looks, and that it ends when it should."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from lyceum.app.services import routes_of
from lyceum.platform import errors
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.routing import PUBLIC
from lyceum.platform.statements import sql
from lyceum.users.errors import NotOnOneself, RankTooLow, StepUpRequired
from lyceum.users.records import Account
from lyceum.users.service import acting, administration
from lyceum.users.service.authentication import Authenticator
from lyceum.users.service.tokens import SignedIn
from tests.app import samples
from tests.doors import open_door
from tests.users import factories
from tests.users.test_authenticator import claims_in

_STARTED = sql(
    """
    SELECT actor_id::text || ' ' || (payload ->> 'impersonator_id') || ' ' || key
    FROM platform.outbox WHERE key = $1 AND name = 'user.acting_started'
    """,
    str,
)


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    async with open_door(engines, routes_of("all")) as client:
        yield client


@pytest.fixture
async def admin(database: Database) -> Account:
    return await factories.store_user(database, roles=("admin",))


@pytest.fixture
async def person(database: Database) -> Account:
    return await factories.store_user(database)


async def act(engines: Engines, admin: Account, person: Account) -> SignedIn:
    async with engines.database.transaction() as tx:
        actor = await factories.fresh_actor(tx, admin)
        return await acting.act_as(
            tx, actor, engines.settings, person.id, reason="They cannot find a course"
        )


def bearer(opened: SignedIn) -> dict[str, str]:
    return {"authorization": f"Bearer {opened.access_token}"}


async def test_it_shows_what_the_person_sees_and_names_both(
    client: httpx.AsyncClient, engines: Engines, admin: Account, person: Account
) -> None:
    opened = await act(engines, admin, person)
    claims = claims_in(opened.access_token)
    assert claims.act is not None
    assert (claims.sub, claims.act.sub, claims.act.email) == (person.id, admin.id, admin.email)
    actor = await Authenticator(engines).authenticate(opened.access_token)
    assert (actor.user_id, actor.impersonator_id) == (person.id, admin.id)
    me = await client.get("/api/v1/me", headers=bearer(opened))
    assert me.json()["data"]["id"] == str(person.id)
    assert (await client.get("/api/v1/users", headers=bearer(opened))).status_code == 403
    told = await engines.database.reader().all(_STARTED, str(person.id))
    assert told == [f"{admin.id} {admin.id} {person.id}"]
    assert opened.refresh_token == ""


async def test_it_changes_nothing_at_any_door(
    client: httpx.AsyncClient, engines: Engines, admin: Account, person: Account
) -> None:
    headers = bearer(await act(engines, admin, person))
    for route in routes_of("all"):
        if route.access is PUBLIC or route.only_reads or route.path.startswith("/internal"):
            continue
        path = route.path.format(**dict.fromkeys(route.path_names, samples.SOME_ID))
        body: dict[str, Any] = {}
        if route.body_type is not None:
            body = {"json": samples.minimal(route.body_type)}
        refused = await client.request(route.method, path, headers=headers, **body)
        assert (refused.status_code, refused.json()["code"]) == (403, 1005), route.path
    for path in ("/me/sessions", "/api-keys", "/me/exports"):
        assert (await client.get(f"/api/v1{path}", headers=headers)).status_code == 403


async def test_it_ends(
    client: httpx.AsyncClient, engines: Engines, admin: Account, person: Account
) -> None:
    database = engines.database

    async def sees(opened: SignedIn) -> bool:
        return (await client.get("/api/v1/me", headers=bearer(opened))).status_code == 200

    first, second = await act(engines, admin, person), await act(engines, admin, person)
    assert await sees(first)
    async with database.transaction() as tx:
        await acting.stop_acting(tx, factories.actor_of(admin), person.id)
    assert [await sees(one) for one in (first, second)] == [False, False]
    # With the rights of whoever acts, too.
    third = await act(engines, admin, person)
    assert await sees(third)
    async with database.transaction() as tx:
        top = await factories.make_user(tx, roles=("super_admin",))
        fresh = await factories.fresh_actor(tx, top)
        await administration.change_roles(tx, fresh, admin.id, ("manager",), if_match=None)
    assert not await sees(third)
    other = await factories.store_user(database, roles=("admin",))
    fourth = await act(engines, other, person)
    assert await sees(fourth)
    async with database.transaction() as tx:
        await administration.suspend(tx, fresh, other.id)
    assert not await sees(fourth)


async def test_the_person_finds_it_and_can_end_it(
    client: httpx.AsyncClient, engines: Engines, admin: Account, person: Account
) -> None:
    opened = await act(engines, admin, person)
    own = await factories.open_session(engines.database, engines.settings, person)
    listed = (await client.get("/api/v1/me/sessions", headers=bearer(own))).json()["data"]
    [found] = [one for one in listed if one["id"] == str(opened.session_id)]
    assert (found["userAgent"], found["ip"]) == ("An administrator of the academy", "")
    gone = await client.delete(f"/api/v1/me/sessions/{opened.session_id}", headers=bearer(own))
    assert gone.status_code == 204
    assert (await client.get("/api/v1/me", headers=bearer(opened))).status_code == 401


async def test_who_may(engines: Engines, admin: Account, person: Account) -> None:
    async with engines.database.transaction() as tx:
        settings, why = engines.settings, "why"
        top = await factories.make_user(tx, roles=("super_admin",))
        manager = await factories.fresh_actor(tx, await factories.make_user(tx, roles=("manager",)))
        fresh = await factories.fresh_actor(tx, admin)
        with pytest.raises(errors.Forbidden):
            await acting.act_as(tx, manager, settings, person.id, reason=why)
        with pytest.raises(RankTooLow):
            await acting.act_as(tx, fresh, settings, top.id, reason=why)
        with pytest.raises(NotOnOneself):
            await acting.act_as(tx, fresh, settings, admin.id, reason=why)
        with pytest.raises(StepUpRequired):
            await acting.act_as(tx, factories.actor_of(admin), settings, person.id, reason=why)
        await administration.suspend(tx, fresh, person.id)
        with pytest.raises(errors.Conflict):
            await acting.act_as(tx, fresh, settings, person.id, reason=why)
