"""What can be done with content packages. Not here: reading their formats (`adapters`)."""

from uuid import UUID

import msgspec

from lyceum.assessments import api as assessments
from lyceum.courses import api as courses
from lyceum.packages import queries
from lyceum.packages.adapters.receiver import Receiver
from lyceum.packages.errors import InstructorUnknown, PackageRefused
from lyceum.packages.permissions import IMPORT_FOR_OTHERS, IMPORT_PACKAGES, may_see
from lyceum.packages.records import (
    LeftOut,
    PackageCourse,
    PackageLecture,
    PackageQuestion,
    PackageReport,
    PackageVideo,
    StoredImport,
)
from lyceum.packages.schemas import ImportProblem, ImportReport, LeftOutItem
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.richtext import clean_text
from lyceum.platform.routing import API
from lyceum.users import api as users

LINE = 255
LEAST_TITLE = 5
# A pass in Open edX where the course does not say otherwise; grading rules are not brought in.
PASSING_PERCENT = 50
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
) -> ImportReport:
    """Store a course that was read, and how its import ended; repeating it updates the course.

    PackageRefused when there is nothing in it: it would empty the course that is there.
    """
    if not course.chapters:
        raise PackageRefused("Nothing in the package can be taught here", reason="empty-course")
    draft, notes = _draft(course)
    stored = await courses.store_course(tx, actor, owner_id=owner_id, draft=draft)
    for chapter in course.chapters:
        for lecture in chapter.lectures:
            if lecture.kind == "quiz":
                lecture_id = stored.lecture_ids[lecture.external_id]
                await assessments.put_quiz(tx, actor, lecture_id, _quiz(lecture))
    made = _report(stored, draft.title, report, notes)
    await tx.execute(queries.FINISH_IMPORT, import_id, stored.course_id, msgspec.json.encode(made))
    return made


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
    return assessments.find_fault(_question(question))


RECEIVER = Receiver(
    find_fault=_find_fault,
    line_characters=LINE,
    description_characters=courses.DESCRIPTION_LENGTH[1],
    lecture_characters=courses.MAX_CONTENT,
    quiz_questions=assessments.MAX_QUESTIONS,
    quiz_patterns=assessments.MAX_PATTERNS,
)


def _draft(course: PackageCourse) -> tuple[courses.CourseDraft, list[LeftOut]]:
    """Return the course to store, and what had to be done to its title."""
    title, notes = clean_text(course.title), []
    if len(title) < LEAST_TITLE:
        title = f"{title} (course)".strip()
        reason = f"it has fewer than {LEAST_TITLE} characters; “(course)” was added"
        notes.append(LeftOut(kind="title", reason=reason, title=course.title))
    draft = courses.CourseDraft(
        source_key=course.external_id,
        title=title,
        subtitle=course.subtitle,
        description=course.description_html,
        language=course.language or "en",
        objectives=course.objectives,
        chapters=tuple(
            courses.ChapterDraft(
                source_key=chapter.external_id,
                title=chapter.title,
                lectures=tuple(_lecture(lecture) for lecture in chapter.lectures),
            )
            for chapter in course.chapters
        ),
    )
    return draft, notes


def _lecture(lecture: PackageLecture) -> courses.LectureDraft:
    return courses.LectureDraft(
        source_key=lecture.external_id,
        title=lecture.title,
        type=lecture.kind,
        content=lecture.html,
        media_url=_address(lecture.video) if lecture.video else None,
        duration_seconds=lecture.duration_seconds or 0,
        section=lecture.section,
    )


def _address(video: PackageVideo) -> str | None:
    """Return where a video plays from, at the second where it is to start.

    Of a file the part is named as in W3C's Media Fragments URI.
    """
    start, end = video.start_seconds, video.end_seconds
    if video.youtube_id:
        at = f"&t={start}s" if start else ""
        return f"https://www.youtube.com/watch?v={video.youtube_id}{at}"
    if not video.source_urls:
        return None
    part = f"#t={start or 0}" + (f",{end}" if end else "") if start or end else ""
    return video.source_urls[0].partition("#")[0] + part


def _quiz(lecture: PackageLecture) -> assessments.QuizDefinition:
    return assessments.QuizDefinition(
        title=lecture.title,
        passing_percent=PASSING_PERCENT,
        questions=tuple(_question(question) for question in lecture.questions),
    )


def _question(question: PackageQuestion) -> assessments.QuestionDefinition:
    return assessments.QuestionDefinition(
        kind=question.kind,
        html=question.html,
        source_key=question.external_id,
        title=question.title,
        points=question.points,
        choices=tuple(
            assessments.ChoiceDefinition(
                html=choice.html,
                is_correct=choice.is_correct,
                feedback_html=choice.feedback_html,
                unchosen_feedback_html=choice.unchosen_feedback_html,
            )
            for choice in question.choices
        ),
        answers=tuple(
            assessments.AnswerDefinition(
                text=answer.text,
                is_pattern=answer.is_pattern,
                number=None
                if answer.number is None
                else assessments.NumberDefinition(
                    lowest=answer.number.lowest,
                    highest=answer.number.highest,
                    is_lowest_open=answer.number.is_lowest_open,
                    is_highest_open=answer.number.is_highest_open,
                ),
                feedback_html=answer.feedback_html,
            )
            for answer in question.answers
        ),
        is_case_sensitive=question.is_case_sensitive,
        explanation_html=question.explanation_html,
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
