"""Statements of webhooks."""

from uuid import UUID

from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql
from lyceum.webhooks.records import Delivery, Endpoint, Try

LOCK_OWNER = command("SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || $1::text, 0))")
COUNT_ENDPOINTS = sql("SELECT count(*) FROM webhooks.endpoints WHERE owner_id = $1", int)
ADD_ENDPOINT = command(
    """
    INSERT INTO webhooks.endpoints (id, owner_id, url, event_types, description)
    VALUES ($1, $2, $3, $4, $5)
    RETURNING id, owner_id, url, event_types, description, is_enabled, disabled_reason, generation,
        rotated_at, failing_since, version, created_at
    """,
    Endpoint,
)
LIST_ENDPOINTS = sql(
    """
    SELECT id, owner_id, url, event_types, description, is_enabled, disabled_reason, generation,
        rotated_at, failing_since, version, created_at
    FROM webhooks.endpoints WHERE owner_id = $1 ORDER BY id
    """,
    Endpoint,
)
FIND_ENDPOINT = sql(
    """
    SELECT id, owner_id, url, event_types, description, is_enabled, disabled_reason, generation,
        rotated_at, failing_since, version, created_at
    FROM webhooks.endpoints WHERE id = $1
    """,
    Endpoint,
)
LOCK_ENDPOINT = command(
    """
    SELECT id, owner_id, url, event_types, description, is_enabled, disabled_reason, generation,
        rotated_at, failing_since, version, created_at
    FROM webhooks.endpoints WHERE id = $1 FOR UPDATE
    """,
    Endpoint,
)
CHANGE_ENDPOINT = command(
    """
    UPDATE webhooks.endpoints SET url = $2, event_types = $3, description = $4, is_enabled = $5,
        disabled_reason = CASE WHEN $5 THEN NULL ELSE 'by_owner' END,
        failing_since = CASE WHEN $5 AND NOT is_enabled THEN NULL ELSE failing_since END,
        version = version + 1
    WHERE id = $1
    """
)
ROTATE_SECRET = command(
    """
    UPDATE webhooks.endpoints
    SET generation = generation + 1, rotated_at = $2, version = version + 1 WHERE id = $1
    """
)
DISABLE_ENDPOINT = command(
    """
    UPDATE webhooks.endpoints
    SET is_enabled = false, disabled_reason = $2, version = version + 1 WHERE id = $1
    """
)
NOTE_FAILURE = command(
    "UPDATE webhooks.endpoints SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL"
)
NOTE_SUCCESS = command(
    """
    UPDATE webhooks.endpoints SET failing_since = NULL
    WHERE id = $1 AND failing_since IS NOT NULL
    """
)
DELETE_ENDPOINT = command("DELETE FROM webhooks.endpoints WHERE id = $1")

LIST_WANTING = sql(
    "SELECT id FROM webhooks.endpoints WHERE is_enabled AND event_types @> ARRAY[$1::text]", UUID
)
ADD_DELIVERY = command(
    """
    INSERT INTO webhooks.deliveries (id, endpoint_id, message_id, event_type, body)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (endpoint_id, message_id) DO NOTHING
    """
)
FIND_DELIVERY = sql(
    """
    SELECT id, endpoint_id, message_id, event_type, body, state, attempts, next_try_at, created_at,
        finished_at
    FROM webhooks.deliveries WHERE id = $1
    """,
    Delivery,
)
LOCK_DELIVERY = command(
    """
    SELECT id, endpoint_id, message_id, event_type, body, state, attempts, next_try_at, created_at,
        finished_at
    FROM webhooks.deliveries WHERE id = $1 FOR UPDATE
    """,
    Delivery,
)
LIST_DELIVERIES = sql(
    """
    SELECT id, endpoint_id, message_id, event_type, body, state, attempts, next_try_at, created_at,
        finished_at
    FROM webhooks.deliveries WHERE endpoint_id = $1 AND ($2::uuid IS NULL OR id < $2)
    ORDER BY id DESC LIMIT $3
    """,
    Delivery,
)
LIST_DUE = sql(
    """
    SELECT id FROM webhooks.deliveries WHERE state = 'waiting' AND next_try_at <= $1
    ORDER BY next_try_at LIMIT $2
    """,
    UUID,
)
END_TRY = command(
    """
    UPDATE webhooks.deliveries
    SET state = $2, attempts = $3, next_try_at = $4, finished_at = $5 WHERE id = $1
    """
)
SEND_AGAIN = command(
    """
    UPDATE webhooks.deliveries
    SET state = 'waiting', attempts = 0, next_try_at = $2, finished_at = NULL WHERE id = $1
    """
)
ADD_TRY = command(
    """
    INSERT INTO webhooks.tries (id, delivery_id, tried_at, status, milliseconds, excerpt, error)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """
)
LIST_TRIES = sql(
    """
    SELECT id, tried_at, status, milliseconds, excerpt, error
    FROM webhooks.tries WHERE delivery_id = $1 ORDER BY id
    """,
    Try,
)
PURGE_DELIVERIES = command(
    """
    DELETE FROM webhooks.deliveries
    WHERE id IN (SELECT id FROM webhooks.deliveries WHERE finished_at < $1 LIMIT $2) RETURNING id
    """,
    UUID,
)

privacy.holds(
    "webhooks.endpoints",
    "owner_id",
    export=sql(
        """
        SELECT jsonb_build_object('url', url, 'event_types', event_types,
                                  'description', description, 'created_at', created_at)
        FROM webhooks.endpoints WHERE owner_id = $1
        """,
        Json,
    ),
    erase=command("DELETE FROM webhooks.endpoints WHERE owner_id = $1"),
)
