"""How sessions and refresh tokens are read and written. A user's row is locked before them."""

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import RefreshState, Session, Standing

INSERT_SESSION = command(
    """
    INSERT INTO users.sessions
        (id, user_id, expires_at, absolute_expires_at, ip, user_agent, authentication_methods)
    VALUES ($1, $2, now() + make_interval(secs => least($3::float8, $4::float8)),
            now() + make_interval(secs => $4::float8), $5, $6, $7::text[])
    """
)
EXTEND_SESSION = command(
    """
    UPDATE users.sessions SET
        last_used_at = now(),
        expires_at = least(now() + make_interval(secs => $2::float8), absolute_expires_at)
    WHERE id = $1
    """
)
LIST_SESSIONS = sql(
    """
    SELECT id, created_at, last_used_at, expires_at, ip, user_agent,
           EXISTS (SELECT FROM users.session_cookies c WHERE c.session_id = s.id) AS is_browser
    FROM users.sessions s
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
    ORDER BY last_used_at DESC, id DESC
    """,
    Session,
)
REVOKE_SESSION = command(
    """
    UPDATE users.sessions SET revoked_at = now(), revoked_reason = $3
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > now()
    RETURNING id
    """,
    UUID,
)
REVOKE_OTHER_SESSIONS = command(
    """
    UPDATE users.sessions SET revoked_at = now(), revoked_reason = $3
    WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND revoked_at IS NULL AND expires_at > now()
    RETURNING id
    """,
    UUID,
)
REVOKE_SURPLUS_SESSIONS = command(
    """
    UPDATE users.sessions SET revoked_at = now(), revoked_reason = 'too_many_sessions'
    WHERE id IN (
        SELECT id FROM users.sessions
        WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
        ORDER BY last_used_at DESC, id DESC OFFSET $2
    )
    RETURNING id
    """,
    UUID,
)
FIND_STANDING = sql(
    """
    SELECT s.user_id, s.id AS session_id, u.roles,
           ARRAY(SELECT DISTINCT p FROM users.roles r, unnest(r.permissions) p
                 WHERE r.name = ANY (u.roles)) AS granted,
           i.impersonator_id
    FROM users.sessions s JOIN users.users u ON u.id = s.user_id
    LEFT JOIN users.acting_sessions i ON i.session_id = s.id
    WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > now()
      AND u.status = 'active'
    """,
    Standing,
)
INSERT_ACTING_SESSION = command(
    """
    INSERT INTO users.acting_sessions (session_id, impersonator_id, reason) VALUES ($1, $2, $3)
    """
)
REVOKE_ACTING_SESSIONS = command(
    """
    UPDATE users.sessions SET revoked_at = now(), revoked_reason = 'acting_ended'
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now() AND id IN (
        SELECT session_id FROM users.acting_sessions WHERE impersonator_id = $2)
    RETURNING id
    """,
    UUID,
)
INSERT_REFRESH_TOKEN = command(
    """
    INSERT INTO users.refresh_tokens (token_hash, session_id, expires_at)
    SELECT $1, s.id, least(now() + make_interval(secs => $3::float8), s.absolute_expires_at)
    FROM users.sessions s WHERE s.id = $2
    """
)
# The state is read by a second statement: one that waited for a lock still sees the tokens as they
# were before it waited.
LOCK_SESSION_OF_TOKEN = command(
    """
    SELECT s.id FROM users.sessions s
    WHERE s.id = (SELECT t.session_id FROM users.refresh_tokens t WHERE t.token_hash = $1)
    FOR NO KEY UPDATE
    """,
    UUID,
)
FIND_REFRESH_STATE = sql(
    """
    SELECT t.session_id, s.user_id,
           t.used_at IS NOT NULL AS is_used,
           coalesce(
               t.used_at > clock_timestamp() - make_interval(secs => $2::float8)
               AND n.used_at IS NULL AND n.token_hash IS NOT NULL, false) AS is_retry,
           t.successor_hash,
           t.expires_at <= now() OR s.expires_at <= now() AS is_expired,
           s.revoked_at IS NOT NULL AS is_revoked
    FROM users.refresh_tokens t
    JOIN users.sessions s ON s.id = t.session_id
    LEFT JOIN users.refresh_tokens n ON n.token_hash = t.successor_hash
    WHERE t.token_hash = $1
    """,
    RefreshState,
)
USE_REFRESH_TOKEN = command(
    """
    UPDATE users.refresh_tokens SET used_at = clock_timestamp(), successor_hash = $2
    WHERE token_hash = $1 AND used_at IS NULL
    """
)
