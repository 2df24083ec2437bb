"""How it is read and written when the person of a session last proved who they are."""

from datetime import datetime

from lyceum.platform.statements import command, sql
from lyceum.users.records import Freshness

FIND_FRESHNESS = sql(
    """
    SELECT s.authenticated_at > now() - make_interval(secs => $3::float8) AS is_fresh,
           u.password_hash IS NOT NULL AS has_password,
           ARRAY(SELECT DISTINCT f.kind FROM users.factors f
                 WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS factors
    FROM users.sessions s JOIN users.users u ON u.id = s.user_id
    WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL
    """,
    Freshness,
)
RECORD_AUTHENTICATION = command(
    """
    UPDATE users.sessions SET authenticated_at = now(), authentication_methods = $3::text[]
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
    RETURNING authenticated_at
    """,
    datetime,
)
