"""The HTTP door of threads."""

from typing import Any
from uuid import UUID

from lyceum.discussions import errors as facts
from lyceum.discussions import permissions
from lyceum.discussions.schemas.contributions import (
    NewThread,
    ThreadChanges,
    ThreadQuery,
    ThreadView,
    WholeThread,
)
from lyceum.discussions.service import threads
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.paging import PageQuery
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("discussions")


@routes.get(
    "/courses/{course_id}/threads",
    access=SIGNED_IN,
    summary="List the threads of a course",
    returns=list[ThreadView],
    facts=(facts.NotParticipant,),
)
async def list_threads(
    tx: Reader, actor: Actor, course_id: UUID, query: ThreadQuery
) -> Answer[list[ThreadView]]:
    """For learners and staff of the course; pinned ones first."""
    page = await threads.list_threads(tx, actor, course_id, query)
    return Answer(data=page.items, page=query.info(page.total))


@routes.post(
    "/courses/{course_id}/threads",
    access=permissions.WRITE,
    summary="Ask a question",
    status=201,
    returns=WholeThread,
    facts=(facts.NotParticipant,),
)
async def ask_question(
    tx: Writer, actor: Actor, course_id: UUID, data: NewThread
) -> Answer[WholeThread]:
    """About a lecture, or the course as a whole. Who asks follows the thread."""
    thread_id = await threads.ask_question(tx, actor, course_id, data)
    return await _show(tx, actor, thread_id, location=f"{API}/threads/{thread_id}")


@routes.get(
    "/me/threads",
    access=SIGNED_IN,
    summary="Threads I follow",
    returns=list[ThreadView],
    shows=Record("followed threads", is_own=True),
)
async def list_followed_threads(
    tx: Reader, actor: Actor, query: PageQuery
) -> Answer[list[ThreadView]]:
    """Those with news first."""
    page = await threads.list_followed(tx, actor, query)
    return Answer(data=page.items, page=query.info(page.total))


@routes.get("/threads/{thread_id}", access=SIGNED_IN, summary="A thread", returns=WholeThread)
async def get_thread(tx: Reader, actor: Actor, thread_id: UUID) -> Answer[WholeThread]:
    """What was asked; the answers are at `/threads/{id}/posts`."""
    return await _show(tx, actor, thread_id)


@routes.patch(
    "/threads/{thread_id}",
    access=SIGNED_IN,
    summary="Change a thread",
    returns=WholeThread,
    facts=(facts.ThreadLocked, errors.PreconditionFailed),
)
async def update_thread(
    tx: Writer, actor: Actor, thread_id: UUID, data: ThreadChanges, if_match: int | None
) -> Answer[WholeThread]:
    """Its author changes the text; staff pins, locks and hides."""
    await threads.update_thread(tx, actor, thread_id, data, if_match)
    return await _show(tx, actor, thread_id)


@routes.delete(
    "/threads/{thread_id}",
    access=SIGNED_IN,
    summary="Delete a thread",
    facts=(facts.ThreadAnswered, errors.PreconditionFailed),
)
async def delete_thread(tx: Writer, actor: Actor, thread_id: UUID, if_match: int | None) -> None:
    """One's own while nobody has answered; staff any."""
    await threads.delete_thread(tx, actor, thread_id, if_match)


@routes.put("/threads/{thread_id}/subscription", access=SIGNED_IN, summary="Follow a thread")
async def follow_thread(tx: Writer, actor: Actor, thread_id: UUID) -> None:
    """A mail tells of news, once until the thread is read again."""
    await threads.follow_thread(tx, actor, thread_id)


@routes.delete(
    "/threads/{thread_id}/subscription", access=SIGNED_IN, summary="Stop following a thread"
)
async def unfollow_thread(tx: Writer, actor: Actor, thread_id: UUID) -> None:
    """Repeating changes nothing."""
    await threads.unfollow_thread(tx, actor, thread_id)


@routes.put("/threads/{thread_id}/read", access=SIGNED_IN, summary="Note that a thread was read")
async def mark_thread_read(tx: Writer, actor: Actor, thread_id: UUID) -> None:
    """For one who follows it: what is in it now is no news any more."""
    await threads.mark_read(tx, actor, thread_id)


@routes.put(
    "/threads/{thread_id}/vote",
    access=SIGNED_IN,
    summary="Vote for a question",
    facts=(facts.OwnContribution,),
)
async def vote_for_thread(tx: Writer, actor: Actor, thread_id: UUID) -> None:
    """Repeating changes nothing."""
    await threads.vote_for_thread(tx, actor, thread_id, up=True)


@routes.delete(
    "/threads/{thread_id}/vote",
    access=SIGNED_IN,
    summary="Take a vote for a question back",
    facts=(facts.OwnContribution,),
)
async def take_back_thread_vote(tx: Writer, actor: Actor, thread_id: UUID) -> None:
    """Repeating changes nothing."""
    await threads.vote_for_thread(tx, actor, thread_id, up=False)


async def _show(
    tx: Reader, actor: Actor, thread_id: UUID, location: str | None = None
) -> Answer[Any]:
    shown, version = await threads.get_thread(tx, actor, thread_id)
    return Answer(data=shown, version=version, location=location)
