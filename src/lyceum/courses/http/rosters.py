"""The HTTP door of people who are enrolled at once, and of the list of who is enrolled."""

from typing import Final
from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import jobs, permissions
from lyceum.courses.queries.rosters import EnrolmentImport, RosterLine
from lyceum.courses.schemas.enrolment import (
    EnrolmentImportView,
    ImportOptions,
    Roster,
    RosterReport,
)
from lyceum.courses.schemas.progress import ProgressView
from lyceum.courses.service import enrolment, rosters
from lyceum.platform import csv_cells, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.csv_uploads import CSV, LARGEST, read_csv
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.jobs import enqueue
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, SIGNED_IN, Routes
from lyceum.platform.wire import Answer, Content

routes = Routes("courses")
_HEADER: Final = tuple(field.encode_name for field in msgspec.structs.fields(RosterLine))


@routes.post(
    "/courses/{course_id}/enrollments/bulk",
    access=permissions.UPDATE_COURSE,
    summary="Enrol several people in a course",
    status=200,
    facts=(facts.CourseStateConflict,),
)
async def enrol_people(tx: Writer, actor: Actor, course_id: UUID, data: Roster) -> RosterReport:
    """For the course's instructors: up to 500 people, each with an outcome of their own; a dry run
    says what would come of it."""
    return await rosters.enrol_people(tx, actor, course_id, data.people, is_dry_run=data.is_dry_run)


@routes.post(
    "/courses/{course_id}/enrollments/import",
    access=permissions.UPDATE_COURSE,
    summary="Enrol the people of a CSV file in a course",
    status=202,
    max_body=LARGEST,
    upload_media_types=(CSV,),
    facts=(facts.CourseStateConflict, errors.PayloadTooLarge, errors.UnsupportedMediaType),
)
async def import_enrolments(
    actor: Actor, course_id: UUID, query: ImportOptions, request: RequestInfo, engines: Engines
) -> Answer[EnrolmentImportView]:
    """A header with `email` or `userId`, and perhaps `cohort`, then up to 5000 people. A job works
    it through: follow `Location`; its result is the sum, and the import has the report, row by
    row."""
    await rosters.require_import(engines.database.reader(), actor, course_id)
    content = await read_csv(request)
    async with engines.database.transaction() as tx:
        import_id = ids.new_id()
        job_id = await enqueue(tx, actor, jobs.enrol_from_file, import_id=import_id)
        stored = await rosters.add_import(
            tx,
            actor,
            course_id,
            import_id,
            job_id=job_id,
            content=content,
            is_dry_run=query.dry_run,
        )
    return Answer(data=_view(stored), location=f"{API}/jobs/{job_id}")


@routes.get(
    "/enrollment-imports/{enrolment_import_id}",
    access=SIGNED_IN,
    summary="What came of a file of people",
    shows=Record("import of enrolments"),
)
async def get_enrolment_import(
    tx: Reader, actor: Actor, enrolment_import_id: UUID
) -> EnrolmentImportView:
    """For the course's instructors: the report, row by row, when the job is done."""
    return _view(await rosters.get_import(tx, actor, enrolment_import_id))


@routes.get(
    "/courses/{course_id}/enrollments.csv",
    access=SIGNED_IN,
    summary="Download the learners of a course",
    media_type=CSV,
    shows=Record("roster"),
)
async def export_roster(tx: Reader, actor: Actor, course_id: UUID) -> Content:
    """For the course's staff: everybody who is or was enrolled."""
    lines = await rosters.list_roster(tx, actor, course_id)
    rows = (msgspec.structs.astuple(line) for line in lines)
    return Content(
        body=csv_cells.write_rows(_HEADER, rows),
        media_type=f"{CSV}; charset=utf-8",
        headers=(("content-disposition", f'attachment; filename="learners-{course_id}.csv"'),),
        people=tuple(line.user_id for line in lines),
    )


@routes.delete(
    "/courses/{course_id}/enrollments/{user_id}",
    access=permissions.UPDATE_COURSE,
    summary="End somebody's enrolment",
)
async def remove_learner(tx: Writer, actor: Actor, course_id: UUID, user_id: UUID) -> None:
    """For the course's instructors. The seat goes to the next who waits; the progress is kept."""
    await enrolment.remove_learner(tx, actor, course_id, user_id)


@routes.get(
    "/courses/{course_id}/enrollments/{user_id}/progress",
    access=SIGNED_IN,
    summary="Read a learner's progress in a course",
    returns=ProgressView,
    shows=Record("progress", people="user_id"),
)
async def get_learner_progress(
    tx: Reader, actor: Actor, course_id: UUID, user_id: UUID
) -> Answer[ProgressView]:
    """For the course's staff; an assistant of single cohorts reads that of their learners."""
    return Answer(data=await enrolment.get_learner_progress(tx, actor, course_id, user_id))


def _view(stored: EnrolmentImport) -> EnrolmentImportView:
    report = stored.report
    return EnrolmentImportView(
        id=stored.id,
        course_id=stored.course_id,
        job_id=stored.job_id,
        is_dry_run=stored.is_dry_run,
        report=None if report is None else msgspec.json.decode(report, type=RosterReport),
        created_at=stored.created_at,
        finished_at=stored.finished_at,
    )
