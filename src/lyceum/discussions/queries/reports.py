"""How reports are read and written."""

from uuid import UUID

from lyceum.discussions.records import Page, Report
from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

# No row when the person's report of this waits already.
INSERT_REPORT = command(
    """
    INSERT INTO discussions.reports (id, course_id, thread_id, post_id, reporter_id, reason)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (thread_id, post_id, reporter_id) WHERE resolution IS NULL DO NOTHING
    RETURNING id
    """,
    UUID,
)

# Parameters: course, whether resolved ones, offset, limit.
LIST_REPORTS = sql(
    """
    SELECT
        (SELECT coalesce(json_agg(row_to_json(shown)), '[]') FROM (
            SELECT r.id, r.thread_id AS "threadId", r.post_id AS "postId", t.title,
                coalesce(q.body, t.body) AS body,
                json_build_object('userId', coalesce(q.author_id, t.author_id),
                    'displayName', coalesce(a.display_name, 'Former member'),
                    'avatarUrl', a.avatar_url) AS author,
                json_build_object('userId', r.reporter_id,
                    'displayName', coalesce(b.display_name, 'Former member'),
                    'avatarUrl', b.avatar_url) AS reporter,
                r.reason, r.created_at AS "createdAt", r.resolution
            FROM discussions.reports r
            JOIN discussions.threads t ON t.id = r.thread_id
            LEFT JOIN discussions.posts q ON q.id = r.post_id
            LEFT JOIN users.public_profiles a
                ON a.user_id = coalesce(q.author_id, t.author_id)
            LEFT JOIN users.public_profiles b ON b.user_id = r.reporter_id
            WHERE r.course_id = $1 AND (r.resolution IS NOT NULL) = $2
            ORDER BY r.id OFFSET $3::bigint LIMIT $4::bigint
        ) shown) AS items,
        (SELECT count(*)::int4 FROM discussions.reports r
         WHERE r.course_id = $1 AND (r.resolution IS NOT NULL) = $2) AS total
    """,
    Page,
)
FIND_REPORT = sql(
    "SELECT id, course_id, thread_id, post_id, resolution FROM discussions.reports WHERE id = $1",
    Report,
)
# Every open report of the same thing is resolved with it.
RESOLVE = command(
    """
    UPDATE discussions.reports SET resolution = $3, resolved_by = $4, resolved_at = now()
    WHERE thread_id = $1 AND post_id IS NOT DISTINCT FROM $2 AND resolution IS NULL
    RETURNING id
    """,
    UUID,
)

privacy.holds(
    "discussions.reports",
    "reporter_id",
    "resolved_by",
    export=sql("SELECT to_jsonb(r) FROM discussions.reports r WHERE r.reporter_id = $1", Json),
    erase=command("UPDATE discussions.reports SET reason = 'Removed' WHERE reporter_id = $1"),
)
