"""Copying a whole course: its fields, outline and content, and nobody's history.

Not here: what other domains keep of a lecture; they copy it when they hear of the copy.
"""

from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.queries import courses as course_queries
from lyceum.courses.queries import duplicates as queries
from lyceum.courses.queries import structure as structure_queries
from lyceum.courses.records import CopiedLecture
from lyceum.courses.service import access, courses, structure
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit

LEAST_TITLE: Final = 5


async def duplicate_course(
    tx: Writer, actor: Actor, course_id: UUID, title: str | UnsetType = UNSET
) -> UUID:
    """Make a draft of the actor's own that is like a course that the actor edits; return its id."""
    source = await access.lock_editable_course(tx, actor, course_id)
    actor.require(permissions.CREATE_COURSE)
    owner_id = actor.require_user()
    fields = await tx.one(course_queries.FIND_FIELDS, source.id)
    wanted = richtext.clean_text(f"Copy of {fields.title}"[:255] if title is UNSET else title)
    if len(wanted) < LEAST_TITLE:
        raise facts.invalid("/title", f"{LEAST_TITLE} to 255 characters, please")
    fields = msgspec.structs.replace(fields, title=wanted)
    copy_id = await courses.insert_course(tx, actor, owner_id, fields)
    if copy_id is None:
        raise errors.TransactionFailed
    await _copy_outline(tx, source.id, copy_id)
    await tx.execute(queries.COPY_PREREQUISITES, copy_id, source.id)
    await structure.recount_outline(tx, actor, copy_id)
    duplicated = events.CourseDuplicated(course_id=copy_id, source_id=source.id, owner_id=owner_id)
    await emit(tx, actor, duplicated)
    return copy_id


async def list_copied_lectures(tx: Reader, actor: Actor, course_id: UUID) -> list[CopiedLecture]:
    """Return the lectures of a course, which the actor sees, that were copied from elsewhere."""
    course = await access.get_visible_course(tx, actor, course_id)
    return await tx.all(queries.LIST_COPIES, course.id)


async def _copy_outline(tx: Writer, source_id: UUID, copy_id: UUID) -> None:
    outline = await tx.one(structure_queries.FIND_OUTLINE_IDS, source_id)
    chapters = [ids.new_id() for _ in outline.chapter_ids]
    lectures = [ids.new_id() for _ in outline.lecture_ids]
    await tx.execute(queries.COPY_CHAPTERS, copy_id, outline.chapter_ids, chapters)
    await tx.execute(
        queries.COPY_LECTURES,
        copy_id,
        outline.lecture_ids,
        lectures,
        outline.chapter_ids,
        chapters,
    )
