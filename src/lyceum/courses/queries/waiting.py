"""Reading and writing the waiting list. Whoever writes holds the lock of the course."""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.platform.statements import command, sql


class WaitingPerson(msgspec.Struct, frozen=True):
    """Somebody who waits for a seat, as the staff sees them."""

    user_id: UUID
    display_name: str | None
    avatar_url: str | None
    joined_at: datetime


class OwnWait(msgspec.Struct, frozen=True):
    """A course that somebody waits for; `position` is 1 for who is next."""

    course_id: UUID
    slug: str
    title: str
    joined_at: datetime
    position: int


# No row: the person waits already.
JOIN = command(
    """
    INSERT INTO courses.waiting_list (id, course_id, user_id, joined_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (course_id, user_id) WHERE status = 'waiting' DO NOTHING RETURNING id
    """,
    UUID,
)

# No row: the person does not wait. Parameters: course id, user id, new status, now.
END = command(
    """
    UPDATE courses.waiting_list SET status = $3, ended_at = $4
    WHERE course_id = $1 AND user_id = $2 AND status = 'waiting' RETURNING id
    """,
    UUID,
)

# The first who waits, while there is a seat for them.
FIND_NEXT = sql(
    """
    SELECT w.user_id FROM courses.waiting_list w JOIN courses.courses c ON c.id = w.course_id
    WHERE w.course_id = $1 AND w.status = 'waiting' AND c.status = 'published'
        AND c.deleted_at IS NULL AND (c.seats IS NULL OR c.seats_taken < c.seats)
    ORDER BY w.place LIMIT 1
    """,
    UUID,
)

LIST_WAITING = sql(
    """
    SELECT w.user_id, p.display_name, p.avatar_url, w.joined_at
    FROM courses.waiting_list w LEFT JOIN users.public_profiles p ON p.user_id = w.user_id
    WHERE w.course_id = $1 AND w.status = 'waiting' ORDER BY w.place OFFSET $2 LIMIT $3
    """,
    WaitingPerson,
)

COUNT_WAITING = sql(
    "SELECT count(*) FROM courses.waiting_list WHERE course_id = $1 AND status = 'waiting'", int
)

LIST_OWN = sql(
    """
    SELECT w.course_id, c.slug, c.title, w.joined_at,
        (SELECT count(*)::int4 FROM courses.waiting_list o
         WHERE o.course_id = w.course_id AND o.status = 'waiting' AND o.place <= w.place)
            AS position
    FROM courses.waiting_list w JOIN courses.courses c ON c.id = w.course_id
    WHERE w.user_id = $1 AND w.status = 'waiting' AND c.status = 'published'
        AND c.deleted_at IS NULL
    ORDER BY w.place
    """,
    OwnWait,
)

HAS_FREE_SEAT = sql(
    "SELECT coalesce(seats_taken < seats, true) FROM courses.courses WHERE id = $1", bool
)

LIST_COURSES_WITH_ROOM = sql(
    """
    SELECT DISTINCT c.id FROM courses.waiting_list w JOIN courses.courses c ON c.id = w.course_id
    WHERE w.status = 'waiting' AND c.status = 'published' AND c.deleted_at IS NULL
        AND (c.seats IS NULL OR c.seats_taken < c.seats)
    LIMIT 100
    """,
    UUID,
)
