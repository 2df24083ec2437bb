"""Finding a thread or post for somebody: what they may not see does not exist for them.

A thread is as visible as its course and lecture, and only to learners and staff. Not visible is
NotFound, the same as missing. Locks are taken in one order everywhere: thread, then post.
"""

from uuid import UUID

import msgspec

from lyceum.courses import api as courses
from lyceum.discussions import permissions
from lyceum.discussions.queries import posts as post_queries
from lyceum.discussions.queries import threads as queries
from lyceum.discussions.records import Post, Thread
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer


class Room(msgspec.Struct, frozen=True):
    """A thread, and how somebody stands to its course."""

    thread: Thread
    course: courses.CourseRef
    user_id: UUID
    is_moderator: bool


async def get_room(tx: Reader, actor: Actor, thread_id: UUID) -> Room:
    """Return a thread that the actor may see; NotFound otherwise."""
    found = await tx.one_or_none(queries.FIND_THREAD, thread_id)
    return await _enter(tx, actor, found)


async def lock_room(tx: Writer, actor: Actor, thread_id: UUID) -> Room:
    """As `get_room`, and lock the thread until the end of the transaction."""
    locked = await tx.one_or_none(queries.LOCK_THREAD, thread_id)
    return await _enter(tx, actor, locked)


async def lock_post(tx: Writer, actor: Actor, post_id: UUID) -> tuple[Room, Post]:
    """Lock the thread of a post that the actor may see; return both as they are then."""
    found = await tx.one_or_none(post_queries.FIND_POST, post_id)
    if found is None:
        actor.require_user()
        raise errors.NotFound
    room = await lock_room(tx, actor, found.thread_id)
    post = await tx.one_or_none(post_queries.FIND_POST, post_id)
    if post is None or (
        post.is_hidden and not room.is_moderator and post.author_id != room.user_id
    ):
        raise errors.NotFound
    return room, post


async def _enter(tx: Reader, actor: Actor, thread: Thread | None) -> Room:
    user_id = actor.require_user()
    if thread is None:
        raise errors.NotFound
    course = await courses.get_course(tx, actor, thread.course_id)
    if course.enrolment_id is None and not course.is_staff:
        raise errors.NotFound
    is_moderator = permissions.may_moderate(actor, course)
    if thread.is_hidden and not is_moderator and thread.author_id != user_id:
        raise errors.NotFound
    if thread.lecture_id is not None and not course.is_staff:
        readable = await courses.list_readable_lectures(tx, actor, course.course_id)
        if thread.lecture_id not in readable:
            raise errors.NotFound
    return Room(thread, course, user_id, is_moderator)
