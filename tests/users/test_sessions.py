"""Refresh tokens and sessions, also when many ask at once or somebody has a copy."""

import asyncio
from uuid import UUID

import httpx
import pytest

from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.statements import command, sql
from lyceum.users.queries import sessions as session_queries
from lyceum.users.records import Account
from lyceum.users.service import sessions
from lyceum.users.service.tokens import SignedIn
from tests.users import factories
from tests.users.mails import Post

_AGE_USE = command(
    "UPDATE users.refresh_tokens SET used_at = used_at - interval '11 seconds'"
    " WHERE token_hash = $1"
)
_EXPIRE_TOKEN = command(
    "UPDATE users.refresh_tokens SET expires_at = now() - interval '1 second' WHERE token_hash = $1"
)
_END_ABSOLUTE = command(
    "UPDATE users.sessions SET absolute_expires_at = now() + interval '60 seconds'"
    " WHERE user_id = $1"
)
_LIVE_TOKENS = sql(
    "SELECT count(*) FROM users.refresh_tokens t JOIN users.sessions s ON s.id = t.session_id"
    " WHERE s.user_id = $1 AND s.revoked_at IS NULL AND t.used_at IS NULL",
    int,
)
_TOKENS = sql(
    "SELECT count(*) FROM users.refresh_tokens t JOIN users.sessions s ON s.id = t.session_id"
    " WHERE s.user_id = $1",
    int,
)
_SECONDS_LEFT = sql(
    "SELECT extract(epoch FROM t.expires_at - now())::int FROM users.refresh_tokens t"
    " WHERE t.token_hash = $1",
    int,
)
_REASONS = sql(
    "SELECT payload->>'reason' FROM platform.outbox WHERE name = 'session.revoked' AND key = $1",
    str,
)
_STORED = sql(
    "SELECT encode(token_hash, 'escape') || coalesce(encode(successor_hash, 'escape'), '')"
    " FROM users.refresh_tokens",
    str,
)
_SUSPEND = command("UPDATE users.users SET status = 'suspended' WHERE id = $1")


@pytest.fixture
async def account(database: Database) -> Account:
    return await factories.store_user(database)


@pytest.fixture
async def opened(engines: Engines, account: Account) -> SignedIn:
    return await factories.open_session(engines.database, engines.settings, account)


async def refresh(engines: Engines, token: str) -> SignedIn | errors.Fact:
    async with engines.database.transaction() as tx:
        return await sessions.refresh_session(tx, ANONYMOUS, engines.settings, token=token)


async def rotate(engines: Engines, token: str) -> str:
    outcome = await refresh(engines, token)
    assert isinstance(outcome, SignedIn), outcome
    return outcome.refresh_token


async def age_use(engines: Engines, token: str) -> None:
    async with engines.database.transaction() as tx:
        await tx.execute(_AGE_USE, ids.hash_secret(token))


async def test_a_token_is_exchanged_for_another(engines: Engines, opened: SignedIn) -> None:
    outcome = await refresh(engines, opened.refresh_token)
    assert isinstance(outcome, SignedIn)
    assert outcome.account.id == opened.account.id
    assert outcome.refresh_token != opened.refresh_token
    assert len(outcome.refresh_token) == 43
    await rotate(engines, outcome.refresh_token)


async def test_nothing_but_hashes_is_stored(engines: Engines, opened: SignedIn) -> None:
    second = await rotate(engines, opened.refresh_token)
    stored = "".join(await engines.database.reader().all(_STORED))
    assert opened.refresh_token not in stored
    assert second not in stored


async def test_a_lost_answer_is_given_again(engines: Engines, opened: SignedIn) -> None:
    second = await rotate(engines, opened.refresh_token)
    assert await rotate(engines, opened.refresh_token) == second
    assert await rotate(engines, opened.refresh_token) == second
    assert await engines.database.reader().one(_TOKENS, opened.account.id) == 2
    await rotate(engines, second)


async def test_a_token_before_the_last_ends_the_session(engines: Engines, opened: SignedIn) -> None:
    """N40: R1 → R2 → R3, then R1 once more, within the time for retries."""
    second = await rotate(engines, opened.refresh_token)
    third = await rotate(engines, second)
    for token in (opened.refresh_token, third, second):
        assert isinstance(await refresh(engines, token), errors.TokenInvalid)
    reader = engines.database.reader()
    assert await reader.one(_LIVE_TOKENS, opened.account.id) == 0
    assert await reader.all(_REASONS, str(opened.account.id)) == ["refresh_token_reused"]


async def test_a_late_retry_ends_the_session(engines: Engines, opened: SignedIn) -> None:
    second = await rotate(engines, opened.refresh_token)
    await age_use(engines, opened.refresh_token)
    assert isinstance(await refresh(engines, opened.refresh_token), errors.TokenInvalid)
    assert isinstance(await refresh(engines, second), errors.TokenInvalid)


async def test_theft_ends_one_session_and_not_the_others(
    engines: Engines, opened: SignedIn
) -> None:
    other = await factories.open_session(engines.database, engines.settings, opened.account)
    second = await rotate(engines, opened.refresh_token)
    await rotate(engines, second)
    assert isinstance(await refresh(engines, opened.refresh_token), errors.TokenInvalid)
    await rotate(engines, other.refresh_token)


async def test_fifty_at_once_get_the_same_successor(engines: Engines, opened: SignedIn) -> None:
    """N42: never two live successors, and the session lives on."""
    tokens = await asyncio.gather(*(rotate(engines, opened.refresh_token) for _ in range(50)))
    assert len(set(tokens)) == 1
    assert await engines.database.reader().one(_LIVE_TOKENS, opened.account.id) == 1
    await rotate(engines, tokens[0])


async def test_a_thief_and_an_owner_at_once(engines: Engines, opened: SignedIn) -> None:
    """Whoever comes in which order, never more than one token lives."""
    second = await rotate(engines, opened.refresh_token)
    tokens = [opened.refresh_token, second] * 8
    await asyncio.gather(*(refresh(engines, token) for token in tokens))
    assert await engines.database.reader().one(_LIVE_TOKENS, opened.account.id) <= 1


async def test_an_unused_token_expires(engines: Engines, opened: SignedIn) -> None:
    async with engines.database.transaction() as tx:
        await tx.execute(_EXPIRE_TOKEN, ids.hash_secret(opened.refresh_token))
    assert isinstance(await refresh(engines, opened.refresh_token), errors.TokenExpired)


async def test_seven_days_sliding_and_ninety_at_most(engines: Engines, opened: SignedIn) -> None:
    reader = engines.database.reader()
    week = 7 * 86_400
    left = await reader.one(_SECONDS_LEFT, ids.hash_secret(opened.refresh_token))
    assert week - 60 <= left <= week
    async with engines.database.transaction() as tx:
        await tx.execute(_END_ABSOLUTE, opened.account.id)
    second = await rotate(engines, opened.refresh_token)
    assert await reader.one(_SECONDS_LEFT, ids.hash_secret(second)) <= 60


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é" * 50, "' OR 1=1 --"])
async def test_a_token_of_nobody(engines: Engines, token: str) -> None:
    assert isinstance(await refresh(engines, token), errors.TokenInvalid)


async def test_an_access_token_refreshes_nothing(engines: Engines, opened: SignedIn) -> None:
    assert isinstance(await refresh(engines, opened.access_token), errors.TokenInvalid)


async def test_whoever_is_suspended_cannot_refresh(engines: Engines, opened: SignedIn) -> None:
    async with engines.database.transaction() as tx:
        await tx.execute(_SUSPEND, opened.account.id)
    assert isinstance(await refresh(engines, opened.refresh_token), errors.TokenInvalid)


async def test_another_secret_derives_other_tokens(engines: Engines, opened: SignedIn) -> None:
    """A retry after the secret has changed cannot be answered, and is nobody's successor."""
    await rotate(engines, opened.refresh_token)
    changed = engines.settings.model_copy(update={"secret_key": "another secret of the house" * 2})
    async with engines.database.transaction() as tx:
        outcome = await sessions.refresh_session(tx, ANONYMOUS, changed, token=opened.refresh_token)
    assert isinstance(outcome, errors.TokenInvalid)


async def session_of(engines: Engines, opened: SignedIn) -> UUID:
    state = await engines.database.reader().one(
        session_queries.FIND_REFRESH_STATE, ids.hash_secret(opened.refresh_token), 10.0
    )
    return state.session_id


async def test_signing_out_ends_the_session(engines: Engines, opened: SignedIn) -> None:
    session_id = await session_of(engines, opened)
    actor = Actor(user_id=opened.account.id, session_id=session_id)
    for _ in range(2):
        async with engines.database.transaction() as tx:
            await sessions.sign_out(tx, actor)
    assert isinstance(await refresh(engines, opened.refresh_token), errors.TokenInvalid)
    reasons = await engines.database.reader().all(_REASONS, str(opened.account.id))
    assert reasons == ["signed_out"]


async def test_sessions_are_listed_and_revoked_by_their_owner_alone(
    engines: Engines, opened: SignedIn
) -> None:
    session_id = await session_of(engines, opened)
    owner = factories.actor_of(opened.account)
    stranger = factories.actor_of(await factories.store_user(engines.database))
    reader = engines.database.reader()
    [listed] = await sessions.list_sessions(reader, owner)
    assert (listed.id, listed.ip, listed.user_agent) == (session_id, "192.0.2.1", "Tester/1.0")
    assert await sessions.list_sessions(reader, stranger) == []
    for actor, wanted in ((stranger, session_id), (owner, ids.new_id())):
        with pytest.raises(errors.NotFound):
            async with engines.database.transaction() as tx:
                await sessions.revoke_session(tx, actor, wanted)
    async with engines.database.transaction() as tx:
        await sessions.revoke_session(tx, owner, session_id)
    assert await sessions.list_sessions(reader, owner) == []
    assert isinstance(await refresh(engines, opened.refresh_token), errors.TokenInvalid)


async def test_a_person_is_told_of_a_used_token(
    client: httpx.AsyncClient, engines: Engines, opened: SignedIn, post: Post
) -> None:
    """N40, over HTTP, to the mailbox; a lost answer that is asked for again tells nobody."""

    async def exchange(token: str) -> httpx.Response:
        return await client.post("/api/v1/auth/refresh-token", json={"refreshToken": token})

    headers = {"authorization": f"Bearer {opened.access_token}"}
    second = (await exchange(opened.refresh_token)).json()["data"]["refreshToken"]
    assert (await exchange(opened.refresh_token)).json()["data"]["refreshToken"] == second
    assert await post(opened.account.email) == []
    third = (await exchange(second)).json()["data"]["refreshToken"]
    for token in (opened.refresh_token, second, third):
        refused = await exchange(token)
        assert (refused.status_code, refused.json()["code"]) == (401, 1004)
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
    [mail] = await post(opened.account.email)
    assert "signed you out" in mail.subject
