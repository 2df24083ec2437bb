"""An enrolment has one check in place of three; and what a recount brings about tells the trace and
the address that it comes from."""

from alembic import op

revision = "0040_enrolments"
down_revision = "0039_enrolment_check"
branch_labels = None
depends_on = None

CHECKS = """
ALTER TABLE courses.enrolments VALIDATE CONSTRAINT enrolments_sound;
ALTER TABLE courses.enrolments
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT enrolments_status,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT enrolments_progress,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT enrolments_completed;
"""

CHECKS_AS_BEFORE = """
ALTER TABLE courses.enrolments
    ADD CONSTRAINT enrolments_status
        CHECK (status IN ('active', 'completed', 'dropped', 'expired')),
    ADD CONSTRAINT enrolments_progress CHECK (progress_percent BETWEEN 0 AND 100),
    ADD CONSTRAINT enrolments_completed CHECK (completed_lectures >= 0),
    DROP CONSTRAINT enrolments_sound;
ALTER TABLE courses.enrolments ADD CONSTRAINT enrolments_sound
    CHECK (courses.is_sound_enrolment(status, progress_percent, completed_lectures)) NOT VALID;
"""

# What comes in its place takes what it took, and more.
DROP_RECOUNT = """
-- squawk-ignore ban-drop-function
DROP FUNCTION courses.recount_enrolments;
"""

RECOUNT = """
CREATE FUNCTION courses.recount_enrolments(
    p_course_id uuid, p_actor_id uuid DEFAULT NULL, p_request_id text DEFAULT '',
    p_trace text DEFAULT NULL, p_origin text DEFAULT NULL
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    total integer;
    needed integer;
    finished integer;
BEGIN
    PERFORM FROM courses.courses WHERE id = p_course_id FOR NO KEY UPDATE;
    -- Locked before they are counted: the statement that counts then sees what others committed.
    PERFORM FROM courses.enrolments WHERE course_id = p_course_id ORDER BY id FOR NO KEY UPDATE;
    SELECT count(*) INTO total FROM courses.lectures
    WHERE course_id = p_course_id AND deleted_at IS NULL;
    SELECT completion_percent INTO needed FROM courses.courses WHERE id = p_course_id;
    WITH counted AS (
        SELECT n.id, count(l.id)::integer AS done,
            n.status = 'active' AND n.completed_at IS NULL AND count(l.id) * 100 >= total * needed
                AND total > 0
                AS is_finish
        FROM courses.enrolments n
        LEFT JOIN courses.lecture_progress p ON p.enrolment_id = n.id AND p.is_completed
        LEFT JOIN courses.lectures l ON l.id = p.lecture_id AND l.deleted_at IS NULL
        WHERE n.course_id = p_course_id
        GROUP BY n.id
    ), changed AS (
        UPDATE courses.enrolments e SET
            completed_lectures = counted.done,
            progress_percent = 100 * counted.done / greatest(total, 1),
            status = CASE WHEN counted.is_finish THEN 'completed' ELSE e.status END,
            completed_at = CASE WHEN counted.is_finish THEN clock_timestamp()
                ELSE e.completed_at END,
            version = e.version + 1
        FROM counted WHERE e.id = counted.id
        RETURNING e.id, e.user_id, counted.is_finish
    ), told AS (
        INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at,
            actor_id, request_id, trace, origin)
        SELECT courses.new_event_id(), 'course.completed', 1, id::text,
            jsonb_build_object('enrolment_id', id, 'course_id', p_course_id, 'user_id', user_id),
            clock_timestamp(), p_actor_id, p_request_id, p_trace, p_origin
        FROM changed WHERE is_finish
        RETURNING id
    )
    SELECT count(*) INTO finished FROM told;
    IF finished > 0 THEN
        PERFORM pg_notify('lyceum_outbox', '');
    END IF;
    RETURN finished;
END
$$;
"""

RECOUNT_AS_BEFORE = """
CREATE FUNCTION courses.recount_enrolments(
    p_course_id uuid, p_actor_id uuid DEFAULT NULL, p_request_id text DEFAULT ''
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    total integer;
    needed integer;
    finished integer;
BEGIN
    PERFORM FROM courses.courses WHERE id = p_course_id FOR NO KEY UPDATE;
    -- Locked before they are counted: the statement that counts then sees what others committed.
    PERFORM FROM courses.enrolments WHERE course_id = p_course_id ORDER BY id FOR NO KEY UPDATE;
    SELECT count(*) INTO total FROM courses.lectures
    WHERE course_id = p_course_id AND deleted_at IS NULL;
    SELECT completion_percent INTO needed FROM courses.courses WHERE id = p_course_id;
    WITH counted AS (
        SELECT n.id, count(l.id)::integer AS done,
            n.status = 'active' AND n.completed_at IS NULL AND count(l.id) * 100 >= total * needed
                AND total > 0
                AS is_finish
        FROM courses.enrolments n
        LEFT JOIN courses.lecture_progress p ON p.enrolment_id = n.id AND p.is_completed
        LEFT JOIN courses.lectures l ON l.id = p.lecture_id AND l.deleted_at IS NULL
        WHERE n.course_id = p_course_id
        GROUP BY n.id
    ), changed AS (
        UPDATE courses.enrolments e SET
            completed_lectures = counted.done,
            progress_percent = 100 * counted.done / greatest(total, 1),
            status = CASE WHEN counted.is_finish THEN 'completed' ELSE e.status END,
            completed_at = CASE WHEN counted.is_finish THEN clock_timestamp()
                ELSE e.completed_at END,
            version = e.version + 1
        FROM counted WHERE e.id = counted.id
        RETURNING e.id, e.user_id, counted.is_finish
    ), told AS (
        INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at,
            actor_id, request_id)
        SELECT courses.new_event_id(), 'course.completed', 1, id::text,
            jsonb_build_object('enrolment_id', id, 'course_id', p_course_id, 'user_id', user_id),
            clock_timestamp(), p_actor_id, p_request_id
        FROM changed WHERE is_finish
        RETURNING id
    )
    SELECT count(*) INTO finished FROM told;
    IF finished > 0 THEN
        PERFORM pg_notify('lyceum_outbox', '');
    END IF;
    RETURN finished;
END
$$;
"""


def upgrade() -> None:
    """Apply."""
    for statements in (CHECKS, DROP_RECOUNT, RECOUNT):
        op.execute(statements)


def downgrade() -> None:
    """Take back."""
    for statements in (DROP_RECOUNT, RECOUNT_AS_BEFORE, CHECKS_AS_BEFORE):
        op.execute(statements)
