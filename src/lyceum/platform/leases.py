"""Rows of the outbox under a lease: claiming, renewing, giving back, postponing, parking, holding.

A row with the consumer '' is an event that nobody has had yet. A row with a consumer is one that
is held for it alone: it failed there, or waits there behind an earlier one of its key. Not here:
when that is done (`outbox`, `handling`), parked events seen by operators (`dead_letters`).
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from lyceum.platform import clock, events, failures, ids
from lyceum.platform.database import Database, Writer
from lyceum.platform.statements import command

TRIES: Final = len(failures.PAUSES_SECONDS) + 1
PER_KEY: Final = 50
"""Events of one key in a claim, so that a long queue of one key leaves room for others."""
UNDELIVERED: Final = ("",)
"""Whose rows to claim: those that nobody has had yet."""


class ClaimedEvent(events.Envelope, frozen=True):
    """An event under our lease, for `consumer` alone unless that is ''. `lost` counts those who
    had it before and ended without a word."""

    row_id: UUID
    consumer: str
    attempts: int
    lost: int
    position: int
    lease_token: UUID


class LeaseLost(Exception):
    """Somebody else has taken the event over; whatever was done for it here is rolled back."""


_CLAIM = command(
    """
    SELECT coalesce(event_id, id) AS id, name, version, key, payload, occurred_at, actor_id,
        impersonator_id, request_id, trace, origin, id AS row_id, consumer, attempts, lost,
        position, $1 AS lease_token
    FROM platform.claim_events($1, $2, $3, $4, $5)
    """,
    ClaimedEvent,
)
_RENEW = command(
    """
    UPDATE platform.outbox SET held_until = now() + make_interval(secs => $2)
    WHERE held_until < 'infinity' AND lease_token = ANY($1::uuid[])
    """
)
_FORGET = command(
    "DELETE FROM platform.outbox WHERE id = $1 AND lease_token = $2 RETURNING id", UUID
)
_FORGET_ALL = command(
    """
    DELETE FROM platform.outbox o USING unnest($1::uuid[], $2::uuid[]) AS done(id, lease_token)
    WHERE o.id = done.id AND o.lease_token = done.lease_token
    """
)
_FORGET_TOGETHER = command(
    """
    DELETE FROM platform.outbox o USING unnest($1::uuid[], $2::uuid[]) AS done(id, lease_token)
    WHERE o.id = done.id AND o.lease_token = done.lease_token RETURNING o.id
    """,
    UUID,
)
_RELEASE = command(
    """
    UPDATE platform.outbox SET lease_token = NULL, held_until = NULL
    WHERE id = ANY($1::uuid[]) AND lease_token = $2
    """
)
_COUNT_TRY = command(
    """
    UPDATE platform.outbox SET attempts = attempts + 1
    WHERE id = $1 AND lease_token = $2 RETURNING attempts
    """,
    int,
)
_POSTPONE = command(
    """
    UPDATE platform.outbox SET lease_token = NULL, attempts = $3, error = $4,
        held_until = now() + make_interval(secs => $5)
    WHERE id = $1 AND lease_token = $2
    """
)
_PARK = command(
    """
    UPDATE platform.outbox SET lease_token = NULL, held_until = 'infinity', attempts = $3,
        error = $4, dead_at = now()
    WHERE id = $1 AND lease_token = $2
    """
)
_HOLD = command(
    """
    INSERT INTO platform.outbox (id, event_id, consumer, name, version, key, payload, occurred_at,
        actor_id, impersonator_id, request_id, trace, origin, attempts, lost, error, held_until,
        dead_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
        CASE WHEN $18 THEN 'infinity' ELSE now() + make_interval(secs => $17) END,
        CASE WHEN $18 THEN now() END)
    ON CONFLICT (consumer, event_id) WHERE consumer <> '' DO NOTHING
    """
)


async def claim(
    database: Database, consumers: Sequence[str] | None, limit: int, seconds: float
) -> list[ClaimedEvent]:
    """Lease at most `limit` due rows of `consumers` (None: everybody's), oldest first."""
    wanted = list(consumers) if consumers is not None else None
    claimed = await database.sole_writer().all(
        _CLAIM, ids.new_id(), limit, seconds, PER_KEY, wanted
    )
    claimed.sort(key=lambda row: row.position)
    return claimed


async def renew(database: Database, tokens: Sequence[UUID], seconds: float) -> None:
    """Keep what is leased under `tokens` for as long again."""
    await database.sole_writer().execute(_RENEW, list(tokens), seconds)


async def forget(tx: Writer, row: ClaimedEvent) -> None:
    """Take an event that everybody has had out of the outbox; LeaseLost if it is not ours."""
    if await tx.one_or_none(_FORGET, row.row_id, row.lease_token) is None:
        raise LeaseLost(row.id)


async def forget_together(tx: Writer, rows: Sequence[ClaimedEvent]) -> None:
    """Take events that everybody has had out of the outbox; LeaseLost if one of them is not
    ours."""
    gone = await tx.all(
        _FORGET_TOGETHER, [row.row_id for row in rows], [row.lease_token for row in rows]
    )
    if len(gone) != len(rows):
        raise LeaseLost(next(row.id for row in rows if row.row_id not in set(gone)))


async def forget_all(database: Database, rows: Sequence[ClaimedEvent]) -> None:
    """Take events out of the outbox, but those whose lease is lost, which come again."""
    await database.sole_writer().execute(
        _FORGET_ALL, [row.row_id for row in rows], [row.lease_token for row in rows]
    )


async def release(database: Database, row_ids: Sequence[UUID], token: UUID) -> None:
    """Give rows back at once."""
    await database.sole_writer().execute(_RELEASE, list(row_ids), token)


async def count_try(database: Database, row: ClaimedEvent) -> int:
    """Count a try before it begins; return how many there are now, or raise LeaseLost."""
    attempts = await database.sole_writer().one_or_none(_COUNT_TRY, row.row_id, row.lease_token)
    if attempts is None:
        raise LeaseLost(row.id)
    return attempts


async def postpone(database: Database, row: ClaimedEvent, attempts: int, error: str) -> None:
    """Let a row pause after try number `attempts`."""
    pause = failures.pause_after(max(attempts, 1))
    await database.sole_writer().execute(
        _POSTPONE, row.row_id, row.lease_token, attempts, error, pause
    )


async def park(database: Database, row: ClaimedEvent, attempts: int, error: str) -> None:
    """Put a row aside until an operator acts."""
    await database.sole_writer().execute(_PARK, row.row_id, row.lease_token, attempts, error)


async def hold(
    tx: Writer,
    consumer: str,
    envelope: events.Envelope,
    *,
    attempts: int = 0,
    lost: int = 0,
    error: str | None = None,
    is_dead: bool = False,
) -> None:
    """Keep an event for one consumer: to be tried again after the pause of `attempts` tries, at
    once when there was none, or parked. It is kept once, however often it comes."""
    await tx.execute(
        _HOLD,
        ids.new_id(),
        envelope.id,
        consumer,
        envelope.name,
        envelope.version,
        envelope.key,
        envelope.payload,
        envelope.occurred_at,
        envelope.actor_id,
        envelope.impersonator_id,
        envelope.request_id,
        envelope.trace,
        envelope.origin,
        attempts,
        lost,
        error,
        failures.pause_after(attempts) if attempts else 0.0,
        is_dead,
    )
    tx.notify(events.OUTBOX_CHANNEL)


def waited_seconds(claimed: Sequence[ClaimedEvent]) -> float:
    """Return how long the oldest of them has waited; 0 when there are none."""
    oldest = min((row.occurred_at for row in claimed), default=None)
    return max((clock.utc_now() - oldest).total_seconds(), 0.0) if oldest is not None else 0.0
