"""Forgotten passwords and mails that people ask for by an address alone."""

import asyncio
from typing import Any

import httpx
import pytest

from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.statements import command, sql
from lyceum.users.records import Account, Device
from lyceum.users.service import account as accounts
from lyceum.users.service import administration, recovery, sessions, verification
from tests.users import factories, mfa
from tests.users.conftest import SignIn
from tests.users.mails import Post, token_in

AUTH = "/api/v1/auth"
NEW_PASSWORD = "new-tide-over-7-lanterns"
_AGE = command(
    "UPDATE users.password_resets SET expires_at = expires_at - interval '31 minutes'"
    " WHERE user_id = $1"
)
_REQUESTS = sql("SELECT count(*) FROM users.mail_requests WHERE email = $1", int)
_MAIL_EVENTS = sql(
    """
    SELECT count(*) FROM platform.outbox o JOIN users.mail_requests r ON r.id::text = o.key
    WHERE o.name = 'mail.requested' AND r.email = ANY ($1)
    """,
    int,
)


@pytest.fixture
async def account(database: Database) -> Account:
    return await factories.store_user(database)


async def forget(client: httpx.AsyncClient, post: Post, account: Account) -> str:
    """Ask for a reset, and return the token of the mail."""
    answer = await client.post(f"{AUTH}/password/forgot", json={"email": account.email})
    assert answer.status_code == 202
    return token_in([mail for mail in await post(account.email) if "?token=" in mail.text][-1])


async def reset(client: httpx.AsyncClient, token: str, **more: Any) -> httpx.Response:
    body = {"token": token, "newPassword": NEW_PASSWORD, **more}
    return await client.post(f"{AUTH}/password/reset", json=body)


async def login(client: httpx.AsyncClient, account: Account, password: str) -> int:
    client.cookies.clear()
    body = {"email": account.email, "password": password}
    return (await client.post(f"{AUTH}/login", json=body)).status_code


async def test_a_forgotten_password_is_set_anew(
    client: httpx.AsyncClient, post: Post, engines: Engines, headers_of: SignIn, account: Account
) -> None:
    opened = await factories.open_session(engines.database, engines.settings, account)
    headers = await headers_of(account)
    token = await forget(client, post, account)
    done = await reset(client, token)
    assert done.status_code == 200
    assert set(done.json()["data"]) == {"deviceToken"}
    assert "lyceum_device=" in done.headers["set-cookie"]
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
    async with engines.database.transaction() as tx:
        ended = await sessions.refresh_session(
            tx, ANONYMOUS, engines.settings, token=opened.refresh_token
        )
    assert isinstance(ended, errors.TokenInvalid)
    assert await login(client, account, factories.PASSWORD) == 401
    assert await login(client, account, NEW_PASSWORD) == 200
    told = (await post(account.email))[-1]
    assert "your password was changed with the link" in told.subject


async def test_a_link_is_good_once(client: httpx.AsyncClient, post: Post, account: Account) -> None:
    """N10, and what it leaves: the password that the first use has set."""
    token = await forget(client, post, account)
    assert (await reset(client, token)).status_code == 200
    again = await reset(client, token, newPassword="third-tide-over-lanterns")
    assert (again.status_code, again.json()["code"]) == (400, 6001)
    assert await login(client, account, NEW_PASSWORD) == 200


async def test_links_that_are_void(
    client: httpx.AsyncClient, post: Post, database: Database, account: Account
) -> None:
    """N10: after a newer one, after 31 minutes, after a change of password, for somebody else."""
    first = await forget(client, post, account)
    second = await forget(client, post, account)
    assert (await reset(client, first)).status_code == 400
    other = await factories.store_user(database)
    assert (await reset(client, second, email=other.email)).status_code == 400
    assert (await reset(client, second, email="no address")).status_code == 400
    async with database.transaction() as tx:
        await tx.execute(_AGE, account.id)
    assert (await reset(client, second)).status_code == 400
    third = await forget(client, post, account)
    owner = await factories.sign_in_actor(database, account)
    async with database.transaction() as tx:
        denial = await accounts.change_password(
            tx, owner, current=factories.PASSWORD, new="changed-9-lanterns", device=Device()
        )
    assert denial is None
    assert (await reset(client, third)).status_code == 400
    for nonsense in ("x", "a" * 43, "' OR 1=1 --"):
        assert (await reset(client, nonsense)).status_code == 400
    assert await login(client, account, "changed-9-lanterns") == 200


async def test_the_own_address_may_be_sent_along(
    client: httpx.AsyncClient, post: Post, account: Account
) -> None:
    token = await forget(client, post, account)
    assert (await reset(client, token, email=account.email.upper())).status_code == 200


async def test_of_many_at_once_one_sets_the_password(
    client: httpx.AsyncClient, post: Post, account: Account
) -> None:
    token = await forget(client, post, account)
    passwords = [f"another-{number}-lanterns" for number in range(6)]
    answers = await asyncio.gather(*(reset(client, token, newPassword=new) for new in passwords))
    won = [new for new, answer in zip(passwords, answers, strict=True) if answer.is_success]
    assert len(won) == 1
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5
    assert await login(client, account, won[0]) == 200


async def test_a_guessable_password_leaves_the_link_good(
    client: httpx.AsyncClient, post: Post, account: Account
) -> None:
    token = await forget(client, post, account)
    refused = await reset(client, token, newPassword="password123")
    assert (refused.status_code, refused.json()["code"]) == (422, 6004)
    assert refused.json()["errors"][0]["pointer"] == "/newPassword"
    assert (await reset(client, token)).status_code == 200


async def test_a_reset_does_not_bypass_the_second_factor(
    client: httpx.AsyncClient, post: Post, headers_of: SignIn, account: Account
) -> None:
    await mfa.enrol(client, headers_of, account)
    client.cookies.clear()
    token = await forget(client, post, account)
    done = await reset(client, token)
    assert "accessToken" not in done.text
    answer = await client.post(
        f"{AUTH}/login",
        json={
            "email": account.email,
            "password": NEW_PASSWORD,
            "deviceToken": done.json()["data"]["deviceToken"],
        },
    )
    assert answer.json()["data"]["mfaRequired"] is True
    assert "accessToken" not in answer.text


async def test_a_reset_proves_the_address(
    client: httpx.AsyncClient, post: Post, database: Database
) -> None:
    account = await factories.store_user(database, is_verified=False)
    token = await forget(client, post, account)
    assert (await reset(client, token)).status_code == 200
    async with database.transaction() as tx:
        found = await accounts.get_own_account(tx, factories.actor_of(account))
    assert found.email_verified_at is not None


@pytest.mark.parametrize("header", ["host", "x-forwarded-host", "forwarded", "x-host"])
async def test_the_link_leads_to_the_academy_alone(
    client: httpx.AsyncClient, post: Post, account: Account, header: str
) -> None:
    """N12: whatever a request says that our name is."""
    value = "host=evil.example" if header == "forwarded" else "evil.example"
    answer = await client.post(
        f"{AUTH}/password/forgot", json={"email": account.email}, headers={header: value}
    )
    assert answer.status_code == 202
    [mail] = await post(account.email)
    assert "http://academy.test/reset-password?token=" in mail.text
    assert "evil" not in mail.text


async def test_nobody_and_the_suspended_get_no_mail(
    client: httpx.AsyncClient, post: Post, database: Database
) -> None:
    admin = await factories.store_user(database, roles=("admin",))
    suspended = await factories.store_user(database)
    async with database.transaction() as tx:
        await administration.suspend(tx, factories.actor_of(admin), suspended.id)
    nobody = factories.unique_email()
    bodies = []
    for email in (suspended.email, nobody):
        answer = await client.post(f"{AUTH}/password/forgot", json={"email": email})
        bodies.append((answer.status_code, answer.json()["data"]))
        assert await post(email) == []
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("path", ["password/forgot", "verify-email/resend"])
async def test_thirty_requests_are_three_mails(
    client: httpx.AsyncClient, database: Database, post: Post, path: str
) -> None:
    """N8, for an address that has an account and for one that has none."""
    account = await factories.store_user(database, is_verified=False)
    nobody = factories.unique_email()
    for email in (account.email, nobody):
        for _ in range(10):
            answer = await client.post(f"{AUTH}/{path}", json={"email": email})
            assert answer.status_code == 202
        assert await database.reader().one(_REQUESTS, email) == 3
        assert await database.reader().one(_MAIL_EVENTS, [email]) == 3
    assert len(await post(account.email)) == 3
    assert await post(nobody) == []


async def test_an_address_has_one_allowance_for_everything(
    client: httpx.AsyncClient, database: Database, post: Post
) -> None:
    account = await factories.store_user(database, is_verified=False)
    for _ in range(3):
        for path in ("password/forgot", "verify-email/resend"):
            await client.post(f"{AUTH}/{path}", json={"email": account.email})
    assert len(await post(account.email)) == 3


async def test_a_network_has_thirty_mails_an_hour(tx: Writer) -> None:
    """N8: thirty addresses and more from one network."""
    device = Device("192.0.2.40", "Tester", network=f"network-{ids.new_id()}")
    emails = [factories.unique_email() for _ in range(35)]
    for email in emails:
        await recovery.request_reset(tx, ANONYMOUS, email=email, device=device)
    counts = [await tx.one(_REQUESTS, email) for email in emails]
    assert counts == [1] * 30 + [0] * 5


async def test_requests_at_once_are_three_mails(database: Database) -> None:
    email = factories.unique_email()

    async def ask() -> None:
        async with database.transaction() as tx:
            await recovery.request_reset(tx, ANONYMOUS, email=email, device=Device())

    await asyncio.gather(*(ask() for _ in range(12)))
    assert await database.reader().one(_REQUESTS, email) == 3


@pytest.mark.parametrize("request_it", [recovery.request_reset, verification.request_verification])
async def test_known_and_unknown_cost_the_same_statements(
    database: Database, account: Account, request_it: Any
) -> None:
    ran: list[list[str]] = []
    for email in (account.email, factories.unique_email()):
        names: list[str] = []
        database.observe = lambda name, _seconds, names=names: names.append(name)
        try:
            async with database.transaction() as tx:
                await request_it(tx, ANONYMOUS, email=email, device=Device())
        finally:
            database.observe = None
        ran.append(names)
    assert ran[0] == ran[1]
    assert len(ran[0]) >= 3


async def test_the_mail_that_proves_is_sent_again(
    client: httpx.AsyncClient, database: Database, post: Post
) -> None:
    account = await factories.store_user(database, is_verified=False)
    await client.post(f"{AUTH}/verify-email/resend", json={"email": account.email})
    [mail] = await post(account.email)
    proved = await client.post(f"{AUTH}/verify-email", json={"token": token_in(mail)})
    assert proved.json()["data"]["emailVerified"] is True
    await client.post(f"{AUTH}/verify-email/resend", json={"email": account.email})
    assert len(await post(account.email)) == 1, "there is nothing left to prove"


async def test_a_token_of_one_mail_is_no_token_of_another(
    client: httpx.AsyncClient, post: Post, database: Database
) -> None:
    """N38: what resets a password proves no address, and the other way round."""
    account = await factories.store_user(database, is_verified=False)
    resets = await forget(client, post, account)
    await client.post(f"{AUTH}/verify-email/resend", json={"email": account.email})
    proves = token_in((await post(account.email))[-1])
    for path, token in (("verify-email", resets), ("email-change", resets)):
        assert (await client.post(f"{AUTH}/{path}", json={"token": token})).status_code == 400
    assert (await reset(client, proves)).status_code == 400
    for token in (resets, proves):
        refused = await client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
        assert refused.status_code == 401
