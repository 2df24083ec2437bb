"""How the keys of other services and their nonces are read and written."""

from lyceum.platform.statements import command, sql
from lyceum.users.records import ServiceKey, StoredServiceKey

FIND_SERVICE_KEY = sql(
    """
    SELECT id, service, sealed_secret FROM users.service_keys
    WHERE id = $1 AND coalesce(expires_at > now(), true)
    """,
    StoredServiceKey,
)
LIST_SERVICE_KEYS = sql(
    """
    SELECT id, service, place, created_at, expires_at FROM users.service_keys
    ORDER BY service, created_at, id
    """,
    ServiceKey,
)
# Whoever makes and replaces keys does so one after the other.
LOCK_SERVICE_KEYS = command("SELECT true FROM pg_advisory_xact_lock(7306201188474)", bool)
LIST_KEYS_OF_SERVICE = sql(
    """
    SELECT id, service, place, created_at, expires_at FROM users.service_keys
    WHERE service = $1 ORDER BY created_at, id
    """,
    ServiceKey,
)
INSERT_SERVICE_KEY = command(
    """
    INSERT INTO users.service_keys (id, service, place, sealed_secret) VALUES ($1, $2, $3, $4)
    RETURNING id, service, place, created_at, expires_at
    """,
    ServiceKey,
)
END_SERVICE_KEY = command(
    """
    UPDATE users.service_keys SET
        expires_at = least(expires_at, now() + make_interval(secs => $2::float8))
    WHERE id = $1
    """
)
DELETE_SERVICE_KEY = command(
    """
    DELETE FROM users.service_keys WHERE id = $1
    RETURNING id, service, place, created_at, expires_at
    """,
    ServiceKey,
)
# No row: the nonce was used before.
CLAIM_NONCE = command(
    """
    INSERT INTO users.service_nonces (key_id, nonce) VALUES ($1, $2)
    ON CONFLICT DO NOTHING RETURNING true
    """,
    bool,
)
# A timestamp may be 5 minutes ahead and is then good for 10.
PURGE_NONCES = command(
    "DELETE FROM users.service_nonces WHERE used_at < now() - interval '20 minutes'"
)
