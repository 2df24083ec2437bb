"""How notes and bookmarks are read and written: always those of one person."""

from typing import Final
from uuid import UUID

from lyceum.courses.records import Note
from lyceum.platform.statements import command, sql

_NOTE: Final = """
    SELECT n.id, n.course_id, n.lecture_id, n.kind, n.body, n.position_seconds, n.version,
        n.created_at, n.updated_at
    FROM courses.notes n
"""
# Parameters: user, course, lecture or null, kind or null, words or null.
_MATCHES: Final = """
    n.user_id = $1 AND n.course_id = $2
    AND ($3::uuid IS NULL OR n.lecture_id = $3) AND ($4::text IS NULL OR n.kind = $4)
    AND ($5::text IS NULL OR strpos(lower(n.body), lower($5)) > 0)
"""
# In the order of the outline, then of the video. Then offset and limit.
LIST_NOTES = sql(
    f"""
    {_NOTE} JOIN courses.lectures l ON l.id = n.lecture_id
    JOIN courses.chapters h ON h.id = l.chapter_id
    WHERE {_MATCHES}
    ORDER BY h.position, h.id, l.position, l.id, n.position_seconds NULLS FIRST, n.id
    OFFSET $6::bigint LIMIT $7::bigint
    """,
    Note,
)
COUNT_NOTES = sql(
    f"SELECT count(*)::int4 FROM courses.notes n WHERE {_MATCHES}",  # noqa: S608 - a constant
    int,
)
FIND_NOTE = sql(f"{_NOTE} WHERE n.id = $1 AND n.user_id = $2", Note)
LOCK_NOTE = command(f"{_NOTE} WHERE n.id = $1 AND n.user_id = $2 FOR NO KEY UPDATE", Note)
INSERT_NOTE = command(
    """
    INSERT INTO courses.notes (id, user_id, course_id, lecture_id, kind, body, position_seconds)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    RETURNING id
    """,
    UUID,
)
UPDATE_NOTE = command(
    """
    UPDATE courses.notes SET body = $2, position_seconds = $3, version = version + 1,
        updated_at = now()
    WHERE id = $1
    """
)
DELETE_NOTE = command("DELETE FROM courses.notes WHERE id = $1")
