"""Exports of a course: asked for by whoever may change it, fetched by who asked, for a day.

Not here: how a package is written (`adapters`), when (`jobs`).
"""

import re
from typing import Final
from uuid import UUID

import msgspec

from lyceum.assessments import api as assessments
from lyceum.courses import api as courses
from lyceum.packages.adapters import assets, drafts
from lyceum.packages.events import CourseExported
from lyceum.packages.permissions import EXPORT_OF_OTHERS
from lyceum.packages.queries import exports as queries
from lyceum.packages.queries import files as file_queries
from lyceum.packages.records import (
    ExportFormat,
    KeptFile,
    LeftOut,
    PackageCourse,
    StoredExport,
)
from lyceum.packages.schemas import ImportProblem
from lyceum.packages.service import files
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit

KEPT_HOURS: Final = 24
_ADDRESS: Final = re.compile(
    re.escape(assets.ADDRESS) + r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)


async def require_exportable(tx: Reader, actor: Actor, id_or_slug: UUID | str) -> UUID:
    """Return the id of a course that the actor may export: one that they may change."""
    course = await courses.get_course(tx, actor, id_or_slug)
    if not course.may_edit:
        actor.require_user()
        raise errors.Forbidden("Only who may change the course may export it.")
    return course.course_id


async def add_export(
    tx: Writer,
    actor: Actor,
    export_id: UUID,
    course_id: UUID,
    export_format: ExportFormat,
    job_id: UUID | None = None,
) -> None:
    """Record an export that begins; NotFound or Forbidden for another's course."""
    await require_exportable(tx, actor, course_id)
    await tx.execute(
        queries.ADD_EXPORT, export_id, course_id, actor.user_id, export_format, job_id, KEPT_HOURS
    )


async def get_export(tx: Reader, actor: Actor, export_id: UUID) -> StoredExport:
    """Return an export that has not expired; NotFound unless the actor asked for it."""
    found = await tx.one_or_none(queries.FIND_EXPORT, export_id)
    if found is None:
        raise errors.NotFound
    is_own = found.asked_by is not None and found.asked_by == actor.user_id
    if not is_own and not actor.may(EXPORT_OF_OTHERS):
        raise errors.NotFound
    return found


async def read_whole_course(
    tx: Writer, actor: Actor, course_id: UUID
) -> tuple[PackageCourse, list[KeptFile]]:
    """Return a course that the actor may change, with its quizzes and the files that it points at,
    in the form of a package."""
    whole = await courses.read_course(tx, actor, course_id)
    quizzes = {}
    for chapter in whole.draft.chapters:
        for lecture in chapter.lectures:
            if lecture.type != "quiz":
                continue
            quiz = await assessments.read_quiz(tx, actor, whole.lecture_ids[lecture.source_key])
            if quiz is not None:
                quizzes[lecture.source_key] = quiz
    course = drafts.package_of(whole, quizzes)
    return await _with_references(tx, actor, course_id, course)


async def finish_export(
    tx: Writer,
    actor: Actor,
    export: StoredExport,
    *,
    file_key: str,
    file_name: str,
    size_bytes: int,
    notes: tuple[LeftOut, ...],
) -> None:
    """Record that the package of an export lies in the store."""
    await tx.execute(
        queries.FINISH_EXPORT,
        export.id,
        file_key,
        file_name[-255:],
        size_bytes,
        msgspec.json.encode(notes),
    )
    exported = CourseExported(course_id=export.course_id, export_id=export.id, format=export.format)
    await emit(tx, actor, exported)


async def fail_export(tx: Writer, actor: Actor, export_id: UUID, fact: errors.Fact) -> None:
    """Record why an export failed for good, unless it has ended."""
    await get_export(tx, actor, export_id)
    problem = ImportProblem(code=fact.code, title=fact.title, detail=fact.detail, reason=None)
    await tx.execute(queries.FAIL_EXPORT, export_id, msgspec.json.encode(problem))


async def purge_exports(tx: Writer, actor: Actor) -> list[UUID]:
    """Forget the exports whose time is over; return which they were. For the program itself."""
    actor.require(EXPORT_OF_OTHERS)
    return await tx.all(queries.PURGE_EXPORTS)


async def _with_references(
    tx: Reader, actor: Actor, course_id: UUID, course: PackageCourse
) -> tuple[PackageCourse, list[KeptFile]]:
    """Put references in the place of the addresses of files; a copied course points at those of
    the course that it was copied from."""
    own = {file.id: file for file in await tx.all(file_queries.LIST_FILES, course_id)}
    written = msgspec.json.encode(course).decode()
    for name in dict.fromkeys(_ADDRESS.findall(written)):
        file_id = UUID(name)
        if file_id not in own:
            try:
                foreign = await files.open_file(tx, actor, file_id)
            except (errors.NotFound, errors.Forbidden):
                continue
            path = f"{file_id}/{foreign.path}"[: assets.MAX_PATH]
            own[file_id] = msgspec.structs.replace(foreign, path=path)

    def referred(found: re.Match[str]) -> str:
        file = own.get(UUID(found[1]))
        return found[0] if file is None else assets.reference(file.path)

    placed = msgspec.json.decode(_ADDRESS.sub(referred, written), type=PackageCourse)
    return placed, list(own.values())
