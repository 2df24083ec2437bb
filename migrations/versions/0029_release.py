"""When a lecture opens to a learner, and how much of a course completes it.

The functions of progress are those of 0004 with two rules more: what is locked is no lecture, and
the course says which part of it completes it.
"""

from alembic import op

revision = "0029_release"
down_revision = "0028_search_facets"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE courses.courses
    -- The part of the lectures that completes the course.
    ADD COLUMN completion_percent smallint NOT NULL DEFAULT 100
        CONSTRAINT courses_completion_percent CHECK (completion_percent BETWEEN 1 AND 100);
ALTER TABLE courses.lectures
    -- Locked until all of it is so: a moment, days of learning, another lecture completed.
    ADD COLUMN release_at timestamptz,
    ADD COLUMN release_after_days integer
        CONSTRAINT lectures_release_after_days CHECK (release_after_days > 0),
    ADD COLUMN release_after_id uuid
        CONSTRAINT lectures_release_after_other CHECK (release_after_id <> id);

-- Whether a lecture is locked for an enrolment. Days count from the enrolment, or from when
-- learning begins if that is later; another lecture that is deleted keeps nothing locked. A preview
-- is open.
CREATE FUNCTION courses.is_locked(
    l courses.lectures, p_enrolment_id uuid, p_enrolled_at timestamptz, p_begins_at timestamptz,
    p_starts_at timestamptz, p_now timestamptz
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT l.is_preview AND (
        coalesce(coalesce(p_begins_at, p_starts_at) > p_now, false)
        OR coalesce(l.release_at > p_now, false)
        OR coalesce(greatest(p_enrolled_at, coalesce(p_begins_at, p_starts_at))
            + l.release_after_days * interval '1 day' > p_now, false)
        OR (l.release_after_id IS NOT NULL AND EXISTS (
                SELECT 1 FROM courses.lectures b
                WHERE b.id = l.release_after_id AND b.deleted_at IS NULL)
            AND NOT EXISTS (
                SELECT 1 FROM courses.lecture_progress p
                WHERE p.enrolment_id = p_enrolment_id AND p.lecture_id = l.release_after_id
                    AND p.is_completed)))
$$;
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

RECOUNT = """
CREATE OR REPLACE FUNCTION courses.recount_enrolments(
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
        last_lecture_id, last_activity_at
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
            WHEN p_completed AND l.type = 'quiz' AND p_source = 'learner'
                AND p.is_completed IS NOT TRUE THEN '"quiz"' END AS refusal,
        c.lecture_count AS total,
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
    is_finish := done >= v.total AND e.completed_at IS NULL;
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

RECOUNT_AS_BEFORE = """
CREATE OR REPLACE FUNCTION courses.recount_enrolments(
    p_course_id uuid, p_actor_id uuid DEFAULT NULL, p_request_id text DEFAULT ''
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    total integer;
    finished integer;
BEGIN
    PERFORM FROM courses.courses WHERE id = p_course_id FOR NO KEY UPDATE;
    -- Locked before they are counted: the statement that counts then sees what others committed.
    PERFORM FROM courses.enrolments WHERE course_id = p_course_id ORDER BY id FOR NO KEY UPDATE;
    SELECT count(*) INTO total FROM courses.lectures
    WHERE course_id = p_course_id AND deleted_at IS NULL;
    WITH counted AS (
        SELECT n.id, count(l.id)::integer AS done,
            n.status = 'active' AND n.completed_at IS NULL AND count(l.id) >= total AND total > 0
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

DROP_COLUMNS = """
DROP FUNCTION courses.is_locked;
ALTER TABLE courses.lectures DROP COLUMN release_at, DROP COLUMN release_after_days,
    DROP COLUMN release_after_id;
ALTER TABLE courses.courses DROP COLUMN completion_percent;
"""


def upgrade() -> None:
    """Apply."""
    for statements in (COLUMNS, RECORD_PROGRESS, RECOUNT):
        op.execute(statements)


def downgrade() -> None:
    """Take back."""
    for statements in (RECORD_AS_BEFORE, RECOUNT_AS_BEFORE, DROP_COLUMNS):
        op.execute(statements)
