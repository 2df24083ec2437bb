"""Reading and writing reviews. Whoever writes holds the lock of the course, whose row counts."""

from typing import Final
from uuid import UUID

from lyceum.courses.records import Review, ReviewReport
from lyceum.platform.statements import command, sql

_REVIEW: Final = """
    SELECT r.id, r.course_id, r.user_id, r.rating, r.body, r.version, r.created_at, r.updated_at,
        p.display_name, p.avatar_url, r.reply, r.replied_at, r.helpful_count, r.is_hidden
    FROM courses.reviews r LEFT JOIN users.public_profiles p ON p.user_id = r.user_id
"""

# Parameters: course id, stars or null, order, offset, limit.
LIST_REVIEWS = sql(
    _REVIEW
    + """
    WHERE r.course_id = $1 AND NOT r.is_hidden AND ($2::integer IS NULL OR r.rating = $2)
    ORDER BY CASE $3::text WHEN 'helpful' THEN r.helpful_count WHEN 'best' THEN r.rating
            WHEN 'worst' THEN -r.rating END DESC NULLS LAST,
        r.created_at DESC, r.id DESC
    OFFSET $4 LIMIT $5
    """,
    Review,
)

# The course counts its reviews by stars; a hidden one is not among them.
COUNT_REVIEWS = sql(
    """
    SELECT CASE WHEN $2::integer IS NULL THEN rating_count ELSE rating_counts[$2] END
    FROM courses.courses WHERE id = $1
    """,
    int,
)

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

REPLY = command(
    """
    UPDATE courses.reviews SET reply = $2, replied_by = $3,
        replied_at = CASE WHEN $2 <> '' THEN now() END, version = version + 1
    WHERE id = $1
    """
)

HIDE = command("UPDATE courses.reviews SET is_hidden = $2, version = version + 1 WHERE id = $1")

# One vote each: a row comes back when it changed something, and only then it is counted.
VOTE = command(
    """
    INSERT INTO courses.review_votes (review_id, user_id) VALUES ($1, $2)
    ON CONFLICT DO NOTHING RETURNING review_id
    """,
    UUID,
)
UNVOTE = command(
    """
    DELETE FROM courses.review_votes WHERE review_id = $1 AND user_id = $2 RETURNING review_id
    """,
    UUID,
)
COUNT_VOTE = command(
    "UPDATE courses.reviews SET helpful_count = helpful_count + $2::integer WHERE id = $1"
)

# No row when the person's report of this waits already.
INSERT_REPORT = command(
    """
    INSERT INTO courses.review_reports (id, review_id, reporter_id, reason)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (review_id, reporter_id) WHERE resolution IS NULL DO NOTHING
    RETURNING id
    """,
    UUID,
)
_REPORT: Final = """
    SELECT q.id, q.review_id, r.course_id, r.rating, r.body, q.reporter_id, q.reason, q.created_at,
        q.resolution
    FROM courses.review_reports q JOIN courses.reviews r ON r.id = q.review_id
"""
LIST_REPORTS = sql(
    _REPORT + "WHERE (q.resolution IS NOT NULL) = $1 ORDER BY q.id OFFSET $2 LIMIT $3",
    ReviewReport,
)
COUNT_REPORTS = sql(
    "SELECT count(*)::int4 FROM courses.review_reports WHERE (resolution IS NOT NULL) = $1", int
)
FIND_REPORT = sql(_REPORT + "WHERE q.id = $1", ReviewReport)
# Every open report of a review is resolved with it.
RESOLVE_REPORTS = command(
    """
    UPDATE courses.review_reports SET resolution = $2, resolved_by = $3, resolved_at = now()
    WHERE review_id = $1 AND resolution IS NULL RETURNING id
    """,
    UUID,
)
