"""Following people: who does, and how many. One follows whom one may see."""

from uuid import UUID

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import PageQuery
from lyceum.users.errors import NotOnOneself
from lyceum.users.events import UserFollowed, UserUnfollowed
from lyceum.users.permissions import visible_to
from lyceum.users.queries import follows as queries
from lyceum.users.records import FollowCounts, ProfileCard
from lyceum.users.service.administration import get_account


async def follow(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """Follow a person; doing it twice is doing it once. NotFound, NotOnOneself."""
    follower_id = actor.require_user()
    account = await get_account(tx, actor, user_id)
    if account.id == follower_id:
        raise NotOnOneself("Nobody follows themselves.")
    if account.status != "active":
        raise errors.NotFound
    if await tx.one_or_none(queries.FOLLOW, follower_id, user_id) is not None:
        await events.emit(tx, actor, UserFollowed(user_id=user_id, follower_id=follower_id))


async def unfollow(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """Follow a person no more, also one who cannot be seen any more."""
    follower_id = actor.require_user()
    if await tx.one_or_none(queries.UNFOLLOW, follower_id, user_id) is not None:
        await events.emit(tx, actor, UserUnfollowed(user_id=user_id, follower_id=follower_id))
        return
    await get_account(tx, actor, user_id)


async def count_follows(tx: Reader, actor: Actor, user_id: UUID) -> FollowCounts:
    """Return how many follow a person and whom they follow, of those whom the actor may see."""
    return await tx.one(queries.COUNT_FOLLOWS, user_id, visible_to(actor), actor.user_id)


async def list_followers(
    tx: Reader, actor: Actor, user_id: UUID, page: PageQuery
) -> tuple[list[ProfileCard], int]:
    """Return a page of those who follow a person, the latest first, and how many there are."""
    await get_account(tx, actor, user_id)
    seen = (user_id, visible_to(actor), actor.user_id)
    rows = await tx.all(queries.LIST_FOLLOWERS, *seen, page.per_page, page.offset)
    return rows, (await tx.one(queries.COUNT_FOLLOWS, *seen)).followers


async def list_following(
    tx: Reader, actor: Actor, user_id: UUID, page: PageQuery
) -> tuple[list[ProfileCard], int]:
    """Return a page of those whom a person follows, the latest first, and how many there are."""
    await get_account(tx, actor, user_id)
    seen = (user_id, visible_to(actor), actor.user_id)
    rows = await tx.all(queries.LIST_FOLLOWING, *seen, page.per_page, page.offset)
    return rows, (await tx.one(queries.COUNT_FOLLOWS, *seen)).following
