"""From a token to an actor: rights as they are now, also when many ask and things change."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from lyceum.platform import clock, ids
from lyceum.platform.access import ANONYMOUS, permissions_of
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.errors import TokenExpired, TokenInvalid
from lyceum.platform.statements import command, sql
from lyceum.users.adapters import access_tokens, sealing
from lyceum.users.records import Account, Device
from lyceum.users.service import sign_in, tokens
from lyceum.users.service.authentication import DEAF_SECONDS, Authenticator
from lyceum.users.service.tokens import SignedIn
from tests.users import factories

_SET_ROLES = command("UPDATE users.users SET roles = $2 WHERE id = $1")
_SUSPEND = command("UPDATE users.users SET status = 'suspended' WHERE id = $1")
_REVOKE = command("UPDATE users.sessions SET revoked_at = now() WHERE user_id = $1")
_EXPIRE = command("UPDATE users.sessions SET expires_at = now() WHERE user_id = $1")
_COUNT_KEYS = sql("SELECT count(*) FROM users.signing_keys WHERE sealed_by = $1", int)
_COUNT_SIGNING = sql("SELECT count(*) FROM users.signing_keys WHERE signs_until IS NULL", int)
_LATEST_RETIREMENT = sql(
    """
    SELECT extract(epoch FROM max(verifies_until - signs_until))::int FROM users.signing_keys
    """,
    int,
)
_END_RETIRED = command(
    "UPDATE users.signing_keys SET verifies_until = now() WHERE signs_until IS NOT NULL"
)


@pytest.fixture
def authenticator(engines: Engines) -> Authenticator:
    return Authenticator(engines)


@pytest.fixture
async def account(database: Database) -> Account:
    return await factories.store_user(database, roles=("instructor",))


@pytest.fixture
async def opened(engines: Engines, account: Account) -> SignedIn:
    return await factories.open_session(engines.database, engines.settings, account)


async def run(engines: Engines, statement: Any, *arguments: object) -> None:
    async with engines.database.transaction() as tx:
        await tx.execute(statement, *arguments)


async def sign(engines: Engines, **changes: Any) -> str:
    """A token with any claims, rightly signed."""
    now = int(clock.utc_now().timestamp())
    facts: dict[str, Any] = {
        "iss": access_tokens.issuer_of(engines.settings), "aud": "lyceum", "sub": ids.new_id(),
        "sid": ids.new_id(), "email": "x@people.test", "roles": ("super_admin",), "pv": 1,
        "iat": now, "exp": now + 900,
    }  # fmt: skip
    async with engines.database.transaction() as tx:
        key = await tokens.get_signing_key(tx, ANONYMOUS, engines.settings)
    return key.sign(access_tokens.Claims(**{**facts, **changes}))


def claims_in(token: str) -> access_tokens.Claims:
    body = access_tokens._decode(token.split(".")[1])  # noqa: SLF001
    return msgspec.json.decode(body, type=access_tokens.Claims)


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await check():  # noqa: ASYNC110 - time alone brings it about
            await asyncio.sleep(0.05)


async def test_a_token_is_an_actor(
    authenticator: Authenticator, account: Account, opened: SignedIn
) -> None:
    token = opened.access_token
    assert authenticator.peek(token) is None
    actor = await authenticator.authenticate(token)
    assert actor.user_id == account.id
    assert actor.roles == ("instructor",)
    assert actor.permissions == permissions_of(("instructor",))
    assert actor.session_id == claims_in(token).sid
    assert authenticator.peek(token) is actor
    assert authenticator.peek(token + "x") is None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "x" * 10_000, "\x00.\x00.\x00"])
async def test_nonsense_is_no_token(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(TokenInvalid):
        await authenticator.authenticate(token)
    assert authenticator.peek(token) is None


async def test_a_refresh_token_opens_nothing(
    authenticator: Authenticator, opened: SignedIn
) -> None:
    with pytest.raises(TokenInvalid):
        await authenticator.authenticate(opened.refresh_token)


async def test_an_expired_token_says_so(
    engines: Engines, authenticator: Authenticator, opened: SignedIn
) -> None:
    now = int(clock.utc_now().timestamp())
    said = claims_in(opened.access_token)
    expired = await sign(engines, sub=said.sub, sid=said.sid, iat=now - 901, exp=now - 1)
    with pytest.raises(TokenExpired):
        await authenticator.authenticate(expired)


async def test_an_actor_is_not_remembered_beyond_the_token(
    engines: Engines, authenticator: Authenticator, opened: SignedIn
) -> None:
    said = claims_in(opened.access_token)
    now = int(clock.utc_now().timestamp())
    token = await sign(engines, sub=said.sub, sid=said.sid, exp=now + 1)
    await authenticator.authenticate(token)

    async def is_forgotten() -> bool:
        return authenticator.peek(token) is None

    await eventually(is_forgotten)
    with pytest.raises(TokenExpired):
        await authenticator.authenticate(token)


async def test_the_claims_are_not_believed(
    engines: Engines, authenticator: Authenticator, account: Account, opened: SignedIn
) -> None:
    """Even rightly signed: roles come from the database, and the session must be the person's."""
    sid = claims_in(opened.access_token).sid
    actor = await authenticator.authenticate(await sign(engines, sub=account.id, sid=sid))
    assert actor.roles == ("instructor",)
    other = await factories.store_user(engines.database)
    for changes in ({"sid": sid}, {"sub": account.id}, {"sub": other.id, "sid": sid}):
        with pytest.raises(TokenInvalid):
            await authenticator.authenticate(await sign(engines, **changes))


@pytest.mark.parametrize("statement", [_SUSPEND, _REVOKE, _EXPIRE])
async def test_a_session_that_ended_is_no_way_in(
    engines: Engines,
    authenticator: Authenticator,
    account: Account,
    opened: SignedIn,
    statement: Any,
) -> None:
    await authenticator.authenticate(opened.access_token)
    await run(engines, statement, account.id)
    authenticator.forget_user(account.id)
    assert authenticator.peek(opened.access_token) is None
    with pytest.raises(TokenInvalid):
        await authenticator.authenticate(opened.access_token)


async def test_changed_rights_are_seen_at_once_in_the_process_that_changes_them(
    engines: Engines, authenticator: Authenticator, account: Account, opened: SignedIn
) -> None:
    await authenticator.authenticate(opened.access_token)
    async with engines.database.transaction() as tx:
        await tx.execute(_SET_ROLES, account.id, ["student"])
        tx.invalidate(f"users:{account.id}")
    assert authenticator.peek(opened.access_token) is None
    assert (await authenticator.authenticate(opened.access_token)).roles == ("student",)


async def test_changed_rights_are_seen_within_seconds_while_nobody_can_say_so(
    engines: Engines, authenticator: Authenticator, account: Account, opened: SignedIn
) -> None:
    assert DEAF_SECONDS <= 2
    engines.listener.is_connected = False
    try:
        await authenticator.authenticate(opened.access_token)
    finally:
        engines.listener.is_connected = True
    await run(engines, _SET_ROLES, account.id, ["student"])

    async def is_student() -> bool:
        return (await authenticator.authenticate(opened.access_token)).roles == ("student",)

    await eventually(is_student)


async def test_what_was_read_before_a_change_is_not_kept_after_it(
    engines: Engines, authenticator: Authenticator, account: Account, opened: SignedIn
) -> None:
    token = opened.access_token
    under_way = asyncio.create_task(authenticator.authenticate(token))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    authenticator.forget_tags((f"users:{account.id}",))
    await under_way
    assert authenticator.peek(token) is None


async def test_only_the_person_named_is_forgotten(
    engines: Engines, authenticator: Authenticator, account: Account, opened: SignedIn
) -> None:
    await authenticator.authenticate(opened.access_token)
    authenticator.forget_tags(("courses:list", f"users:{ids.new_id()}"))
    assert authenticator.peek(opened.access_token) is not None
    authenticator.forget_all()
    assert authenticator.peek(opened.access_token) is None


async def test_a_crowd_with_one_token_asks_the_database_once(
    engines: Engines, database: Database, authenticator: Authenticator, opened: SignedIn
) -> None:
    ran: list[str] = []
    database.observe = lambda name, _seconds: ran.append(name)
    try:
        actors = await asyncio.gather(
            *(authenticator.authenticate(opened.access_token) for _ in range(100))
        )
    finally:
        database.observe = None
    assert len({id(actor) for actor in actors}) == 1
    assert ran.count("users.queries.sessions.FIND_STANDING") == 1


async def test_one_who_leaves_takes_nothing_from_the_others(
    authenticator: Authenticator, opened: SignedIn
) -> None:
    first = asyncio.create_task(authenticator.authenticate(opened.access_token))
    second = asyncio.create_task(authenticator.authenticate(opened.access_token))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).user_id == opened.account.id
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_key_made_by_another_process_is_found(
    engines: Engines, authenticator: Authenticator, account: Account, opened: SignedIn
) -> None:
    """A second secret has a second key; tokens of both are good."""
    await authenticator.authenticate(opened.access_token)
    secret = f"a secret of another process {ids.new_id()}"
    other = engines.settings.model_copy(update={"secret_key": secret})
    newer = await factories.open_session(engines.database, other, account)
    assert newer.access_token.split(".")[0] != opened.access_token.split(".")[0]
    assert (await authenticator.authenticate(newer.access_token)).user_id == account.id
    assert (await authenticator.authenticate(opened.access_token)).user_id == account.id


async def test_the_first_of_many_makes_the_key(engines: Engines) -> None:
    secret = f"a secret that is new {ids.new_id()}"
    settings = engines.settings.model_copy(update={"secret_key": secret})

    async def kid() -> str:
        async with engines.database.transaction() as tx:
            key = await tokens.get_signing_key(tx, ANONYMOUS, settings)
        return key.jwk.kid

    assert len(set(await asyncio.gather(*(kid() for _ in range(12))))) == 1
    async with engines.database.transaction() as tx:
        name = sealing.fingerprint(secret, "signing keys")
        assert await tx.one(_COUNT_KEYS, name) == 1


async def test_a_replica_is_not_asked_who_may_come_in(
    engines: Engines, dsn: str, account: Account
) -> None:
    """It may be behind: here it is so far behind that it cannot be reached at all."""
    database = Database(dsn, replica_dsn="postgresql://127.0.0.1:1/nowhere")
    ours = msgspec.structs.replace(engines, database=database)
    try:
        async with database.transaction() as tx:
            opened = await sign_in.sign_in(
                tx,
                ANONYMOUS,
                engines.settings,
                email=account.email,
                password=factories.PASSWORD,
                device=Device(),
            )
        assert isinstance(opened, SignedIn)
        actor = await Authenticator(ours).authenticate(opened.access_token)
    finally:
        await database.close()
    assert actor.user_id == account.id


async def test_a_rotated_key_verifies_what_it_signed(
    engines: Engines, authenticator: Authenticator, account: Account, opened: SignedIn
) -> None:
    """The key set shows both, and new tokens are signed by the new key alone."""
    await authenticator.authenticate(opened.access_token)
    async with engines.database.transaction() as tx:
        made = await tokens.rotate_signing_key(tx, ANONYMOUS, engines.settings)
    shown = await tokens.list_public_keys(engines.database.sole_writer(), ANONYMOUS)
    header = opened.access_token.split(".")[0]
    assert shown[0].kid == made.jwk.kid
    assert header in {access_tokens.header_of(jwk.kid) for jwk in shown[1:]}
    newer = await factories.open_session(engines.database, engines.settings, account)
    assert newer.access_token.split(".")[0] == access_tokens.header_of(made.jwk.kid)
    for process in (authenticator, Authenticator(engines)):
        for token in (opened.access_token, newer.access_token):
            assert (await process.authenticate(token)).user_id == account.id


async def test_a_retired_key_ends_with_the_last_token_of_it(
    engines: Engines, opened: SignedIn
) -> None:
    async with engines.database.transaction() as tx:
        await tokens.rotate_signing_key(tx, ANONYMOUS, engines.settings)
    latest = await engines.database.reader().one(_LATEST_RETIREMENT)
    # A minute more than a token lives.
    assert latest == engines.settings.access_token_seconds + 60
    await run(engines, _END_RETIRED)
    with pytest.raises(TokenInvalid):
        await Authenticator(engines).authenticate(opened.access_token)


async def test_keys_rotated_at_once_leave_one_that_signs(engines: Engines) -> None:
    async def rotate() -> None:
        async with engines.database.transaction() as tx:
            await tokens.rotate_signing_key(tx, ANONYMOUS, engines.settings)

    await asyncio.gather(*(rotate() for _ in range(6)))
    assert await engines.database.reader().one(_COUNT_SIGNING) == 1
