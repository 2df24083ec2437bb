"""Reading and writing cohorts. Whoever writes holds the lock of the course.

The dates of a cohort stand on the enrolments of its members as well, where learning looks at them.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from lyceum.platform.statements import command, sql


class Cohort(msgspec.Struct, frozen=True):
    """A group of the learners of a course, with dates of its own."""

    id: UUID
    course_id: UUID
    name: str
    starts_at: datetime | None
    ends_at: datetime | None
    version: int
    member_count: int
    assistant_ids: list[UUID]


class CohortPerson(msgspec.Struct, frozen=True):
    """A learner in a cohort."""

    user_id: UUID
    display_name: str | None
    avatar_url: str | None
    status: str
    progress_percent: int
    joined_at: datetime


_COHORT: Final = """
    SELECT c.id, c.course_id, c.name, c.starts_at, c.ends_at, c.version,
        (SELECT count(*)::int4 FROM courses.cohort_members m WHERE m.cohort_id = c.id)
            AS member_count,
        ARRAY(SELECT a.user_id FROM courses.cohort_assistants a WHERE a.cohort_id = c.id)
            AS assistant_ids
    FROM courses.cohorts c
"""

# Parameters: course id, and an assistant who sees their own cohorts alone (or null).
LIST_COHORTS = sql(
    f"""
    {_COHORT}
    WHERE c.course_id = $1 AND ($2::uuid IS NULL OR EXISTS (
        SELECT 1 FROM courses.cohort_assistants a WHERE a.cohort_id = c.id AND a.user_id = $2))
    ORDER BY c.starts_at, lower(c.name)
    """,  # noqa: S608 - constants of this module
    Cohort,
)

FIND_COHORT = sql(_COHORT + "WHERE c.id = $1", Cohort)

ADD_COHORT = command(
    """
    INSERT INTO courses.cohorts (id, course_id, name, starts_at, ends_at)
    VALUES ($1, $2, $3, $4, $5)
    """
)

UPDATE_COHORT = command(
    """
    UPDATE courses.cohorts SET name = $2, starts_at = $3, ends_at = $4, version = version + 1
    WHERE id = $1
    """
)

DELETE_COHORT = command("DELETE FROM courses.cohorts WHERE id = $1")

PUT_MEMBER = command(
    """
    INSERT INTO courses.cohort_members (enrolment_id, cohort_id) VALUES ($1, $2)
    ON CONFLICT (enrolment_id) DO UPDATE SET cohort_id = excluded.cohort_id, joined_at = now()
    """
)

REMOVE_MEMBER = command(
    """
    DELETE FROM courses.cohort_members WHERE enrolment_id = $1 AND cohort_id = $2
    RETURNING enrolment_id
    """,
    UUID,
)

# Bring the dates of enrolments in line with their cohort, or with the course where they have none.
DATE_ENROLMENTS = command(
    """
    UPDATE courses.enrolments e
    SET begins_at = h.starts_at,
        expires_at = coalesce(h.ends_at, e.enrolled_at + c.access_days * interval '1 day'),
        version = e.version + 1
    FROM courses.enrolments n
    JOIN courses.courses c ON c.id = n.course_id
    LEFT JOIN courses.cohort_members m ON m.enrolment_id = n.id
    LEFT JOIN courses.cohorts h ON h.id = m.cohort_id
    WHERE e.id = n.id AND n.id = ANY ($1::uuid[])
    """
)

LIST_MEMBER_IDS = sql("SELECT enrolment_id FROM courses.cohort_members WHERE cohort_id = $1", UUID)

LIST_MEMBERS = sql(
    """
    SELECT e.user_id, p.display_name, p.avatar_url, e.status, e.progress_percent, m.joined_at
    FROM courses.cohort_members m
    JOIN courses.enrolments e ON e.id = m.enrolment_id
    LEFT JOIN users.public_profiles p ON p.user_id = e.user_id
    WHERE m.cohort_id = $1 ORDER BY m.joined_at, e.id OFFSET $2 LIMIT $3
    """,
    CohortPerson,
)

ADD_ASSISTANT = command(
    """
    INSERT INTO courses.cohort_assistants (cohort_id, user_id) VALUES ($1, $2)
    ON CONFLICT DO NOTHING
    """
)

REMOVE_ASSISTANT = command(
    "DELETE FROM courses.cohort_assistants WHERE cohort_id = $1 AND user_id = $2"
)

# Whether an assistant looks after single cohorts of a course, and sees their learners alone.
IS_BOUND = sql(
    """
    SELECT EXISTS (
        SELECT 1 FROM courses.cohort_assistants a JOIN courses.cohorts c ON c.id = a.cohort_id
        WHERE c.course_id = $1 AND a.user_id = $2)
    """,
    bool,
)

# Whether a learner is in a cohort of a course that an assistant looks after. Parameters: course id,
# the learner, the assistant.
LOOKS_AFTER = sql(
    """
    SELECT EXISTS (
        SELECT 1 FROM courses.enrolments e
        JOIN courses.cohort_members m ON m.enrolment_id = e.id
        JOIN courses.cohort_assistants a ON a.cohort_id = m.cohort_id
        WHERE e.course_id = $1 AND e.user_id = $2 AND a.user_id = $3)
    """,
    bool,
)
