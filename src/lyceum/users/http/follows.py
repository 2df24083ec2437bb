"""The HTTP door of following: `/users/{id}/follow`, `/followers`, `/following`."""

from uuid import UUID

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import PageQuery
from lyceum.platform.routing import PUBLIC, SIGNED_IN, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import NotOnOneself
from lyceum.users.records import ProfileCard
from lyceum.users.schemas.accounts import PersonCard
from lyceum.users.service import follows

routes = Routes("users")


@routes.post(
    "/users/{user_id}/follow",
    access=SIGNED_IN,
    summary="Follow a person",
    facts=(errors.NotFound, NotOnOneself),
)
async def follow_user(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """Following twice is following once."""
    await follows.follow(tx, actor, user_id)


@routes.delete(
    "/users/{user_id}/follow",
    access=SIGNED_IN,
    summary="Follow a person no more",
    facts=(errors.NotFound,),
)
async def unfollow_user(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """Whoever is not followed need not be left."""
    await follows.unfollow(tx, actor, user_id)


@routes.get(
    "/users/{user_id}/followers",
    access=PUBLIC,
    summary="Who follows a person",
    facts=(errors.NotFound,),
)
async def list_followers(
    tx: Reader, actor: Actor, user_id: UUID, query: PageQuery
) -> Answer[list[PersonCard]]:
    """The latest first; those whom one may not see are neither listed nor counted."""
    rows, total = await follows.list_followers(tx, actor, user_id, query)
    return Answer(data=[_card(row) for row in rows], page=query.info(total))


@routes.get(
    "/users/{user_id}/following",
    access=PUBLIC,
    summary="Whom a person follows",
    facts=(errors.NotFound,),
)
async def list_following(
    tx: Reader, actor: Actor, user_id: UUID, query: PageQuery
) -> Answer[list[PersonCard]]:
    """The latest first; those whom one may not see are neither listed nor counted."""
    rows, total = await follows.list_following(tx, actor, user_id, query)
    return Answer(data=[_card(row) for row in rows], page=query.info(total))


def _card(row: ProfileCard) -> PersonCard:
    return PersonCard(id=row.id, display_name=row.display_name, avatar_url=row.avatar_url)
