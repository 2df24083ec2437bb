"""Writing the row of a course: create, change, publish, archive, delete, restore, count."""

from uuid import UUID

from lyceum.courses.records import CourseFields, Readiness
from lyceum.platform.statements import command, sql

# No row when the slug is taken, also by a transaction that commits while this one waits for it.
INSERT_COURSE = command(
    """
    INSERT INTO courses.courses (
        id, slug, owner_id, source_key, title, subtitle, description, category_id, tags, difficulty,
        language, estimated_minutes, price_minor, currency, thumbnail_url, objectives, visibility,
        seats, enrolment_opens_at, enrolment_closes_at, starts_at, ends_at, has_certificate,
        access_days, completion_percent)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, $23, $24, $25)
    ON CONFLICT DO NOTHING
    RETURNING id
    """,
    UUID,
)

INSERT_INSTRUCTOR = command(
    """
    INSERT INTO courses.course_instructors (course_id, user_id, role) VALUES ($1, $2, $3)
    ON CONFLICT (course_id, user_id) DO NOTHING
    """
)

FIND_FIELDS = sql(
    """
    SELECT title, subtitle, description, category_id, tags, difficulty, language,
        estimated_minutes, price_minor, currency, thumbnail_url, objectives, visibility, seats,
        enrolment_opens_at, enrolment_closes_at, starts_at, ends_at, has_certificate, access_days,
        completion_percent
    FROM courses.courses WHERE id = $1
    """,
    CourseFields,
)

UPDATE_FIELDS = command(
    """
    UPDATE courses.courses SET
        title = $2, subtitle = $3, description = $4, category_id = $5, tags = $6, difficulty = $7,
        language = $8, estimated_minutes = $9, price_minor = $10, currency = $11,
        thumbnail_url = $12, objectives = $13, visibility = $14, seats = $15,
        enrolment_opens_at = $16, enrolment_closes_at = $17, starts_at = $18, ends_at = $19,
        has_certificate = $20, access_days = $21,
        completion_percent = $22, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

FIND_READINESS = sql(
    """
    SELECT c.status, c.review_note, c.description, c.chapter_count, c.lecture_count, c.ends_at,
        c.enrolment_closes_at, c.category_id IS NOT NULL AS has_category,
        c.thumbnail_url IS NOT NULL AS has_thumbnail, c.objectives <> '{}' AS has_objectives,
        ARRAY(
            SELECT h.title FROM courses.chapters h
            WHERE h.course_id = c.id AND h.deleted_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM courses.lectures l
                WHERE l.chapter_id = h.id AND l.deleted_at IS NULL)
            ORDER BY h.position, h.id LIMIT 20) AS empty_chapters,
        ARRAY(
            SELECT l.title FROM courses.lectures l
            WHERE l.course_id = c.id AND l.deleted_at IS NULL AND l.content = ''
                AND l.media_url IS NULL AND l.type IN ('video', 'text', 'file', 'embed')
            ORDER BY l.position, l.id LIMIT 20) AS empty_lectures
    FROM courses.courses c WHERE c.id = $1
    """,
    Readiness,
)

PUBLISH_COURSE = command(
    """
    UPDATE courses.courses
    SET status = 'published', published_at = coalesce(published_at, now()), archived_at = NULL,
        review_note = '',
        version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

# Parameters: course id, status, the note of a reviewer.
SET_STATUS = command(
    """
    UPDATE courses.courses
    SET status = $2, review_note = $3, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

ARCHIVE_COURSE = command(
    """
    UPDATE courses.courses
    SET status = 'archived', archived_at = now(), version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

DELETE_COURSE = command(
    """
    UPDATE courses.courses SET deleted_at = now(), version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

RESTORE_COURSE = command(
    """
    UPDATE courses.courses SET deleted_at = NULL, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

TOUCH_COURSE = command(
    "UPDATE courses.courses SET version = version + 1, updated_at = now() WHERE id = $1"
)

# The caller holds the lock of the course, so nobody changes its outline meanwhile.
RECOUNT_STRUCTURE = command(
    """
    UPDATE courses.courses c
    SET chapter_count = (
            SELECT count(*) FROM courses.chapters WHERE course_id = $1 AND deleted_at IS NULL),
        lecture_count = n.lectures, duration_seconds = n.seconds, updated_at = now()
    FROM (
        SELECT count(*) AS lectures, coalesce(sum(duration_seconds), 0) AS seconds
        FROM courses.lectures WHERE course_id = $1 AND deleted_at IS NULL
    ) n
    WHERE c.id = $1
    """
)

# Cards that show another name or picture of an instructor than there is by now.
FIND_STALE_CARDS = sql(
    """
    SELECT c.id FROM courses.courses c JOIN courses.catalogue k ON k.course_id = c.id
    WHERE k.card::text <> courses.course_card(c)::text LIMIT 200
    """,
    UUID,
)

REFRESH_CARDS = command("SELECT courses.refresh_cards($1)")
