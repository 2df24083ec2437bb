"""The HTTP door of reports about threads and posts."""

from uuid import UUID

from lyceum.discussions import errors as facts
from lyceum.discussions import permissions
from lyceum.discussions.schemas.contributions import (
    NewReport,
    ReportMade,
    ReportQuery,
    ReportView,
    Resolution,
)
from lyceum.discussions.service import reports
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import SIGNED_IN, Routes
from lyceum.platform.wire import Answer

routes = Routes("discussions")


@routes.post(
    "/threads/{thread_id}/reports",
    access=SIGNED_IN,
    summary="Report a thread",
    status=201,
    facts=(facts.ReportedAlready, facts.OwnContribution),
)
async def report_thread(tx: Writer, actor: Actor, thread_id: UUID, data: NewReport) -> ReportMade:
    """To the staff of the course."""
    return ReportMade(id=await reports.report_thread(tx, actor, thread_id, data.reason))


@routes.post(
    "/posts/{post_id}/reports",
    access=SIGNED_IN,
    summary="Report a post",
    status=201,
    facts=(facts.ReportedAlready, facts.OwnContribution),
)
async def report_post(tx: Writer, actor: Actor, post_id: UUID, data: NewReport) -> ReportMade:
    """To the staff of the course."""
    return ReportMade(id=await reports.report_post(tx, actor, post_id, data.reason))


@routes.get(
    "/courses/{course_id}/discussion-reports",
    access=permissions.MODERATE,
    summary="List what was reported in a course",
    returns=list[ReportView],
    shows=Record("discussion report", people="reporter.user_id"),
)
async def list_reports(
    tx: Reader, actor: Actor, course_id: UUID, query: ReportQuery
) -> Answer[list[ReportView]]:
    """Those that wait, or those resolved; the oldest first."""
    page = await reports.list_reports(tx, actor, course_id, query)
    return Answer(data=page.items, page=query.info(page.total))


@routes.post(
    "/discussion-reports/{report_id}/resolve",
    access=permissions.MODERATE,
    summary="Decide about a report",
    status=204,
    facts=(facts.ReportResolved,),
)
async def resolve_report(tx: Writer, actor: Actor, report_id: UUID, data: Resolution) -> None:
    """Hides what was reported, or lets it stand; resolves every open report of the same."""
    await reports.resolve_report(tx, actor, report_id, data)
