"""The HTTP door of announcements."""

from uuid import UUID

from lyceum.discussions import errors as facts
from lyceum.discussions import permissions
from lyceum.discussions.records import Announcement
from lyceum.discussions.schemas.announcements import (
    AnnouncementChanges,
    AnnouncementView,
    NewAnnouncement,
)
from lyceum.discussions.schemas.contributions import Author
from lyceum.discussions.service import announcements
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import PageQuery
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("discussions")


@routes.get(
    "/courses/{course_id}/announcements",
    access=SIGNED_IN,
    summary="List the announcements of a course",
    facts=(facts.NotParticipant,),
)
async def list_announcements(
    tx: Reader, actor: Actor, course_id: UUID, query: PageQuery
) -> Answer[list[AnnouncementView]]:
    """For learners and staff of the course; the newest first."""
    found, total = await announcements.list_announcements(tx, actor, course_id, query)
    return Answer(data=[_view(row) for row in found], page=query.info(total))


@routes.post(
    "/courses/{course_id}/announcements",
    access=permissions.ANNOUNCE,
    summary="Announce something to the learners of a course",
    status=201,
)
async def post_announcement(
    tx: Writer, actor: Actor, course_id: UUID, data: NewAnnouncement
) -> Answer[AnnouncementView]:
    """By those who may change the course."""
    made = await announcements.post_announcement(tx, actor, course_id, data)
    return _answer(made, location=f"{API}/announcements/{made.id}")


@routes.get("/announcements/{announcement_id}", access=SIGNED_IN, summary="An announcement")
async def get_announcement(
    tx: Reader, actor: Actor, announcement_id: UUID
) -> Answer[AnnouncementView]:
    """Of a course that one learns or teaches."""
    return _answer(await announcements.get_announcement(tx, actor, announcement_id))


@routes.patch(
    "/announcements/{announcement_id}",
    access=permissions.ANNOUNCE,
    summary="Change an announcement",
    facts=(errors.PreconditionFailed,),
)
async def update_announcement(
    tx: Writer,
    actor: Actor,
    announcement_id: UUID,
    data: AnnouncementChanges,
    if_match: int | None,
) -> Answer[AnnouncementView]:
    """Only what is sent changes."""
    return _answer(
        await announcements.update_announcement(tx, actor, announcement_id, data, if_match)
    )


@routes.delete(
    "/announcements/{announcement_id}",
    access=permissions.ANNOUNCE,
    summary="Take an announcement back",
)
async def delete_announcement(
    tx: Writer, actor: Actor, announcement_id: UUID, if_match: int | None
) -> None:
    """It is gone for good."""
    await announcements.delete_announcement(tx, actor, announcement_id, if_match)


def _answer(found: Announcement, location: str | None = None) -> Answer[AnnouncementView]:
    return Answer(data=_view(found), version=found.version, location=location)


def _view(found: Announcement) -> AnnouncementView:
    return AnnouncementView(
        id=found.id,
        course_id=found.course_id,
        author=Author(
            user_id=found.author_id,
            display_name=found.display_name or "Former member",
            avatar_url=found.avatar_url,
        ),
        title=found.title,
        body=found.body,
        version=found.version,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )
