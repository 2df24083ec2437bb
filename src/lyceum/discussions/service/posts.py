"""Posts: answering, editing, accepting the answer, voting."""

from uuid import UUID

from lyceum.discussions import errors as facts
from lyceum.discussions import permissions
from lyceum.discussions.adapters import text
from lyceum.discussions.events import AnswerAccepted, QuestionAnswered
from lyceum.discussions.queries import posts as queries
from lyceum.discussions.queries import threads as thread_queries
from lyceum.discussions.records import Page
from lyceum.discussions.schemas.contributions import NewPost, PostChanges
from lyceum.discussions.service import access, writing
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.paging import PageQuery


async def list_posts(tx: Reader, actor: Actor, thread_id: UUID, query: PageQuery) -> Page:
    """Return a page of a thread (`PostView`): the accepted answer, then the order of writing."""
    room = await access.get_room(tx, actor, thread_id)
    return await tx.one(
        queries.LIST_POSTS, room.user_id, thread_id, room.is_moderator, None, query.offset,
        query.per_page,
    )  # fmt: skip


async def show_post(tx: Reader, actor: Actor, post_id: UUID) -> Page:
    """Return a post alone, as a page of one."""
    found = await tx.one_or_none(queries.FIND_POST, post_id)
    if found is None:
        actor.require_user()
        raise errors.NotFound
    room = await access.get_room(tx, actor, found.thread_id)
    return await tx.one(
        queries.LIST_POSTS, room.user_id, found.thread_id, room.is_moderator, post_id, 0, 1
    )


async def answer_thread(tx: Writer, actor: Actor, thread_id: UUID, new: NewPost) -> UUID:
    """Write in a thread and follow it; whom it mentions follow it too. Returns the post's id."""
    room = await access.lock_room(tx, actor, thread_id)
    actor.require(permissions.WRITE)
    if room.thread.is_locked and not room.is_moderator:
        raise facts.ThreadLocked
    course_id = room.thread.course_id
    mentioned = await writing.check_mentions(tx, actor, course_id, new.mentions)
    post_id = ids.new_id()
    await tx.execute(
        queries.INSERT_POST, post_id, thread_id, room.user_id, text.clean_body(new.body),
        mentioned, room.course.is_staff,
    )  # fmt: skip
    await tx.execute(queries.COUNT_POST, thread_id)
    await tx.execute(thread_queries.SUBSCRIBE, thread_id, [room.user_id])
    # What one has written oneself is no news.
    await tx.execute(thread_queries.MARK_READ, thread_id, room.user_id)
    await tx.execute(thread_queries.SUBSCRIBE_TO_NEWS, thread_id, mentioned)
    answered = QuestionAnswered(
        thread_id=thread_id,
        post_id=post_id,
        course_id=course_id,
        author_id=room.user_id,
        mentioned_ids=tuple(mentioned),
    )
    await emit(tx, actor, answered)
    return post_id


async def update_post(
    tx: Writer, actor: Actor, post_id: UUID, changes: PostChanges, if_match: int | None
) -> None:
    """Change the text of one's own post, or as a moderator whether it is shown."""
    room, before = await access.lock_post(tx, actor, post_id)
    facts.require_version(before.version, if_match)
    sent = changes.changes()
    if "is_hidden" in sent:
        permissions.require_moderator(actor, room.course)
    if "body" in sent:
        if before.author_id != room.user_id:
            raise errors.Forbidden("Only its author may change what a post says.")
        if room.thread.is_locked and not room.is_moderator:
            raise facts.ThreadLocked
        sent["body"] = text.clean_body(sent["body"])
    body, is_hidden = sent.get("body", before.body), sent.get("is_hidden", before.is_hidden)
    if (body, is_hidden) == (before.body, before.is_hidden):
        return
    await tx.execute(queries.UPDATE_POST, post_id, body, is_hidden)
    await writing.tell_change(tx, actor, room.thread, post_id, *sent)


async def delete_post(tx: Writer, actor: Actor, post_id: UUID, if_match: int | None) -> None:
    """Delete one's own post, or as a moderator anybody's."""
    room, post = await access.lock_post(tx, actor, post_id)
    if not room.is_moderator and post.author_id != room.user_id:
        raise errors.Forbidden("Only its author or the course's staff may delete a post.")
    facts.require_version(post.version, if_match)
    await tx.execute(queries.DELETE_POST, post_id)
    await tx.execute(queries.UNCOUNT_POST, room.thread.id, post_id)
    await writing.tell_change(tx, actor, room.thread, post_id, "deleted")


async def accept_post(tx: Writer, actor: Actor, post_id: UUID) -> None:
    """Make a post the answer of its thread, in place of any other: its asker, or staff."""
    room, post = await access.lock_post(tx, actor, post_id)
    _require_asker(room)
    if room.thread.accepted_post_id == post_id:
        return
    await tx.execute(thread_queries.ACCEPT_POST, room.thread.id, post_id)
    accepted = AnswerAccepted(
        thread_id=room.thread.id,
        post_id=post_id,
        course_id=room.thread.course_id,
        author_id=post.author_id,
    )
    await emit(tx, actor, accepted)


async def withdraw_acceptance(tx: Writer, actor: Actor, post_id: UUID) -> None:
    """Make a post no longer the answer of its thread; one that is not stays so."""
    room, _ = await access.lock_post(tx, actor, post_id)
    _require_asker(room)
    if room.thread.accepted_post_id == post_id:
        await tx.execute(thread_queries.ACCEPT_POST, room.thread.id, None)
        await writing.tell_change(tx, actor, room.thread, post_id, "acceptance")


async def vote_for_post(tx: Writer, actor: Actor, post_id: UUID, *, up: bool) -> None:
    """Vote for somebody's post, or take the vote back; repeating changes nothing."""
    room, post = await access.lock_post(tx, actor, post_id)
    if post.author_id == room.user_id:
        raise facts.OwnContribution
    statement = queries.VOTE if up else queries.UNVOTE
    if await tx.one_or_none(statement, post_id, room.user_id) is not None:
        await tx.execute(queries.COUNT_VOTE, post_id, 1 if up else -1)


def _require_asker(room: access.Room) -> None:
    if not room.is_moderator and room.thread.author_id != room.user_id:
        raise errors.Forbidden("Whoever asked, or the course's staff, accepts an answer.")
