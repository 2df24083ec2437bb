"""Reading and writing enrolments and the counters of their course.

Whoever writes both locks the course first, then the enrolment.
"""

from typing import Final
from uuid import UUID

from lyceum.courses.records import Enrolment, EnrolmentOffer, EnrolmentPage, Learner
from lyceum.platform.statements import command, sql

FIND_OFFER = sql(
    """
    SELECT price_minor, currency, seats, enrolment_opens_at AS opens_at,
        enrolment_closes_at AS closes_at, ends_at, access_days
    FROM courses.courses WHERE id = $1
    """,
    EnrolmentOffer,
)

# No row: the course is full, or no longer published.
CLAIM_SEAT = command(
    """
    UPDATE courses.courses
    SET seats_taken = seats_taken + 1, enrolment_count = enrolment_count + 1
    WHERE id = $1 AND status = 'published' AND deleted_at IS NULL
        AND (seats IS NULL OR seats_taken < seats)
    RETURNING id
    """,
    UUID,
)

# Parameters: course id, how many.
RELEASE_SEATS = command(
    """
    UPDATE courses.courses
    SET seats_taken = seats_taken - $2, enrolment_count = enrolment_count - $2
    WHERE id = $1
    """
)

_ENROLMENT: Final = """
    e.id, e.course_id, e.user_id, e.status, e.source, e.enrolled_at, e.completed_at,
    e.completed_lectures, e.progress_percent, e.version
"""

# No row: there is one already. Who comes back has the progress of before, and no time to claim.
ENROL = command(
    f"""
    INSERT INTO courses.enrolments AS e (
        id, course_id, user_id, source, enrolled_at, time_credited_to, expires_at)
    VALUES ($1, $2, $3, $4, $5::timestamptz, $5::timestamptz - interval '2.5 s', $6)
    ON CONFLICT ON CONSTRAINT enrolments_one_per_person DO UPDATE SET
        status = CASE WHEN e.completed_at IS NULL THEN 'active' ELSE 'completed' END,
        source = excluded.source, time_credited_to = excluded.time_credited_to,
        dropped_at = NULL, expires_at = excluded.expires_at, version = e.version + 1
    WHERE e.status IN ('dropped', 'expired')
    RETURNING {_ENROLMENT}
    """,  # noqa: S608 - constants of this module
    Enrolment,
)

LOCK_ENROLMENT = command(
    f"""
    SELECT {_ENROLMENT} FROM courses.enrolments e
    WHERE e.course_id = $1 AND e.user_id = $2 AND e.status IN ('active', 'completed')
    FOR NO KEY UPDATE
    """,  # noqa: S608
    Enrolment,
)

DROP_ENROLMENT = command(
    """
    UPDATE courses.enrolments
    SET status = 'dropped', dropped_at = $2, version = version + 1 WHERE id = $1
    """
)

# Parameters: user id, limit, offset. The last worked on first.
LIST_MINE = sql(
    """
    WITH mine AS MATERIALIZED (
        SELECT e.* FROM courses.enrolments e JOIN courses.courses c ON c.id = e.course_id
        WHERE e.user_id = $1 AND e.status IN ('active', 'completed')
            AND c.status IN ('published', 'archived') AND c.deleted_at IS NULL
    )
    SELECT coalesce((SELECT json_agg(row_to_json(t)) FROM (
            SELECT m.id, m.status, m.source, m.progress_percent AS "progressPercent",
                m.completed_lectures AS "completedLectures", c.lecture_count AS "totalLectures",
                m.time_spent_seconds AS "timeSpentSeconds", m.enrolled_at AS "enrolledAt",
                m.completed_at AS "completedAt", m.last_activity_at AS "lastActivityAt",
                m.last_lecture_id AS "lastLectureId",
                courses.next_lecture(m.id, m.course_id, m.last_lecture_id) AS "nextLectureId",
                coalesce(k.card, courses.course_card(c)) AS course
            FROM (
                SELECT * FROM mine
                ORDER BY coalesce(last_activity_at, enrolled_at) DESC, id DESC LIMIT $2 OFFSET $3
            ) m
            JOIN courses.courses c ON c.id = m.course_id
            LEFT JOIN courses.catalogue k ON k.course_id = m.course_id
            ORDER BY coalesce(m.last_activity_at, m.enrolled_at) DESC, m.id DESC
        ) t), '[]') AS items,
        (SELECT count(*) FROM mine) AS total
    """,
    EnrolmentPage,
)

_LEARNERS: Final = """
    SELECT e.id AS enrolment_id, e.user_id, p.display_name, p.avatar_url, e.status, e.source,
        e.progress_percent, e.completed_lectures, e.time_spent_seconds, e.enrolled_at,
        e.completed_at, e.last_activity_at
    FROM courses.enrolments e LEFT JOIN users.public_profiles p ON p.user_id = e.user_id
    WHERE e.course_id = $1 {after} AND ($3::uuid IS NULL OR EXISTS (
        SELECT 1 FROM courses.cohort_members m
        JOIN courses.cohort_assistants a ON a.cohort_id = m.cohort_id
        WHERE m.enrolment_id = e.id AND a.user_id = $3))
    ORDER BY e.enrolled_at DESC, e.id DESC LIMIT $2
"""

# Parameters: course id, limit, an assistant who sees their own cohorts alone (or null); and of the
# row before: enrolled at, enrolment id.
LIST_LEARNERS = sql(_LEARNERS.format(after=""), Learner)

LIST_LEARNERS_AFTER = sql(_LEARNERS.format(after="AND (e.enrolled_at, e.id) < ($4, $5)"), Learner)
