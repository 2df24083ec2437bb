"""How API keys are read and written. Their owner's row is locked before them.

Statements are put together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import ApiKey, KeyStanding

_KEY = """
    k.id, k.name, k.prefix, k.scopes, k.networks, k.ends_with_password, k.expires_at, k.created_at,
    k.last_used_at, k.last_used_ip, k.previous_until
"""
_IS_LIVE = "k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true)"

LIST_KEYS = sql(
    f"""
    SELECT {_KEY} FROM users.api_keys k WHERE k.user_id = $1 AND k.revoked_at IS NULL
    ORDER BY k.created_at DESC, k.id DESC
    """,
    ApiKey,
)
FIND_KEY = sql(
    f"""
    SELECT {_KEY} FROM users.api_keys k WHERE k.id = $1 AND k.user_id = $2 AND k.revoked_at IS NULL
    """,
    ApiKey,
)
COUNT_KEYS = sql(f"SELECT count(*) FROM users.api_keys k WHERE k.user_id = $1 AND {_IS_LIVE}", int)
INSERT_KEY = command(
    f"""
    INSERT INTO users.api_keys AS k
        (id, user_id, name, prefix, secret_hash, scopes, networks, ends_with_password, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    RETURNING {_KEY}
    """,
    ApiKey,
)
ROTATE_KEY = command(
    f"""
    UPDATE users.api_keys AS k SET
        prefix = $3, secret_hash = $4,
        previous_hash = CASE WHEN $5::float8 > 0 THEN secret_hash END,
        previous_until = CASE WHEN $5::float8 > 0 THEN now() + make_interval(secs => $5::float8) END
    WHERE k.id = $1 AND k.user_id = $2 AND {_IS_LIVE}
    RETURNING {_KEY}
    """,
    ApiKey,
)
REVOKE_KEY = command(
    """
    UPDATE users.api_keys SET revoked_at = now()
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
    RETURNING id
    """,
    UUID,
)
REVOKE_WITH_PASSWORD = command(
    """
    UPDATE users.api_keys SET revoked_at = now()
    WHERE user_id = $1 AND ends_with_password AND revoked_at IS NULL
    RETURNING id
    """,
    UUID,
)
# What a key may do is what its owner may do now, as far as its scopes go.
FIND_KEY_STANDING = sql(
    f"""
    SELECT k.id AS key_id, k.user_id, u.roles,
           ARRAY(SELECT DISTINCT p FROM users.roles r, unnest(r.permissions) p
                 WHERE r.name = ANY (u.roles)) AS granted,
           k.scopes, k.networks,
           extract(epoch FROM least(
               k.expires_at, CASE WHEN k.secret_hash <> $1 THEN k.previous_until END
           ) - now())::float8 AS seconds_left,
           coalesce(k.last_used_at < now() - interval '1 minute', true) AS is_stale
    FROM users.api_keys k JOIN users.users u ON u.id = k.user_id
    WHERE (k.secret_hash = $1 OR k.previous_hash = $1 AND k.previous_until > now())
      AND {_IS_LIVE} AND u.status = 'active'
    """,
    KeyStanding,
)
TOUCH_KEY = command(
    "UPDATE users.api_keys SET last_used_at = now(), last_used_ip = $2 WHERE id = $1"
)
