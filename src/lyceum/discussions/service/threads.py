"""Threads: asking, reading, editing, keeping order, following, voting."""

from uuid import UUID

import msgspec
from msgspec import UNSET

from lyceum.courses import api as courses
from lyceum.discussions import errors as facts
from lyceum.discussions import permissions
from lyceum.discussions.adapters import text
from lyceum.discussions.events import QuestionAsked
from lyceum.discussions.queries import threads as queries
from lyceum.discussions.records import Page
from lyceum.discussions.schemas.contributions import NewThread, ThreadChanges, ThreadQuery
from lyceum.discussions.service import access, writing
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.paging import PageQuery
from lyceum.platform.statements import Json

_BY_STAFF = ("is_pinned", "is_locked", "is_hidden")


async def list_threads(tx: Reader, actor: Actor, course_id: UUID, query: ThreadQuery) -> Page:
    """Return a page of the threads of a course that the actor takes part in (`ThreadView`)."""
    course = await courses.get_course(tx, actor, course_id)
    user_id = permissions.require_participant(actor, course)
    readable = await courses.list_readable_lectures(tx, actor, course.course_id)
    return await tx.one(
        queries.LIST_THREADS, user_id, course_id, readable, course.is_staff,
        _sent(query.lecture_id), _sent(query.is_answered), query.mine, _sent(query.search),
        query.sort, query.offset, query.per_page,
    )  # fmt: skip


async def list_followed(tx: Reader, actor: Actor, query: PageQuery) -> Page:
    """Return a page of the threads that the actor follows, those with news first."""
    user_id = actor.require_user()
    seen: list[UUID] = []
    readable: list[UUID] = []
    for course_id in await tx.all(queries.LIST_FOLLOWED_COURSES, user_id):
        try:
            course = await courses.get_course(tx, actor, course_id)
        except errors.Fact:
            continue  # it exists for them no longer
        if course.enrolment_id is not None or course.is_staff:
            seen.append(course_id)
            readable += await courses.list_readable_lectures(tx, actor, course.course_id)
    return await tx.one(
        queries.LIST_FOLLOWED, user_id, seen, readable, query.offset, query.per_page
    )


async def ask_question(tx: Writer, actor: Actor, course_id: UUID, new: NewThread) -> UUID:
    """Begin a thread and follow it; whom it mentions follow it too. Returns its id."""
    course = await courses.get_course(tx, actor, course_id)
    user_id = permissions.require_participant(actor, course)
    actor.require(permissions.WRITE)
    if new.lecture_id is not None:
        readable = await courses.list_readable_lectures(tx, actor, course.course_id)
        if new.lecture_id not in readable:
            raise facts.invalid("/lectureId", "There is no such lecture in this course")
    mentioned = await writing.check_mentions(tx, actor, course_id, new.mentions)
    thread_id = ids.new_id()
    await tx.execute(
        queries.INSERT_THREAD, thread_id, course_id, new.lecture_id, user_id,
        text.clean_title(new.title), text.clean_body(new.body), mentioned,
    )  # fmt: skip
    await tx.execute(queries.SUBSCRIBE, thread_id, [user_id])
    await tx.execute(queries.SUBSCRIBE_TO_NEWS, thread_id, mentioned)
    asked = QuestionAsked(
        thread_id=thread_id,
        course_id=course_id,
        lecture_id=new.lecture_id,
        author_id=user_id,
        mentioned_ids=tuple(mentioned),
    )
    await emit(tx, actor, asked)
    return thread_id


async def get_thread(tx: Reader, actor: Actor, thread_id: UUID) -> tuple[Json, int]:
    """Return a thread (`WholeThread`) and its version."""
    room = await access.get_room(tx, actor, thread_id)
    return await tx.one(queries.SHOW_THREAD, room.user_id, thread_id), room.thread.version


async def update_thread(
    tx: Writer, actor: Actor, thread_id: UUID, changes: ThreadChanges, if_match: int | None
) -> None:
    """Change the text of one's own thread, or as a moderator its state."""
    room = await access.lock_room(tx, actor, thread_id)
    before = room.thread
    facts.require_version(before.version, if_match)
    sent = changes.changes()
    if any(name in sent for name in _BY_STAFF):
        permissions.require_moderator(actor, room.course)
    if "title" in sent or "body" in sent:
        if before.author_id != room.user_id:
            raise errors.Forbidden("Only its author may change what a thread says.")
        if before.is_locked and not room.is_moderator:
            raise facts.ThreadLocked
    if "title" in sent:
        sent["title"] = text.clean_title(sent["title"])
    if "body" in sent:
        sent["body"] = text.clean_body(sent["body"])
    after = msgspec.structs.replace(before, **sent)
    if after == before:
        return
    await tx.execute(
        queries.UPDATE_THREAD, thread_id, after.title, after.body, after.is_pinned,
        after.is_locked, after.is_hidden,
    )  # fmt: skip
    changed = [name for name in sent if getattr(before, name) != getattr(after, name)]
    await writing.tell_change(tx, actor, before, None, *changed)


async def delete_thread(tx: Writer, actor: Actor, thread_id: UUID, if_match: int | None) -> None:
    """Delete a thread: a moderator any, its author while nobody has answered."""
    room = await access.lock_room(tx, actor, thread_id)
    if not room.is_moderator:
        if room.thread.author_id != room.user_id:
            raise errors.Forbidden("Only its author or the course's staff may delete a thread.")
        if room.thread.post_count:
            raise facts.ThreadAnswered
    facts.require_version(room.thread.version, if_match)
    await tx.execute(queries.DELETE_THREAD, thread_id)
    await writing.tell_change(tx, actor, room.thread, None, "deleted")


async def follow_thread(tx: Writer, actor: Actor, thread_id: UUID) -> None:
    """Be told of what is written in a thread; followed twice, it is still followed."""
    room = await access.get_room(tx, actor, thread_id)
    await tx.execute(queries.SUBSCRIBE, thread_id, [room.user_id])


async def unfollow_thread(tx: Writer, actor: Actor, thread_id: UUID) -> None:
    """Be told no longer of what is written in a thread."""
    room = await access.get_room(tx, actor, thread_id)
    await tx.execute(queries.UNSUBSCRIBE, thread_id, room.user_id)


async def mark_read(tx: Writer, actor: Actor, thread_id: UUID) -> None:
    """Note that the actor has read all that is in a thread now."""
    room = await access.get_room(tx, actor, thread_id)
    await tx.execute(queries.MARK_READ, thread_id, room.user_id)


async def vote_for_thread(tx: Writer, actor: Actor, thread_id: UUID, *, up: bool) -> None:
    """Vote for somebody's question, or take the vote back; repeating changes nothing."""
    room = await access.lock_room(tx, actor, thread_id)
    if room.thread.author_id == room.user_id:
        raise facts.OwnContribution
    statement = queries.VOTE if up else queries.UNVOTE
    if await tx.one_or_none(statement, thread_id, room.user_id) is not None:
        await tx.execute(queries.COUNT_VOTE, thread_id, 1 if up else -1)


def _sent(value: object) -> object:
    return None if value is UNSET else value
