"""Passkeys with an authenticator in software: as second factor, for a step-up, and alone."""

import asyncio
import contextlib
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyceum.platform.database import Database
from lyceum.platform.statements import command, sql
from lyceum.users.adapters import passkeys as webauthn
from lyceum.users.records import Account, Passkey
from lyceum.users.schemas.passkeys import NewCredential, UsedCredential
from tests.users import factories, mfa
from tests.users.authenticator import Authenticator, decode, encode
from tests.users.conftest import SignIn

PASSKEYS = "/api/v1/auth/passkeys"
STEP_UP = "/api/v1/auth/step-up"
_EXPIRE = command("UPDATE users.passkey_challenges SET expires_at = now()")
_FLAGGED = sql(
    """
    SELECT p.flagged_at IS NOT NULL FROM users.passkeys p
    JOIN users.factors f ON f.id = p.factor_id WHERE f.user_id = $1
    """,
    bool,
)
_EVENTS = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY id", str)
_SESSIONS = sql("SELECT count(*) FROM users.sessions WHERE user_id = $1", int)
REFUSED = (401, 6021)


class Holder(msgspec.Struct):
    """Somebody with a passkey, where they added it, and recovery codes."""

    account: Account
    headers: dict[str, str]
    browser: Authenticator
    recovery_codes: list[str]


def code_in(response: httpx.Response) -> tuple[int, int | None]:
    return response.status_code, response.json().get("code")


async def options(client: httpx.AsyncClient, path: str, **more: Any) -> tuple[str, dict[str, Any]]:
    answer = await client.post(f"/api/v1/auth/{path}", **more)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["expiresIn"] == 300
    return data["challengeToken"], data["publicKey"]


async def add(
    client: httpx.AsyncClient, headers: dict[str, str], browser: Authenticator
) -> httpx.Response:
    token, asked = await options(client, "passkeys/options", headers=headers)
    body = {"challengeToken": token, "name": "Laptop", "credential": browser.create(asked)}
    return await client.post(PASSKEYS, json=body, headers=headers)


async def sign_in(client: httpx.AsyncClient, browser: Authenticator, **more: Any) -> httpx.Response:
    token, asked = await options(client, "passkeys/sign-in/options")
    body = {"challengeToken": token, "credential": browser.get(asked), **more}
    return await client.post(f"{PASSKEYS}/sign-in", json=body)


@pytest.fixture
async def holder(client: httpx.AsyncClient, database: Database, headers_of: SignIn) -> Holder:
    account = await factories.store_user(database)
    headers, browser = await headers_of(account), Authenticator(held=[])
    added = await add(client, headers, browser)
    assert added.status_code == 201, added.text
    return Holder(account, headers, browser, added.json()["data"]["recoveryCodes"])


async def test_a_passkey_alone_is_both_factors(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    assert len(holder.recovery_codes) == 10
    opened = await sign_in(client, holder.browser)
    assert opened.status_code == 200, opened.text
    data = opened.json()["data"]
    assert data["user"]["id"] == str(holder.account.id)
    headers = {"authorization": f"Bearer {data['accessToken']}"}
    [factor] = (await client.get(f"{mfa.MFA}/factors", headers=headers)).json()["data"]
    assert (factor["kind"], factor["name"]) == ("passkey", "Laptop")
    assert factor["lastUsedAt"] is not None
    assert "factor.added" in await database.reader().all(_EVENTS, str(holder.account.id))


async def test_a_browser_gets_a_cookie(client: httpx.AsyncClient, holder: Holder) -> None:
    opened = await sign_in(client, holder.browser, asBrowser=True)
    assert opened.status_code == 201, opened.text
    assert "accessToken" not in opened.text
    assert opened.json()["data"]["csrfToken"]


async def test_what_a_browser_is_asked_for(client: httpx.AsyncClient, holder: Holder) -> None:
    _, asked = await options(client, "passkeys/options", headers=holder.headers)
    assert asked["rp"] == {"id": "academy.test", "name": "Lyceum Academy"}
    assert decode(asked["user"]["id"]) == holder.account.id.bytes
    [excluded] = asked["excludeCredentials"]
    assert excluded["id"] == encode(holder.browser.held[0].credential_id)
    assert excluded["transports"] == ["internal", "hybrid"]
    _, asked = await options(client, "passkeys/sign-in/options")
    assert asked["allowCredentials"] == []
    assert asked["userVerification"] == "required"


async def test_a_passkey_as_second_factor(client: httpx.AsyncClient, holder: Holder) -> None:
    begun = await mfa.sign_in(client, holder.account)
    assert begun.json()["data"]["methods"] == ["passkey", "recovery_code"]
    mfa_token = begun.json()["data"]["mfaToken"]
    token, asked = await options(client, "mfa/passkey-options", json={"mfaToken": mfa_token})
    [allowed] = asked["allowCredentials"]
    assert allowed["id"] == encode(holder.browser.held[0].credential_id)
    # The password is one factor already: holding the key is enough.
    holder.browser.is_verified = False
    proof = {"challengeToken": token, "credential": holder.browser.get(asked)}
    opened = await mfa.verify(client, mfa_token, passkey=proof)
    assert opened.status_code == 200, opened.text
    replayed = await mfa.verify(client, await mfa.begin(client, holder.account), passkey=proof)
    assert code_in(replayed) == REFUSED


async def test_a_passkey_for_a_step_up(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    await mfa.grow_stale(database, holder.account)
    refused = await client.post(f"{PASSKEYS}/options", headers=holder.headers)
    assert (refused.status_code, refused.json()["ways"]) == (403, ["passkey", "recovery_code"])
    token, asked = await options(client, "step-up/passkey-options", headers=holder.headers)
    proof = {"passkey": {"challengeToken": token, "credential": holder.browser.get(asked)}}
    assert (await client.post(STEP_UP, json=proof, headers=holder.headers)).status_code == 200
    assert code_in(await client.post(STEP_UP, json=proof, headers=holder.headers)) == REFUSED


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://evil.test"}, {"origin": "https://academy.test"},
        {"origin": "http://academy.test:8080"}, {"domain": "evil.test"},
        {"is_verified": False}, {"in_frame": True},
    ],
    ids=str,
)  # fmt: skip
async def test_what_opens_nothing(
    client: httpx.AsyncClient, database: Database, holder: Holder, wrong: dict[str, Any]
) -> None:
    """N16: wrong page, wrong domain, a user that nobody made sure of."""
    before = await database.reader().one(_SESSIONS, holder.account.id)
    for name, value in wrong.items():
        setattr(holder.browser, name, value)
    assert code_in(await sign_in(client, holder.browser)) == REFUSED
    assert await database.reader().one(_SESSIONS, holder.account.id) == before
    assert await database.reader().all(_FLAGGED, holder.account.id) == [False]


@pytest.mark.parametrize(
    "wrong",
    [{"origin": "http://evil.test"}, {"domain": "evil.test"}, {"in_frame": True}],
    ids=str,
)
async def test_what_is_not_added(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, wrong: dict[str, Any]
) -> None:
    headers = await headers_of(await factories.store_user(database))
    assert code_in(await add(client, headers, Authenticator(held=[], **wrong))) == REFUSED
    assert (await client.get(f"{mfa.MFA}/factors", headers=headers)).json()["data"] == []


async def test_an_old_assertion_opens_nothing(client: httpx.AsyncClient, holder: Holder) -> None:
    """N16: replay, with its own challenge and with a new one."""
    token, asked = await options(client, "passkeys/sign-in/options")
    body = {"challengeToken": token, "credential": holder.browser.get(asked)}
    assert (await client.post(f"{PASSKEYS}/sign-in", json=body)).status_code == 200
    assert code_in(await client.post(f"{PASSKEYS}/sign-in", json=body)) == REFUSED
    fresh, _ = await options(client, "passkeys/sign-in/options")
    body["challengeToken"] = fresh
    assert code_in(await client.post(f"{PASSKEYS}/sign-in", json=body)) == REFUSED


async def test_of_many_uses_of_a_challenge_one_counts(
    client: httpx.AsyncClient, holder: Holder
) -> None:
    token, asked = await options(client, "passkeys/sign-in/options")
    body = {"challengeToken": token, "credential": holder.browser.get(asked)}
    answers = await asyncio.gather(
        *(client.post(f"{PASSKEYS}/sign-in", json=body) for _ in range(6))
    )
    assert sorted(code_in(answer) for answer in answers) == [(200, None)] + [REFUSED] * 5


async def test_a_challenge_is_good_where_it_was_made(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, holder: Holder
) -> None:
    """N16, N38: the challenge of another session, and of another purpose."""
    elsewhere = await headers_of(holder.account)
    token, asked = await options(client, "passkeys/options", headers=elsewhere)
    body = {"challengeToken": token, "credential": Authenticator(held=[]).create(asked)}
    assert code_in(await client.post(PASSKEYS, json=body, headers=holder.headers)) == REFUSED
    token, asked = await options(client, "passkeys/sign-in/options")
    proof = {"challengeToken": token, "credential": holder.browser.get(asked)}
    mfa_token = await mfa.begin(client, holder.account)
    assert code_in(await mfa.verify(client, mfa_token, passkey=proof)) == REFUSED
    body = {"passkey": proof}
    assert code_in(await client.post(STEP_UP, json=body, headers=holder.headers)) == REFUSED
    async with database.transaction() as tx:
        await tx.execute(_EXPIRE)
    assert code_in(await client.post(f"{PASSKEYS}/sign-in", json=proof)) == REFUSED
    other_token = await mfa.begin(client, holder.account)
    token, asked = await options(client, "mfa/passkey-options", json={"mfaToken": other_token})
    proof = {"challengeToken": token, "credential": holder.browser.get(asked)}
    assert code_in(await mfa.verify(client, mfa_token, passkey=proof)) == REFUSED
    assert (await mfa.verify(client, other_token, passkey=proof)).status_code == 200


async def test_the_passkey_of_somebody_else(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, holder: Holder
) -> None:
    """N16: another person's passkey is no second factor, and takes nobody's name."""
    other = await factories.store_user(database)
    theirs = Authenticator(held=[])
    assert (await add(client, await headers_of(other), theirs)).status_code == 201
    mfa_token = await mfa.begin(client, holder.account)
    token, asked = await options(client, "mfa/passkey-options", json={"mfaToken": mfa_token})
    proof = {"challengeToken": token, "credential": theirs.get(asked)}
    assert code_in(await mfa.verify(client, mfa_token, passkey=proof)) == REFUSED
    theirs.held[0].user_handle = holder.account.id.bytes
    assert code_in(await sign_in(client, theirs)) == REFUSED


async def test_a_counter_that_goes_back(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    """N16: there may be a copy of the passkey, so neither opens anything from then on."""
    clone = holder.browser.held[0].count
    assert (await sign_in(client, holder.browser)).status_code == 200
    holder.browser.held[0].count = clone
    assert code_in(await sign_in(client, holder.browser)) == REFUSED
    assert await database.reader().all(_FLAGGED, holder.account.id) == [True]
    assert "factor.flagged" in await database.reader().all(_EVENTS, str(holder.account.id))
    holder.browser.held[0].count = 50
    assert code_in(await sign_in(client, holder.browser)) == REFUSED
    # It still is a factor: the password alone opens nothing.
    begun = await mfa.begin(client, holder.account)
    opened = await mfa.verify(client, begun, recoveryCode=holder.recovery_codes[0])
    assert opened.status_code == 200


async def test_a_forged_counter_flags_nothing(
    client: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    """Whoever knows the id of a passkey, and has not got it, cannot have it flagged."""
    assert (await sign_in(client, holder.browser)).status_code == 200
    holder.browser.held[0].count = 0
    token, asked = await options(client, "passkeys/sign-in/options")
    used = holder.browser.get(asked)
    used["response"]["signature"] = encode(b"\x30\x06\x02\x01\x01\x02\x01\x01")
    body = {"challengeToken": token, "credential": used}
    assert code_in(await client.post(f"{PASSKEYS}/sign-in", json=body)) == REFUSED
    assert await database.reader().all(_FLAGGED, holder.account.id) == [False]


async def test_authenticators_that_count_nothing(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    account = await factories.store_user(database)
    browser = Authenticator(held=[], is_counting=False)
    assert (await add(client, await headers_of(account), browser)).status_code == 201
    for _ in range(2):
        assert (await sign_in(client, browser)).status_code == 200


async def test_a_passkey_belongs_to_one_account(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn, holder: Holder
) -> None:
    headers = await headers_of(await factories.store_user(database))
    for who in (headers, holder.headers):
        token, asked = await options(client, "passkeys/options", headers=who)
        browser = Authenticator(held=[])
        credential = browser.create(asked)
        taken = holder.browser.held[0].credential_id
        attestation = decode(credential["response"]["attestationObject"])
        forged = attestation.replace(browser.held[0].credential_id, taken)
        credential["response"]["attestationObject"] = encode(forged)
        credential["id"] = credential["rawId"] = encode(taken)
        body = {"challengeToken": token, "credential": credential}
        answer = await client.post(PASSKEYS, json=body, headers=who)
        assert code_in(answer) == (409, 6024)


async def test_guessing_counts_with_every_other_way(
    client: httpx.AsyncClient, holder: Holder
) -> None:
    holder.browser.is_verified = False
    outcomes = [code_in(await sign_in(client, holder.browser)) for _ in range(6)]
    assert outcomes == [REFUSED] * 5 + [(429, 1006)]


async def test_without_a_passkey_there_is_none_to_ask_for(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    member = await mfa.enrol(client, headers_of, await factories.store_user(database))
    body = {"mfaToken": await mfa.begin(client, member.account)}
    answer = await client.post(f"{mfa.MFA}/passkey-options", json=body)
    assert code_in(answer) == (409, 6023)
    answer = await client.post(f"{STEP_UP}/passkey-options", headers=member.headers)
    assert code_in(answer) == (409, 6023)
    wrong = await client.post(f"{mfa.MFA}/passkey-options", json={"mfaToken": "x" * 43})
    assert code_in(wrong) == (401, 1004)


PARTY = webauthn.RelyingParty("academy.test", "Academy", ("http://academy.test",))
CHALLENGE = b"c" * 32
ASKED = {"rp": {"id": "academy.test"}, "user": {"id": "YQ"}, "challenge": encode(CHALLENGE)}


@settings(deadline=None)
@given(st.data())
def test_broken_bytes_are_refused(data: st.DataObject) -> None:
    """Whatever is cut, changed or put in, the answer is a refusal and nothing else."""
    browser = Authenticator(held=[])
    made = browser.create(ASKED)
    key = webauthn.verify_new(PARTY, _new(made), CHALLENGE)
    used = browser.get(ASKED)
    for credential in (made, used):
        response = credential["response"]
        names = sorted(set(response) & {"attestationObject", "authenticatorData", "clientDataJSON"})
        name = data.draw(st.sampled_from(names))
        whole = decode(response[name])
        at = data.draw(st.integers(0, len(whole) - 1))
        response[name] = encode(whole[:at] + data.draw(st.binary(max_size=8))) or "A"
    with contextlib.suppress(webauthn.PasskeyRefused):
        webauthn.verify_new(PARTY, _new(made), CHALLENGE)
    passkey = Passkey(
        factor_id=UUID(int=1), user_id=UUID(int=1), credential_id=key.credential_id,
        public_key=key.public_key, sign_count=0, transports=[], is_flagged=False,
    )  # fmt: skip
    with contextlib.suppress(webauthn.PasskeyRefused):
        webauthn.verify_use(PARTY, _used(used), CHALLENGE, passkey, needs_verification=True)


def _new(credential: dict[str, Any]) -> NewCredential:
    return msgspec.convert(credential, NewCredential)


def _used(credential: dict[str, Any]) -> UsedCredential:
    return msgspec.convert(credential, UsedCredential)


async def test_the_last_way_in_stays(
    client: httpx.AsyncClient, database: Database, headers_of: SignIn
) -> None:
    """N20: where there is no password, a passkey is not only a second factor."""
    account = await factories.store_user(database, password_hash=None)
    headers, browsers = await headers_of(account), [Authenticator(held=[]) for _ in range(2)]
    for browser in browsers:
        assert (await add(client, headers, browser)).status_code == 201
    listed = (await client.get(f"{mfa.MFA}/factors", headers=headers)).json()["data"]
    answers = await asyncio.gather(
        *(client.delete(f"{mfa.MFA}/factors/{one['id']}", headers=headers) for one in listed)
    )
    assert sorted(code_in(answer) if answer.content else (204, None) for answer in answers) == [
        (204, None),
        (409, 6032),
    ]
