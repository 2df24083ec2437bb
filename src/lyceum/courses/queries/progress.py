"""Progress: the SQL functions that record it (migration 0004), and reading it."""

from lyceum.platform.gathering import Gathered
from lyceum.platform.statements import Json, command, sql

# What a learner did: learner, course, lecture, completed, seconds, position, played parts, the
# moment that it speaks of, now; then impersonator, request id, trace, origin, as in those below.
RECORD_ALONE = command(
    """
    SELECT courses.record_progress($1, $2, $3, $4, $5, $6, $7::text::int4multirange, $8, $9,
        'learner', NULL, NULL, $1, $10, $11, $12, $13)
    """,
    Json,
)
RECORD_TOGETHER = command(
    """
    SELECT courses.record_progress_together($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    """,
    Json,
)
RECORD = Gathered(RECORD_ALONE, RECORD_TOGETHER, sorted_by=2)

# What an attempt has shown: learner, course, lecture, now, actor.
COMPLETE = command(
    """
    SELECT courses.record_progress($1, $2, $3, true, 0, NULL, NULL, $4, $4, 'assessment', NULL,
        NULL, $5, $6, $7, $8, $9)
    """,
    Json,
)

RECORD_BATCH = command(
    "SELECT courses.record_progress_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", Json
)

RECOUNT = command("SELECT courses.recount_enrolments($1, $2, $3, $4, $5)", int)

# Parameters: user id, course id. No row without an enrolment that is in force.
FIND_PROGRESS = sql(
    """
    SELECT row_to_json(t) FROM (
        SELECT e.id AS "enrolmentId", e.status, e.progress_percent AS "progressPercent",
            e.completed_lectures AS "completedLectures", c.lecture_count AS "totalLectures",
            e.time_spent_seconds AS "timeSpentSeconds",
            e.completed_at IS NOT NULL AS "isCourseCompleted", e.enrolled_at AS "enrolledAt",
            e.completed_at AS "completedAt", e.last_activity_at AS "lastActivityAt",
            e.last_lecture_id AS "lastLectureId",
            courses.next_lecture(e.id, e.course_id, e.last_lecture_id) AS "nextLectureId",
            (SELECT coalesce(json_agg(row_to_json(u)), '[]') FROM (
                SELECT l.id AS "lectureId", l.chapter_id AS "chapterId",
                    coalesce(p.is_completed, false) AS "isCompleted",
                    p.completed_at AS "completedAt",
                    coalesce(p.position_seconds, 0) AS "positionSeconds",
                    coalesce(p.time_spent_seconds, 0) AS "timeSpentSeconds",
                    courses.is_locked(
                        l, e.id, e.enrolled_at, e.begins_at, c.starts_at, now()) AS "isLocked",
                    (SELECT coalesce(json_agg(json_build_array(lower(r), upper(r))), '[]')
                     FROM unnest(p.played) r) AS "playedSegments"
                FROM courses.lectures l
                JOIN courses.chapters h ON h.id = l.chapter_id
                LEFT JOIN courses.lecture_progress p
                    ON p.enrolment_id = e.id AND p.lecture_id = l.id
                WHERE l.course_id = e.course_id AND l.deleted_at IS NULL
                ORDER BY h.position, h.id, l.position, l.id
            ) u) AS lectures
        FROM courses.enrolments e JOIN courses.courses c ON c.id = e.course_id
        WHERE e.user_id = $1 AND e.course_id = $2 AND e.status IN ('active', 'completed')
    ) t
    """,
    Json,
)

# When a person learnt, by days of a time zone. Parameters: user id, time zone, now, how many days.
# A streak is a run of days with any activity; the present one may end yesterday.
FIND_LEARNING = sql(
    """
    WITH spent AS (
        SELECT t.quarter_at, t.seconds FROM courses.enrolments e
        JOIN courses.learning_time t ON t.enrolment_id = e.id WHERE e.user_id = $1
        UNION ALL
        SELECT quarter_at, quarter_seconds FROM courses.enrolments
        WHERE user_id = $1 AND quarter_at IS NOT NULL
    ), days AS (
        SELECT (quarter_at AT TIME ZONE $2)::date AS day, sum(seconds) AS seconds
        FROM spent GROUP BY 1
    ), streaks AS (
        SELECT count(*) AS length, max(day) AS last_day FROM (
            SELECT day, day - row_number() OVER (ORDER BY day)::int4 AS run FROM days
        ) numbered GROUP BY run
    ), today AS (
        SELECT ($3::timestamptz AT TIME ZONE $2)::date AS day
    )
    SELECT json_build_object(
        'timeZone', $2::text,
        'today', (SELECT day FROM today),
        'currentStreakDays', coalesce((
            SELECT length FROM streaks, today WHERE last_day >= today.day - 1
            ORDER BY last_day DESC LIMIT 1), 0),
        'longestStreakDays', coalesce((SELECT max(length) FROM streaks), 0),
        'totalSeconds', coalesce((SELECT sum(seconds) FROM days), 0),
        'days', coalesce((
            SELECT json_agg(json_build_object('day', d.day, 'seconds', d.seconds) ORDER BY d.day)
            FROM days d, today WHERE d.day > today.day - $4::int4), '[]'))
    """,
    Json,
)
