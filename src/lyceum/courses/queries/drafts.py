"""Storing a whole course that another domain hands over; the caller holds the course's lock."""

from uuid import UUID

from lyceum.courses.records import StoredPart
from lyceum.platform.statements import command, sql

FIND_STORED_COURSE = sql(
    """
    SELECT id FROM courses.courses
    WHERE owner_id = $1 AND source_key = $2 AND deleted_at IS NULL
    """,
    UUID,
)

UPDATE_STORED_COURSE = command(
    """
    UPDATE courses.courses
    SET title = $2, subtitle = $3, description = $4, language = $5,
        category_id = coalesce($6, category_id),
        objectives = CASE WHEN $7::text[] = '{}' THEN objectives ELSE $7 END,
        version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

# Parameters: course id, and of each chapter: a new id, title, source key.
STORE_CHAPTERS = command(
    """
    INSERT INTO courses.chapters AS h (id, course_id, title, position, source_key)
    SELECT u.id, $1, u.title, u.place * 1024, u.source_key
    FROM unnest($2::uuid[], $3::text[], $4::text[])
        WITH ORDINALITY u (id, title, source_key, place)
    ON CONFLICT (course_id, source_key) WHERE source_key IS NOT NULL DO UPDATE
    SET title = excluded.title, position = excluded.position, deleted_at = NULL,
        version = h.version + 1, updated_at = now()
    RETURNING id, source_key
    """,
    StoredPart,
)

# Parameters: course id, and of each lecture: a new id, chapter id, title, type, content, media URL,
# seconds, section, source key.
STORE_LECTURES = command(
    """
    INSERT INTO courses.lectures AS l (
        id, course_id, chapter_id, title, type, content, media_url, duration_seconds, section,
        position, source_key)
    SELECT u.id, $1, u.chapter_id, u.title, u.type, u.content, u.media_url, u.seconds, u.section,
        u.place * 1024, u.source_key
    FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int4[],
            $9::text[], $10::text[])
        WITH ORDINALITY u (id, chapter_id, title, type, content, media_url, seconds, section,
            source_key, place)
    ON CONFLICT (course_id, source_key) WHERE source_key IS NOT NULL DO UPDATE
    SET chapter_id = excluded.chapter_id, title = excluded.title, type = excluded.type,
        content = excluded.content, media_url = excluded.media_url,
        duration_seconds = excluded.duration_seconds, section = excluded.section,
        position = excluded.position, deleted_at = NULL, version = l.version + 1,
        updated_at = now()
    RETURNING id, source_key
    """,
    StoredPart,
)

# Parameters: course id, source keys of lectures, and of each whether it is a preview.
SET_PREVIEWS = command(
    """
    UPDATE courses.lectures l SET is_preview = u.is_preview
    FROM unnest($2::text[], $3::bool[]) u (source_key, is_preview)
    WHERE l.course_id = $1 AND l.source_key = u.source_key AND l.is_preview <> u.is_preview
    """
)

# Parameters: course id, source keys of lectures, and of each: the moment, days, and source key that
# it waits for.
SET_RELEASES = command(
    """
    UPDATE courses.lectures l
    SET release_at = u.release_at, release_after_days = u.days, release_after_id = b.id
    FROM unnest($2::text[], $3::timestamptz[], $4::int4[], $5::text[])
        u (source_key, release_at, days, after_key)
    LEFT JOIN courses.lectures b ON b.course_id = $1 AND b.source_key = u.after_key
    WHERE l.course_id = $1 AND l.source_key = u.source_key
        AND (l.release_at, l.release_after_days, l.release_after_id)
            IS DISTINCT FROM (u.release_at, u.days, b.id)
    """
)

# What came from the same source before and is not in it any more goes, unless a learner has
# progress on it; what was added by hand stays. Parameters: course id, source keys.
DROP_MISSING_LECTURES = command(
    """
    UPDATE courses.lectures l SET deleted_at = now(), version = version + 1
    WHERE l.course_id = $1 AND l.deleted_at IS NULL AND l.source_key <> ALL ($2::text[])
        AND NOT EXISTS (SELECT 1 FROM courses.lecture_progress p WHERE p.lecture_id = l.id)
    """
)

DROP_MISSING_CHAPTERS = command(
    """
    UPDATE courses.chapters h SET deleted_at = now(), version = version + 1
    WHERE h.course_id = $1 AND h.deleted_at IS NULL AND h.source_key <> ALL ($2::text[])
        AND NOT EXISTS (
            SELECT 1 FROM courses.lectures l WHERE l.chapter_id = h.id AND l.deleted_at IS NULL)
    """
)
