"""How devices that need no second factor are read and written."""

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import TrustedDevice

INSERT_DEVICE = command(
    """
    INSERT INTO users.trusted_devices (id, user_id, token_hash, ip, user_agent, expires_at)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(days => $6::integer))
    ON CONFLICT (token_hash) DO UPDATE SET
        last_used_at = now(), ip = excluded.ip, user_agent = excluded.user_agent,
        expires_at = excluded.expires_at
    RETURNING id
    """,
    UUID,
)
DELETE_SURPLUS = command(
    """
    DELETE FROM users.trusted_devices WHERE id IN (
        SELECT id FROM users.trusted_devices WHERE user_id = $1
        ORDER BY last_used_at DESC, id DESC OFFSET $2
    )
    """
)
USE_DEVICE = command(
    """
    UPDATE users.trusted_devices SET last_used_at = now()
    WHERE token_hash = $1 AND user_id = $2 AND expires_at > now() RETURNING id
    """,
    UUID,
)
LIST_DEVICES = sql(
    """
    SELECT id, ip, user_agent, created_at, last_used_at, expires_at FROM users.trusted_devices
    WHERE user_id = $1 AND expires_at > now() ORDER BY last_used_at DESC, id DESC
    """,
    TrustedDevice,
)
DELETE_DEVICE = command(
    "DELETE FROM users.trusted_devices WHERE id = $1 AND user_id = $2 RETURNING id", UUID
)
DELETE_DEVICES = command("DELETE FROM users.trusted_devices WHERE user_id = $1 RETURNING id", UUID)
