"""How the sessions of browsers are read and written: rows of sessions that a cookie opens."""

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import BrowserStanding, Session

INSERT_COOKIE = command(
    "INSERT INTO users.session_cookies (token_hash, session_id) VALUES ($1, $2)"
)
FIND_STANDING_OF_COOKIE = sql(
    """
    SELECT s.user_id, s.id AS session_id, u.roles,
           ARRAY(SELECT DISTINCT p FROM users.roles r, unnest(r.permissions) p
                 WHERE r.name = ANY (u.roles)) AS granted,
           extract(epoch FROM s.expires_at - now())::float8 AS seconds_left,
           s.last_used_at < now() - interval '5 minutes' AS is_stale
    FROM users.session_cookies c
    JOIN users.sessions s ON s.id = c.session_id
    JOIN users.users u ON u.id = s.user_id
    WHERE c.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
      AND u.status = 'active'
    """,
    BrowserStanding,
)
FIND_SESSION = sql(
    """
    SELECT id, created_at, last_used_at, expires_at, ip, user_agent,
           EXISTS (SELECT FROM users.session_cookies c WHERE c.session_id = s.id) AS is_browser
    FROM users.sessions s WHERE id = $1 AND user_id = $2
    """,
    Session,
)
TOUCH_SESSION = command("UPDATE users.sessions SET last_used_at = now() WHERE id = $1")
REVOKE_BY_COOKIE = command(
    """
    UPDATE users.sessions s SET revoked_at = now(), revoked_reason = $3
    FROM users.session_cookies c
    WHERE c.session_id = s.id AND c.token_hash = $1 AND s.user_id = $2
      AND s.revoked_at IS NULL AND s.expires_at > now()
    RETURNING s.id
    """,
    UUID,
)
REVOKE_BROWSER_SESSIONS = command(
    """
    UPDATE users.sessions s SET revoked_at = now(), revoked_reason = $2
    WHERE s.user_id = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
      AND EXISTS (SELECT FROM users.session_cookies c WHERE c.session_id = s.id)
    RETURNING s.id
    """,
    UUID,
)
