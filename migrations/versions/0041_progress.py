"""Recording progress costs less, by small statements in place of a join; and its events tell the
trace and the address that they come from.

A join of three tables takes longer to start than three statements on one row each. An id that the
caller does not give is made for the events that come about.
"""

from alembic import op

revision = "0041_progress"
down_revision = "0040_enrolments"
branch_labels = None
depends_on = None

# What comes in their place takes what they took, and more.
DROP = """
-- squawk-ignore ban-drop-function
DROP FUNCTION courses.record_progress_batch, courses.record_progress;
"""

RECORD_PROGRESS = """
-- Record what a learner did in one lecture, and return the new state as JSON, or one of the strings
-- "not_enrolled", "closed", "no_lecture", "quiz": then nothing was changed.
--
-- p_recorded_at: the moment that the update speaks of. One that is not newer than what is known of
-- the lecture is late: it completes and adds played parts, and moves neither position nor time.
-- p_position: null leaves it. p_source: 'learner', or 'assessment', which alone completes a quiz.
-- p_lesson_event, p_course_event: ids of the events; null for new ones.
-- It locks the enrolment first: the statements after that see whatever was committed before.
CREATE FUNCTION courses.record_progress(
    p_user_id uuid, p_course_id uuid, p_lecture_id uuid,
    p_completed boolean, p_seconds integer, p_position integer, p_played int4multirange,
    p_recorded_at timestamptz, p_now timestamptz, p_source text,
    p_lesson_event uuid, p_course_event uuid,
    p_actor_id uuid, p_impersonator_id uuid, p_request_id text,
    p_trace text DEFAULT NULL, p_origin text DEFAULT NULL
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    -- The enrolment (e), the course (c), the lecture (l), and what is recorded of it (r).
    e_id uuid; e_status text; e_lecture_id uuid; e_done integer; e_spent integer;
    e_enrolled_at timestamptz; e_begins_at timestamptz; e_finished_at timestamptz;
    e_active_at timestamptz; e_credited_to timestamptz;
    e_quarter_at timestamptz; e_quarter_seconds integer;
    c_is_open boolean; c_lectures integer; c_percent integer; c_starts_at timestamptz;
    l_chapter_id uuid; l_position bigint; l_type text; l_seconds integer;
    l_is_free boolean; l_has_rule boolean;
    r_done boolean; r_done_at timestamptz; r_place integer; r_spent integer;
    r_parts int4multirange; r_updated_at timestamptz;
    is_late boolean; is_done boolean; is_news boolean; is_finish boolean;
    credit integer := 0;
    done integer;
    percent integer;
    next_id uuid;
    quarter timestamptz := date_bin('15 minutes', p_now, 'epoch');
BEGIN
    SELECT id, status, completed_lectures, completed_at, time_spent_seconds, time_credited_to,
        last_lecture_id, last_activity_at, enrolled_at, begins_at, quarter_at, quarter_seconds
    INTO e_id, e_status, e_done, e_finished_at, e_spent, e_credited_to,
        e_lecture_id, e_active_at, e_enrolled_at, e_begins_at, e_quarter_at, e_quarter_seconds
    FROM courses.enrolments
    WHERE user_id = p_user_id AND course_id = p_course_id
    FOR NO KEY UPDATE;
    IF e_id IS NULL OR e_status NOT IN ('active', 'completed') THEN
        RETURN '"not_enrolled"';
    END IF;

    -- Three small statements start faster than a join of the three.
    SELECT lecture_count, completion_percent, starts_at,
        deleted_at IS NULL AND status IN ('published', 'archived')
    INTO c_lectures, c_percent, c_starts_at, c_is_open
    FROM courses.courses WHERE id = p_course_id;
    SELECT chapter_id, position, type, duration_seconds, is_preview,
        num_nonnulls(release_at, release_after_days, release_after_id) > 0
    INTO l_chapter_id, l_position, l_type, l_seconds, l_is_free, l_has_rule
    FROM courses.lectures
    WHERE id = p_lecture_id AND course_id = p_course_id AND deleted_at IS NULL;
    SELECT is_completed, completed_at, position_seconds, time_spent_seconds, played, updated_at
    INTO r_done, r_done_at, r_place, r_spent, r_parts, r_updated_at
    FROM courses.lecture_progress WHERE enrolment_id = e_id AND lecture_id = p_lecture_id;
    IF c_is_open IS NOT TRUE THEN
        RETURN '"closed"';
    ELSIF l_chapter_id IS NULL THEN
        RETURN '"no_lecture"';
    ELSIF p_source = 'learner' THEN
        IF NOT l_is_free AND (coalesce(e_begins_at, c_starts_at) > p_now OR l_has_rule AND (
                SELECT courses.is_locked(l, e_id, e_enrolled_at, e_begins_at, c_starts_at, p_now)
                FROM courses.lectures l WHERE l.id = p_lecture_id)) THEN
            RETURN '"no_lecture"';
        ELSIF p_completed AND l_type = 'quiz' AND r_done IS NOT TRUE THEN
            RETURN '"quiz"';
        END IF;
    END IF;

    is_late := coalesce(p_recorded_at <= r_updated_at, false);
    is_done := p_completed OR r_done IS TRUE;
    r_parts := coalesce(r_parts, '{}');
    IF p_played IS NOT NULL AND l_type = 'video' AND l_seconds > 0 THEN
        r_parts := (r_parts + p_played) * int4multirange(int4range(0, l_seconds));
        is_done := is_done OR l_seconds::bigint * 95 <= 100 * (
            SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM unnest(r_parts) part);
    END IF;
    is_news := is_done AND r_done IS NOT TRUE;
    done := e_done + is_news::integer;
    percent := least(100, 100 * done / greatest(c_lectures, 1));
    is_finish := done * 100 >= c_lectures * c_percent AND e_finished_at IS NULL;
    IF p_seconds > 0 AND NOT is_late THEN
        -- The items of a batch share p_now, and what the time before it allows.
        IF e_active_at <> p_now THEN
            e_credited_to := greatest(e_credited_to, e_active_at - interval '2.5 s');
        END IF;
        credit := greatest(0, least(
            p_seconds, floor(extract(epoch FROM p_now - e_credited_to) * 2)));
    END IF;
    IF is_news THEN
        r_done_at := p_now;
    END IF;
    IF NOT is_late THEN
        r_place := coalesce(p_position, r_place);
    END IF;
    r_place := coalesce(r_place, 0);
    r_spent := coalesce(r_spent, 0) + credit;

    IF r_updated_at IS NULL THEN
        INSERT INTO courses.lecture_progress (enrolment_id, lecture_id, is_completed, completed_at,
            position_seconds, time_spent_seconds, played, updated_at)
        VALUES (e_id, p_lecture_id, is_done, r_done_at, r_place, r_spent, r_parts, p_recorded_at);
    ELSE
        UPDATE courses.lecture_progress SET is_completed = is_done, completed_at = r_done_at,
            position_seconds = r_place, time_spent_seconds = r_spent, played = r_parts,
            updated_at = greatest(updated_at, p_recorded_at)
        WHERE enrolment_id = e_id AND lecture_id = p_lecture_id;
    END IF;
    IF e_quarter_at <> quarter THEN
        INSERT INTO courses.learning_time AS t (enrolment_id, quarter_at, seconds)
        VALUES (e_id, e_quarter_at, e_quarter_seconds)
        ON CONFLICT (enrolment_id, quarter_at) DO UPDATE SET seconds = t.seconds + excluded.seconds;
        e_quarter_seconds := 0;
    END IF;
    UPDATE courses.enrolments SET
        quarter_at = quarter, quarter_seconds = e_quarter_seconds + credit,
        completed_lectures = done,
        progress_percent = percent,
        time_spent_seconds = e_spent + credit,
        time_credited_to = e_credited_to + credit * interval '0.5 s',
        last_lecture_id = CASE WHEN is_late THEN e_lecture_id ELSE p_lecture_id END,
        last_activity_at = greatest(e_active_at, p_now),
        version = version + 1,
        status = CASE WHEN is_finish THEN 'completed' ELSE e_status END,
        completed_at = CASE WHEN is_finish THEN p_now ELSE e_finished_at END
    WHERE id = e_id;

    IF is_news OR is_finish THEN
        p_lesson_event := coalesce(p_lesson_event, courses.new_event_id());
    END IF;
    IF is_finish THEN
        p_course_event := coalesce(p_course_event, courses.new_event_id());
        IF p_course_event < p_lesson_event THEN
            -- Of one millisecond, two of those are in order by chance alone.
            SELECT p_course_event, p_lesson_event INTO p_lesson_event, p_course_event;
        END IF;
    END IF;
    -- Nobody is woken for a lesson: NOTIFY makes commits wait for each other, and the worker looks
    -- at the outbox every second anyway.
    IF is_news THEN
        INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at,
            actor_id, impersonator_id, request_id, trace, origin)
        VALUES (p_lesson_event, 'lesson.completed', 1, e_id::text,
            jsonb_build_object('enrolment_id', e_id, 'course_id', p_course_id,
                'lecture_id', p_lecture_id, 'user_id', p_user_id),
            p_now, p_actor_id, p_impersonator_id, p_request_id, p_trace, p_origin);
    END IF;
    IF is_finish THEN
        INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at,
            actor_id, impersonator_id, request_id, trace, origin)
        VALUES (p_course_event, 'course.completed', 1, e_id::text,
            jsonb_build_object('enrolment_id', e_id, 'course_id', p_course_id,
                'user_id', p_user_id),
            p_now, p_actor_id, p_impersonator_id, p_request_id, p_trace, p_origin);
        PERFORM pg_notify('lyceum_outbox', '');
    END IF;

    IF NOT is_done THEN
        next_id := p_lecture_id;
    ELSIF done < c_lectures THEN
        SELECT n.id INTO next_id FROM courses.lectures n
        WHERE n.chapter_id = l_chapter_id AND (n.position, n.id) > (l_position, p_lecture_id)
            AND n.deleted_at IS NULL
            AND (SELECT o.is_completed FROM courses.lecture_progress o
                 WHERE o.enrolment_id = e_id AND o.lecture_id = n.id) IS NOT TRUE
        ORDER BY n.position, n.id LIMIT 1;
        IF next_id IS NULL THEN
            next_id := courses.next_lecture(e_id, p_course_id, p_lecture_id);
        END IF;
    END IF;
    RETURN json_build_object(
        'progressPercent', percent,
        'completedLectures', done,
        'totalLectures', c_lectures,
        'timeSpentSeconds', e_spent + credit,
        'isCourseCompleted', is_finish OR e_finished_at IS NOT NULL,
        'lecture', json_build_object(
            'lectureId', p_lecture_id,
            'isCompleted', is_done,
            'completedAt', r_done_at,
            'positionSeconds', r_place,
            'timeSpentSeconds', r_spent),
        'nextLectureId', next_id);
END
$$;
"""

RECORD_BATCH = """
-- Record what an offline client saved up, in the order of the moments that the items speak of:
-- all of it, or nothing. p_items is a JSON array of objects with the columns below; p_events holds
-- an id for each item and one for the course. Returns the state of the enrolment, or
-- {"refused": …, "item": …}; then the caller must roll back.
CREATE FUNCTION courses.record_progress_batch(
    p_user_id uuid, p_course_id uuid, p_batch uuid, p_items jsonb, p_now timestamptz,
    p_events uuid[], p_actor_id uuid, p_impersonator_id uuid, p_request_id text,
    p_trace text DEFAULT NULL, p_origin text DEFAULT NULL
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    e record;
    item record;
    place integer := 0;
    answer json;
BEGIN
    SELECT id, last_batch INTO e FROM courses.enrolments
    WHERE user_id = p_user_id AND course_id = p_course_id FOR NO KEY UPDATE;
    IF e.id IS NOT NULL AND e.last_batch IS DISTINCT FROM p_batch THEN
        FOR item IN
            SELECT * FROM ROWS FROM (jsonb_to_recordset(p_items) AS (
                lecture_id uuid, completed boolean, seconds integer, position integer,
                played int4multirange, recorded_at timestamptz)) WITH ORDINALITY
                AS i (lecture_id, completed, seconds, position, played, recorded_at, number)
            ORDER BY recorded_at, number
        LOOP
            place := place + 1;
            answer := courses.record_progress(
                p_user_id, p_course_id, item.lecture_id, item.completed, item.seconds,
                item.position, item.played, item.recorded_at, p_now, 'learner',
                p_events[place], p_events[cardinality(p_events)],
                p_actor_id, p_impersonator_id, p_request_id, p_trace, p_origin);
            IF json_typeof(answer) = 'string' THEN
                RETURN json_build_object('refused', answer, 'item', item.number - 1);
            END IF;
        END LOOP;
        UPDATE courses.enrolments SET last_batch = p_batch WHERE id = e.id;
    END IF;
    RETURN coalesce(
        (SELECT json_build_object(
            'progressPercent', n.progress_percent,
            'completedLectures', n.completed_lectures,
            'totalLectures', c.lecture_count,
            'timeSpentSeconds', n.time_spent_seconds,
            'isCourseCompleted', n.completed_at IS NOT NULL,
            'nextLectureId', courses.next_lecture(n.id, n.course_id, n.last_lecture_id))
         FROM courses.enrolments n JOIN courses.courses c ON c.id = n.course_id
         WHERE n.id = e.id AND n.status IN ('active', 'completed') AND c.deleted_at IS NULL
             AND c.status IN ('published', 'archived')),
        json_build_object('refused', 'not_enrolled', 'item', 0));
END
$$;
"""

RECORD_AS_BEFORE = """
CREATE FUNCTION courses.record_progress(
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

RECORD_BATCH_AS_BEFORE = """
-- Record what an offline client saved up, in the order of the moments that the items speak of:
-- all of it, or nothing. p_items is a JSON array of objects with the columns below; p_events holds
-- an id for each item and one for the course. Returns the state of the enrolment, or
-- {"refused": …, "item": …}; then the caller must roll back.
CREATE FUNCTION courses.record_progress_batch(
    p_user_id uuid, p_course_id uuid, p_batch uuid, p_items jsonb, p_now timestamptz,
    p_events uuid[], p_actor_id uuid, p_impersonator_id uuid, p_request_id text
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    e record;
    item record;
    place integer := 0;
    answer json;
BEGIN
    SELECT id, last_batch INTO e FROM courses.enrolments
    WHERE user_id = p_user_id AND course_id = p_course_id FOR NO KEY UPDATE;
    IF e.id IS NOT NULL AND e.last_batch IS DISTINCT FROM p_batch THEN
        FOR item IN
            SELECT * FROM ROWS FROM (jsonb_to_recordset(p_items) AS (
                lecture_id uuid, completed boolean, seconds integer, position integer,
                played int4multirange, recorded_at timestamptz)) WITH ORDINALITY
                AS i (lecture_id, completed, seconds, position, played, recorded_at, number)
            ORDER BY recorded_at, number
        LOOP
            place := place + 1;
            answer := courses.record_progress(
                p_user_id, p_course_id, item.lecture_id, item.completed, item.seconds,
                item.position, item.played, item.recorded_at, p_now, 'learner',
                p_events[place], p_events[cardinality(p_events)],
                p_actor_id, p_impersonator_id, p_request_id);
            IF json_typeof(answer) = 'string' THEN
                RETURN json_build_object('refused', answer, 'item', item.number - 1);
            END IF;
        END LOOP;
        UPDATE courses.enrolments SET last_batch = p_batch WHERE id = e.id;
    END IF;
    RETURN coalesce(
        (SELECT json_build_object(
            'progressPercent', n.progress_percent,
            'completedLectures', n.completed_lectures,
            'totalLectures', c.lecture_count,
            'timeSpentSeconds', n.time_spent_seconds,
            'isCourseCompleted', n.completed_at IS NOT NULL,
            'nextLectureId', courses.next_lecture(n.id, n.course_id, n.last_lecture_id))
         FROM courses.enrolments n JOIN courses.courses c ON c.id = n.course_id
         WHERE n.id = e.id AND n.status IN ('active', 'completed') AND c.deleted_at IS NULL
             AND c.status IN ('published', 'archived')),
        json_build_object('refused', 'not_enrolled', 'item', 0));
END
$$;
"""


def upgrade() -> None:
    """Apply."""
    for statements in (DROP, RECORD_PROGRESS, RECORD_BATCH):
        op.execute(statements)


def downgrade() -> None:
    """Take back."""
    for statements in (DROP, RECORD_AS_BEFORE, RECORD_BATCH_AS_BEFORE):
        op.execute(statements)
