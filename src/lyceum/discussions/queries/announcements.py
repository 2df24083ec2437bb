"""How announcements are read and written."""

from typing import Final

from lyceum.discussions.records import Announcement
from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

_ANNOUNCEMENT: Final = """
    SELECT a.id, a.course_id, a.author_id, a.title, a.body, a.version, a.created_at, a.updated_at,
        p.display_name, p.avatar_url
    FROM discussions.announcements a LEFT JOIN users.public_profiles p ON p.user_id = a.author_id
"""
FIND_ANNOUNCEMENT = sql(f"{_ANNOUNCEMENT} WHERE a.id = $1", Announcement)
LOCK_ANNOUNCEMENT = command(f"{_ANNOUNCEMENT} WHERE a.id = $1 FOR NO KEY UPDATE OF a", Announcement)
LIST_ANNOUNCEMENTS = sql(
    f"""
    {_ANNOUNCEMENT} WHERE a.course_id = $1
    ORDER BY a.created_at DESC, a.id DESC OFFSET $2 LIMIT $3
    """,
    Announcement,
)
COUNT_ANNOUNCEMENTS = sql(
    "SELECT count(*)::int4 FROM discussions.announcements WHERE course_id = $1", int
)
INSERT_ANNOUNCEMENT = command(
    """
    INSERT INTO discussions.announcements (id, course_id, author_id, title, body)
    VALUES ($1, $2, $3, $4, $5)
    """
)
UPDATE_ANNOUNCEMENT = command(
    """
    UPDATE discussions.announcements SET title = $2, body = $3, version = version + 1,
        updated_at = now()
    WHERE id = $1
    """
)
DELETE_ANNOUNCEMENT = command("DELETE FROM discussions.announcements WHERE id = $1")

privacy.holds(
    "discussions.announcements",
    "author_id",
    export=sql("SELECT to_jsonb(a) FROM discussions.announcements a WHERE a.author_id = $1", Json),
    keeps="what the academy told its learners is its own; it names an id alone",
)
