"""The HTTP door of posts."""

from uuid import UUID

import msgspec

from lyceum.discussions import errors as facts
from lyceum.discussions import permissions
from lyceum.discussions.schemas.contributions import NewPost, PostChanges, PostView
from lyceum.discussions.service import posts
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import PageQuery
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("discussions")


@routes.get(
    "/threads/{thread_id}/posts",
    access=SIGNED_IN,
    summary="List the posts of a thread",
    returns=list[PostView],
)
async def list_posts(
    tx: Reader, actor: Actor, thread_id: UUID, query: PageQuery
) -> Answer[list[PostView]]:
    """The accepted answer first, then in the order of writing."""
    page = await posts.list_posts(tx, actor, thread_id, query)
    return Answer(data=page.items, page=query.info(page.total))


@routes.post(
    "/threads/{thread_id}/posts",
    access=permissions.WRITE,
    summary="Write in a thread",
    status=201,
    facts=(facts.ThreadLocked,),
)
async def answer_thread(
    tx: Writer, actor: Actor, thread_id: UUID, data: NewPost
) -> Answer[PostView]:
    """Who writes follows the thread."""
    post_id = await posts.answer_thread(tx, actor, thread_id, data)
    return await _show(tx, actor, post_id, location=f"{API}/posts/{post_id}")


@routes.get("/posts/{post_id}", access=SIGNED_IN, summary="A post")
async def get_post(tx: Reader, actor: Actor, post_id: UUID) -> Answer[PostView]:
    """As in the list."""
    return await _show(tx, actor, post_id)


@routes.patch(
    "/posts/{post_id}",
    access=SIGNED_IN,
    summary="Change a post",
    facts=(facts.ThreadLocked, errors.PreconditionFailed),
)
async def update_post(
    tx: Writer, actor: Actor, post_id: UUID, data: PostChanges, if_match: int | None
) -> Answer[PostView]:
    """Its author changes the text; staff hides and shows it."""
    await posts.update_post(tx, actor, post_id, data, if_match)
    return await _show(tx, actor, post_id)


@routes.delete("/posts/{post_id}", access=SIGNED_IN, summary="Delete a post")
async def delete_post(tx: Writer, actor: Actor, post_id: UUID, if_match: int | None) -> None:
    """One's own; staff any."""
    await posts.delete_post(tx, actor, post_id, if_match)


@routes.put("/posts/{post_id}/acceptance", access=SIGNED_IN, summary="Accept an answer")
async def accept_post(tx: Writer, actor: Actor, post_id: UUID) -> None:
    """In place of any other; by whoever asked, or staff."""
    await posts.accept_post(tx, actor, post_id)


@routes.delete("/posts/{post_id}/acceptance", access=SIGNED_IN, summary="Accept it no longer")
async def withdraw_acceptance(tx: Writer, actor: Actor, post_id: UUID) -> None:
    """Repeating changes nothing."""
    await posts.withdraw_acceptance(tx, actor, post_id)


@routes.put(
    "/posts/{post_id}/vote",
    access=SIGNED_IN,
    summary="Vote for a post",
    facts=(facts.OwnContribution,),
)
async def vote_for_post(tx: Writer, actor: Actor, post_id: UUID) -> None:
    """Repeating changes nothing."""
    await posts.vote_for_post(tx, actor, post_id, up=True)


@routes.delete(
    "/posts/{post_id}/vote",
    access=SIGNED_IN,
    summary="Take a vote for a post back",
    facts=(facts.OwnContribution,),
)
async def take_back_post_vote(tx: Writer, actor: Actor, post_id: UUID) -> None:
    """Repeating changes nothing."""
    await posts.vote_for_post(tx, actor, post_id, up=False)


async def _show(
    tx: Reader, actor: Actor, post_id: UUID, location: str | None = None
) -> Answer[PostView]:
    page = await posts.show_post(tx, actor, post_id)
    (shown,) = msgspec.json.decode(page.items, type=list[PostView])
    return Answer(data=shown, version=shown.version, location=location)
