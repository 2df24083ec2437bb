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

# Those that are open to a learner, or all. Parameters: course id, the learner (or null).
LIST_LECTURES = sql(
    """
    SELECT l.id FROM courses.lectures l
    JOIN courses.chapters h ON h.id = l.chapter_id
    JOIN courses.courses c ON c.id = l.course_id
    LEFT JOIN courses.enrolments e ON e.course_id = c.id AND e.user_id = $2
    WHERE l.course_id = $1 AND l.deleted_at IS NULL AND h.deleted_at IS NULL
        AND ($2::uuid IS NULL OR courses.is_locked(
            l, e.id, e.enrolled_at, e.begins_at, c.starts_at, now()) IS NOT TRUE)
    """,
    UUID,
)
