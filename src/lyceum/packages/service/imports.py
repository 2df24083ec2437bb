"""What can be done with content packages. Not here: reading their formats (`adapters`)."""

from uuid import UUID

import msgspec

from lyceum.assessments import api as assessments
from lyceum.courses import api as courses
from lyceum.packages.adapters import assets, drafts
from lyceum.packages.adapters.receiver import Receiver
from lyceum.packages.adapters.uploads import UploadedFile
from lyceum.packages.errors import InstructorUnknown, PackageRefused
from lyceum.packages.events import PackageImported
from lyceum.packages.permissions import IMPORT_FOR_OTHERS, IMPORT_PACKAGES, may_see
from lyceum.packages.queries import imports as queries
from lyceum.packages.records import (
    LeftOut,
    PackageCourse,
    PackageQuestion,
    PackageReport,
    StoredImport,
)
from lyceum.packages.schemas import ImportProblem, ImportReport, LeftOutItem
from lyceum.packages.service import files
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit
from lyceum.platform.richtext import clean_text
from lyceum.platform.routing import API
from lyceum.users import api as users

LINE = 255
# What is left out is listed one by one up to so many.
LISTED = 2000


async def find_owner(tx: Reader, actor: Actor, email: str | None) -> UUID:
    """Return whose course an import becomes: the actor's own, or that of `email`."""
    actor.require(IMPORT_PACKAGES)
    if email is None:
        return actor.require_user()
    person = await users.find_person_by_email(tx, email)
    if person is None or person.user_id != actor.user_id:
        actor.require(IMPORT_FOR_OTHERS)
    if person is None or person.status != "active":
        raise InstructorUnknown(
            "", errors.FieldError("/query/instructor", f"Nobody here has the address {email}")
        )
    owner = await users.actor_for(tx, person.user_id)
    if not owner.may(IMPORT_PACKAGES):
        raise InstructorUnknown(
            "", errors.FieldError("/query/instructor", f"{email} is not an instructor")
        )
    return person.user_id


async def add_import(
    tx: Writer,
    actor: Actor,
    import_id: UUID,
    *,
    owner_id: UUID,
    file_name: str,
    file_key: str | None = None,
    job_id: UUID | None = None,
) -> None:
    """Record an import that begins: of a stored file by a job, or of a file of this machine."""
    actor.require(IMPORT_PACKAGES)
    label = clean_text(file_name)[-LINE:] or "package"
    await tx.execute(
        queries.ADD_IMPORT, import_id, owner_id, actor.user_id, label, file_key, job_id
    )


async def get_import(tx: Reader, actor: Actor, import_id: UUID) -> StoredImport:
    """Return an import; NotFound for one that the actor may not see."""
    stored = await tx.one_or_none(queries.FIND_IMPORT, import_id)
    if stored is None or not may_see(actor, stored.owner_id, stored.asked_by):
        raise errors.NotFound
    return stored


async def store_package(
    tx: Writer,
    actor: Actor,
    import_id: UUID,
    *,
    owner_id: UUID,
    course: PackageCourse,
    report: PackageReport,
    uploaded: tuple[UploadedFile, ...] = (),
) -> ImportReport:
    """Store a course that was read, with its uploaded files, and how its import ended; repeating it
    updates the course.

    PackageRefused when there is nothing in it: it would empty the course that is there.
    """
    if not course.chapters:
        raise PackageRefused("Nothing in the package can be taught here", reason="empty-course")
    known = await courses.find_stored_course(tx, actor, owner_id, course.external_id)
    while True:
        file_ids = await files.identify_files(tx, actor, known, uploaded)
        addresses = {token: assets.address_of(file_id) for token, file_id in file_ids.items()}
        placed = drafts.with_addresses(course, addresses)
        draft, notes = drafts.draft_of(placed)
        stored = await courses.store_course(tx, actor, owner_id=owner_id, draft=draft)
        if stored.is_new or stored.course_id == known:
            break
        # Somebody else was first meanwhile, and the files have their ids from there.
        known = stored.course_id
    await _put_quizzes(tx, actor, placed, stored)
    await files.keep_files(
        tx,
        actor,
        stored.course_id,
        uploaded,
        file_ids,
        in_description=assets.tokens_in(course.description_html),
        in_lectures=drafts.tokens_of_lectures(course, stored.lecture_ids),
    )
    made = _report(stored, draft.title, report, notes)
    imported = PackageImported(
        course_id=stored.course_id,
        import_id=import_id,
        format=report.format,
        is_new=stored.is_new,
    )
    await emit(tx, actor, imported)
    await tx.execute(queries.FINISH_IMPORT, import_id, stored.course_id, msgspec.json.encode(made))
    return made


async def _put_quizzes(
    tx: Writer, actor: Actor, course: PackageCourse, stored: courses.StoredCourse
) -> None:
    for chapter in course.chapters:
        for lecture in chapter.lectures:
            if lecture.kind == "quiz" and (lecture.questions or lecture.rules):
                lecture_id = stored.lecture_ids[lecture.external_id]
                await assessments.put_quiz(tx, actor, lecture_id, drafts.quiz_of(lecture))


async def fail_import(tx: Writer, actor: Actor, import_id: UUID, fact: errors.Fact) -> None:
    """Record why an import failed for good, unless it has ended; whoever sees it may."""
    await get_import(tx, actor, import_id)
    reason = fact.data.get("reason")
    problem = ImportProblem(
        code=fact.code,
        title=fact.title,
        detail=fact.detail,
        reason=reason if isinstance(reason, str) else None,
    )
    await tx.execute(queries.FAIL_IMPORT, import_id, msgspec.json.encode(problem))


def _find_fault(question: PackageQuestion) -> str | None:
    return assessments.find_fault(drafts.question_of(question))


RECEIVER = Receiver(
    find_fault=_find_fault,
    line_characters=LINE,
    description_characters=courses.DESCRIPTION_LENGTH[1],
    lecture_characters=courses.MAX_CONTENT,
    quiz_questions=assessments.MAX_QUESTIONS,
    quiz_patterns=assessments.MAX_PATTERNS,
)


def _report(
    stored: courses.StoredCourse, title: str, report: PackageReport, notes: list[LeftOut]
) -> ImportReport:
    counts = dict(report.left_out_counts)
    for note in notes:
        counts[note.kind] = counts.get(note.kind, 0) + note.count
    left_out = [
        msgspec.convert(item, LeftOutItem, from_attributes=True)
        for item in (*report.left_out, *notes)
    ]
    return ImportReport(
        course_id=stored.course_id,
        location=f"{API}/courses/{stored.course_id}",
        is_new=stored.is_new,
        format=report.format,
        title=title,
        found=dict(report.found),
        taken=dict(report.taken),
        left_out=left_out,
        left_out_counts=counts,
    ).in_brief(LISTED)
