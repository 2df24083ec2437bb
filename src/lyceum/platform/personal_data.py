"""What the platform's own tables hold about people (`privacy`)."""

from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

privacy.holds(
    "platform.outbox",
    "actor_id",
    "impersonator_id",
    export=sql(
        """
        SELECT jsonb_build_object('event', name, 'occurred_at', occurred_at, 'payload', payload)
        FROM platform.outbox WHERE actor_id = $1 OR impersonator_id = $1
        """,
        Json,
    ),
    # What happened is told by ids, which name nobody once the account is erased.
    erase=command("UPDATE platform.outbox SET origin = NULL WHERE actor_id = $1"),
)
privacy.holds(
    "platform.jobs",
    "actor_id",
    "impersonator_id",
    export=sql(
        """
        SELECT jsonb_build_object('id', id, 'name', name, 'state', state, 'created_at', created_at,
                                  'finished_at', finished_at)
        FROM platform.jobs WHERE actor_id = $1 OR impersonator_id = $1
        """,
        Json,
    ),
    # What is still under way ends, and goes a day later.
    erase=command(
        """
        DELETE FROM platform.jobs
        WHERE actor_id = $1 AND state IN ('succeeded', 'failed', 'cancelled')
        """
    ),
)
privacy.holds(
    "platform.idempotency_keys",
    "owner",
    export=sql(
        """
        SELECT jsonb_build_object('route', route, 'created_at', created_at)
        FROM platform.idempotency_keys WHERE owner = $1::uuid::text
        """,
        Json,
    ),
    erase=command("DELETE FROM platform.idempotency_keys WHERE owner = $1::uuid::text"),
)
