"""Reading and writing who teaches a course. Whoever writes holds the lock of the course."""

from uuid import UUID

from lyceum.courses.records import StaffMember
from lyceum.platform.statements import command, sql

LIST_STAFF = sql(
    """
    SELECT i.user_id, i.role, p.display_name, p.avatar_url, i.added_at
    FROM courses.course_instructors i LEFT JOIN users.public_profiles p ON p.user_id = i.user_id
    WHERE i.course_id = $1 ORDER BY i.position, i.added_at, i.user_id
    """,
    StaffMember,
)

FIND_ROLE = sql(
    "SELECT role FROM courses.course_instructors WHERE course_id = $1 AND user_id = $2", str
)

# No row: the person teaches the course already.
ADD_STAFF = command(
    """
    INSERT INTO courses.course_instructors (course_id, user_id, role, position)
    VALUES ($1, $2, $3, 1) ON CONFLICT (course_id, user_id) DO NOTHING RETURNING user_id
    """,
    UUID,
)

CHANGE_ROLE = command(
    "UPDATE courses.course_instructors SET role = $3 WHERE course_id = $1 AND user_id = $2"
)

REMOVE_STAFF = command(
    "DELETE FROM courses.course_instructors WHERE course_id = $1 AND user_id = $2"
)

# Parameters: course id, the owner until now, the owner from now on.
CHANGE_OWNER = command(
    """
    WITH course AS (
        UPDATE courses.courses SET owner_id = $3, version = version + 1, updated_at = now()
        WHERE id = $1
    )
    UPDATE courses.course_instructors
    SET role = CASE user_id WHEN $3 THEN 'owner' ELSE 'co_instructor' END,
        position = CASE user_id WHEN $3 THEN 0 ELSE 1 END
    WHERE course_id = $1 AND user_id IN ($2, $3)
    """
)
