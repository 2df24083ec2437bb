"""Signing in: who is let in, what is told to the others, and how often they may try."""

import asyncio

import msgspec
import pytest

from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.statements import Json, command, sql
from lyceum.users.errors import AccountSuspended, EmailNotVerified
from lyceum.users.queries import sessions as session_queries
from lyceum.users.records import Account, Device
from lyceum.users.service import sign_in as use_case
from lyceum.users.service.admission import SecondFactorNeeded
from lyceum.users.service.opening import Opened
from lyceum.users.service.tokens import SignedIn
from tests.users import factories

_AGE_FAILURES = command(
    """
    UPDATE users.login_failures SET failed_at = ARRAY(
        SELECT moment - make_interval(secs => $2::float8) FROM unnest(failed_at) AS moment)
    WHERE account_key = sha256(convert_to('address:' || $1, 'UTF8'))
    """
)
_SET_STATUS = command("UPDATE users.users SET status = $2 WHERE id = $1")
_FAILED = sql(
    "SELECT payload FROM platform.outbox WHERE name = 'login.failed' AND payload->>'ip' = $1", Json
)
_LIVE_SESSIONS = sql(
    "SELECT count(*) FROM users.sessions WHERE user_id = $1 AND revoked_at IS NULL", int
)


async def sign_in(
    engines: Engines, email: str, password: str = factories.PASSWORD, *, ip: str = "192.0.2.9"
) -> Opened | SecondFactorNeeded | errors.Fact:
    async with engines.database.transaction() as tx:
        return await use_case.sign_in(
            tx,
            ANONYMOUS,
            engines.settings,
            email=email,
            password=password,
            device=Device(ip, "Tester"),
        )


async def fail(engines: Engines, email: str, times: int) -> list[int]:
    outcomes = [await sign_in(engines, email, f"wrong-{n}") for n in range(times)]
    return [outcome.code for outcome in outcomes if isinstance(outcome, errors.Fact)]


async def age(engines: Engines, email: str, seconds: float) -> None:
    async with engines.database.transaction() as tx:
        await tx.execute(_AGE_FAILURES, email, seconds)


@pytest.fixture
async def account(database: Database) -> Account:
    return await factories.store_user(database)


async def test_the_right_password_opens_a_session(engines: Engines, account: Account) -> None:
    opened = await sign_in(engines, account.email.upper())
    assert isinstance(opened, SignedIn)
    assert opened.account == account
    assert opened.expires_in == 900
    assert len(opened.refresh_token) >= 43
    assert opened.access_token not in repr(opened)
    assert opened.refresh_token not in repr(opened)


@pytest.mark.parametrize(
    "password", ["", "wrong", factories.PASSWORD + " ", factories.PASSWORD.upper(), "x" * 1000]
)
async def test_any_other_password_does_not(
    engines: Engines, account: Account, password: str
) -> None:
    outcome = await sign_in(engines, account.email, password)
    assert isinstance(outcome, errors.InvalidCredentials)
    assert await engines.database.reader().one(_LIVE_SESSIONS, account.id) == 0


@pytest.mark.parametrize("email", ["nobody@people.test", "no address", "", "'; DROP TABLE users--"])
async def test_an_unknown_address_gets_the_same_answer(engines: Engines, email: str) -> None:
    unknown = await sign_in(engines, email or ids.new_id().hex)
    assert isinstance(unknown, errors.InvalidCredentials)
    assert unknown.detail == errors.InvalidCredentials().detail


async def test_known_and_unknown_cost_the_same_statements(
    engines: Engines, database: Database, account: Account
) -> None:
    ran: list[list[str]] = []
    for email in (account.email, factories.unique_email()):
        names: list[str] = []
        database.observe = lambda name, _seconds, names=names: names.append(name)
        try:
            await sign_in(engines, email, "wrong password")
        finally:
            database.observe = None
        ran.append(names)
    assert ran[0] == ran[1]


async def test_an_account_without_a_password_has_no_way_in(
    engines: Engines, database: Database
) -> None:
    account = await factories.store_user(database, password_hash=None)
    for password in ("", "None", factories.PASSWORD):
        outcome = await sign_in(engines, account.email, password)
        assert isinstance(outcome, errors.InvalidCredentials)


async def test_after_five_failures_the_waits_grow(engines: Engines, account: Account) -> None:
    assert await fail(engines, account.email, 7) == [1002] * 5 + [1006] * 2
    for minutes in (1, 2, 4, 8, 15, 15):
        locked = await sign_in(engines, account.email)
        assert isinstance(locked, errors.AccountLocked)
        assert locked.status == 429
        [(name, seconds)] = locked.headers
        assert name == "retry-after"
        assert minutes * 60 - 10 <= int(seconds) <= minutes * 60
        await age(engines, account.email, minutes * 60.0)
        assert await fail(engines, account.email, 1) == [1002]
    await age(engines, account.email, 900.0)
    assert isinstance(await sign_in(engines, account.email), SignedIn)


async def test_an_unknown_address_locks_just_so(engines: Engines) -> None:
    assert await fail(engines, factories.unique_email(), 7) == [1002] * 5 + [1006] * 2


async def test_failures_of_yesterday_are_forgotten(engines: Engines, account: Account) -> None:
    assert await fail(engines, account.email, 4) == [1002] * 4
    await age(engines, account.email, 86_390.0)
    assert await fail(engines, account.email, 2) == [1002, 1006]
    await age(engines, account.email, 60.0)
    assert await fail(engines, account.email, 4) == [1002] * 4


async def test_the_owner_signing_in_gives_a_stranger_no_more_guesses(
    engines: Engines, account: Account
) -> None:
    for _ in range(4):
        assert await fail(engines, account.email, 1) == [1002]
        assert isinstance(await sign_in(engines, account.email), SignedIn)
    assert await fail(engines, account.email, 2) == [1002, 1006]


async def test_guesses_at_the_same_time_get_no_more_answers(
    engines: Engines, account: Account
) -> None:
    guesses = [f"guess-{n}" for n in range(24)]
    outcomes = await asyncio.gather(*(sign_in(engines, account.email, g) for g in guesses))
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, errors.Fact)]
    assert sorted(codes) == [1002] * 5 + [1006] * 19


async def test_right_passwords_at_the_same_time_all_get_in(
    engines: Engines, account: Account
) -> None:
    outcomes = await asyncio.gather(*(sign_in(engines, account.email) for _ in range(12)))
    assert all(isinstance(outcome, SignedIn) for outcome in outcomes)


@pytest.mark.parametrize("status", ["suspended", "erased"])
async def test_who_is_shut_out_stays_out(engines: Engines, account: Account, status: str) -> None:
    async with engines.database.transaction() as tx:
        await tx.execute(_SET_STATUS, account.id, status)
    told = {"suspended": AccountSuspended, "erased": errors.InvalidCredentials}[status]
    assert isinstance(await sign_in(engines, account.email), told)
    assert isinstance(await sign_in(engines, account.email, "wrong"), errors.InvalidCredentials)
    assert await engines.database.reader().one(_LIVE_SESSIONS, account.id) == 0


async def test_an_address_is_proved_first_where_that_is_the_rule(
    engines: Engines, database: Database
) -> None:
    account = await factories.store_user(database, is_verified=False)
    assert isinstance(await sign_in(engines, account.email), SignedIn)
    strict = msgspec.structs.replace(
        engines, settings=engines.settings.model_copy(update={"registration": "verified"})
    )
    assert isinstance(await sign_in(strict, account.email), EmailNotVerified)
    assert isinstance(await sign_in(strict, account.email, "wrong"), errors.InvalidCredentials)


async def test_a_failure_is_told_without_what_was_typed(engines: Engines, account: Account) -> None:
    await sign_in(engines, account.email, "my-other-password", ip="192.0.2.77")
    await sign_in(engines, "typed-my-password-here", "x", ip="192.0.2.77")
    payloads = await engines.database.reader().all(_FAILED, "192.0.2.77")
    told = [msgspec.json.decode(payload) for payload in payloads]
    assert {facts["user_id"] for facts in told} == {str(account.id), None}
    assert {facts["reason"] for facts in told} == {"wrong_password"}
    for payload in payloads:
        text = payload.decode()
        assert "password-here" not in text
        assert "my-other" not in text
        assert account.email not in text


async def test_the_fifty_first_session_ends_the_oldest(
    engines: Engines, database: Database, account: Account
) -> None:
    first = await factories.open_session(database, engines.settings, account)
    for _ in range(50):
        await factories.open_session(database, engines.settings, account)
    assert await database.reader().one(_LIVE_SESSIONS, account.id) == 50
    live = await database.reader().all(session_queries.LIST_SESSIONS, account.id)
    assert len(live) == 50
    hashed = ids.hash_secret(first.refresh_token)
    state = await database.reader().one(session_queries.FIND_REFRESH_STATE, hashed, 10.0)
    assert state.is_revoked
