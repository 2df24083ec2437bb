"""What the worker runs for courses: certificates, from the completion to the stored document, the
names on the cards of the catalogue, what is counted for the metrics."""

from typing import Final
from uuid import UUID

from lyceum.courses.adapters import certificate_documents as documents
from lyceum.courses.events import CourseCompleted, EnrolmentCreated, LessonCompleted
from lyceum.courses.service import catalogue, certificates
from lyceum.platform import jobs, metrics
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import handles

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
