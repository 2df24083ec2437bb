"""Custom roles: who makes and gives them, and that a change is felt at once."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import msgspec
import pytest

from lyceum.platform import errors, ids
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.statements import sql
from lyceum.users import api
from lyceum.users.errors import RankTooLow, RoleExists, RoleInUse
from lyceum.users.records import CustomRole
from lyceum.users.schemas.roles import NewRole, RolePatch
from lyceum.users.service import administration, roles
from lyceum.users.service.authentication import Authenticator
from tests.users import factories
from tests.users.conftest import make_client

SYSTEM = system_actor("test")
_EVENTS_OF = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY id", str)


def unique_name() -> str:
    return f"role-{ids.new_id().hex}"


async def make_role(tx: Writer, *permissions: str, actor: Actor = SYSTEM) -> CustomRole:
    return await roles.create_role(tx, actor, NewRole(name=unique_name(), permissions=permissions))


async def acting(tx: Writer, *names: str) -> Actor:
    """Somebody with roles, as the program would see them now."""
    account = await factories.make_user(tx, roles=names)
    present = await api.actor_for(tx, account.id)
    session_id = (await factories.fresh_actor(tx, account)).session_id
    return msgspec.structs.replace(present, session_id=session_id)


async def test_a_role_grants_what_it_holds(tx: Writer) -> None:
    role = await make_role(tx, "users:read", "jobs:read")
    actor = await acting(tx, "student", role.name)
    assert actor.has("users:read")
    assert actor.has("reviews:create")  # of the student that they also are
    assert not actor.has("users:suspend")
    only = await acting(tx, role.name)
    assert only.permissions == {"users:read", "jobs:read"}


async def test_a_role_from_beginning_to_end(tx: Writer) -> None:
    admin = await acting(tx, "admin")
    role = await make_role(tx, "users:read", "users:read", actor=admin)
    assert role.permissions == ["users:read"]
    changed = await roles.update_role(
        tx, admin, role.name, RolePatch(permissions=("jobs:read",)), if_match=role.version
    )
    assert (changed.permissions, changed.version) == (["jobs:read"], 2)
    with pytest.raises(errors.PreconditionFailed):
        await roles.update_role(tx, admin, role.name, RolePatch(description="x"), if_match=1)
    same = await roles.update_role(
        tx, admin, role.name, RolePatch(permissions=("jobs:read",)), if_match=None
    )
    assert same == changed
    await roles.delete_role(tx, admin, role.name)
    assert await tx.all(_EVENTS_OF, role.name) == [
        "role.created", "role.changed", "role.deleted"
    ]  # fmt: skip
    with pytest.raises(errors.NotFound):
        await roles.get_role(tx, admin, role.name)


async def test_nobody_makes_a_role_above_themselves(tx: Writer) -> None:
    maker = await make_role(tx, "roles:manage", "roles:read", "users:read", "users:change-roles")
    actor = await acting(tx, "student", maker.name)
    await make_role(tx, "users:read", actor=actor)
    with pytest.raises(RankTooLow):
        await make_role(tx, "users:suspend", actor=actor)
    above = await make_role(tx, "users:suspend")
    with pytest.raises(RankTooLow):
        await roles.update_role(tx, actor, above.name, RolePatch(description="x"), if_match=None)
    with pytest.raises(RankTooLow):
        await roles.update_role(tx, actor, above.name, RolePatch(permissions=()), if_match=None)
    with pytest.raises(RankTooLow):
        await roles.delete_role(tx, actor, above.name)
    own = await roles.get_role(tx, actor, maker.name)
    with pytest.raises(RankTooLow):
        await roles.update_role(
            tx, actor, own.name, RolePatch(permissions=("users:suspend",)), if_match=None
        )


async def test_nobody_gives_a_role_above_themselves(tx: Writer) -> None:
    giver_role = await make_role(tx, "users:change-roles", "users:read", "users:suspend")
    giver = await acting(tx, "student", giver_role.name)
    person = await factories.make_user(tx)
    within, above = await make_role(tx, "users:read"), await make_role(tx, "users:create")
    changed = await administration.change_roles(
        tx, giver, person.id, ("student", within.name), if_match=None
    )
    assert changed.roles == ["student", within.name]
    for wanted in ((above.name,), ("manager",), ("student", "super_admin")):
        with pytest.raises(RankTooLow):
            await administration.change_roles(tx, giver, person.id, wanted, if_match=None)
    with pytest.raises(errors.ValidationFailed):
        await administration.change_roles(tx, giver, person.id, ("no-such-role",), if_match=None)
    # Nor takes one away, nor shuts out whoever has it.
    higher = await factories.make_user(tx, roles=("student", above.name))
    with pytest.raises(RankTooLow):
        await administration.change_roles(tx, giver, higher.id, ("student",), if_match=None)
    with pytest.raises(RankTooLow):
        await administration.suspend(tx, giver, higher.id)


async def test_a_role_of_an_unknown_permission(tx: Writer) -> None:
    with pytest.raises(errors.ValidationFailed) as refused:
        await make_role(tx, "users:read", "users:fly")
    assert refused.value.data["errors"][0]["pointer"] == "/permissions/1"


@pytest.mark.parametrize("name", ["admin", "teacher"])
async def test_the_name_of_a_built_in_role_is_taken(tx: Writer, name: str) -> None:
    with pytest.raises(RoleExists):
        await roles.create_role(tx, SYSTEM, NewRole(name=name, permissions=()))


async def test_a_role_is_made_once(database: Database) -> None:
    name = unique_name()

    async def make() -> str:
        async with database.transaction() as tx:
            return (await roles.create_role(tx, SYSTEM, NewRole(name=name, permissions=()))).name

    made = await asyncio.gather(*(make() for _ in range(6)), return_exceptions=True)
    assert made.count(name) == 1
    assert all(isinstance(other, RoleExists) for other in made if other != name)


async def test_a_role_that_somebody_has_stays(database: Database) -> None:
    """Given and deleted at the same moment: either somebody has it, or it is gone."""
    for _ in range(5):
        async with database.transaction() as tx:
            role, person = await make_role(tx), await factories.make_user(tx)

        async def give(name: str = role.name, user_id: UUID = person.id) -> None:
            async with database.transaction() as tx:
                await administration.change_roles(
                    tx,
                    SYSTEM,
                    user_id,
                    (name,),
                    if_match=None,
                )

        async def delete(name: str = role.name) -> None:
            async with database.transaction() as tx:
                await roles.delete_role(tx, SYSTEM, name)

        given, deleted = await asyncio.gather(give(), delete(), return_exceptions=True)
        if given is None:
            assert isinstance(deleted, RoleInUse)
        else:
            assert isinstance(given, errors.ValidationFailed)
            assert deleted is None


async def felt(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(2):
        while not await check():  # noqa: ASYNC110 - other processes are told by the database
            await asyncio.sleep(0.02)


async def test_a_change_is_felt_by_tokens_already_issued(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = engines.database
    async with database.transaction() as tx:
        role = await make_role(tx, "users:read")
        account = await factories.make_user(tx, roles=("student", role.name))
    opened = await factories.open_session(database, engines.settings, account)
    authenticator = Authenticator(engines)

    async def may(name: str) -> bool:
        return (await authenticator.authenticate(opened.access_token)).has(name)

    async def grant(*names: str) -> None:
        async with database.transaction() as tx:
            patch = RolePatch(permissions=names)
            await roles.update_role(tx, SYSTEM, role.name, patch, if_match=None)

    assert await may("users:read")
    await grant("jobs:read")
    assert await may("jobs:read")
    assert not await may("users:read")
    # Another process is told by the database alone.
    monkeypatch.setattr("lyceum.platform.database.PROCESS_ID", "another process")
    monkeypatch.setattr(database, "heard", [])
    await grant("users:read")
    await felt(lambda: may("users:read"))
    assert not await may("jobs:read")


async def test_the_door(client: httpx.AsyncClient, database: Database, headers_of: object) -> None:
    sign_in: factories.SignIn = headers_of  # type: ignore[assignment]
    admin = await sign_in(await factories.store_user(database, roles=("admin",)))
    manager = await sign_in(await factories.store_user(database, roles=("manager",)))
    student = await sign_in(await factories.store_user(database))
    name = unique_name()
    body = {"name": name, "description": "Edits", "permissions": ["courses:update"]}
    url = f"/api/v1/roles/{name}"
    assert (await client.post("/api/v1/roles", json=body)).status_code == 401
    assert (await client.post("/api/v1/roles", json=body, headers=manager)).status_code == 403
    assert (await client.get("/api/v1/roles", headers=student)).status_code == 403
    assert (await client.get(url, headers=admin)).status_code == 404
    made = await client.post("/api/v1/roles", json=body, headers=admin)
    assert (made.status_code, made.headers["location"]) == (201, url)
    assert (await client.post("/api/v1/roles", json=body, headers=admin)).json()["code"] == 6040
    listed = (await client.get("/api/v1/roles", headers=manager)).json()["data"]
    assert [role["name"] for role in listed[:2]] == ["student", "instructor"]
    assert next(role for role in listed if role["name"] == name)["isBuiltIn"] is False
    for wrong in ({**body, "name": "Über"}, {**body, "permissions": ["x"]}, {**body, "a": 1}, {}):
        answer = await client.post("/api/v1/roles", json=wrong, headers=admin)
        assert answer.status_code == 422
    changed = await client.patch(
        url, json={"permissions": []}, headers={**admin, "if-match": made.headers["etag"]}
    )
    assert changed.json()["data"]["permissions"] == []
    stale = await client.patch(
        url, json={"description": ""}, headers={**admin, "if-match": made.headers["etag"]}
    )
    assert stale.status_code == 412
    assert (await client.delete(url, headers=manager)).status_code == 403
    assert (await client.delete(url, headers=admin)).status_code == 204
    assert (await client.get(url, headers=admin)).status_code == 404


async def test_another_process_opens_the_same_door(engines: Engines) -> None:
    async with make_client(engines) as client:
        assert (await client.get("/api/v1/roles")).status_code == 401
