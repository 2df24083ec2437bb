"""Reading and writing reviews. Whoever writes holds the lock of the course, whose row counts."""

from typing import Final
from uuid import UUID

from lyceum.courses.records import Review
from lyceum.platform.statements import command, sql

_REVIEW: Final = """
    SELECT r.id, r.course_id, r.user_id, r.rating, r.body, r.version, r.created_at, r.updated_at,
        p.display_name, p.avatar_url
    FROM courses.reviews r LEFT JOIN users.public_profiles p ON p.user_id = r.user_id
"""

LIST_REVIEWS = sql(
    _REVIEW
    + """
    WHERE r.course_id = $1 ORDER BY r.created_at DESC, r.id DESC OFFSET $2 LIMIT $3
    """,
    Review,
)

COUNT_REVIEWS = sql("SELECT rating_count FROM courses.courses WHERE id = $1", int)

FIND_REVIEW = sql(_REVIEW + "WHERE r.id = $1", Review)

FIND_PROGRESS_PERCENT = sql(
    """
    SELECT progress_percent FROM courses.enrolments
    WHERE course_id = $1 AND user_id = $2 AND status IN ('active', 'completed')
    """,
    int,
)

# No row when the learner has reviewed the course.
INSERT_REVIEW = command(
    """
    INSERT INTO courses.reviews (id, course_id, user_id, rating, body)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (course_id, user_id) DO NOTHING
    RETURNING id
    """,
    UUID,
)

UPDATE_REVIEW = command(
    """
    UPDATE courses.reviews SET rating = $2, body = $3, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

DELETE_REVIEW = command("DELETE FROM courses.reviews WHERE id = $1")

# Parameters: course id, the rating that went (or null), the rating that came (or null).
COUNT_RATING = command(
    """
    UPDATE courses.courses c
    SET rating_counts = n.counts,
        rating_count = n.counts[1] + n.counts[2] + n.counts[3] + n.counts[4] + n.counts[5],
        rating_sum = n.counts[1] + 2 * n.counts[2] + 3 * n.counts[3] + 4 * n.counts[4]
            + 5 * n.counts[5]
    FROM (
        SELECT array_agg(
            t.number - coalesce((t.place = $2::int4)::int4, 0)
                + coalesce((t.place = $3::int4)::int4, 0)
            ORDER BY t.place) AS counts
        FROM courses.courses d, unnest(d.rating_counts) WITH ORDINALITY t (number, place)
        WHERE d.id = $1
    ) n
    WHERE c.id = $1
    """
)
