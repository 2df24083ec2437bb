"""Accounts in the hands of others: who sees, who changes, and who is left at the end."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor, system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.statements import command, sql
from lyceum.users import permissions
from lyceum.users.errors import EmailTaken, LastSuperAdmin, NotOnOneself, RankTooLow
from lyceum.users.permissions import canonical_roles, rank_of
from lyceum.users.records import Account, Device
from lyceum.users.schemas.accounts import NewUser, UserQuery
from lyceum.users.service import administration, sessions, sign_in
from lyceum.users.service.authentication import Authenticator
from tests.users import factories

SYSTEM = system_actor("test")
_EVENTS_OF = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY id", str)
_SET_VISIBILITY = command("UPDATE users.users SET visibility = $2 WHERE id = $1")
_DEMOTE_ALL = command(
    "UPDATE users.users SET roles = '{admin}' WHERE 'super_admin' = ANY (roles) RETURNING id", UUID
)
_PROMOTE = command("UPDATE users.users SET roles = '{super_admin}' WHERE id = ANY ($1)")


async def person(tx: Writer, role: str) -> Account:
    return await factories.make_user(tx, roles=(role,))


async def acting(tx: Writer, role: str) -> Actor:
    return await factories.fresh_actor(tx, await person(tx, role))


def test_roles_by_their_own_names() -> None:
    assert canonical_roles(["teacher", "user", "instructor"]) == ("student", "instructor")
    assert canonical_roles(["super_admin", "admin"]) == ("admin", "super_admin")
    assert rank_of(()) < rank_of(("student",)) < rank_of(("student", "admin"))


async def test_an_administrator_changes_roles(tx: Writer) -> None:
    admin = await acting(tx, "admin")
    account = await person(tx, "student")
    changed = await administration.change_roles(
        tx, admin, account.id, ("teacher", "manager"), if_match=account.version
    )
    assert changed.roles == ["instructor", "manager"]
    assert changed.permissions_version == account.permissions_version + 1
    assert await tx.all(_EVENTS_OF, str(account.id)) == ["user.registered", "user.role_changed"]
    with pytest.raises(errors.PreconditionFailed):
        await administration.change_roles(
            tx, admin, account.id, ("student",), if_match=account.version
        )
    same = await administration.change_roles(
        tx, admin, account.id, ("manager", "instructor"), if_match=None
    )
    assert same == changed


@pytest.mark.parametrize(
    ("own", "present", "wanted"),
    [
        ("admin", "student", "super_admin"), ("admin", "super_admin", "student"),
        ("admin", "super_admin", "super_admin"),
    ],
)  # fmt: skip
async def test_nobody_reaches_above_themselves(
    tx: Writer, own: str, present: str, wanted: str
) -> None:
    admin, account = await acting(tx, own), await person(tx, present)
    with pytest.raises(RankTooLow) as refused:
        await administration.change_roles(tx, admin, account.id, (wanted,), if_match=None)
    assert refused.value.status == 403


async def test_nobody_raises_themselves(tx: Writer) -> None:
    admin = await acting(tx, "admin")
    assert admin.user_id is not None
    with pytest.raises(RankTooLow):
        await administration.change_roles(tx, admin, admin.user_id, ("super_admin",), if_match=None)


@pytest.mark.parametrize("role", ["student", "instructor", "manager"])
async def test_it_takes_an_administrator(tx: Writer, role: str) -> None:
    actor, account = await acting(tx, role), await person(tx, "student")
    new = NewUser(email=factories.unique_email(), password=factories.PASSWORD, first_name="Eve")
    for attempt in (
        administration.change_roles(tx, actor, account.id, ("student",), if_match=None),
        administration.suspend(tx, actor, account.id),
        administration.reinstate(tx, actor, account.id),
        administration.create_account(tx, actor, new),
        administration.list_accounts(tx, actor, UserQuery()),
    ):
        with pytest.raises(errors.Forbidden):
            await attempt


async def test_an_account_is_made_within_ones_rank(tx: Writer) -> None:
    admin = await acting(tx, "admin")
    email = factories.unique_email()
    new = NewUser(
        email=email, password=factories.PASSWORD, first_name="Eve", roles=("super_admin",)
    )
    with pytest.raises(RankTooLow):
        await administration.create_account(tx, admin, new)
    new = NewUser(email=email, password=factories.PASSWORD, first_name="Eve", roles=("teacher",))
    made = await administration.create_account(tx, admin, new)
    assert made.roles == ["instructor"]
    assert made.email_verified_at is not None
    with pytest.raises(EmailTaken):
        await administration.create_account(tx, admin, new)


async def test_a_suspended_person_is_out_at_once(engines: Engines, database: Database) -> None:
    account = await factories.store_user(database)
    admin = factories.actor_of(await factories.store_user(database, roles=("admin",)))
    opened = await factories.open_session(database, engines.settings, account)
    authenticator = Authenticator(engines)
    await authenticator.authenticate(opened.access_token)
    for _ in range(2):
        async with database.transaction() as tx:
            changed = await administration.suspend(tx, admin, account.id)
        assert changed.status == "suspended"
    told = await database.reader().all(_EVENTS_OF, str(account.id))
    assert told == ["user.registered", "session.revoked", "user.suspended"]
    with pytest.raises(errors.TokenInvalid):
        await Authenticator(engines).authenticate(opened.access_token)
    async with database.transaction() as tx:
        outcome = await sessions.refresh_session(
            tx, ANONYMOUS, engines.settings, token=opened.refresh_token
        )
    assert isinstance(outcome, errors.TokenInvalid)
    async with database.transaction() as tx:
        assert (await administration.reinstate(tx, admin, account.id)).status == "active"
    with pytest.raises(errors.TokenInvalid):
        await Authenticator(engines).authenticate(opened.access_token)


async def test_suspending_while_signing_in_leaves_no_session(
    engines: Engines, database: Database
) -> None:
    admin = factories.actor_of(await factories.store_user(database, roles=("admin",)))

    async def suspend(account: Account) -> None:
        async with database.transaction() as tx:
            await administration.suspend(tx, admin, account.id)

    async def refresh(token: str) -> None:
        async with database.transaction() as tx:
            await sessions.refresh_session(tx, ANONYMOUS, engines.settings, token=token)

    async def open_another(account: Account) -> None:
        async with database.transaction() as tx:
            await sign_in.sign_in(
                tx,
                ANONYMOUS,
                engines.settings,
                email=account.email,
                password=factories.PASSWORD,
                device=Device(),
            )

    for _ in range(5):
        account = await factories.store_user(database)
        first = await factories.open_session(database, engines.settings, account)
        await asyncio.gather(
            *(open_another(account) for _ in range(3)),
            refresh(first.refresh_token),
            suspend(account),
            open_another(account),
        )
        listed = await sessions.list_sessions(database.reader(), factories.actor_of(account))
        assert listed == []


async def test_one_does_not_suspend_oneself_or_ones_betters(tx: Writer) -> None:
    admin = await acting(tx, "admin")
    assert admin.user_id is not None
    with pytest.raises(NotOnOneself):
        await administration.suspend(tx, admin, admin.user_id)
    top = await person(tx, "super_admin")
    for attempt in (administration.suspend, administration.reinstate):
        with pytest.raises(RankTooLow):
            await attempt(tx, admin, top.id)


async def test_the_last_super_admin_stays(tx: Writer) -> None:
    await tx.execute(_DEMOTE_ALL)
    last = await person(tx, "super_admin")
    fresh = await factories.fresh_actor(tx, last)
    for actor in (fresh, SYSTEM):
        with pytest.raises(LastSuperAdmin):
            await administration.change_roles(tx, actor, last.id, ("admin",), if_match=None)
    with pytest.raises(LastSuperAdmin):
        await administration.suspend(tx, SYSTEM, last.id)
    await person(tx, "super_admin")
    demoted = await administration.change_roles(tx, fresh, last.id, ("admin",), if_match=None)
    assert demoted.roles == ["admin"]


@pytest.fixture
async def two_super_admins(database: Database) -> AsyncIterator[list[Account]]:
    """Two, and for the while nobody else: they alone are counted."""
    async with database.transaction() as tx:
        others = await tx.all(_DEMOTE_ALL)
        two = [await person(tx, "super_admin") for _ in range(2)]
    yield two
    async with database.transaction() as tx:
        await tx.execute(_DEMOTE_ALL)
        await tx.execute(_PROMOTE, others)


async def test_two_super_admins_cannot_remove_each_other(
    database: Database, two_super_admins: list[Account]
) -> None:
    async def remove(actor: Account, other: Account, how: str) -> bool:
        try:
            async with database.transaction() as tx:
                if how == "demote":
                    fresh = await factories.fresh_actor(tx, actor)
                    await administration.change_roles(
                        tx, fresh, other.id, ("admin",), if_match=None
                    )
                else:
                    await administration.suspend(tx, factories.actor_of(actor), other.id)
        except LastSuperAdmin:
            return False
        return True

    one, two = two_super_admins
    outcomes = await asyncio.gather(
        *(remove(one, two, "demote") for _ in range(3)),
        *(remove(two, one, "suspend") for _ in range(3)),
    )
    assert sum(outcomes) == 3, "either all remove the one, or all the other"
    assert all(outcomes[:3]) or all(outcomes[3:])


@pytest.mark.parametrize(
    ("visibility", "guest", "student"),
    [("public", True, True), ("academy", False, True), ("private", False, False)],
)
async def test_people_choose_who_sees_them(
    tx: Writer, visibility: str, guest: bool, student: bool
) -> None:
    account = await person(tx, "instructor")
    await tx.execute(_SET_VISIBILITY, account.id, visibility)
    seen_by = [
        (ANONYMOUS, guest),
        (await acting(tx, "student"), student),
        (await acting(tx, "admin"), True),
        (factories.actor_of(account), True),
    ]
    for actor, is_seen in seen_by:
        if is_seen:
            found = await administration.get_account(tx, actor, account.id)
            whole = permissions.may_see_account(actor, found)
            assert whole == (actor.user_id == account.id or "admin" in actor.roles)
        else:
            with pytest.raises(errors.NotFound):
                await administration.get_account(tx, actor, account.id)


async def test_whoever_is_shut_out_is_not_shown(tx: Writer) -> None:
    account = await person(tx, "instructor")
    admin = await acting(tx, "admin")
    await administration.suspend(tx, admin, account.id)
    with pytest.raises(errors.NotFound):
        await administration.get_account(tx, await acting(tx, "student"), account.id)
    assert (await administration.get_account(tx, admin, account.id)).status == "suspended"


async def test_a_list_by_name_role_and_status(tx: Writer) -> None:
    admin = await acting(tx, "admin")
    mark = factories.unique_email()[:12]
    made = [
        await factories.make_user(tx, first_name=f"Zo\u00eb-{mark}", roles=(role,))
        for role in ("student", "instructor", "instructor")
    ]
    await administration.suspend(tx, admin, made[2].id)

    async def found(**filters: str | int) -> list[Account]:
        query = UserQuery(**{"search": f"ZO\u00cb-{mark}".upper(), **filters})  # type: ignore[arg-type]
        rows, total = await administration.list_accounts(tx, admin, query)
        assert total >= len(rows)
        return [row.id for row in rows]  # type: ignore[misc]

    ids = [account.id for account in made]
    assert await found() == ids[::-1]
    assert await found(role="teacher") == [ids[2], ids[1]]
    assert await found(role="instructor", status="active") == [ids[1]]
    assert await found(status="suspended") == [ids[2]]
    assert await found(per_page=1, page=2) == [ids[1]]
    assert await found(search=made[0].email.upper()) == [ids[0]]
    assert await found(search="%") == []
    assert await found(search="'; DROP TABLE users.users; --") == []
