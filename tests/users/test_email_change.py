"""Another address: both are told, and the new one is proved before it counts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Database
from lyceum.platform.statements import command
from lyceum.users.errors import EmailTaken, LinkInvalid
from lyceum.users.queries import accounts as account_queries
from lyceum.users.records import Account, Device
from lyceum.users.service import account as accounts
from lyceum.users.service import email_change
from tests.users import factories
from tests.users.conftest import SignIn
from tests.users.mails import Post, token_in

_AGE_LINK = command(
    "UPDATE users.email_changes SET expires_at = expires_at - interval '25 hours'"
    " WHERE user_id = $1"
)
_AGE_PROOF = command(
    "UPDATE users.sessions SET authenticated_at = now() - interval '11 minutes' WHERE user_id = $1"
)
Wish = Callable[[str], Awaitable[None]]


@pytest.fixture
async def account(database: Database) -> Account:
    return await factories.store_user(database)


@pytest.fixture
async def owner(database: Database, account: Account) -> Actor:
    return await factories.sign_in_actor(database, account)


@pytest.fixture
def wish(database: Database, owner: Actor) -> Wish:
    """Ask for another address."""

    async def wish(email: str) -> None:
        async with database.transaction() as tx:
            await email_change.request_email_change(tx, owner, email=email, device=Device())

    return wish


async def link_to(post: Post, address: str) -> str:
    return token_in([mail for mail in await post(address) if "?token=" in mail.text][-1])


async def prove(client: httpx.AsyncClient, token: str) -> tuple[int, Any]:
    answer = await client.post("/api/v1/auth/email-change", json={"token": token})
    return answer.status_code, answer.json()


async def address_of(database: Database, account: Account) -> str:
    return (await database.reader().one(account_queries.FIND_ACCOUNT, account.id)).email


async def test_both_addresses_are_told_and_the_new_one_is_proved(
    client: httpx.AsyncClient,
    database: Database,
    post: Post,
    headers_of: SignIn,
    account: Account,
) -> None:
    headers = await headers_of(account)
    new = factories.unique_email()
    asked = await client.post("/api/v1/me/email", json={"email": new.upper()}, headers=headers)
    assert asked.status_code == 202
    token = await link_to(post, new)
    [warning] = await post(account.email)
    assert "asked to change the email address" in warning.subject
    assert token not in warning.text
    assert await address_of(database, account) == account.email, "nothing has changed yet"

    status, body = await prove(client, token)
    assert status == 200
    assert (body["data"]["email"], body["data"]["emailVerified"]) == (new, True)
    farewell = (await post(account.email))[-1]
    assert "is not the email address of your account" in farewell.text
    assert any("is the email address of your account now" in m.text for m in await post(new))
    password = {"password": factories.PASSWORD}
    for email, wanted in ((account.email, 401), (new, 200)):
        login = await client.post("/api/v1/auth/login", json={"email": email, **password})
        assert login.status_code == wanted
    assert (await prove(client, token))[0] == 400, "a link works once"


async def test_a_newer_wish_voids_the_older(
    client: httpx.AsyncClient, database: Database, post: Post, wish: Wish, account: Account
) -> None:
    first, second = factories.unique_email(), factories.unique_email()
    await wish(first)
    old = await link_to(post, first)
    await wish(second)
    assert (await prove(client, old))[0] == 400
    assert (await prove(client, await link_to(post, second)))[0] == 200
    assert await address_of(database, account) == second


async def test_a_link_lasts_a_day_and_no_new_password(
    client: httpx.AsyncClient,
    database: Database,
    post: Post,
    wish: Wish,
    owner: Actor,
    account: Account,
) -> None:
    new = factories.unique_email()
    await wish(new)
    token = await link_to(post, new)
    async with database.transaction() as tx:
        await tx.execute(_AGE_LINK, account.id)
    assert (await prove(client, token))[0] == 400
    await wish(new)
    token = await link_to(post, new)
    async with database.transaction() as tx:
        denial = await accounts.change_password(
            tx, owner, current=factories.PASSWORD, new="another-9-lanterns", device=Device()
        )
    assert denial is None
    assert (await prove(client, token))[0] == 400
    assert await address_of(database, account) == account.email


async def test_a_taken_address_tells_its_owner_alone(
    client: httpx.AsyncClient, database: Database, post: Post, headers_of: SignIn, account: Account
) -> None:
    taken = await factories.store_user(database)
    headers = await headers_of(account)
    answers = []
    for email in (factories.unique_email(), taken.email):
        answers.append(
            await client.post("/api/v1/me/email", json={"email": email}, headers=headers)
        )
        await post(email)
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["data"] == answers[1].json()["data"]
    [mail] = await post(taken.email)
    assert "already have an account" in mail.subject
    assert "token" not in mail.text


async def test_an_address_that_was_taken_meanwhile(
    database: Database, post: Post, wish: Wish, account: Account
) -> None:
    new = factories.unique_email()
    await wish(new)
    token = await link_to(post, new)
    await factories.store_user(database, email=new)
    with pytest.raises(EmailTaken):
        async with database.transaction() as tx:
            await email_change.confirm_email_change(tx, Actor(), token)
    assert await address_of(database, account) == account.email


async def test_what_is_refused_at_once(database: Database, wish: Wish, account: Account) -> None:
    with pytest.raises(errors.Conflict):
        await wish(account.email.upper())
    with pytest.raises(errors.ValidationFailed):
        await wish("no address")
    async with database.transaction() as tx:
        await tx.execute(_AGE_PROOF, account.id)
    with pytest.raises(errors.Forbidden):
        await wish(factories.unique_email())
    with pytest.raises(LinkInvalid):
        async with database.transaction() as tx:
            await email_change.confirm_email_change(tx, Actor(), "x")


async def test_nobody_is_flooded(wish: Wish) -> None:
    new = factories.unique_email()
    for _ in range(3):
        await wish(new)
    with pytest.raises(errors.RateLimitExceeded) as refused:
        await wish(new)
    assert ("retry-after", "3600") in refused.value.headers


async def test_of_proofs_at_once_one_counts(
    client: httpx.AsyncClient, database: Database, post: Post, wish: Wish, account: Account
) -> None:
    new = factories.unique_email()
    await wish(new)
    token = await link_to(post, new)
    answers = await asyncio.gather(*(prove(client, token) for _ in range(6)))
    assert sorted(status for status, _ in answers) == [200] + [400] * 5
    assert await address_of(database, account) == new


async def test_two_who_want_one_address(
    client: httpx.AsyncClient, database: Database, post: Post
) -> None:
    """Both may prove it, and the first who does has it."""
    new = factories.unique_email()
    tokens = []
    for _ in range(2):
        person = await factories.store_user(database)
        actor = await factories.sign_in_actor(database, person)
        async with database.transaction() as tx:
            await email_change.request_email_change(tx, actor, email=new, device=Device())
        tokens.append(await link_to(post, new))
    assert len(set(tokens)) == 2
    answers = await asyncio.gather(*(prove(client, token) for token in tokens))
    assert sorted(status for status, _ in answers) == [200, 409]
