"""Following: who may follow whom, and that lists and counts show no hidden person."""

import asyncio
from uuid import UUID

import httpx
import pytest

from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.paging import PageQuery
from lyceum.platform.statements import sql
from lyceum.users.errors import NotOnOneself
from lyceum.users.service import administration, follows
from tests.users import factories

PAGE = PageQuery()
_CARD = sql("SELECT bio FROM users.public_profiles WHERE user_id = $1", str)
_EVENTS_OF = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY position", str)


async def somebody(tx: Writer, visibility: str = "academy", role: str = "student") -> Actor:
    account = await factories.make_user(tx, roles=(role,))
    await tx.execute(factories.SET_VISIBILITY, account.id, visibility)
    return factories.actor_of(account)


def id_of(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id


async def test_following_and_leaving(tx: Writer) -> None:
    one, other = await somebody(tx), await somebody(tx, role="instructor")
    for _ in range(2):
        await follows.follow(tx, one, id_of(other))
    rows, total = await follows.list_followers(tx, other, id_of(other), PAGE)
    assert ([row.id for row in rows], total) == ([one.user_id], 1)
    rows, total = await follows.list_following(tx, other, id_of(one), PAGE)
    assert ([row.id for row in rows], total) == ([other.user_id], 1)
    assert (await follows.count_follows(tx, one, id_of(other))).is_followed
    for _ in range(2):
        await follows.unfollow(tx, one, id_of(other))
    counts = await follows.count_follows(tx, one, id_of(other))
    assert (counts.followers, counts.is_followed) == (0, False)
    seen = await tx.all(_EVENTS_OF, str(other.user_id))
    assert seen == ["user.registered", "user.followed", "user.unfollowed"]
    with pytest.raises(NotOnOneself):
        await follows.follow(tx, one, id_of(one))
    with pytest.raises(errors.Unauthorized):
        await follows.follow(tx, ANONYMOUS, id_of(one))


async def test_whoever_cannot_be_seen_cannot_be_followed(tx: Writer) -> None:
    one, hidden = await somebody(tx), await somebody(tx, "private")
    shut_out = await somebody(tx)
    top = await somebody(tx, role="super_admin")
    await administration.suspend(tx, top, id_of(shut_out))
    for user_id in (id_of(hidden), id_of(shut_out), ids.new_id()):
        for use in (follows.follow, follows.unfollow):
            with pytest.raises(errors.NotFound):
                await use(tx, one, user_id)
        for look in (follows.list_followers, follows.list_following):
            with pytest.raises(errors.NotFound):
                await look(tx, one, user_id, PAGE)


async def test_lists_and_counts_hold_whom_one_may_see(tx: Writer) -> None:
    star = await somebody(tx, "public", "instructor")
    for visibility in ("public", "academy", "private"):
        await follows.follow(tx, await somebody(tx, visibility), id_of(star))
    suspended = await somebody(tx, "public")
    await follows.follow(tx, suspended, id_of(star))
    admin = await somebody(tx, role="super_admin")
    await administration.suspend(tx, admin, id_of(suspended))
    for actor, wanted in ((ANONYMOUS, 1), (await somebody(tx), 2), (admin, 3)):
        rows, total = await follows.list_followers(tx, actor, id_of(star), PAGE)
        assert (len(rows), total) == (wanted, wanted)
        assert (await follows.count_follows(tx, actor, id_of(star))).followers == wanted


async def test_one_who_hides_is_no_longer_followed_in_public(tx: Writer) -> None:
    one, other = await somebody(tx), await somebody(tx)
    await follows.follow(tx, one, id_of(other))
    await tx.execute(factories.SET_VISIBILITY, other.user_id, "private")
    assert await follows.list_following(tx, one, id_of(one), PAGE) == ([], 0)
    await follows.unfollow(tx, one, id_of(other))  # that is still possible
    assert not (await follows.count_follows(tx, one, id_of(other))).is_followed
    assert await tx.one(_CARD, other.user_id) == ""


async def test_following_at_once_is_following_once(database: Database) -> None:
    async with database.transaction() as tx:
        one, other = await somebody(tx), await somebody(tx)

    async def follow() -> None:
        async with database.transaction() as tx:
            await follows.follow(tx, one, id_of(other))

    await asyncio.gather(*(follow() for _ in range(10)))
    async with database.transaction() as tx:
        assert (await follows.count_follows(tx, one, id_of(other))).followers == 1
        seen = await tx.all(_EVENTS_OF, str(other.user_id))
    assert seen.count("user.followed") == 1


async def test_the_door(
    client: httpx.AsyncClient, database: Database, headers_of: factories.SignIn
) -> None:
    star = await factories.store_user(database, roles=("instructor",))
    fan = await headers_of(await factories.store_user(database))
    url = f"/api/v1/users/{star.id}"
    assert (await client.post(f"{url}/follow")).status_code == 401
    assert (await client.get(f"{url}/followers")).status_code == 404
    assert (await client.post(f"{url}/follow", headers=fan)).status_code == 204
    shown = await client.get(url, headers=fan)
    profile = shown.json()["data"]
    assert (profile["followersCount"], profile["isFollowed"], profile["isInstructor"]) == (
        1, True, True
    )  # fmt: skip
    listed = (await client.get(f"{url}/followers", headers=fan)).json()
    assert (listed["meta"]["total"], set(listed["data"][0])) == (
        1, {"id", "displayName", "avatarUrl"}
    )  # fmt: skip
    assert (await client.delete(f"{url}/follow", headers=fan)).status_code == 204
    stale = {**fan, "if-none-match": shown.headers["etag"]}
    assert (await client.get(url, headers=stale)).status_code == 200
    assert (await client.get(f"{url}/following?page=0", headers=fan)).status_code == 422
