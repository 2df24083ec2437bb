"""What a try writes on its job's row: the claim, the lease, and how it ended.

Every mark names the lease, so that whoever has lost it changes nothing. A job that somebody wants
to stop is not tried again, however its try ended. Not here: when they are written (`job_runs`).
"""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.platform.statements import Json, command, sql


class ClaimedJob(msgspec.Struct, frozen=True):
    """A job under our lease; `attempts` counts this try, which was due at `available_at`."""

    id: UUID
    name: str
    queue: str
    arguments: Json
    actor_id: UUID | None
    impersonator_id: UUID | None
    request_id: str
    trace: str | None
    origin: str | None
    attempts: int
    available_at: datetime
    started_at: datetime | None
    lease_token: UUID | None


CLAIM = command(
    """
    UPDATE platform.jobs SET state = 'running', attempts = attempts + 1, started_at = now(),
        progress = 0, note = '', lease_token = $2,
        leased_until = now() + make_interval(secs => $3)
    WHERE id = $1 AND state IN ('waiting', 'queued') AND available_at <= now()
    RETURNING id, name, queue, arguments, actor_id, impersonator_id, request_id, trace, origin,
        attempts, available_at, started_at, lease_token
    """,
    ClaimedJob,
)
RENEW = command(
    """
    UPDATE platform.jobs SET leased_until = now() + make_interval(secs => $2)
    WHERE state = 'running' AND lease_token = ANY($1::uuid[])
    """
)
EXPIRED = sql(
    """
    SELECT id, name, queue, arguments, actor_id, impersonator_id, request_id, trace, origin,
        attempts, available_at, started_at, lease_token
    FROM platform.jobs WHERE state = 'running' AND leased_until < now()
    ORDER BY leased_until LIMIT 100
    """,
    ClaimedJob,
)
ASKED_TO_STOP = sql(
    """
    SELECT mine.token FROM unnest($1::uuid[]) mine(token)
    JOIN platform.jobs j ON j.state = 'running' AND j.lease_token = mine.token
    WHERE j.cancel_asked_at IS NOT NULL
    """,
    UUID,
)
SUCCEED = command(
    """
    UPDATE platform.jobs SET state = 'succeeded', progress = 1, result = $3, error = NULL,
        fault = NULL, finished_at = now(), lease_token = NULL, leased_until = NULL
    WHERE id = $1 AND lease_token = $2
    """
)
STOP = command(
    """
    UPDATE platform.jobs SET state = 'cancelled', finished_at = now(), lease_token = NULL,
        leased_until = NULL
    WHERE id = $1 AND lease_token = $2
    """
)
FAIL = command(
    """
    UPDATE platform.jobs SET error = $3, fault = $4, finished_at = now(), lease_token = NULL,
        leased_until = NULL,
        state = CASE WHEN cancel_asked_at IS NULL THEN 'failed' ELSE 'cancelled' END
    WHERE id = $1 AND lease_token = $2
    """
)
TRY_AGAIN = command(
    """
    UPDATE platform.jobs SET error = $3, fault = $4, lease_token = NULL, leased_until = NULL,
        available_at = now() + make_interval(secs => $5),
        state = CASE WHEN cancel_asked_at IS NULL THEN 'waiting' ELSE 'cancelled' END,
        finished_at = CASE WHEN cancel_asked_at IS NULL THEN NULL ELSE now() END
    WHERE id = $1 AND lease_token = $2
    """
)
PUT_BACK = command(
    """
    UPDATE platform.jobs SET attempts = attempts - 1, lease_token = NULL, leased_until = NULL,
        available_at = now() + make_interval(secs => $3),
        state = CASE WHEN cancel_asked_at IS NULL THEN 'waiting' ELSE 'cancelled' END,
        finished_at = CASE WHEN cancel_asked_at IS NULL THEN NULL ELSE now() END
    WHERE id = $1 AND lease_token = $2
    """
)
GIVE_BACK = command(
    """
    UPDATE platform.jobs SET state = 'waiting', available_at = now() + make_interval(secs => $2)
    WHERE id = $1 AND state = 'queued'
    """
)
