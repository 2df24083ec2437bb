"""How the devices that people sign in from are read and written, after the row of their person."""

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import DeviceOfPerson, KnownDevice, NewDevice

FIND_KNOWN_DEVICE = sql(
    """
    SELECT d.id FROM users.known_devices d JOIN users.users u ON u.id = d.user_id
    WHERE d.token_hash = $1 AND u.email = $2 AND d.expires_at > now()
    """,
    UUID,
)
TOUCH_DEVICE = command(
    """
    UPDATE users.known_devices SET
        last_used_at = now(), expires_at = now() + make_interval(days => $3::integer),
        ip = $4, user_agent = $5
    WHERE token_hash = $1 AND user_id = $2 AND expires_at > now()
    RETURNING id
    """,
    UUID,
)
# The subqueries see the devices without the new one. It is nothing to write home about when it is
# the first, or looks like one that is there.
INSERT_DEVICE = command(
    """
    INSERT INTO users.known_devices AS d (id, user_id, token_hash, expires_at, ip, user_agent)
    VALUES ($1, $2, $3, now() + make_interval(days => $4::integer), $5, $6)
    RETURNING d.id,
        EXISTS (SELECT FROM users.known_devices o WHERE o.user_id = d.user_id)
        AND NOT EXISTS (
            SELECT FROM users.known_devices o
            WHERE o.user_id = d.user_id AND o.ip = d.ip AND o.user_agent = d.user_agent
        ) AS is_unfamiliar
    """,
    NewDevice,
)
# Those that came once and never again go first: clients that keep no token make many of them.
DELETE_SURPLUS_DEVICES = command(
    """
    DELETE FROM users.known_devices WHERE id IN (
        SELECT id FROM users.known_devices WHERE user_id = $1
        ORDER BY id = $2 DESC, last_used_at > created_at DESC, last_used_at DESC OFFSET $3
    )
    """
)
LINK_SESSION = command("INSERT INTO users.device_sessions (session_id, device_id) VALUES ($1, $2)")
LIST_DEVICES = sql(
    """
    SELECT id, created_at, last_used_at, expires_at, ip, user_agent,
           EXISTS (
               SELECT FROM users.device_sessions l JOIN users.sessions s ON s.id = l.session_id
               WHERE l.device_id = d.id AND s.revoked_at IS NULL AND s.expires_at > now()
           ) AS is_signed_in,
           coalesce(id = (SELECT l.device_id FROM users.device_sessions l WHERE l.session_id = $2),
                    false) AS is_current
    FROM users.known_devices d
    WHERE user_id = $1 AND expires_at > now()
    ORDER BY last_used_at DESC, id DESC
    """,
    KnownDevice,
)
FIND_DEVICE = sql(
    """
    SELECT u.email, d.ip, d.user_agent
    FROM users.known_devices d JOIN users.users u ON u.id = d.user_id
    WHERE d.id = $1 AND u.status <> 'erased'
    """,
    DeviceOfPerson,
)
# Before the device is deleted, which takes the links along.
REVOKE_DEVICE_SESSIONS = command(
    """
    UPDATE users.sessions s SET revoked_at = now(), revoked_reason = $3
    FROM users.device_sessions l
    WHERE l.session_id = s.id AND l.device_id = $1 AND s.user_id = $2
      AND s.revoked_at IS NULL AND s.expires_at > now()
    RETURNING s.id
    """,
    UUID,
)
DELETE_DEVICE = command(
    "DELETE FROM users.known_devices WHERE id = $1 AND user_id = $2 RETURNING id", UUID
)
