"""Who takes part in a course, and which of its lectures there are."""

from uuid import UUID

from lyceum.platform.statements import sql

# Of some people those who learn or teach a course. Parameters: course id, user ids.
LIST_PARTICIPANTS = sql(
    """
    SELECT user_id FROM courses.enrolments
    WHERE course_id = $1 AND user_id = ANY($2::uuid[]) AND status IN ('active', 'completed')
    UNION
    SELECT user_id FROM courses.course_instructors
    WHERE course_id = $1 AND user_id = ANY($2::uuid[])
    """,
    UUID,
)

LIST_LECTURES = sql(
    """
    SELECT l.id FROM courses.lectures l JOIN courses.chapters h ON h.id = l.chapter_id
    WHERE l.course_id = $1 AND l.deleted_at IS NULL AND h.deleted_at IS NULL
    """,
    UUID,
)
