"""Reading and writing which courses have to be completed before another."""

from uuid import UUID

from lyceum.courses.records import RequiredCourse
from lyceum.platform.statements import command, sql

# Whoever changes prerequisites holds this until the end, so that two changes cannot make a circle
# together.
LOCK_PREREQUISITES = command("SELECT pg_advisory_xact_lock(7290413558)")

CLEAR_PREREQUISITES = command("DELETE FROM courses.course_prerequisites WHERE course_id = $1")

ADD_PREREQUISITES = command(
    """
    INSERT INTO courses.course_prerequisites (course_id, required_id, position)
    SELECT $1, u.id, u.place FROM unnest($2::uuid[]) WITH ORDINALITY u (id, place)
    """
)

LIST_PREREQUISITES = sql(
    "SELECT required_id FROM courses.course_prerequisites WHERE course_id = $1 ORDER BY position",
    UUID,
)

# Whether any of the courses $2 requires $1, directly or by way of others.
REQUIRES = sql(
    """
    WITH RECURSIVE needed AS (
        SELECT unnest($2::uuid[]) AS id
        UNION
        SELECT p.required_id FROM courses.course_prerequisites p JOIN needed n ON n.id = p.course_id
    )
    SELECT EXISTS (SELECT 1 FROM needed WHERE id = $1)
    """,
    bool,
)

# What a person has not completed of it; parameters: course id, user id. One that exists no more
# keeps nobody out.
LIST_MISSING = sql(
    """
    SELECT c.id, c.slug, c.title
    FROM courses.course_prerequisites p JOIN courses.courses c ON c.id = p.required_id
    WHERE p.course_id = $1 AND c.deleted_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM courses.enrolments e
        WHERE e.course_id = c.id AND e.user_id = $2 AND e.completed_at IS NOT NULL)
    ORDER BY p.position
    """,
    RequiredCourse,
)

# The courses whose details show this one.
LIST_DEPENDENTS = sql(
    "SELECT course_id FROM courses.course_prerequisites WHERE required_id = $1", UUID
)
