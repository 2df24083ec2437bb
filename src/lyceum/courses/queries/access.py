"""Reading a course together with how one person stands to it."""

import re
from typing import Final
from uuid import UUID

from lyceum.courses.records import CourseAccess
from lyceum.platform.database import Reader, Writer
from lyceum.platform.statements import command, sql

# {course} is the course's id: as a parameter it lets the joins start without waiting for the row.
_ACCESS: Final = """
    SELECT c.id, c.slug, c.status, c.visibility, c.owner_id, c.deleted_at IS NOT NULL AS is_deleted,
           c.version, i.role AS actor_role, e.id AS enrolment_id, e.status AS enrolment_status
    FROM courses.courses c
    LEFT JOIN courses.course_instructors i ON i.course_id = {course} AND i.user_id = $2
    LEFT JOIN courses.enrolments e ON e.course_id = {course} AND e.user_id = $2
"""

# Parameters of all: course id (or slug), user id (null for nobody).
FIND_ACCESS = sql(_ACCESS.format(course="$1") + "WHERE c.id = $1", CourseAccess)

FIND_ACCESS_BY_SLUG = sql(_ACCESS.format(course="c.id") + "WHERE c.slug = $1", CourseAccess)

# Whoever changes a course, its outline or its counters locks it first. A statement of its own: one
# that waits for the lock sees the course as it is then, and what it joins as it was before.
LOCK_COURSE = command("SELECT id FROM courses.courses WHERE id = $1 FOR NO KEY UPDATE", UUID)

FIND_ID_BY_SLUG = sql("SELECT id FROM courses.courses WHERE slug = $1", UUID)

_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def parse_id(id_or_slug: str) -> UUID | None:
    """Return the id that the text spells, or None for a slug: no slug looks like an id."""
    return UUID(id_or_slug) if _ID.fullmatch(id_or_slug) else None


async def find_id(tx: Reader, id_or_slug: UUID | str) -> UUID | None:
    """Return the id of a course that is named by id or slug; one given as id may not exist."""
    course_id = id_or_slug if isinstance(id_or_slug, UUID) else parse_id(id_or_slug)
    if course_id is None:
        return await tx.one_or_none(FIND_ID_BY_SLUG, id_or_slug)
    return course_id


async def find_access(
    tx: Reader, id_or_slug: UUID | str, user_id: UUID | None
) -> CourseAccess | None:
    """Return how the user stands to the course that is named by id or slug."""
    course_id = id_or_slug if isinstance(id_or_slug, UUID) else parse_id(id_or_slug)
    if course_id is None:
        return await tx.one_or_none(FIND_ACCESS_BY_SLUG, id_or_slug, user_id)
    return await tx.one_or_none(FIND_ACCESS, course_id, user_id)


async def lock_access(
    tx: Writer, id_or_slug: UUID | str, user_id: UUID | None
) -> CourseAccess | None:
    """Lock the course that is named by id or slug, and return how the user stands to it then."""
    course_id = await find_id(tx, id_or_slug)
    if course_id is None or await tx.one_or_none(LOCK_COURSE, course_id) is None:
        return None
    return await tx.one_or_none(FIND_ACCESS, course_id, user_id)
