"""Signing in with a second factor: codes, recovery codes, trusted devices, and guessing."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.statements import command
from tests.users import factories, mfa
from tests.users.conftest import SignIn, make_client
from tests.users.mfa import Member, begin, code_of, verify

_AGE_FAILURES = command(
    """
    UPDATE users.login_failures SET failed_at = ARRAY(
        SELECT moment - interval '1 day' FROM unnest(failed_at) AS moment)
    WHERE account_key = sha256(convert_to('address:' || $1, 'UTF8'))
    """
)
_EXPIRE = command("UPDATE users.mfa_challenges SET expires_at = now() WHERE user_id = $1")
_EXPIRE_TRUST = command("UPDATE users.trusted_devices SET expires_at = now() WHERE user_id = $1")


def code_in(response: httpx.Response) -> tuple[int, int | None]:
    return response.status_code, response.json().get("code")


@pytest.fixture
async def member(client: httpx.AsyncClient, database: Database, headers_of: SignIn) -> Member:
    return await mfa.enrol(client, headers_of, await factories.store_user(database))


async def test_the_password_alone_opens_nothing(client: httpx.AsyncClient, member: Member) -> None:
    answer = await mfa.sign_in(client, member.account)
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert set(data) == {"mfaRequired", "mfaToken", "methods", "expiresIn"}
    assert data["mfaRequired"] is True
    assert data["methods"] == ["totp", "recovery_code"]
    assert data["expiresIn"] == 300
    # A token of one purpose: it is neither an access token nor a refresh token.
    headers = {"authorization": f"Bearer {data['mfaToken']}"}
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
    refresh = {"refreshToken": data["mfaToken"]}
    assert (await client.post("/api/v1/auth/refresh-token", json=refresh)).status_code == 401
    opened = await verify(client, data["mfaToken"], code=code_of(member.secret, ahead=1))
    assert opened.status_code == 200
    tokens = opened.json()["data"]
    assert tokens["user"]["id"] == str(member.account.id)
    headers = {"authorization": f"Bearer {tokens['accessToken']}"}
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
    again = await verify(client, data["mfaToken"], recoveryCode=member.recovery_codes[0])
    assert code_in(again) == (401, 1004), "a sign-in is finished once"


async def test_other_tokens_finish_no_sign_in(client: httpx.AsyncClient, member: Member) -> None:
    """N38: what is good for one thing is good for nothing else."""
    access = member.headers["authorization"].removeprefix("Bearer ")
    for token in ("x" * 43, access[:200], member.recovery_codes[0]):
        answer = await verify(client, token, code=code_of(member.secret, ahead=1))
        assert code_in(answer) == (401, 1004)


async def test_a_code_is_used_once(client: httpx.AsyncClient, member: Member) -> None:
    code = code_of(member.secret, ahead=1)
    tokens = [await begin(client, member.account) for _ in range(4)]
    answers = await asyncio.gather(*(verify(client, token, code=code) for token in tokens))
    assert sorted(code_in(answer) for answer in answers) == [(200, None)] + [(401, 6021)] * 3
    older = await verify(client, tokens[0], code=code_of(member.secret))
    assert older.status_code == 401, "nor is one that came before it"


async def test_a_recovery_code_is_used_once(client: httpx.AsyncClient, member: Member) -> None:
    code = member.recovery_codes[3]
    tokens = [await begin(client, member.account) for _ in range(4)]
    answers = await asyncio.gather(
        *(verify(client, token, recoveryCode=code.upper()) for token in tokens)
    )
    assert sorted(code_in(answer) for answer in answers) == [(200, None)] + [(401, 6021)] * 3
    left = await client.get(f"{mfa.MFA}/recovery-codes", headers=member.headers)
    assert left.json()["data"] == {"left": 9}


async def test_somebody_elses_codes(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, member: Member
) -> None:
    other = await mfa.enrol(client, headers_of, await factories.store_user(database))
    token = await begin(client, member.account)
    for proof in (
        {"code": code_of(other.secret, ahead=1)},
        {"recoveryCode": other.recovery_codes[0]},
    ):
        assert code_in(await verify(client, token, **proof)) == (401, 6021)


@pytest.mark.parametrize(
    "proof",
    [
        {}, {"code": "123456", "recoveryCode": "aaaa-aaaa-aaaa-aaaa"}, {"code": "12345"},
        {"code": "1234567"}, {"code": "abcdef"}, {"code": 123456}, {"code": "123456\n"},
        {"code": "\u0661\u0662\u0663\u0664\u0665\u0666"}, {"code": ["123456"]}, {"code": None},
        {"recoveryCode": "x"}, {"password": "x"},
    ],
)  # fmt: skip
async def test_what_is_no_proof(
    client: httpx.AsyncClient, member: Member, proof: dict[str, Any]
) -> None:
    token = await begin(client, member.account)
    assert (await verify(client, token, **proof)).status_code == 422


async def test_guessing_ends_with_five(client: httpx.AsyncClient, member: Member) -> None:
    """N14: 200 guesses in one sign-in."""
    token = await begin(client, member.account)
    answers = [await verify(client, token, code="000000") for _ in range(20)]
    assert [code_in(answer) for answer in answers] == [(401, 6021)] * 5 + [(429, 1006)] * 15
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_guessing_in_many_sign_ins_is_no_better(
    client: httpx.AsyncClient, member: Member
) -> None:
    """N14: a new sign-in after every third guess; the right password forgives nothing."""
    outcomes = []
    token = ""
    for number in range(9):
        if number % 3 == 0:
            begun = await mfa.sign_in(client, member.account)
            if begun.status_code == 429:
                outcomes.append(code_in(begun))
                continue
            token = begun.json()["data"]["mfaToken"]
        outcomes.append(code_in(await verify(client, token, code="000000")))
    assert outcomes == [(401, 6021)] * 5 + [(429, 1006)] * 4


async def test_guesses_at_the_same_time_get_no_more_answers(
    client: httpx.AsyncClient, member: Member
) -> None:
    tokens = [await begin(client, member.account) for _ in range(4)]
    guesses = [verify(client, token, code="000000") for token in tokens * 5]
    outcomes = sorted(code_in(answer) for answer in await asyncio.gather(*guesses))
    assert outcomes == [(401, 6021)] * 5 + [(429, 1006)] * 15


async def test_five_wrong_codes_burn_the_sign_in(
    client: httpx.AsyncClient, database: Database, member: Member
) -> None:
    token = await begin(client, member.account)
    for _ in range(5):
        assert code_in(await verify(client, token, code="000000")) == (401, 6021)
    async with database.transaction() as tx:
        await tx.execute(_AGE_FAILURES, member.account.email)
    right = await verify(client, token, code=code_of(member.secret, ahead=1))
    assert code_in(right) == (401, 1004)
    token = await begin(client, member.account)
    right = await verify(client, token, code=code_of(member.secret, ahead=1))
    assert right.status_code == 200


async def test_a_sign_in_waits_for_five_minutes(
    client: httpx.AsyncClient, database: Database, member: Member
) -> None:
    token = await begin(client, member.account)
    async with database.transaction() as tx:
        await tx.execute(_EXPIRE, member.account.id)
    late = await verify(client, token, code=code_of(member.secret, ahead=1))
    assert code_in(late) == (401, 1004)


async def test_a_trusted_device_is_not_asked(
    client: httpx.AsyncClient, database: Database, member: Member
) -> None:
    token = await begin(client, member.account)
    opened = await verify(client, token, code=code_of(member.secret, ahead=1), trustDevice=True)
    trusted = opened.json()["data"]["deviceToken"]
    again = await mfa.sign_in(client, member.account, deviceToken=trusted)
    assert "accessToken" in again.json()["data"]
    other = await factories.store_user(database)
    assert "accessToken" in (await mfa.sign_in(client, other, deviceToken=trusted)).json()["data"]
    wrong = await mfa.sign_in(client, member.account, deviceToken="x" * 43)
    assert "mfaToken" in wrong.json()["data"]
    [device] = (await client.get(f"{mfa.MFA}/trusted-devices", headers=member.headers)).json()[
        "data"
    ]
    assert set(device) == {"id", "ip", "userAgent", "createdAt", "lastUsedAt", "expiresAt"}
    path = f"{mfa.MFA}/trusted-devices/{device['id']}"
    assert (await client.delete(path, headers=member.headers)).status_code == 204
    assert (await client.delete(path, headers=member.headers)).status_code == 404
    asked = await mfa.sign_in(client, member.account, deviceToken=trusted)
    assert "mfaToken" in asked.json()["data"]


async def test_trust_ends(client: httpx.AsyncClient, database: Database, member: Member) -> None:
    opened = await verify(
        client,
        await begin(client, member.account),
        recoveryCode=member.recovery_codes[0],
        trustDevice=True,
    )
    trusted = opened.json()["data"]["deviceToken"]
    async with database.transaction() as tx:
        await tx.execute(_EXPIRE_TRUST, member.account.id)
    assert (
        "mfaToken"
        in (await mfa.sign_in(client, member.account, deviceToken=trusted)).json()["data"]
    )


async def test_a_new_password_ends_trust_and_sign_ins(
    client: httpx.AsyncClient, member: Member
) -> None:
    pending = await begin(client, member.account)
    opened = await verify(
        client,
        await begin(client, member.account),
        recoveryCode=member.recovery_codes[0],
        trustDevice=True,
    )
    trusted = opened.json()["data"]["deviceToken"]
    new = "another-9-lanterns"
    body = {"currentPassword": factories.PASSWORD, "newPassword": new}
    changed = await client.post("/api/v1/me/password", json=body, headers=member.headers)
    assert changed.status_code == 204
    late = await verify(client, pending, code=code_of(member.secret, ahead=1))
    assert code_in(late) == (401, 1004)
    asked = await mfa.sign_in(client, member.account, password=new, deviceToken=trusted)
    assert "mfaToken" in asked.json()["data"]


async def test_whoever_is_suspended_meanwhile_stays_out(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, member: Member
) -> None:
    token = await begin(client, member.account)
    admin = await headers_of(await factories.store_user(database, roles=("admin",)))
    path = f"/api/v1/users/{member.account.id}/suspend"
    assert (await client.post(path, headers=admin)).status_code == 200
    answer = await verify(client, token, code=code_of(member.secret, ahead=1))
    assert code_in(answer) == (401, 1004)


async def test_with_another_secret_of_the_installation(engines: Engines, member: Member) -> None:
    """What was sealed cannot be opened any more: that is a refusal, not a fault."""
    settings = engines.settings.model_copy(update={"secret_key": "another-secret-" + "x" * 32})
    async with make_client(msgspec.structs.replace(engines, settings=settings)) as client:
        token = await begin(client, member.account)
        for proof in ({"code": "123456"}, {"recoveryCode": member.recovery_codes[0]}):
            assert code_in(await verify(client, token, **proof)) == (401, 6021)
