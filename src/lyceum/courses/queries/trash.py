"""What was deleted of an outline: listing it, bringing it back, removing it for good.

Whoever writes holds the lock of the course.
"""

from uuid import UUID

from lyceum.courses.records import DeletedPart
from lyceum.platform.statements import command, sql

# Parameter: course id. The last deleted first; a lecture that went with its chapter is counted
# there, and not listed.
LIST_DELETED = sql(
    """
    SELECT h.id, 'chapter' AS kind, h.title, NULL::uuid AS chapter_id,
        (SELECT count(*)::int4 FROM courses.lectures l
         WHERE l.chapter_id = h.id AND l.deleted_at = h.deleted_at) AS lecture_count,
        h.deleted_at
    FROM courses.chapters h WHERE h.course_id = $1 AND h.deleted_at IS NOT NULL
    UNION ALL
    SELECT l.id, 'lecture', l.title, l.chapter_id, 0, l.deleted_at
    FROM courses.lectures l JOIN courses.chapters h ON h.id = l.chapter_id
    WHERE l.course_id = $1 AND l.deleted_at IS NOT NULL
        AND h.deleted_at IS DISTINCT FROM l.deleted_at
    ORDER BY deleted_at DESC, id
    """,
    DeletedPart,
)

FIND_DELETED_CHAPTER = sql(
    "SELECT course_id FROM courses.chapters WHERE id = $1 AND deleted_at IS NOT NULL", UUID
)

FIND_DELETED_LECTURE = sql(
    "SELECT course_id FROM courses.lectures WHERE id = $1 AND deleted_at IS NOT NULL", UUID
)

# With the lectures that went with it.
RESTORE_CHAPTER = command(
    """
    WITH lectures AS (
        UPDATE courses.lectures l SET deleted_at = NULL, version = l.version + 1, updated_at = now()
        FROM courses.chapters h
        WHERE h.id = $1 AND l.chapter_id = h.id AND l.deleted_at = h.deleted_at
    )
    UPDATE courses.chapters SET deleted_at = NULL, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

# No row: its chapter is deleted.
RESTORE_LECTURE = command(
    """
    UPDATE courses.lectures l SET deleted_at = NULL, version = l.version + 1, updated_at = now()
    FROM courses.chapters h
    WHERE l.id = $1 AND h.id = l.chapter_id AND h.deleted_at IS NULL
    RETURNING l.id
    """,
    UUID,
)

# No row: somebody has a history in it. What was done in a quiz is kept elsewhere, so one that was
# ever open to learners stays.
PURGE_LECTURE = command(
    """
    DELETE FROM courses.lectures l
    WHERE l.id = $1
        AND NOT EXISTS (SELECT 1 FROM courses.lecture_progress p WHERE p.lecture_id = l.id)
        AND (l.type <> 'quiz'
            OR NOT EXISTS (SELECT 1 FROM courses.enrolments e WHERE e.course_id = l.course_id))
    RETURNING l.id
    """,
    UUID,
)

# The lectures of a deleted chapter, which go with it.
LIST_LECTURES_OF_CHAPTER = sql("SELECT id FROM courses.lectures WHERE chapter_id = $1", UUID)

PURGE_CHAPTER = command("DELETE FROM courses.chapters WHERE id = $1")

# No row: somebody has a history in it.
PURGE_COURSE = command(
    """
    DELETE FROM courses.courses c
    WHERE c.id = $1 AND c.deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM courses.enrolments e WHERE e.course_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM courses.certificates t WHERE t.course_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM courses.reviews r WHERE r.course_id = c.id)
    RETURNING c.id
    """,
    UUID,
)
