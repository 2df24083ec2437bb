"""How posts are read and written. Whoever writes holds the lock of the thread."""

from uuid import UUID

from lyceum.discussions.records import Page, Post
from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

FIND_POST = sql(
    """
    SELECT id, thread_id, author_id, body, is_hidden, version
    FROM discussions.posts WHERE id = $1 AND deleted_at IS NULL
    """,
    Post,
)

# Parameters: viewer, thread, whether the viewer moderates, the post alone (or null), offset, limit.
# The accepted answer comes first, then the order of writing.
LIST_POSTS = sql(
    """
    SELECT
        (SELECT coalesce(json_agg(row_to_json(shown)), '[]') FROM (
            SELECT q.id, q.thread_id AS "threadId",
                json_build_object('userId', q.author_id,
                    'displayName', coalesce(p.display_name, 'Former member'),
                    'avatarUrl', p.avatar_url) AS author,
                CASE WHEN $3 OR NOT q.is_hidden OR q.author_id = $1 THEN q.body END AS body,
                CASE WHEN $3 OR NOT q.is_hidden OR q.author_id = $1 THEN q.mentioned_ids
                    ELSE '{}' END AS mentions,
                q.is_by_staff AS "isByStaff",
                coalesce(t.accepted_post_id = q.id, false) AS "isAccepted",
                q.is_hidden AS "isHidden", q.vote_count AS "voteCount",
                EXISTS (SELECT FROM discussions.post_votes v
                        WHERE v.post_id = q.id AND v.user_id = $1) AS "hasVoted",
                q.created_at AS "createdAt", q.updated_at AS "updatedAt", q.version
            FROM discussions.posts q
            JOIN discussions.threads t ON t.id = q.thread_id
            LEFT JOIN users.public_profiles p ON p.user_id = q.author_id
            WHERE q.thread_id = $2 AND q.deleted_at IS NULL AND ($4::uuid IS NULL OR q.id = $4)
            ORDER BY t.accepted_post_id IS NOT DISTINCT FROM q.id DESC, q.created_at, q.id
            OFFSET $5::bigint LIMIT $6::bigint
        ) shown) AS items,
        (SELECT post_count FROM discussions.threads WHERE id = $2) AS total
    """,
    Page,
)

INSERT_POST = command(
    """
    INSERT INTO discussions.posts (id, thread_id, author_id, body, mentioned_ids, is_by_staff,
        created_at)
    VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
    """
)
COUNT_POST = command(
    """
    UPDATE discussions.threads SET post_count = post_count + 1, last_post_at = clock_timestamp()
    WHERE id = $1
    """
)
UPDATE_POST = command(
    """
    UPDATE discussions.posts SET body = $2, is_hidden = $3, version = version + 1,
        updated_at = now()
    WHERE id = $1
    """
)
DELETE_POST = command(
    "UPDATE discussions.posts SET deleted_at = now(), version = version + 1 WHERE id = $1"
)
# A deleted answer is not the accepted one any more.
UNCOUNT_POST = command(
    """
    UPDATE discussions.threads SET post_count = post_count - 1,
        accepted_post_id = nullif(accepted_post_id, $2), version = version + 1
    WHERE id = $1
    """
)

VOTE = command(
    """
    INSERT INTO discussions.post_votes (post_id, user_id) VALUES ($1, $2)
    ON CONFLICT DO NOTHING RETURNING post_id
    """,
    UUID,
)
UNVOTE = command(
    "DELETE FROM discussions.post_votes WHERE post_id = $1 AND user_id = $2 RETURNING post_id",
    UUID,
)
COUNT_VOTE = command(
    "UPDATE discussions.posts SET vote_count = vote_count + $2::integer WHERE id = $1"
)

privacy.holds(
    "discussions.posts",
    "author_id",
    "mentioned_ids",
    export=sql("SELECT to_jsonb(q) FROM discussions.posts q WHERE q.author_id = $1", Json),
    erase=command(
        """
        UPDATE discussions.posts SET
            body = CASE WHEN author_id = $1 THEN '' ELSE body END,
            mentioned_ids = array_remove(mentioned_ids, $1)
        WHERE author_id = $1 OR mentioned_ids @> ARRAY[$1]
        """
    ),
)
privacy.holds(
    "discussions.post_votes",
    "user_id",
    export=sql("SELECT to_jsonb(v) FROM discussions.post_votes v WHERE v.user_id = $1", Json),
    keeps="a vote is a number that others rely on; it names an id alone",
)
