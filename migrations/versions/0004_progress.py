"""Functions that record progress, each one round trip and right under concurrency.

Whoever writes progress locks the enrolment before reading anything that it depends on; whoever
changes what counts (the live lectures of a course) locks all enrolments of the course. Locks are
taken in one order everywhere: course, then enrolment.
"""

from alembic import op

revision = "0004_progress"
down_revision = "0003_courses"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE courses.enrolments
    -- Time is credited at twice the wall clock from this instant on, or from 2.5 s before the last
    -- update when that is later: over any T seconds of the server's clock that begin with an update
    -- at most 2 T + 5 s are credited, however many updates there are.
    ADD COLUMN time_credited_to timestamptz NOT NULL DEFAULT now() - interval '2.5 s',
    -- Digest of the last batch from an offline client; the same again changes nothing.
    ADD COLUMN last_batch uuid;
-- Room for the next version of a row on its page: every progress write makes one.
ALTER TABLE courses.enrolments SET (fillfactor = 80);
"""

NEXT_LECTURE = """
-- The lecture to go on with: the first that is not complete in the order of the outline, from
-- p_from on, then from the start; null when all are.
CREATE FUNCTION courses.next_lecture(p_enrolment_id uuid, p_course_id uuid, p_from uuid)
RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
    f record;
    found_id uuid;
BEGIN
    SELECT l.id, l.chapter_id, l.position, h.position AS chapter_position INTO f
    FROM courses.lectures l JOIN courses.chapters h ON h.id = l.chapter_id
    WHERE l.id = p_from AND l.deleted_at IS NULL;
    IF f.id IS NOT NULL THEN
        SELECT n.id INTO found_id FROM courses.lectures n
        WHERE n.chapter_id = f.chapter_id AND (n.position, n.id) >= (f.position, f.id)
            AND n.deleted_at IS NULL
            AND (SELECT p.is_completed FROM courses.lecture_progress p
                 WHERE p.enrolment_id = p_enrolment_id AND p.lecture_id = n.id) IS NOT TRUE
        ORDER BY n.position, n.id LIMIT 1;
        IF found_id IS NOT NULL THEN
            RETURN found_id;
        END IF;
        SELECT o.id INTO found_id FROM courses.chapters h
        CROSS JOIN LATERAL (
            SELECT n.id FROM courses.lectures n
            WHERE n.chapter_id = h.id AND n.deleted_at IS NULL
                AND (SELECT p.is_completed FROM courses.lecture_progress p
                     WHERE p.enrolment_id = p_enrolment_id AND p.lecture_id = n.id) IS NOT TRUE
            ORDER BY n.position, n.id LIMIT 1) o
        WHERE h.course_id = p_course_id AND h.deleted_at IS NULL
            AND (h.position, h.id) > (f.chapter_position, f.chapter_id)
        ORDER BY h.position, h.id LIMIT 1;
        IF found_id IS NOT NULL THEN
            RETURN found_id;
        END IF;
    END IF;
    SELECT o.id INTO found_id FROM courses.chapters h
    CROSS JOIN LATERAL (
        SELECT n.id FROM courses.lectures n
        WHERE n.chapter_id = h.id AND n.deleted_at IS NULL
            AND (SELECT p.is_completed FROM courses.lecture_progress p
                 WHERE p.enrolment_id = p_enrolment_id AND p.lecture_id = n.id) IS NOT TRUE
        ORDER BY n.position, n.id LIMIT 1) o
    WHERE h.course_id = p_course_id AND h.deleted_at IS NULL
    ORDER BY h.position, h.id LIMIT 1;
    RETURN found_id;
END
$$;
"""

RECORD_PROGRESS = """
-- Record what a learner did in one lecture, and return the new state as JSON, or one of the strings
-- "not_enrolled", "closed", "no_lecture", "quiz": then nothing was changed.
--
-- p_recorded_at: the moment that the update speaks of. One that is not newer than what is known of
-- the lecture is late: it completes and adds played parts, and moves neither position nor time.
-- p_position: null leaves it. p_source: 'learner', or 'assessment', which alone completes a quiz.
-- It locks the enrolment first: the statements after that see whatever was committed before.
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

RECORD_BATCH = """
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

RECOUNT = """
-- A UUIDv7 (RFC 9562 5.7) of the server's clock; PostgreSQL has one of its own only from 18 on.
CREATE FUNCTION courses.new_event_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid()) PLACING
        substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Count the progress of every enrolment of a course anew, after lectures came or went: completed
-- lectures and percentage follow; whoever has all that is left completes the course, once; whoever
-- completed it before stays so. Call it in the transaction of the change, once, after it.
-- Returns how many completed.
CREATE FUNCTION courses.recount_enrolments(
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


def upgrade() -> None:
    """Apply."""
    for statements in (COLUMNS, NEXT_LECTURE, RECORD_PROGRESS, RECORD_BATCH, RECOUNT):
        op.execute(statements)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP FUNCTION courses.recount_enrolments, courses.new_event_id")
    op.execute("DROP FUNCTION courses.record_progress_batch, courses.record_progress")
    op.execute("DROP FUNCTION courses.next_lecture")
    op.execute("ALTER TABLE courses.enrolments RESET (fillfactor)")
    op.execute("ALTER TABLE courses.enrolments DROP time_credited_to, DROP last_batch")
