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
    """A parked event; `payload` is the event as JSON, `error` is redacted."""

    id: UUID
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
    SELECT id, name, version, key, payload, occurred_at, actor_id, request_id, attempts, dead_at,
        error
    FROM platform.outbox WHERE dead_at IS NOT NULL ORDER BY position LIMIT $1 OFFSET $2
    """,
    DeadLetter,
)
_SHOW = sql(
    """
    SELECT id, name, version, key, payload, occurred_at, actor_id, request_id, attempts, dead_at,
        error
    FROM platform.outbox WHERE id = $1 AND dead_at IS NOT NULL
    """,
    DeadLetter,
)
_COUNT = sql("SELECT count(*) FROM platform.outbox WHERE dead_at IS NOT NULL", int)
_REPLAY = command(
    """
    UPDATE platform.outbox SET dead_at = NULL, held_until = NULL, attempts = 0
    WHERE id = $1 AND dead_at IS NOT NULL RETURNING id
    """,
    UUID,
)
_REPLAY_ALL = command(
    """
    UPDATE platform.outbox SET dead_at = NULL, held_until = NULL, attempts = 0
    WHERE dead_at IS NOT NULL AND ($1::text IS NULL OR name = $1) RETURNING id
    """,
    UUID,
)
_DROP = command(
    "DELETE FROM platform.outbox WHERE id = $1 AND dead_at IS NOT NULL RETURNING id", UUID
)


async def count_dead_letters(tx: Reader) -> int:
    """Return how many events are parked."""
    return await tx.one(_COUNT)


async def list_dead_letters(tx: Reader, *, limit: int = 100, offset: int = 0) -> list[DeadLetter]:
    """Return parked events in the order in which they were emitted."""
    return await tx.all(_LIST, limit, offset)


async def get_dead_letter(tx: Reader, event_id: UUID) -> DeadLetter:
    """Return one parked event; NotFound when it is not parked."""
    found = await tx.one_or_none(_SHOW, event_id)
    if found is None:
        raise errors.NotFound("No parked event has this id.")
    return found


async def replay_dead_letter(tx: Writer, event_id: UUID) -> None:
    """Deliver a parked event again, with all its tries; handlers that had it are left out."""
    if await tx.one_or_none(_REPLAY, event_id) is None:
        raise errors.NotFound("No parked event has this id.")
    tx.notify(OUTBOX_CHANNEL)


async def replay_dead_letters(tx: Writer, name: str | None = None) -> int:
    """Deliver every parked event (called `name`, if given) again; return how many."""
    replayed = await tx.all(_REPLAY_ALL, name)
    tx.notify(OUTBOX_CHANNEL)
    return len(replayed)


async def drop_dead_letter(tx: Writer, event_id: UUID) -> None:
    """Give a parked event up for good."""
    if await tx.one_or_none(_DROP, event_id) is None:
        raise errors.NotFound("No parked event has this id.")
