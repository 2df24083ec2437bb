"""Reading and writing chapters and lectures. Whoever writes holds the lock of the course."""

from typing import Final
from uuid import UUID

from lyceum.courses.records import Chapter, Lecture, LectureAccess, OutlineIds
from lyceum.platform.statements import command, sql

FIND_CHAPTER = sql(
    """
    SELECT id, course_id, title, version FROM courses.chapters
    WHERE id = $1 AND deleted_at IS NULL
    """,
    Chapter,
)

INSERT_CHAPTER = command(
    """
    INSERT INTO courses.chapters (id, course_id, title, position)
    SELECT $1, $2, $3, coalesce(max(position), 0) + 1024
    FROM courses.chapters WHERE course_id = $2 AND deleted_at IS NULL
    RETURNING id, course_id, title, version
    """,
    Chapter,
)

UPDATE_CHAPTER = command(
    """
    UPDATE courses.chapters SET title = $2, version = version + 1, updated_at = now()
    WHERE id = $1 AND deleted_at IS NULL
    RETURNING id, course_id, title, version
    """,
    Chapter,
)

DELETE_CHAPTER = command(
    """
    WITH gone AS (
        UPDATE courses.chapters SET deleted_at = now(), version = version + 1 WHERE id = $1
    )
    UPDATE courses.lectures SET deleted_at = now(), version = version + 1
    WHERE chapter_id = $1 AND deleted_at IS NULL
    """
)

_LECTURE: Final = """
    l.id, l.course_id, l.chapter_id, l.title, l.type, l.content, l.media_url, l.duration_seconds,
    l.is_preview, l.section, l.version, l.updated_at, l.release_at, l.release_after_days,
    l.release_after_id
"""

INSERT_LECTURE = command(
    f"""
    INSERT INTO courses.lectures AS l (
        id, course_id, chapter_id, title, type, content, media_url, duration_seconds, is_preview,
        position)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce(max(position), 0) + 1024
    FROM courses.lectures WHERE chapter_id = $3 AND deleted_at IS NULL
    RETURNING {_LECTURE}
    """,  # noqa: S608 - constants of this module
    Lecture,
)

FIND_LECTURE = sql(
    f"SELECT {_LECTURE} FROM courses.lectures l WHERE l.id = $1 AND l.deleted_at IS NULL",  # noqa: S608
    Lecture,
)

# A lecture that is not deleted, and how one person stands to its course.
FIND_LECTURE_ACCESS = sql(
    """
    SELECT l.id AS lecture_id, l.chapter_id, l.title, l.type, l.is_preview,
        c.id AS course_id, c.slug, c.status, c.visibility, c.owner_id,
        c.deleted_at IS NOT NULL AS is_deleted, c.version, i.role AS actor_role,
        e.id AS enrolment_id, e.status AS enrolment_status,
        coalesce(courses.is_locked(l, e.id, e.enrolled_at, e.begins_at, c.starts_at, now()), false)
            AS is_locked
    FROM courses.lectures l
    JOIN courses.courses c ON c.id = l.course_id
    LEFT JOIN courses.course_instructors i ON i.course_id = c.id AND i.user_id = $2
    LEFT JOIN courses.enrolments e ON e.course_id = c.id AND e.user_id = $2
    WHERE l.id = $1 AND l.deleted_at IS NULL
    """,
    LectureAccess,
)

UPDATE_LECTURE = command(
    f"""
    UPDATE courses.lectures l
    SET title = $2, content = $3, media_url = $4, duration_seconds = $5, is_preview = $6,
        release_at = $7, release_after_days = $8, release_after_id = $9,
        version = version + 1, updated_at = now()
    WHERE id = $1 AND deleted_at IS NULL
    RETURNING {_LECTURE}
    """,  # noqa: S608 - constants of this module
    Lecture,
)

DELETE_LECTURE = command(
    "UPDATE courses.lectures SET deleted_at = now(), version = version + 1 WHERE id = $1"
)

FIND_OUTLINE_IDS = sql(
    """
    SELECT
        ARRAY(SELECT id FROM courses.chapters WHERE course_id = $1 AND deleted_at IS NULL)
            AS chapter_ids,
        ARRAY(SELECT id FROM courses.lectures WHERE course_id = $1 AND deleted_at IS NULL)
            AS lecture_ids
    """,
    OutlineIds,
)

# Parameters: course id, chapter ids in order, lecture ids in order, the chapter of each lecture.
REORDER_OUTLINE = command(
    """
    WITH chapters AS (
        UPDATE courses.chapters h SET position = o.place * 1024, updated_at = now()
        FROM unnest($2::uuid[]) WITH ORDINALITY o (id, place)
        WHERE h.id = o.id AND h.course_id = $1 AND h.position <> o.place * 1024
    )
    UPDATE courses.lectures l
    SET position = o.place * 1024, chapter_id = o.chapter_id, updated_at = now()
    FROM unnest($3::uuid[], $4::uuid[]) WITH ORDINALITY o (id, chapter_id, place)
    WHERE l.id = o.id AND l.course_id = $1
        AND (l.position <> o.place * 1024 OR l.chapter_id <> o.chapter_id)
    """
)

FIND_CHAPTER_COURSE = sql(
    "SELECT course_id FROM courses.chapters WHERE id = $1 AND deleted_at IS NULL", UUID
)

FIND_LECTURE_COURSE = sql(
    "SELECT course_id FROM courses.lectures WHERE id = $1 AND deleted_at IS NULL", UUID
)

# Whether a lecture waits for another, directly or by way of others. Parameters: the one that would
# be waited for, the one that would wait.
WAITS_FOR = sql(
    """
    WITH RECURSIVE chain AS (
        SELECT id, release_after_id FROM courses.lectures WHERE id = $1
        UNION
        SELECT l.id, l.release_after_id FROM courses.lectures l
        JOIN chain ON l.id = chain.release_after_id
    )
    SELECT EXISTS (SELECT 1 FROM chain WHERE id = $2)
    """,
    bool,
)
