"""How threads are read and written.

Whoever changes a thread, or counts something on it, holds the lock of its row. `$1` is the viewer
in every statement that shows a thread.
"""

from typing import Final
from uuid import UUID

from lyceum.discussions.records import Page, Thread
from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

_THREAD: Final = """
    SELECT id, course_id, lecture_id, author_id, title, body, is_pinned, is_locked, is_hidden,
        accepted_post_id, post_count, version
    FROM discussions.threads WHERE id = $1 AND deleted_at IS NULL
"""
FIND_THREAD = sql(_THREAD, Thread)
LOCK_THREAD = command(f"{_THREAD} FOR NO KEY UPDATE", Thread)

_SHOWN: Final = """
    t.id, t.course_id AS "courseId", t.lecture_id AS "lectureId",
    json_build_object('userId', t.author_id,
        'displayName', coalesce(p.display_name, 'Former member'), 'avatarUrl', p.avatar_url
    ) AS author,
    t.title, t.is_pinned AS "isPinned", t.is_locked AS "isLocked", t.is_hidden AS "isHidden",
    t.accepted_post_id AS "acceptedPostId", t.post_count AS "postCount",
    t.vote_count AS "voteCount",
    EXISTS (SELECT FROM discussions.thread_votes v
            WHERE v.thread_id = t.id AND v.user_id = $1) AS "hasVoted",
    s.user_id IS NOT NULL AS "isSubscribed",
    coalesce(s.read_at < t.last_post_at, false) AS "hasNews",
    t.last_post_at AS "lastPostAt", t.created_at AS "createdAt", t.updated_at AS "updatedAt",
    t.version
"""
_JOINED: Final = """
    LEFT JOIN users.public_profiles p ON p.user_id = t.author_id
    LEFT JOIN discussions.subscriptions s ON s.thread_id = t.id AND s.user_id = $1
"""

SHOW_THREAD = sql(
    f"""
    SELECT row_to_json(shown) FROM (
        SELECT {_SHOWN}, t.body, t.mentioned_ids AS mentions
        FROM discussions.threads t {_JOINED} WHERE t.id = $2
    ) shown
    """,  # noqa: S608 - constants of this module
    Json,
)

# Parameters: viewer, course, the lectures that the viewer may open, whether they moderate, a
# lecture, whether answered, only the viewer's own, words, order, offset, limit.
_MATCHES: Final = """
    t.course_id = $2 AND t.deleted_at IS NULL
    AND ($4 OR t.lecture_id IS NULL OR t.lecture_id = ANY($3::uuid[]))
    AND ($4 OR NOT t.is_hidden OR t.author_id = $1)
    AND ($5::uuid IS NULL OR t.lecture_id = $5)
    AND ($6::boolean IS NULL OR (t.accepted_post_id IS NOT NULL) = $6)
    AND (NOT $7 OR t.author_id = $1)
    AND ($8::text IS NULL
        OR to_tsvector('simple', t.title || ' ' || t.body) @@ websearch_to_tsquery('simple', $8))
"""
LIST_THREADS = sql(
    f"""
    SELECT
        (SELECT coalesce(json_agg(row_to_json(shown)), '[]') FROM (
            SELECT {_SHOWN} FROM discussions.threads t {_JOINED} WHERE {_MATCHES}
            ORDER BY t.is_pinned DESC,
                CASE $9::text WHEN 'new' THEN t.created_at WHEN 'active' THEN t.last_post_at END
                    DESC NULLS LAST,
                CASE WHEN $9 = 'votes' THEN t.vote_count END DESC, t.id DESC
            OFFSET $10::bigint LIMIT $11::bigint
        ) shown) AS items,
        (SELECT count(*)::int4 FROM discussions.threads t WHERE {_MATCHES}) AS total
    """,  # noqa: S608 - constants of this module
    Page,
)

# The threads that somebody follows, those with news first. Who may no longer see a course is told
# by its id alone in `courseId`, and the service leaves those out.
LIST_FOLLOWED_COURSES = sql(
    """
    SELECT DISTINCT t.course_id FROM discussions.subscriptions s
    JOIN discussions.threads t ON t.id = s.thread_id AND t.deleted_at IS NULL
    WHERE s.user_id = $1
    """,
    UUID,
)

# Parameters: viewer, the courses that they take part in, the lectures of those that they may open,
# offset, limit.
_FOLLOWED: Final = """
    s.user_id = $1 AND t.deleted_at IS NULL AND t.course_id = ANY($2::uuid[])
    AND (t.lecture_id IS NULL OR t.lecture_id = ANY($3::uuid[]))
    AND (NOT t.is_hidden OR t.author_id = $1)
"""
LIST_FOLLOWED = sql(
    f"""
    SELECT
        (SELECT coalesce(json_agg(row_to_json(shown)), '[]') FROM (
            SELECT {_SHOWN} FROM discussions.threads t {_JOINED} WHERE {_FOLLOWED}
            ORDER BY s.read_at < t.last_post_at DESC, t.last_post_at DESC, t.id DESC
            OFFSET $4::bigint LIMIT $5::bigint
        ) shown) AS items,
        (SELECT count(*)::int4 FROM discussions.threads t
         JOIN discussions.subscriptions s ON s.thread_id = t.id WHERE {_FOLLOWED}) AS total
    """,  # noqa: S608 - constants of this module
    Page,
)

INSERT_THREAD = command(
    """
    INSERT INTO discussions.threads
        (id, course_id, lecture_id, author_id, title, body, mentioned_ids)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """
)
UPDATE_THREAD = command(
    """
    UPDATE discussions.threads SET title = $2, body = $3, is_pinned = $4, is_locked = $5,
        is_hidden = $6, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)
DELETE_THREAD = command(
    "UPDATE discussions.threads SET deleted_at = now(), version = version + 1 WHERE id = $1"
)
ACCEPT_POST = command(
    """
    UPDATE discussions.threads SET accepted_post_id = $2, version = version + 1, updated_at = now()
    WHERE id = $1
    """
)

SUBSCRIBE = command(
    """
    INSERT INTO discussions.subscriptions (thread_id, user_id)
    SELECT $1, u FROM unnest($2::uuid[]) u ON CONFLICT DO NOTHING
    """
)
# Those who are mentioned find news even if they have read the thread.
SUBSCRIBE_TO_NEWS = command(
    """
    INSERT INTO discussions.subscriptions (thread_id, user_id, read_at)
    SELECT $1, u, '-infinity' FROM unnest($2::uuid[]) u ON CONFLICT DO NOTHING
    """
)
UNSUBSCRIBE = command("DELETE FROM discussions.subscriptions WHERE thread_id = $1 AND user_id = $2")
MARK_READ = command(
    """
    UPDATE discussions.subscriptions SET read_at = clock_timestamp()
    WHERE thread_id = $1 AND user_id = $2
    """
)
# Whom to mail about news: one mail until they read again. Parameters: thread, who wrote.
CLAIM_FOLLOWERS = command(
    """
    UPDATE discussions.subscriptions SET mailed_at = clock_timestamp()
    WHERE thread_id = $1 AND user_id <> $2 AND mailed_at <= read_at
    RETURNING user_id
    """,
    UUID,
)
FIND_TITLE = sql("SELECT title FROM discussions.threads WHERE id = $1 AND deleted_at IS NULL", str)

# One vote each: a row comes back when it changed something, and only then it is counted.
VOTE = command(
    """
    INSERT INTO discussions.thread_votes (thread_id, user_id) VALUES ($1, $2)
    ON CONFLICT DO NOTHING RETURNING thread_id
    """,
    UUID,
)
UNVOTE = command(
    """
    DELETE FROM discussions.thread_votes WHERE thread_id = $1 AND user_id = $2 RETURNING thread_id
    """,
    UUID,
)
COUNT_VOTE = command(
    "UPDATE discussions.threads SET vote_count = vote_count + $2::integer WHERE id = $1"
)

privacy.holds(
    "discussions.threads",
    "author_id",
    "mentioned_ids",
    export=sql("SELECT to_jsonb(t) FROM discussions.threads t WHERE t.author_id = $1", Json),
    erase=command(
        """
        UPDATE discussions.threads SET
            title = CASE WHEN author_id = $1 THEN 'Removed' ELSE title END,
            body = CASE WHEN author_id = $1 THEN '' ELSE body END,
            mentioned_ids = array_remove(mentioned_ids, $1)
        WHERE author_id = $1 OR mentioned_ids @> ARRAY[$1]
        """
    ),
)
privacy.holds(
    "discussions.subscriptions",
    "user_id",
    export=sql("SELECT to_jsonb(s) FROM discussions.subscriptions s WHERE s.user_id = $1", Json),
    erase=command("DELETE FROM discussions.subscriptions WHERE user_id = $1"),
)
privacy.holds(
    "discussions.thread_votes",
    "user_id",
    export=sql("SELECT to_jsonb(v) FROM discussions.thread_votes v WHERE v.user_id = $1", Json),
    keeps="a vote is a number that others rely on; it names an id alone",
)
