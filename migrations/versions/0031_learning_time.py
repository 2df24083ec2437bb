"""How long people learn, by the quarter of an hour, and certificates that are issued anew.

An hour of learning costs four rows: the running quarter is counted on the enrolment, which progress
writes anyway, and goes into the table when the next begins. Quarters fit every time zone.
"""

from alembic import op

revision = "0031_learning_time"
down_revision = "0030_webhooks"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE courses.enrolments
    -- The quarter of an hour of the last activity, and what was credited in it.
    ADD COLUMN quarter_at timestamptz,
    ADD COLUMN quarter_seconds integer NOT NULL DEFAULT 0;

CREATE TABLE courses.learning_time (
    enrolment_id uuid NOT NULL REFERENCES courses.enrolments (id),
    quarter_at timestamptz NOT NULL,
    -- 0 where somebody was active, and no time was credited.
    seconds integer NOT NULL CONSTRAINT learning_time_seconds CHECK (seconds >= 0),
    PRIMARY KEY (enrolment_id, quarter_at)
);

-- Certificates as they were before they were issued anew: whoever has the old code is told so.
CREATE TABLE courses.former_certificates (
    code text PRIMARY KEY,
    certificate_id uuid NOT NULL REFERENCES courses.certificates (id),
    course_id uuid NOT NULL,
    user_id uuid NOT NULL,
    learner_name text NOT NULL,
    course_title text NOT NULL,
    instructor_names text[] NOT NULL,
    issued_at timestamptz NOT NULL,
    revoked_at timestamptz NOT NULL,
    revoked_reason text NOT NULL
);
-- The foreign key; and what is kept of a person.
CREATE INDEX former_certificates_certificate_id ON courses.former_certificates (certificate_id);
CREATE INDEX former_certificates_user_id ON courses.former_certificates (user_id);
"""

RECORD_PROGRESS = """
CREATE OR REPLACE FUNCTION courses.record_progress(
    p_user_id uuid, p_course_id uuid, p_lecture_id uuid,
    p_completed boolean, p_seconds integer, p_position integer, p_played int4multirange,
    p_recorded_at timestamptz, p_now timestamptz, p_source text,
    p_lesson_event uuid, p_course_event uuid,
    p_actor_id uuid, p_impersonator_id uuid, p_request_id text
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    e record;
    v record;
    is_done boolean;
    is_news boolean;
    is_finish boolean;
    credit integer := 0;
    parts int4multirange;
    done integer;
    percent integer;
    done_at timestamptz;
    place integer;
    spent integer;
    next_id uuid;
    quarter timestamptz := date_bin('15 minutes', p_now, 'epoch');
BEGIN
    SELECT id, status, completed_lectures, completed_at, time_spent_seconds, time_credited_to,
        last_lecture_id, last_activity_at, enrolled_at, begins_at,
        quarter_at, quarter_seconds
    INTO e
    FROM courses.enrolments
    WHERE user_id = p_user_id AND course_id = p_course_id
    FOR NO KEY UPDATE;
    IF e.id IS NULL OR e.status NOT IN ('active', 'completed') THEN
        RETURN '"not_enrolled"';
    END IF;

    SELECT
        CASE WHEN c.deleted_at IS NOT NULL OR c.status NOT IN ('published', 'archived')
                THEN '"closed"'
            WHEN l.id IS NULL THEN '"no_lecture"'
            WHEN p_source = 'learner' AND NOT l.is_preview AND (
                coalesce(e.begins_at, c.starts_at) > p_now
                OR num_nonnulls(l.release_at, l.release_after_days, l.release_after_id) > 0
                    AND courses.is_locked(l, e.id, e.enrolled_at, e.begins_at, c.starts_at, p_now))
                THEN '"no_lecture"'
            WHEN p_completed AND l.type = 'quiz' AND p_source = 'learner'
                AND p.is_completed IS NOT TRUE THEN '"quiz"' END AS refusal,
        c.lecture_count AS total, c.completion_percent,
        p.lecture_id IS NULL AS is_first,
        coalesce(p_recorded_at <= p.updated_at, false) AS is_late,
        coalesce(p.is_completed, false) AS was_done,
        p.completed_at, p.position_seconds, p.time_spent_seconds, p.played,
        CASE WHEN p_played IS NOT NULL AND l.type = 'video' THEN l.duration_seconds ELSE 0 END
            AS video_seconds,
        CASE WHEN p_completed OR p.is_completed THEN (
            SELECT n.id FROM courses.lectures n
            WHERE n.chapter_id = l.chapter_id AND (n.position, n.id) > (l.position, l.id)
                AND n.deleted_at IS NULL
                AND (SELECT o.is_completed FROM courses.lecture_progress o
                     WHERE o.enrolment_id = e.id AND o.lecture_id = n.id) IS NOT TRUE
            ORDER BY n.position, n.id LIMIT 1) END AS following
    INTO v
    FROM courses.courses c
    LEFT JOIN courses.lectures l
        ON l.id = p_lecture_id AND l.course_id = c.id AND l.deleted_at IS NULL
    LEFT JOIN courses.lecture_progress p ON p.enrolment_id = e.id AND p.lecture_id = p_lecture_id
    WHERE c.id = p_course_id;
    IF v.refusal IS NOT NULL THEN
        RETURN v.refusal;
    END IF;

    is_done := p_completed OR v.was_done;
    parts := coalesce(v.played, '{}');
    IF v.video_seconds > 0 THEN
        parts := (parts + p_played) * int4multirange(int4range(0, v.video_seconds));
        is_done := is_done OR v.video_seconds::bigint * 95 <= 100 * (
            SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM unnest(parts) part);
    END IF;
    is_news := is_done AND NOT v.was_done;
    done := e.completed_lectures + is_news::integer;
    percent := least(100, 100 * done / greatest(v.total, 1));
    is_finish := done * 100 >= v.total * v.completion_percent AND e.completed_at IS NULL;
    IF p_seconds > 0 AND NOT v.is_late THEN
        -- The items of a batch share p_now, and what the time before it allows.
        IF e.last_activity_at <> p_now THEN
            e.time_credited_to := greatest(
                e.time_credited_to, e.last_activity_at - interval '2.5 s');
        END IF;
        credit := greatest(0, least(
            p_seconds, floor(extract(epoch FROM p_now - e.time_credited_to) * 2)));
    END IF;
    done_at := CASE WHEN is_news THEN p_now ELSE v.completed_at END;
    place := coalesce(CASE WHEN v.is_late THEN v.position_seconds ELSE p_position END,
        v.position_seconds, 0);
    spent := coalesce(v.time_spent_seconds, 0) + credit;

    IF v.is_first THEN
        INSERT INTO courses.lecture_progress (enrolment_id, lecture_id, is_completed, completed_at,
            position_seconds, time_spent_seconds, played, updated_at)
        VALUES (e.id, p_lecture_id, is_done, done_at, place, spent, parts, p_recorded_at);
    ELSE
        UPDATE courses.lecture_progress SET is_completed = is_done, completed_at = done_at,
            position_seconds = place, time_spent_seconds = spent, played = parts,
            updated_at = greatest(updated_at, p_recorded_at)
        WHERE enrolment_id = e.id AND lecture_id = p_lecture_id;
    END IF;
    IF e.quarter_at <> quarter THEN
        INSERT INTO courses.learning_time AS t (enrolment_id, quarter_at, seconds)
        VALUES (e.id, e.quarter_at, e.quarter_seconds)
        ON CONFLICT (enrolment_id, quarter_at) DO UPDATE SET seconds = t.seconds + excluded.seconds;
        e.quarter_seconds := 0;
    END IF;
    UPDATE courses.enrolments SET
        quarter_at = quarter, quarter_seconds = e.quarter_seconds + credit,
        completed_lectures = done,
        progress_percent = percent,
        time_spent_seconds = e.time_spent_seconds + credit,
        time_credited_to = e.time_credited_to + credit * interval '0.5 s',
        last_lecture_id = CASE WHEN v.is_late THEN e.last_lecture_id ELSE p_lecture_id END,
        last_activity_at = greatest(e.last_activity_at, p_now),
        version = version + 1,
        status = CASE WHEN is_finish THEN 'completed' ELSE e.status END,
        completed_at = CASE WHEN is_finish THEN p_now ELSE e.completed_at END
    WHERE id = e.id;

    -- Nobody is woken for a lesson: NOTIFY makes commits wait for each other, and the worker looks
    -- at the outbox every second anyway.
    IF is_news THEN
        INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at,
            actor_id, impersonator_id, request_id)
        VALUES (p_lesson_event, 'lesson.completed', 1, e.id::text,
            jsonb_build_object('enrolment_id', e.id, 'course_id', p_course_id,
                'lecture_id', p_lecture_id, 'user_id', p_user_id),
            p_now, p_actor_id, p_impersonator_id, p_request_id);
    END IF;
    IF is_finish THEN
        INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at,
            actor_id, impersonator_id, request_id)
        VALUES (p_course_event, 'course.completed', 1, e.id::text,
            jsonb_build_object('enrolment_id', e.id, 'course_id', p_course_id,
                'user_id', p_user_id),
            p_now, p_actor_id, p_impersonator_id, p_request_id);
        PERFORM pg_notify('lyceum_outbox', '');
    END IF;

    IF NOT is_done THEN
        next_id := p_lecture_id;
    ELSIF done < v.total THEN
        next_id := coalesce(
            v.following, courses.next_lecture(e.id, p_course_id, p_lecture_id));
    END IF;
    RETURN json_build_object(
        'progressPercent', percent,
        'completedLectures', done,
        'totalLectures', v.total,
        'timeSpentSeconds', e.time_spent_seconds + credit,
        'isCourseCompleted', is_finish OR e.completed_at IS NOT NULL,
        'lecture', json_build_object(
            'lectureId', p_lecture_id,
            'isCompleted', is_done,
            'completedAt', done_at,
            'positionSeconds', place,
            'timeSpentSeconds', spent),
        'nextLectureId', next_id);
END
$$;
"""

RECORD_AS_BEFORE = """
CREATE OR REPLACE FUNCTION courses.record_progress(
    p_user_id uuid, p_course_id uuid, p_lecture_id uuid,
    p_completed boolean, p_seconds integer, p_position integer, p_played int4multirange,
    p_recorded_at timestamptz, p_now timestamptz, p_source text,
    p_lesson_event uuid, p_course_event uuid,
    p_actor_id uuid, p_impersonator_id uuid, p_request_id text
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    e record;
    v record;
    is_done boolean;
    is_news boolean;
    is_finish boolean;
    credit integer := 0;
    parts int4multirange;
    done integer;
    percent integer;
    done_at timestamptz;
    place integer;
    spent integer;
    next_id uuid;
BEGIN
    SELECT id, status, completed_lectures, completed_at, time_spent_seconds, time_credited_to,
        last_lecture_id, last_activity_at, enrolled_at, begins_at
    INTO e
    FROM courses.enrolments
    WHERE user_id = p_user_id AND course_id = p_course_id
    FOR NO KEY UPDATE;
    IF e.id IS NULL OR e.status NOT IN ('active', 'completed') THEN
        RETURN '"not_enrolled"';
    END IF;

    SELECT
        CASE WHEN c.deleted_at IS NOT NULL OR c.status NOT IN ('published', 'archived')
                THEN '"closed"'
            WHEN l.id IS NULL THEN '"no_lecture"'
            WHEN p_source = 'learner' AND NOT l.is_preview AND (
                coalesce(e.begins_at, c.starts_at) > p_now
                OR num_nonnulls(l.release_at, l.release_after_days, l.release_after_id) > 0
                    AND courses.is_locked(l, e.id, e.enrolled_at, e.begins_at, c.starts_at, p_now))
                THEN '"no_lecture"'
            WHEN p_completed AND l.type = 'quiz' AND p_source = 'learner'
                AND p.is_completed IS NOT TRUE THEN '"quiz"' END AS refusal,
        c.lecture_count AS total, c.completion_percent,
        p.lecture_id IS NULL AS is_first,
        coalesce(p_recorded_at <= p.updated_at, false) AS is_late,
        coalesce(p.is_completed, false) AS was_done,
        p.completed_at, p.position_seconds, p.time_spent_seconds, p.played,
        CASE WHEN p_played IS NOT NULL AND l.type = 'video' THEN l.duration_seconds ELSE 0 END
            AS video_seconds,
        CASE WHEN p_completed OR p.is_completed THEN (
            SELECT n.id FROM courses.lectures n
            WHERE n.chapter_id = l.chapter_id AND (n.position, n.id) > (l.position, l.id)
                AND n.deleted_at IS NULL
                AND (SELECT o.is_completed FROM courses.lecture_progress o
                     WHERE o.enrolment_id = e.id AND o.lecture_id = n.id) IS NOT TRUE
            ORDER BY n.position, n.id LIMIT 1) END AS following
    INTO v
    FROM courses.courses c
    LEFT JOIN courses.lectures l
        ON l.id = p_lecture_id AND l.course_id = c.id AND l.deleted_at IS NULL
    LEFT JOIN courses.lecture_progress p ON p.enrolment_id = e.id AND p.lecture_id = p_lecture_id
    WHERE c.id = p_course_id;
    IF v.refusal IS NOT NULL THEN
        RETURN v.refusal;
    END IF;

    is_done := p_completed OR v.was_done;
    parts := coalesce(v.played, '{}');
    IF v.video_seconds > 0 THEN
        parts := (parts + p_played) * int4multirange(int4range(0, v.video_seconds));
        is_done := is_done OR v.video_seconds::bigint * 95 <= 100 * (
            SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM unnest(parts) part);
    END IF;
    is_news := is_done AND NOT v.was_done;
    done := e.completed_lectures + is_news::integer;
    percent := least(100, 100 * done / greatest(v.total, 1));
    is_finish := done * 100 >= v.total * v.completion_percent AND e.completed_at IS NULL;
    IF p_seconds > 0 AND NOT v.is_late THEN
        -- The items of a batch share p_now, and what the time before it allows.
        IF e.last_activity_at <> p_now THEN
            e.time_credited_to := greatest(
                e.time_credited_to, e.last_activity_at - interval '2.5 s');
        END IF;
        credit := greatest(0, least(
            p_seconds, floor(extract(epoch FROM p_now - e.time_credited_to) * 2)));
    END IF;
    done_at := CASE WHEN is_news THEN p_now ELSE v.completed_at END;
    place := coalesce(CASE WHEN v.is_late THEN v.position_seconds ELSE p_position END,
        v.position_seconds, 0);
    spent := coalesce(v.time_spent_seconds, 0) + credit;

    IF v.is_first THEN
        INSERT INTO courses.lecture_progress (enrolment_id, lecture_id, is_completed, completed_at,
            position_seconds, time_spent_seconds, played, updated_at)
        VALUES (e.id, p_lecture_id, is_done, done_at, place, spent, parts, p_recorded_at);
    ELSE
        UPDATE courses.lecture_progress SET is_completed = is_done, completed_at = done_at,
            position_seconds = place, time_spent_seconds = spent, played = parts,
            updated_at = greatest(updated_at, p_recorded_at)
        WHERE enrolment_id = e.id AND lecture_id = p_lecture_id;
    END IF;
    UPDATE courses.enrolments SET
        completed_lectures = done,
        progress_percent = percent,
        time_spent_seconds = e.time_spent_seconds + credit,
        time_credited_to = e.time_credited_to + credit * interval '0.5 s',
        last_lecture_id = CASE WHEN v.is_late THEN e.last_lecture_id ELSE p_lecture_id END,
        last_activity_at = greatest(e.last_activity_at, p_now),
        version = version + 1,
        status = CASE WHEN is_finish THEN 'completed' ELSE e.status END,
        completed_at = CASE WHEN is_finish THEN p_now ELSE e.completed_at END
    WHERE id = e.id;

    -- Nobody is woken for a lesson: NOTIFY makes commits wait for each other, and the worker looks
    -- at the outbox every second anyway.
    IF is_news THEN
        INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at,
            actor_id, impersonator_id, request_id)
        VALUES (p_lesson_event, 'lesson.completed', 1, e.id::text,
            jsonb_build_object('enrolment_id', e.id, 'course_id', p_course_id,
                'lecture_id', p_lecture_id, 'user_id', p_user_id),
            p_now, p_actor_id, p_impersonator_id, p_request_id);
    END IF;
    IF is_finish THEN
        INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at,
            actor_id, impersonator_id, request_id)
        VALUES (p_course_event, 'course.completed', 1, e.id::text,
            jsonb_build_object('enrolment_id', e.id, 'course_id', p_course_id,
                'user_id', p_user_id),
            p_now, p_actor_id, p_impersonator_id, p_request_id);
        PERFORM pg_notify('lyceum_outbox', '');
    END IF;

    IF NOT is_done THEN
        next_id := p_lecture_id;
    ELSIF done < v.total THEN
        next_id := coalesce(
            v.following, courses.next_lecture(e.id, p_course_id, p_lecture_id));
    END IF;
    RETURN json_build_object(
        'progressPercent', percent,
        'completedLectures', done,
        'totalLectures', v.total,
        'timeSpentSeconds', e.time_spent_seconds + credit,
        'isCourseCompleted', is_finish OR e.completed_at IS NOT NULL,
        'lecture', json_build_object(
            'lectureId', p_lecture_id,
            'isCompleted', is_done,
            'completedAt', done_at,
            'positionSeconds', place,
            'timeSpentSeconds', spent),
        'nextLectureId', next_id);
END
$$;
"""

DROP = """
DROP TABLE courses.former_certificates, courses.learning_time;
ALTER TABLE courses.enrolments DROP COLUMN quarter_at, DROP COLUMN quarter_seconds;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(TABLES)
    op.execute(RECORD_PROGRESS)


def downgrade() -> None:
    """Take back."""
    op.execute(RECORD_AS_BEFORE)
    op.execute(DROP)
