"""Copying the outline of a course into another, which is empty."""

from lyceum.courses.records import CopiedLecture
from lyceum.platform.statements import command, sql

# Parameters: the new course, the chapters to copy, and a new id for each.
COPY_CHAPTERS = command(
    """
    INSERT INTO courses.chapters (id, course_id, title, position)
    SELECT u.copy_id, $1, h.title, h.position
    FROM unnest($2::uuid[], $3::uuid[]) u (id, copy_id) JOIN courses.chapters h ON h.id = u.id
    """
)

# Parameters: the new course, the lectures to copy, a new id for each, and as in COPY_CHAPTERS.
COPY_LECTURES = command(
    """
    INSERT INTO courses.lectures (id, course_id, chapter_id, title, type, content, media_url,
        duration_seconds, is_preview, position, section, copied_from_id, release_at,
        release_after_days, release_after_id)
    SELECT u.copy_id, $1, h.copy_id, l.title, l.type, l.content, l.media_url, l.duration_seconds,
        l.is_preview, l.position, l.section, l.id, l.release_at, l.release_after_days, b.copy_id
    FROM unnest($2::uuid[], $3::uuid[]) u (id, copy_id)
    JOIN courses.lectures l ON l.id = u.id
    JOIN unnest($4::uuid[], $5::uuid[]) h (id, copy_id) ON h.id = l.chapter_id
    LEFT JOIN unnest($2::uuid[], $3::uuid[]) b (id, copy_id) ON b.id = l.release_after_id
    """
)

COPY_PREREQUISITES = command(
    """
    INSERT INTO courses.course_prerequisites (course_id, required_id, position)
    SELECT $1, required_id, position FROM courses.course_prerequisites WHERE course_id = $2
    """
)

LIST_COPIES = sql(
    """
    SELECT l.id AS lecture_id, coalesce(l.copied_from_id, l.id) AS source_id FROM courses.lectures l
    WHERE l.course_id = $1 AND l.copied_from_id IS NOT NULL AND l.deleted_at IS NULL
    """,
    CopiedLecture,
)
