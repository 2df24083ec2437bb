"""Progress: the SQL functions that record it (migration 0004), and reading it."""

from lyceum.platform.statements import Json, command, sql

RECORD = command(
    """
    SELECT courses.record_progress($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    """,
    Json,
)

RECORD_BATCH = command(
    "SELECT courses.record_progress_batch($1, $2, $3, $4, $5, $6, $7, $8, $9)", Json
)

RECOUNT = command("SELECT courses.recount_enrolments($1, $2, $3)", int)

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
