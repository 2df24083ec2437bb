"""Lists of people who are enrolled at once, and the list of who is enrolled."""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.platform.statements import Json, command, sql


class EnrolmentImport(msgspec.Struct, frozen=True):
    """A list of people to enrol; `content` until it has been worked through."""

    id: UUID
    course_id: UUID
    asked_by: UUID
    job_id: UUID
    is_dry_run: bool
    content: str | None
    report: Json | None
    created_at: datetime
    finished_at: datetime | None


class RosterLine(msgspec.Struct, frozen=True):
    """A learner as a file lists them."""

    user_id: UUID
    display_name: str | None
    status: str
    source: str
    cohort: str | None
    progress_percent: int
    completed_lectures: int
    time_spent_seconds: int
    enrolled_at: datetime
    expires_at: datetime | None
    completed_at: datetime | None
    last_activity_at: datetime | None


class Due(msgspec.Struct, frozen=True):
    """An enrolment whose time is over."""

    enrolment_id: UUID
    user_id: UUID


ADD_IMPORT = command(
    """
    INSERT INTO courses.enrolment_imports (id, course_id, asked_by, job_id, is_dry_run, content)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)

FIND_IMPORT = sql(
    """
    SELECT id, course_id, asked_by, job_id, is_dry_run, content, report, created_at, finished_at
    FROM courses.enrolment_imports WHERE id = $1
    """,
    EnrolmentImport,
)

FINISH_IMPORT = command(
    """
    UPDATE courses.enrolment_imports SET content = NULL, report = $2, finished_at = $3
    WHERE id = $1
    """
)

# The status of a person's enrolment in a course.
FIND_STATUS = sql(
    "SELECT status FROM courses.enrolments WHERE course_id = $1 AND user_id = $2", str
)

# How many seats are left; null: as many as there are people.
COUNT_SEATS_LEFT = sql(
    "SELECT json_build_array(seats - seats_taken)::text FROM courses.courses WHERE id = $1", str
)

# Everybody who is or was enrolled, for a file. Parameters: course id, and an assistant who sees
# their own cohorts alone (or null).
EXPORT_ROSTER = sql(
    """
    SELECT e.user_id, p.display_name, e.status, e.source, h.name AS cohort, e.progress_percent,
        e.completed_lectures, e.time_spent_seconds, e.enrolled_at, e.expires_at, e.completed_at,
        e.last_activity_at
    FROM courses.enrolments e
    LEFT JOIN users.public_profiles p ON p.user_id = e.user_id
    LEFT JOIN courses.cohort_members m ON m.enrolment_id = e.id
    LEFT JOIN courses.cohorts h ON h.id = m.cohort_id
    WHERE e.course_id = $1 AND ($2::uuid IS NULL OR EXISTS (
        SELECT 1 FROM courses.cohort_assistants a
        WHERE a.cohort_id = m.cohort_id AND a.user_id = $2))
    ORDER BY e.enrolled_at, e.id LIMIT 100000
    """,
    RosterLine,
)

# Courses with enrolments whose time is over; parameter: now.
LIST_COURSES_WITH_DUE = sql(
    """
    SELECT DISTINCT e.course_id FROM courses.enrolments e
    WHERE e.expires_at <= $1 AND e.status IN ('active', 'completed') LIMIT 200
    """,
    UUID,
)

# End them, with the lock of the course held. Parameters: course id, now.
EXPIRE_DUE = command(
    """
    UPDATE courses.enrolments SET status = 'expired', version = version + 1
    WHERE course_id = $1 AND expires_at <= $2 AND status IN ('active', 'completed')
    RETURNING id AS enrolment_id, user_id
    """,
    Due,
)
