"""Moving one chapter or lecture: one statement each. Whoever moves holds the lock of the course.

A part that moves takes the middle of the gap between its new neighbours. Where there is no gap left
(1024 halved ten times), the same statement numbers all of them anew.
"""

from typing import Final

from lyceum.courses.records import Chapter, Lecture
from lyceum.platform.statements import command

# {table}: chapters or lectures; {home}: the column of what they are parts of. Parameters: the part,
# its new home, and the part of it that stands before (null for the first place).
_MOVE: Final = """
    WITH ordered AS MATERIALIZED (
        SELECT id, position, row_number() OVER (ORDER BY position, id) AS place
        FROM courses.{table}
        WHERE {home} = $2 AND deleted_at IS NULL AND id <> $1
    ), before AS (
        SELECT coalesce(max(position), 0) AS position, coalesce(max(place), 0) AS place
        FROM ordered WHERE id = $3
    ), spot AS (
        SELECT b.place, b.position AS low,
            coalesce((SELECT o.position FROM ordered o WHERE o.place = b.place + 1),
                b.position + 2048) AS high
        FROM before b
    ), moved AS (
        UPDATE courses.{table} t
        SET {home} = $2, version = t.version + (t.id = $1)::int4, updated_at = now(),
            position = CASE
                WHEN s.high - s.low >= 2 THEN (s.low + s.high) / 2
                WHEN t.id = $1 THEN (s.place + 1) * 1024
                ELSE (SELECT o.place + (o.place > s.place)::int4 FROM ordered o WHERE o.id = t.id)
                    * 1024 END
        FROM spot s
        WHERE t.id = $1 OR (s.high - s.low < 2 AND t.id IN (SELECT id FROM ordered))
        RETURNING t.*
    )
    SELECT {columns} FROM moved WHERE id = $1
"""

MOVE_CHAPTER = command(
    _MOVE.format(table="chapters", home="course_id", columns="id, course_id, title, version"),
    Chapter,
)

MOVE_LECTURE = command(
    _MOVE.format(
        table="lectures",
        home="chapter_id",
        columns="""id, course_id, chapter_id, title, type, content, media_url, duration_seconds,
            is_preview, section, version, updated_at, release_at, release_after_days,
            release_after_id""",
    ),
    Lecture,
)
