"""Reports: saying that a contribution breaks the rules, and deciding about it."""

from uuid import UUID

from lyceum.courses import api as courses
from lyceum.discussions import errors as facts
from lyceum.discussions import permissions
from lyceum.discussions.events import ContributionReported, ReportResolved
from lyceum.discussions.queries import posts as post_queries
from lyceum.discussions.queries import reports as queries
from lyceum.discussions.queries import threads as thread_queries
from lyceum.discussions.records import Page
from lyceum.discussions.schemas.contributions import ReportQuery, Resolution
from lyceum.discussions.service import access, writing
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit


async def report_thread(tx: Writer, actor: Actor, thread_id: UUID, reason: str) -> UUID:
    """Tell the staff that a thread breaks the rules; once until they have decided."""
    room = await access.lock_room(tx, actor, thread_id)
    return await _report(tx, actor, room, None, room.thread.author_id, reason)


async def report_post(tx: Writer, actor: Actor, post_id: UUID, reason: str) -> UUID:
    """Tell the staff that a post breaks the rules; once until they have decided."""
    room, post = await access.lock_post(tx, actor, post_id)
    return await _report(tx, actor, room, post_id, post.author_id, reason)


async def list_reports(tx: Reader, actor: Actor, course_id: UUID, query: ReportQuery) -> Page:
    """Return a page of the reports in a course (`ReportView`), the oldest first."""
    course = await courses.get_course(tx, actor, course_id)
    actor.require_user()
    permissions.require_moderator(actor, course)
    return await tx.one(
        queries.LIST_REPORTS, course_id, query.resolved, query.offset, query.per_page
    )


async def resolve_report(tx: Writer, actor: Actor, report_id: UUID, decision: Resolution) -> None:
    """Hide what was reported, or let it stand; every open report of it is resolved with it."""
    user_id = actor.require_user()
    report = await tx.one_or_none(queries.FIND_REPORT, report_id)
    if report is None:
        raise errors.NotFound
    room = await access.lock_room(tx, actor, report.thread_id)
    permissions.require_moderator(actor, room.course)
    resolved = await tx.all(
        queries.RESOLVE, report.thread_id, report.post_id, decision.resolution, user_id
    )
    if report_id not in resolved:
        raise facts.ReportResolved(resolution=report.resolution)
    if decision.resolution == "hidden":
        await _hide(tx, actor, room, report.post_id)
    for resolved_id in resolved:
        told = ReportResolved(
            report_id=resolved_id, course_id=report.course_id, resolution=decision.resolution
        )
        await emit(tx, actor, told)


async def _hide(tx: Writer, actor: Actor, room: access.Room, post_id: UUID | None) -> None:
    if post_id is None:
        thread = room.thread
        await tx.execute(
            thread_queries.UPDATE_THREAD, thread.id, thread.title, thread.body, thread.is_pinned,
            thread.is_locked, True,
        )  # fmt: skip
    else:
        post = await tx.one_or_none(post_queries.FIND_POST, post_id)
        if post is None:
            return  # its author has deleted it meanwhile
        await tx.execute(post_queries.UPDATE_POST, post_id, post.body, True)
    await writing.tell_change(tx, actor, room.thread, post_id, "is_hidden")


async def _report(
    tx: Writer,
    actor: Actor,
    room: access.Room,
    post_id: UUID | None,
    author_id: UUID,
    reason: str,
) -> UUID:
    if author_id == room.user_id:
        raise facts.OwnContribution
    said = richtext.clean_text(reason)
    if not said:
        raise facts.invalid("/reason", "Say why, please")
    thread = room.thread
    report_id = await tx.one_or_none(
        queries.INSERT_REPORT, ids.new_id(), thread.course_id, thread.id, post_id, room.user_id,
        said,
    )  # fmt: skip
    if report_id is None:
        raise facts.ReportedAlready
    reported = ContributionReported(
        report_id=report_id, thread_id=thread.id, post_id=post_id, course_id=thread.course_id
    )
    await emit(tx, actor, reported)
    return report_id
