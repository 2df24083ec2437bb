"""Events that were parked after their tries: seeing, replaying and dropping them.

For operators: the command line and the admin routes call this and check the permission.
Not here: parking them (`outbox`).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.dead_letter_events import DeadLetterDropped, DeadLetterReplayed
from lyceum.platform.events import emit_many
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
    trace: str | None
    attempts: int
    dead_at: datetime | None
    error: str | None


_LIST = sql(
    """
    SELECT id, coalesce(event_id, id) AS event_id, consumer, name, version, key, payload,
        occurred_at, actor_id, request_id, trace, attempts, dead_at, error
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
        occurred_at, actor_id, request_id, trace, attempts, dead_at, error
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


class _Acted(msgspec.Struct, frozen=True):
    """A parked event that was replayed or dropped."""

    id: UUID
    event_id: UUID
    name: str
    consumer: str


_REPLAY = command(
    """
    UPDATE platform.outbox SET dead_at = NULL, held_until = NULL, attempts = 0, lost = 0
    WHERE (id = $1 OR event_id = $1) AND dead_at IS NOT NULL
    RETURNING id, coalesce(event_id, id) AS event_id, name, consumer
    """,
    _Acted,
)
_REPLAY_ALL = command(
    """
    UPDATE platform.outbox SET dead_at = NULL, held_until = NULL, attempts = 0, lost = 0
    WHERE dead_at IS NOT NULL
        AND ($1::text IS NULL OR name = $1) AND ($2::text IS NULL OR consumer = $2)
    RETURNING id, coalesce(event_id, id) AS event_id, name, consumer
    """,
    _Acted,
)
_DROP = command(
    """
    DELETE FROM platform.outbox WHERE (id = $1 OR event_id = $1) AND dead_at IS NOT NULL
    RETURNING id, coalesce(event_id, id) AS event_id, name, consumer
    """,
    _Acted,
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


async def replay_dead_letter(tx: Writer, actor: Actor, dead_id: UUID) -> None:
    """Deliver a parked event again, with all its tries; handlers that had it are left out."""
    replayed = await tx.all(_REPLAY, dead_id)
    if not replayed:
        raise errors.NotFound(_MISSING)
    await _tell(tx, actor, DeadLetterReplayed, replayed)


async def replay_dead_letters(
    tx: Writer, actor: Actor, name: str | None = None, *, consumer: str | None = None
) -> int:
    """Deliver every parked event (called `name`, of `consumer`, if given) again; return how
    many."""
    replayed = await tx.all(_REPLAY_ALL, name, consumer)
    await _tell(tx, actor, DeadLetterReplayed, replayed)
    return len(replayed)


async def drop_dead_letter(tx: Writer, actor: Actor, dead_id: UUID) -> None:
    """Give a parked event up for good."""
    dropped = await tx.all(_DROP, dead_id)
    if not dropped:
        raise errors.NotFound(_MISSING)
    await _tell(tx, actor, DeadLetterDropped, dropped)


async def _tell(
    tx: Writer,
    actor: Actor,
    kind: type[DeadLetterReplayed] | type[DeadLetterDropped],
    letters: Sequence[_Acted],
) -> None:
    happened = [
        kind(
            dead_letter_id=letter.id,
            event_id=letter.event_id,
            event_name=letter.name,
            consumer=letter.consumer,
        )
        for letter in letters
    ]
    # This wakes whoever delivers, what is replayed too.
    await emit_many(tx, actor, happened)
