"""What the worker runs for courses: certificates, from the completion to the stored document, the
names on the cards of the catalogue, files of people to enrol, enrolments that end by time, what is
counted for the metrics."""

from typing import Final
from uuid import UUID

import msgspec

from lyceum.courses.adapters import certificate_documents as documents
from lyceum.courses.adapters import roster_csv
from lyceum.courses.events import CourseCompleted, EnrolmentCreated, LessonCompleted
from lyceum.courses.schemas.enrolment import RosterReport, RosterResult
from lyceum.courses.service import catalogue, certificates, enrolment, rosters, waiting
from lyceum.platform import jobs, metrics
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import handles

ROWS_AT_ONCE: Final = 50
_ISSUER: Final = system_actor("courses.issue_certificate")


@handles(CourseCompleted)
async def issue_certificate(tx: Writer, event: CourseCompleted) -> None:
    """Give the learner the certificate of the course, and have its document made."""
    certificate_id = await certificates.issue_certificate(tx, _ISSUER, event.enrolment_id)
    if certificate_id is not None:
        await jobs.enqueue(tx, _ISSUER, render_certificate, certificate_id=certificate_id)


@handles(EnrolmentCreated)
async def count_enrolment(_: Writer, event: EnrolmentCreated) -> None:
    """Count an enrolment for the metrics."""
    metrics.COURSE_ENROLMENTS.inc(event.course_id)


@handles(LessonCompleted)
async def count_lesson(_: Writer, event: LessonCompleted) -> None:
    """Count a completed lesson for the metrics."""
    metrics.LESSON_COMPLETIONS.inc(event.course_id, event.lecture_id)


@jobs.job()
async def render_certificate(context: jobs.JobContext, *, certificate_id: UUID) -> None:
    """Make the PDF of a certificate and store it; the same bytes however often it runs."""
    engines = context.engines
    certificate = await certificates.get_certificate_to_print(
        context.reader(), _ISSUER, certificate_id
    )
    document = await documents.make_pdf(engines.settings, certificate)
    key = f"certificates/{certificate.id}.pdf"
    await engines.storage.put(key, document, content_type="application/pdf")
    async with context.transaction() as tx:
        await certificates.keep_document(tx, _ISSUER, certificate_id, key)


@jobs.job(cron="*/10 * * * *", timeout_seconds=300)
async def refresh_cards(context: jobs.JobContext) -> None:
    """Show the present names of instructors in the catalogue."""
    refreshed = 1
    while refreshed:
        async with context.transaction() as tx:
            refreshed = await catalogue.refresh_cards(tx, context.actor)


@jobs.job(timeout_seconds=900)
async def enrol_from_file(context: jobs.JobContext, *, import_id: UUID) -> RosterReport:
    """Enrol the people of a file, or say what would come of it; the result is the sum.

    Run again, it finds those enrolled whom it had come to.
    """
    stored = await rosters.get_import(context.reader(), context.actor, import_id)
    people = roster_csv.read_people(stored.content or "email")
    results: list[RosterResult] = []
    # A dry run looks at all in one transaction, because seats are counted down as it goes.
    step = max(len(people), 1) if stored.is_dry_run else ROWS_AT_ONCE
    for start in range(0, len(people), step):
        async with context.transaction() as tx:
            done = await rosters.enrol_people(
                tx,
                context.actor,
                stored.course_id,
                people[start : start + step],
                is_dry_run=stored.is_dry_run,
                first_row=start + 1,
            )
        results.extend(done.results)
        await context.report(len(results) / len(people), f"{len(results)} of {len(people)}")
    async with context.transaction() as tx:
        report = rosters.make_report(tx, context.actor, results, is_dry_run=stored.is_dry_run)
        await rosters.finish_import(tx, context.actor, import_id, report)
    return msgspec.structs.replace(report, results=report.results[:100])


@jobs.job(cron="*/5 * * * *", timeout_seconds=300)
async def expire_enrolments(context: jobs.JobContext) -> int:
    """End the enrolments whose time is over, a course at a time; return how many."""
    count = 0
    for course_id in await enrolment.list_courses_with_due(context.reader(), context.actor):
        async with context.transaction() as tx:
            count += await enrolment.expire_enrolments(tx, context.actor, course_id)
    return count


@jobs.job(cron="*/5 * * * *", timeout_seconds=300)
async def fill_free_seats(context: jobs.JobContext) -> int:
    """Enrol those who wait where more seats came free than are filled at once; return how many."""
    count = 0
    for course_id in await waiting.list_courses_with_room(context.reader(), context.actor):
        async with context.transaction() as tx:
            count += await waiting.fill_course(tx, context.actor, course_id)
    return count
