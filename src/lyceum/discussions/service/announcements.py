"""Announcements: what the staff of a course tells its learners."""

from uuid import UUID

import msgspec

from lyceum.courses import api as courses
from lyceum.discussions import errors as facts
from lyceum.discussions import permissions
from lyceum.discussions.adapters import text
from lyceum.discussions.events import AnnouncementChanged, AnnouncementPosted
from lyceum.discussions.queries import announcements as queries
from lyceum.discussions.records import Announcement
from lyceum.discussions.schemas.announcements import AnnouncementChanges, NewAnnouncement
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.paging import PageQuery


async def list_announcements(
    tx: Reader, actor: Actor, course_id: UUID, query: PageQuery
) -> tuple[list[Announcement], int]:
    """Return a page of the announcements of a course, the newest first, and how many there are."""
    course = await courses.get_course(tx, actor, course_id)
    permissions.require_participant(actor, course)
    total = await tx.one(queries.COUNT_ANNOUNCEMENTS, course_id)
    found = await tx.all(queries.LIST_ANNOUNCEMENTS, course_id, query.offset, query.per_page)
    return found, total


async def get_announcement(tx: Reader, actor: Actor, announcement_id: UUID) -> Announcement:
    """Return an announcement of a course that the actor takes part in; NotFound otherwise."""
    found = await tx.one_or_none(queries.FIND_ANNOUNCEMENT, announcement_id)
    return (await _require_visible(tx, actor, found))[0]


async def post_announcement(
    tx: Writer, actor: Actor, course_id: UUID, new: NewAnnouncement
) -> Announcement:
    """Tell the learners of a course something."""
    course = await courses.get_course(tx, actor, course_id)
    user_id = actor.require_user()
    permissions.require_announcer(actor, course)
    announcement_id = ids.new_id()
    await tx.execute(
        queries.INSERT_ANNOUNCEMENT, announcement_id, course_id, user_id,
        text.clean_title(new.title), text.clean_body(new.body),
    )  # fmt: skip
    posted = AnnouncementPosted(
        announcement_id=announcement_id, course_id=course_id, author_id=user_id
    )
    await emit(tx, actor, posted)
    return await tx.one(queries.FIND_ANNOUNCEMENT, announcement_id)


async def update_announcement(
    tx: Writer,
    actor: Actor,
    announcement_id: UUID,
    changes: AnnouncementChanges,
    if_match: int | None,
) -> Announcement:
    """Change what an announcement says."""
    before = await _lock(tx, actor, announcement_id)
    facts.require_version(before.version, if_match)
    sent = changes.changes()
    if "title" in sent:
        sent["title"] = text.clean_title(sent["title"])
    if "body" in sent:
        sent["body"] = text.clean_body(sent["body"])
    after = msgspec.structs.replace(before, **sent)
    if after == before:
        return before
    await tx.execute(queries.UPDATE_ANNOUNCEMENT, announcement_id, after.title, after.body)
    await _tell(tx, actor, before, is_deleted=False)
    return await tx.one(queries.FIND_ANNOUNCEMENT, announcement_id)


async def delete_announcement(
    tx: Writer, actor: Actor, announcement_id: UUID, if_match: int | None
) -> None:
    """Take an announcement back."""
    before = await _lock(tx, actor, announcement_id)
    facts.require_version(before.version, if_match)
    await tx.execute(queries.DELETE_ANNOUNCEMENT, announcement_id)
    await _tell(tx, actor, before, is_deleted=True)


async def _lock(tx: Writer, actor: Actor, announcement_id: UUID) -> Announcement:
    locked = await tx.one_or_none(queries.LOCK_ANNOUNCEMENT, announcement_id)
    found, course = await _require_visible(tx, actor, locked)
    permissions.require_announcer(actor, course)
    return found


async def _require_visible(
    tx: Reader, actor: Actor, found: Announcement | None
) -> tuple[Announcement, courses.CourseRef]:
    """Return an announcement and its course; NotFound unless the actor takes part in it."""
    actor.require_user()
    if found is None:
        raise errors.NotFound
    course = await courses.get_course(tx, actor, found.course_id)
    if course.enrolment_id is None and not course.is_staff:
        raise errors.NotFound
    return found, course


async def _tell(tx: Writer, actor: Actor, changed: Announcement, *, is_deleted: bool) -> None:
    told = AnnouncementChanged(
        announcement_id=changed.id, course_id=changed.course_id, is_deleted=is_deleted
    )
    await emit(tx, actor, told)
