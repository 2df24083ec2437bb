"""The files that came with a course: kept by its import, opened by whoever may read what shows
them.

A file that nothing shows is for the staff of its course. Not here: putting them into the store
(`adapters.uploads`), sending one (`http`).
"""

from typing import Final
from uuid import UUID

from lyceum.courses import api as courses
from lyceum.packages.adapters import assets
from lyceum.packages.adapters.uploads import UploadedFile
from lyceum.packages.permissions import IMPORT_FOR_OTHERS, IMPORT_PACKAGES
from lyceum.packages.queries import files as queries
from lyceum.packages.records import KeptFile
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer

# Of the lectures that show a file so many are asked whether they are open.
_MOST_USES: Final = 50


async def identify_files(
    tx: Reader, actor: Actor, course_id: UUID | None, uploaded: tuple[UploadedFile, ...]
) -> dict[str, UUID]:
    """Return the ids of the files by token: those that the course's files of that name have."""
    actor.require(IMPORT_PACKAGES)
    present = {} if course_id is None else await _present(tx, course_id)
    return {
        assets.token_of(file.path): present[file.path].id if file.path in present else ids.new_id()
        for file in uploaded
    }


async def keep_files(
    tx: Writer,
    actor: Actor,
    course_id: UUID,
    uploaded: tuple[UploadedFile, ...],
    file_ids: dict[str, UUID],
    *,
    in_description: set[str],
    in_lectures: dict[UUID, set[str]],
) -> None:
    """Write down the files of a locked course and which lectures show them, by token.

    A file of the same name gets the new content; unchanged ones stay where they are.
    """
    actor.require(IMPORT_PACKAGES)
    present = await _present(tx, course_id)
    kept = []
    for file in uploaded:
        known = present.get(file.path)
        is_same = known is not None and known.sha256 == file.sha256
        token = assets.token_of(file.path)
        kept.append(
            (
                file_ids[token],
                file.path,
                known.file_key if known is not None and is_same else file.key,
                file.media_type,
                file.size_bytes,
                file.sha256,
                token in in_description,
                file.is_for_staff,
            )
        )
    columns = [list(column) for column in zip(*kept, strict=True)] or [[] for _ in range(8)]
    await tx.execute(queries.KEEP_FILES, course_id, *columns)
    uses = [
        (file_ids[token], lecture_id)
        for lecture_id, tokens in in_lectures.items()
        for token in sorted(tokens & file_ids.keys())
    ]
    await tx.execute(queries.FORGET_USES, list(in_lectures))
    await tx.execute(queries.KEEP_USES, [file for file, _ in uses], [place for _, place in uses])


async def open_file(tx: Reader, actor: Actor, file_id: UUID) -> KeptFile:
    """Return a file that the actor may open: staff any, others what an open lecture shows.

    The lectures of a copy of the course count as well. NotFound when no lecture shows it, or none
    that is visible; otherwise as the lectures say.
    """
    file = await tx.one_or_none(queries.FIND_FILE, file_id)
    if file is None:
        raise errors.NotFound
    try:
        course = await courses.get_course(tx, actor, file.course_id)
    except (errors.NotFound, errors.Deleted):
        course = None
    if course is not None and course.is_staff:
        return file
    if file.is_for_staff:
        raise errors.NotFound
    if course is not None and file.is_in_description:
        return file
    refusal: errors.Fact = errors.NotFound()
    for lecture_id in await tx.all(queries.LIST_USES, file_id, _MOST_USES):
        try:
            await courses.require_open_lecture(tx, actor, lecture_id)
        except (errors.NotFound, errors.Unauthorized, errors.Forbidden) as fact:
            refusal = fact
        else:
            return file
    raise refusal


async def copy_uses(tx: Writer, actor: Actor, course_id: UUID) -> None:
    """Let the copied lectures of a course show the files of those they were copied from."""
    try:
        copies = await courses.list_copied_lectures(tx, actor, course_id)
    except (errors.NotFound, errors.Deleted):
        return
    sources = [copy.source_id for copy in copies]
    await tx.execute(queries.COPY_USES, sources, [copy.lecture_id for copy in copies])


async def forget_lecture(tx: Writer, actor: Actor, lecture_id: UUID) -> None:
    """Forget what a lecture showed that is gone for good. For the program itself."""
    actor.require(IMPORT_FOR_OTHERS)
    await tx.execute(queries.FORGET_USES, [lecture_id])


async def list_unknown(tx: Reader, actor: Actor, keys: list[str]) -> list[str]:
    """Return those of the keys that no file has; for the program itself."""
    actor.require(IMPORT_FOR_OTHERS)
    known = set(await tx.all(queries.LIST_KNOWN_KEYS, keys))
    return [key for key in keys if key not in known]


async def _present(tx: Reader, course_id: UUID) -> dict[str, KeptFile]:
    return {file.path: file for file in await tx.all(queries.LIST_FILES, course_id)}
