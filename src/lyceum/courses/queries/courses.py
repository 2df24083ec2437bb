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
        seats, enrolment_opens_at, enrolment_closes_at, starts_at, ends_at, has_certificate)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, $23)
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
        enrolment_opens_at, enrolment_closes_at, starts_at, ends_at, has_certificate
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
        has_certificate = $20, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

FIND_READINESS = sql(
    """
    SELECT description, chapter_count, lecture_count, ends_at FROM courses.courses WHERE id = $1
    """,
    Readiness,
)

PUBLISH_COURSE = command(
    """
    UPDATE courses.courses
    SET status = 'published', published_at = coalesce(published_at, now()), archived_at = NULL,
        version = version + 1, updated_at = now()
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
