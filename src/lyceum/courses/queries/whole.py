"""Reading a whole course back, for another domain to keep elsewhere."""

from lyceum.courses.records import WholeChapter, WholeLecture, WholeSource
from lyceum.platform.statements import sql

FIND_SOURCE = sql(
    """
    SELECT c.source_key, (SELECT g.name FROM courses.categories g WHERE g.id = c.category_id)
        AS category
    FROM courses.courses c WHERE c.id = $1
    """,
    WholeSource,
)

LIST_CHAPTERS = sql(
    """
    SELECT id, title, source_key FROM courses.chapters
    WHERE course_id = $1 AND deleted_at IS NULL ORDER BY position, id
    """,
    WholeChapter,
)

LIST_LECTURES = sql(
    """
    SELECT id, chapter_id, title, type, content, media_url, duration_seconds, is_preview, section,
        source_key, release_at, release_after_days, release_after_id
    FROM courses.lectures WHERE course_id = $1 AND deleted_at IS NULL ORDER BY position, id
    """,
    WholeLecture,
)
