"""Events that were parked after their tries: seeing, replaying and dropping them.

For operators: the command line and the admin routes call this and check the permission.
Not here: parking them (`outbox`).
"""

from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import OUTBOX_CHANNEL
from lyceum.platform.statements import Json, command, sql


class DeadLetter(msgspec.Struct, frozen=True):
    """A parked event; `payload` is the event as JSON, `error` is redacted. `consumer` is the domain
    that could not handle it; '' when the event itself was not known."""

    id: UUID
    event_id: UUID
    consumer: str
    name: str
    version: int
    key: str
    payload: Json
    occurred_at: datetime
    actor_id: UUID | None
    request_id: str
    attempts: int
    dead_at: datetime | None
    error: str | None


_LIST = sql(
    """
    SELECT id, coalesce(event_id, id) AS event_id, consumer, name, version, key, payload,
        occurred_at, actor_id, request_id, attempts, dead_at, error
    FROM platform.outbox
    WHERE dead_at IS NOT NULL
        AND ($3::text IS NULL OR name = $3) AND ($4::text IS NULL OR consumer = $4)
    ORDER BY position LIMIT $1 OFFSET $2
    """,
    DeadLetter,
)
_SHOW = sql(
    """
    SELECT id, coalesce(event_id, id) AS event_id, consumer, name, version, key, payload,
        occurred_at, actor_id, request_id, attempts, dead_at, error
    FROM platform.outbox WHERE (id = $1 OR event_id = $1) AND dead_at IS NOT NULL
    ORDER BY position LIMIT 1
    """,
    DeadLetter,
)
_COUNT = sql(
    """
    SELECT count(*) FROM platform.outbox
    WHERE dead_at IS NOT NULL
        AND ($1::text IS NULL OR name = $1) AND ($2::text IS NULL OR consumer = $2)
    """,
    int,
)
_REPLAY = command(
    """
    UPDATE platform.outbox SET dead_at = NULL, held_until = NULL, attempts = 0, lost = 0
    WHERE (id = $1 OR event_id = $1) AND dead_at IS NOT NULL RETURNING id
    """,
    UUID,
)
_REPLAY_ALL = command(
    """
    UPDATE platform.outbox SET dead_at = NULL, held_until = NULL, attempts = 0, lost = 0
    WHERE dead_at IS NOT NULL
        AND ($1::text IS NULL OR name = $1) AND ($2::text IS NULL OR consumer = $2)
    RETURNING id
    """,
    UUID,
)
_DROP = command(
    """
    DELETE FROM platform.outbox WHERE (id = $1 OR event_id = $1) AND dead_at IS NOT NULL
    RETURNING id
    """,
    UUID,
)
_MISSING = "No parked event has this id."


async def count_dead_letters(
    tx: Reader, *, name: str | None = None, consumer: str | None = None
) -> int:
    """Return how many events are parked."""
    return await tx.one(_COUNT, name, consumer)


async def list_dead_letters(
    tx: Reader,
    *,
    limit: int = 100,
    offset: int = 0,
    name: str | None = None,
    consumer: str | None = None,
) -> list[DeadLetter]:
    """Return parked events in the order in which they were kept."""
    return await tx.all(_LIST, limit, offset, name, consumer)


async def get_dead_letter(tx: Reader, dead_id: UUID) -> DeadLetter:
    """Return one parked event by its id, or the event's; NotFound when there is none."""
    found = await tx.one_or_none(_SHOW, dead_id)
    if found is None:
        raise errors.NotFound(_MISSING)
    return found


async def replay_dead_letter(tx: Writer, dead_id: UUID) -> None:
    """Deliver a parked event again, with all its tries; handlers that had it are left out."""
    if await tx.one_or_none(_REPLAY, dead_id) is None:
        raise errors.NotFound(_MISSING)
    tx.notify(OUTBOX_CHANNEL)


async def replay_dead_letters(
    tx: Writer, name: str | None = None, *, consumer: str | None = None
) -> int:
    """Deliver every parked event (called `name`, of `consumer`, if given) again; return how
    many."""
    replayed = await tx.all(_REPLAY_ALL, name, consumer)
    tx.notify(OUTBOX_CHANNEL)
    return len(replayed)


async def drop_dead_letter(tx: Writer, dead_id: UUID) -> None:
    """Give a parked event up for good."""
    if await tx.one_or_none(_DROP, dead_id) is None:
        raise errors.NotFound(_MISSING)
