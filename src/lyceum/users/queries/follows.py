"""Who follows whom. Lists and counts hold only people whom the reader may see.

Statements are put together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import FollowCounts, ProfileCard

# $2: what the reader may see by visibility; $3: the reader, who sees themselves.
_VISIBLE = "u.status = 'active' AND (u.visibility = ANY ($2::text[]) OR u.id = $3::uuid)"
_CARD = "u.id, trim(u.first_name || ' ' || u.last_name) AS display_name, u.avatar_url"
_FOLLOWERS = "users.follows f JOIN users.users u ON u.id = f.follower_id AND f.followed_id = $1"
_FOLLOWING = "users.follows f JOIN users.users u ON u.id = f.followed_id AND f.follower_id = $1"
_PAGE = "ORDER BY f.followed_at DESC, u.id LIMIT $4 OFFSET $5"

FOLLOW = command(
    """
    INSERT INTO users.follows (follower_id, followed_id) VALUES ($1, $2)
    ON CONFLICT DO NOTHING RETURNING followed_id
    """,
    UUID,
)
UNFOLLOW = command(
    "DELETE FROM users.follows WHERE follower_id = $1 AND followed_id = $2 RETURNING followed_id",
    UUID,
)
LIST_FOLLOWERS = sql(f"SELECT {_CARD} FROM {_FOLLOWERS} WHERE {_VISIBLE} {_PAGE}", ProfileCard)
LIST_FOLLOWING = sql(f"SELECT {_CARD} FROM {_FOLLOWING} WHERE {_VISIBLE} {_PAGE}", ProfileCard)
COUNT_FOLLOWS = sql(
    f"""
    SELECT (SELECT count(*) FROM {_FOLLOWERS} WHERE {_VISIBLE}) AS followers,
           (SELECT count(*) FROM {_FOLLOWING} WHERE {_VISIBLE}) AS following,
           EXISTS (SELECT FROM users.follows
                   WHERE follower_id = $3 AND followed_id = $1) AS is_followed
    """,
    FollowCounts,
)
