"""What people change about themselves."""

import asyncio

import msgspec
import pytest
from msgspec import UNSET

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.users.errors import PasswordRefused
from lyceum.users.queries import sessions as session_queries
from lyceum.users.records import Account, Device
from lyceum.users.schemas.accounts import ProfilePatch
from lyceum.users.service import account as use_cases
from lyceum.users.service import sessions, sign_in
from lyceum.users.service.tokens import SignedIn
from tests.users import factories

NEW_PASSWORD = "another-9-lanterns"
HERE = Device("192.0.2.3", "Tester")


async def test_a_patch_changes_what_it_names(tx: Writer) -> None:
    account = await factories.make_user(tx)
    actor = factories.actor_of(account)
    patch = ProfilePatch(
        first_name=" Ada  King ", bio="One line\nand another", time_zone="Europe/Berlin"
    )
    changed = await use_cases.update_profile(tx, actor, patch, if_match=account.version)
    assert changed.first_name == "Ada King"
    assert changed.bio == "One line\nand another"
    assert changed.time_zone == "Europe/Berlin"
    assert changed.last_name == account.last_name
    assert changed.version == account.version + 1
    with pytest.raises(errors.PreconditionFailed):
        await use_cases.update_profile(tx, actor, patch, if_match=account.version)
    assert await use_cases.update_profile(tx, actor, ProfilePatch(), if_match=None) == changed


async def test_an_avatar_can_be_taken_down(tx: Writer) -> None:
    actor = factories.actor_of(await factories.make_user(tx))
    put_up = ProfilePatch(avatar_url="https://pictures.test/ada.png")
    assert (await use_cases.update_profile(tx, actor, put_up, if_match=None)).avatar_url
    taken_down = ProfilePatch(avatar_url=None)
    assert (await use_cases.update_profile(tx, actor, taken_down, if_match=None)).avatar_url is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"timeZone": "Mars/Olympus"}', b'{"timeZone": "../../etc/passwd"}', b'{"firstName": " "}',
    ],
)  # fmt: skip
async def test_a_profile_makes_sense(tx: Writer, body: bytes) -> None:
    actor = factories.actor_of(await factories.make_user(tx))
    patch = msgspec.json.decode(body, type=ProfilePatch)
    with pytest.raises(errors.ValidationFailed):
        await use_cases.update_profile(tx, actor, patch, if_match=None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"avatarUrl": "javascript:alert(1)"}', b'{"avatarUrl": "https://a b"}',
        b'{"avatarUrl": "https://x\\n"}', b'{"firstName": "a\\u0007"}', b'{"firstName": "a\\n"}',
        b'{"firstName": "a\\u202eb"}', b'{"bio": "a\\u0000"}', b'{"visibility": "secret"}',
        b'{"locale": "x"}', b'{"roles": ["admin"]}', b'{"status": "active"}', b'{"email": "a@b.c"}',
        b'{"firstName": ["a"]}', b'{"firstName": null}', b'{"version": 1}',
    ],
)  # fmt: skip
def test_a_patch_takes_nothing_else(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=ProfilePatch)


def test_an_empty_patch_changes_nothing() -> None:
    assert ProfilePatch().changes() == {}
    assert ProfilePatch().bio is UNSET


async def test_of_two_who_change_the_same_version_one_wins(database: Database) -> None:
    account = await factories.store_user(database)
    actor = factories.actor_of(account)

    async def change(name: str) -> bool:
        try:
            async with database.transaction() as tx:
                await use_cases.update_profile(
                    tx, actor, ProfilePatch(first_name=name), if_match=account.version
                )
        except errors.PreconditionFailed:
            return False
        return True

    outcomes = await asyncio.gather(*(change(f"Ada {n}") for n in range(6)))
    assert sum(outcomes) == 1


async def test_nobody_has_no_account(tx: Writer) -> None:
    with pytest.raises(errors.Unauthorized):
        await use_cases.get_own_account(tx, Actor())


@pytest.fixture
async def account(database: Database) -> Account:
    return await factories.store_user(database)


async def change(
    engines: Engines, actor: Actor, *, current: str = factories.PASSWORD, new: str = NEW_PASSWORD
) -> errors.Fact | None:
    async with engines.database.transaction() as tx:
        return await use_cases.change_password(tx, actor, current=current, new=new, device=HERE)


async def can_sign_in(engines: Engines, account: Account, password: str) -> bool:
    async with engines.database.transaction() as tx:
        outcome = await sign_in.sign_in(
            tx,
            Actor(),
            engines.settings,
            email=account.email,
            password=password,
            device=HERE,
        )
    return isinstance(outcome, SignedIn)


async def test_a_new_password_ends_the_other_sessions(
    engines: Engines, database: Database, account: Account
) -> None:
    here, there = [
        await factories.open_session(database, engines.settings, account) for _ in range(2)
    ]
    listed = await database.reader().all(session_queries.LIST_SESSIONS, account.id)
    actor = Actor(user_id=account.id, session_id=listed[1].id)
    assert await change(engines, actor) is None
    async with database.transaction() as tx:
        kept, ended = [
            await sessions.refresh_session(tx, Actor(), engines.settings, token=one.refresh_token)
            for one in (here, there)
        ]
    assert isinstance(kept, SignedIn)
    assert isinstance(ended, errors.TokenInvalid)
    assert await can_sign_in(engines, account, NEW_PASSWORD)
    assert not await can_sign_in(engines, account, factories.PASSWORD)


async def test_the_present_password_is_the_proof(engines: Engines, account: Account) -> None:
    """Wrong ones count with those of signing in: there is one counter for every way in."""
    actor = await factories.sign_in_actor(engines.database, account)
    for _ in range(5):
        outcome = await change(engines, actor, current="wrong")
        assert isinstance(outcome, errors.InvalidCredentials)
    assert isinstance(await change(engines, actor), errors.AccountLocked)
    assert not await can_sign_in(engines, account, factories.PASSWORD)


async def test_a_new_password_is_a_good_one(engines: Engines, account: Account) -> None:
    with pytest.raises(PasswordRefused):
        await change(
            engines, await factories.sign_in_actor(engines.database, account), new="password123"
        )
    assert await can_sign_in(engines, account, factories.PASSWORD)


async def test_of_two_changes_at_once_one_wins(engines: Engines, account: Account) -> None:
    actor = await factories.sign_in_actor(engines.database, account)
    news = [f"another-{n}-lanterns" for n in range(4)]
    outcomes = await asyncio.gather(
        *(change(engines, actor, new=new) for new in news), return_exceptions=True
    )
    won = [new for new, outcome in zip(news, outcomes, strict=True) if outcome is None]
    assert len(won) == 1
    assert await can_sign_in(engines, account, won[0])
