"""What is dangerous takes a person who has proved a moment ago who they are."""

from typing import Any

import httpx
import pytest

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor, system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.statements import command, sql
from lyceum.users.errors import StepUpRequired
from lyceum.users.records import Account
from lyceum.users.service import step_up
from tests.users import factories
from tests.users.conftest import SignIn

_AGE = command(
    "UPDATE users.sessions SET authenticated_at = now() - make_interval(secs => $2::float8)"
    " WHERE user_id = $1"
)
_METHODS = sql("SELECT authentication_methods FROM users.sessions WHERE user_id = $1", list[str])
STEP_UP = "/api/v1/auth/step-up"


async def age(database: Database, account: Account, seconds: float = 601.0) -> None:
    async with database.transaction() as tx:
        await tx.execute(_AGE, account.id, seconds)


async def test_signing_in_is_a_proof_for_ten_minutes(tx: Writer) -> None:
    account = await factories.make_user(tx)
    actor = await factories.fresh_actor(tx, account)
    await step_up.require_fresh(tx, actor)
    await tx.execute(_AGE, account.id, 599.0)
    await step_up.require_fresh(tx, actor)
    await tx.execute(_AGE, account.id, 601.0)
    with pytest.raises(StepUpRequired) as refused:
        await step_up.require_fresh(tx, actor)
    assert refused.value.data == {"ways": ("password",)}
    until = await step_up.record_proof(tx, actor, ("password",))
    assert until.tzinfo is not None
    await step_up.require_fresh(tx, actor)


async def test_whoever_has_no_session_is_never_fresh(tx: Writer) -> None:
    account = await factories.make_user(tx)
    with pytest.raises(StepUpRequired) as refused:
        await step_up.require_fresh(tx, factories.actor_of(account))
    assert refused.value.data == {"ways": ()}
    with pytest.raises(errors.Unauthorized):
        await step_up.require_fresh(tx, ANONYMOUS)
    await step_up.require_fresh(tx, system_actor("test"))


async def test_the_session_of_somebody_else_proves_nothing(tx: Writer) -> None:
    other = await factories.fresh_actor(tx, await factories.make_user(tx))
    account = await factories.make_user(tx)
    stolen = Actor(user_id=account.id, session_id=other.session_id)
    with pytest.raises(StepUpRequired):
        await step_up.require_fresh(tx, stolen)


async def test_who_has_no_password_signs_in_anew(tx: Writer) -> None:
    account = await factories.make_user(tx, password_hash=None)
    actor = await factories.fresh_actor(tx, account)
    await tx.execute(_AGE, account.id, 601.0)
    with pytest.raises(StepUpRequired) as refused:
        await step_up.require_fresh(tx, actor)
    assert refused.value.data == {"ways": ("sign_in",)}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/me/password", {"currentPassword": "x", "newPassword": "tide-0ver-it"}),
        ("PATCH", "/api/v1/users/{id}/roles", {"roles": ["instructor"]}),
    ],
)
async def test_what_takes_a_step_up(
    client: httpx.AsyncClient,
    database: Database,
    headers_of: SignIn,
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    account = await factories.store_user(database, roles=("admin",))
    other = await factories.store_user(database)
    headers = await headers_of(account)
    await age(database, account)
    refused = await client.request(method, path.format(id=other.id), json=body, headers=headers)
    assert refused.status_code == 403
    problem = refused.json()
    assert (problem["code"], problem["type"]) == (6020, "/problems/step-up-required")
    assert problem["ways"] == ["password"]
    proof = {"password": factories.PASSWORD}
    stepped_up = await client.post(STEP_UP, json=proof, headers=headers)
    assert stepped_up.status_code == 200
    assert stepped_up.json()["data"]["freshUntil"]
    tried = await client.request(method, path.format(id=other.id), json=body, headers=headers)
    assert tried.json().get("code") != 6020


async def test_a_wrong_proof_counts_with_every_other(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    account = await factories.store_user(database)
    headers = await headers_of(account)
    await age(database, account)
    wrong = {"password": "not-it-at-all"}
    answers = [await client.post(STEP_UP, json=wrong, headers=headers) for _ in range(6)]
    assert [answer.json()["code"] for answer in answers] == [1002] * 5 + [1006]
    right = {"email": account.email, "password": factories.PASSWORD}
    assert (await client.post("/api/v1/auth/login", json=right)).status_code == 429
    assert await database.reader().one(_METHODS, account.id) == ["password"]
