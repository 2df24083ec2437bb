"""Telling those who follow a thread that something was written in it."""

from uuid import UUID

import msgspec

from lyceum.discussions.queries import threads as queries
from lyceum.discussions.service import access
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users import api as users


class Letter(msgspec.Struct, frozen=True):
    """A mail to one follower."""

    to: str
    title: str
    thread_id: UUID


async def claim_followers(tx: Writer, actor: Actor, thread_id: UUID, author_id: UUID) -> list[UUID]:
    """Return who is to be mailed about news in a thread; nobody again until they have read it."""
    return await tx.all(queries.CLAIM_FOLLOWERS, thread_id, author_id)


async def prepare_letter(tx: Writer, actor: Actor, thread_id: UUID, user_id: UUID) -> Letter | None:
    """Return the mail to a follower, or None for one who may not see the thread any more."""
    person = await users.find_person(tx, user_id)
    title = await tx.one_or_none(queries.FIND_TITLE, thread_id)
    if person is None or person.status != "active" or title is None:
        return None
    try:
        await access.get_room(tx, await users.actor_for(tx, user_id), thread_id)
    except errors.Fact:
        return None
    return Letter(person.email, title, thread_id)
