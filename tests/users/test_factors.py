"""Second factors in the hands of their owner and of operators."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lyceum.platform import ids
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.mailbox import MailboxMailer
from lyceum.platform.statements import Json, sql
from lyceum.users import jobs
from lyceum.users.events import (
    FactorAdded,
    FactorRemoved,
    FactorsReset,
    PasskeyFlagged,
    RecoveryCodesMade,
    RecoveryCodeUsed,
)
from tests.users import factories, mfa
from tests.users.conftest import SignIn
from tests.users.mfa import MFA, Member, code_of

_EVENTS = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY id", str)
_PAYLOADS = sql("SELECT payload FROM platform.outbox WHERE key = $1", Json)
_NOTES = sql("SELECT arguments->>'what' FROM platform.jobs WHERE arguments->>'user_id' = $1", str)
_STORED = sql("SELECT to_jsonb(f) FROM users.factors f WHERE user_id = $1", Json)


@pytest.fixture
async def member(client: httpx.AsyncClient, database: Database, headers_of: SignIn) -> Member:
    return await mfa.enrol(client, headers_of, await factories.store_user(database))


async def test_an_app_is_set_up_once(
    client: httpx.AsyncClient, database: Database, member: Member
) -> None:
    assert len(member.recovery_codes) == 10
    factors = (await client.get(f"{MFA}/factors", headers=member.headers)).json()["data"]
    assert [(f["kind"], f["name"]) for f in factors] == [("totp", "Authenticator app")]
    again = await client.post(f"{MFA}/totp", json={}, headers=member.headers)
    assert (again.status_code, again.json()["code"]) == (409, 6022)
    stored = b"".join(bytes(row) for row in await database.reader().all(_STORED, member.account.id))
    assert member.secret not in stored
    assert member.secret.hex().encode() not in stored
    assert await database.reader().all(_EVENTS, str(member.account.id)) == [
        "user.registered", "factor.added", "recovery_codes.made",
    ]  # fmt: skip
    told = b"".join(
        bytes(row) for row in await database.reader().all(_PAYLOADS, str(member.account.id))
    )
    assert member.recovery_codes[0].encode() not in told


async def test_what_is_not_confirmed_is_not_asked_for(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    account = await factories.store_user(database)
    headers = await headers_of(account)
    nothing = await client.post(f"{MFA}/totp/confirm", json={"code": "123456"}, headers=headers)
    assert nothing.status_code == 404
    begun = [await client.post(f"{MFA}/totp", json={}, headers=headers) for _ in range(2)]
    first, second = [mfa.decode_secret(one.json()["data"]["secret"]) for one in begun]
    for code in (code_of(first), "000000"):
        wrong = await client.post(f"{MFA}/totp/confirm", json={"code": code}, headers=headers)
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["pointer"] == "/code"
    assert "accessToken" in (await mfa.sign_in(client, account)).json()["data"]
    body = {"code": code_of(second)}
    right = await client.post(f"{MFA}/totp/confirm", json=body, headers=headers)
    assert right.status_code == 200


async def test_of_many_confirmations_one_counts(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    headers = await headers_of(await factories.store_user(database))
    begun = await client.post(f"{MFA}/totp", json={}, headers=headers)
    body = {"code": code_of(mfa.decode_secret(begun.json()["data"]["secret"]))}
    answers = await asyncio.gather(
        *(client.post(f"{MFA}/totp/confirm", json=body, headers=headers) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/totp", {}), ("POST", "/totp/confirm", {"code": "123456"}),
        ("POST", "/recovery-codes", None), ("PATCH", "/factors/{id}", {"name": "Phone"}),
        ("DELETE", "/factors/{id}", None),
    ],
)  # fmt: skip
async def test_each_change_takes_a_step_up(
    client: httpx.AsyncClient, database: Database, member: Member, method: str, path: str, body: Any
) -> None:
    [factor] = (await client.get(f"{MFA}/factors", headers=member.headers)).json()["data"]
    await mfa.grow_stale(database, member.account)
    url = MFA + path.format(id=factor["id"])
    refused = await client.request(method, url, json=body, headers=member.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, 6020)
    assert refused.json()["ways"] == ["totp", "recovery_code"]


async def test_a_step_up_takes_the_second_factor_of_whoever_has_one(
    client: httpx.AsyncClient, database: Database, member: Member
) -> None:
    await mfa.grow_stale(database, member.account)
    url = "/api/v1/auth/step-up"
    password = await client.post(url, json={"password": factories.PASSWORD}, headers=member.headers)
    assert (password.status_code, password.json()["code"]) == (403, 6020)
    wrong = await client.post(url, json={"code": "000000"}, headers=member.headers)
    assert (wrong.status_code, wrong.json()["code"]) == (401, 6021)
    both = {"password": factories.PASSWORD, "code": "000000"}
    for body in ({}, both):
        assert (await client.post(url, json=body, headers=member.headers)).status_code == 422
    right = await client.post(
        url, json={"code": code_of(member.secret, ahead=1)}, headers=member.headers
    )
    assert right.status_code == 200
    fresh = await client.post(f"{MFA}/recovery-codes", headers=member.headers)
    assert fresh.status_code == 201
    await mfa.grow_stale(database, member.account)
    code = fresh.json()["data"]["recoveryCodes"][0]
    again = await client.post(url, json={"recoveryCode": code}, headers=member.headers)
    assert again.status_code == 200


async def test_fresh_codes_make_the_old_ones_void(
    client: httpx.AsyncClient, member: Member
) -> None:
    made = await client.post(f"{MFA}/recovery-codes", headers=member.headers)
    codes = made.json()["data"]["recoveryCodes"]
    assert not set(codes) & set(member.recovery_codes)
    token = await mfa.begin(client, member.account)
    old = await mfa.verify(client, token, recoveryCode=member.recovery_codes[0])
    assert old.status_code == 401
    assert (await mfa.verify(client, token, recoveryCode=codes[0])).status_code == 200


async def test_codes_stand_in_for_something(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    headers = await headers_of(await factories.store_user(database))
    refused = await client.post(f"{MFA}/recovery-codes", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, 6023)


async def test_a_factor_is_renamed_and_removed(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, member: Member
) -> None:
    [factor] = (await client.get(f"{MFA}/factors", headers=member.headers)).json()["data"]
    url = f"{MFA}/factors/{factor['id']}"
    stranger = await headers_of(await factories.store_user(database))
    for method, body in (("PATCH", {"name": "Mine"}), ("DELETE", None)):
        hidden = await client.request(method, url, json=body, headers=stranger)
        assert hidden.status_code == 404
    renamed = await client.patch(url, json={"name": "Old phone"}, headers=member.headers)
    assert renamed.json()["data"]["name"] == "Old phone"
    outcomes = await asyncio.gather(*(client.delete(url, headers=member.headers) for _ in range(4)))
    assert sorted(answer.status_code for answer in outcomes) == [204] + [404] * 3
    assert "accessToken" in (await mfa.sign_in(client, member.account)).json()["data"]
    left = await client.get(f"{MFA}/recovery-codes", headers=member.headers)
    assert left.json()["data"] == {"left": 0}


async def test_an_operator_resets_what_was_lost(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, member: Member
) -> None:
    url = f"/api/v1/users/{member.account.id}/mfa"
    for role, status in (("manager", 403), ("admin", 204), ("admin", 204)):
        headers = await headers_of(await factories.store_user(database, roles=(role,)))
        assert (await client.delete(url, headers=headers)).status_code == status
    assert "accessToken" in (await mfa.sign_in(client, member.account)).json()["data"]
    names = await database.reader().all(_EVENTS, str(member.account.id))
    assert names.count("factors.reset") == 1


async def test_an_operator_resets_nobody_above_them(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    top = await mfa.enrol(
        client, headers_of, await factories.store_user(database, roles=("super_admin",))
    )
    headers = await headers_of(await factories.store_user(database, roles=("admin",)))
    refused = await client.delete(f"/api/v1/users/{top.account.id}/mfa", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, 6005)
    assert "mfaToken" in (await mfa.sign_in(client, top.account)).json()["data"]


async def test_the_owner_is_told(engines: Engines, database: Database, tmp_path: Path) -> None:
    account = await factories.store_user(database)
    factor: dict[str, Any] = {"user_id": account.id, "factor_id": ids.new_id(), "kind": "totp"}
    flagged = {"user_id": account.id, "factor_id": ids.new_id()}
    async with database.transaction() as tx:
        await jobs.tell_of_factor(tx, FactorAdded(**factor))
        await jobs.tell_of_removal(tx, FactorRemoved(**factor))
        await jobs.tell_of_copy(tx, PasskeyFlagged(**flagged))
        await jobs.tell_of_reset(tx, FactorsReset(user_id=account.id))
        await jobs.tell_of_codes(tx, RecoveryCodesMade(user_id=account.id))
        await jobs.tell_of_code(tx, RecoveryCodeUsed(user_id=account.id, left=9))
        notes = await tx.all(_NOTES, str(account.id))
    mailbox = MailboxMailer(tmp_path, "Academy <no-reply@academy.test>")
    ours = msgspec.structs.replace(engines, mailer=mailbox)
    for note in notes:
        context = JobContext(ours, ids.new_id(), 1, system_actor("test"))
        await jobs.send_security_note(context, user_id=account.id, what=note)
    mails = await mailbox.list_mails(50)
    assert {mail.to for mail in mails} == {account.email}
    name = engines.settings.academy_name
    assert {mail.subject for mail in mails} == {
        f"{name}: an authenticator app was added to your account",
        f"{name}: an authenticator app was removed from your account",
        f"{name}: a passkey of yours may have been copied, so it opens your account no more",
        f"{name}: an administrator has removed every second factor from your account",
        f"{name}: fresh recovery codes were made for your account",
        f"{name}: a recovery code of yours was used; 9 are left",
    }
