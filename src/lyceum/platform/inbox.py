"""Which handler has had which event: what makes an effect happen once, however it is delivered."""

from collections.abc import Sequence
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from lyceum.platform.database import Writer
from lyceum.platform.events import Envelope, Event, Subscription
from lyceum.platform.statements import command, sql

Turn = Literal["ran", "had", "waits"]

_REMEMBER = command(
    """
    INSERT INTO platform.inbox (handler, event_id) VALUES ($1, $2)
    ON CONFLICT (handler, event_id) DO NOTHING RETURNING true
    """,
    bool,
)
# Unless an earlier event of the key is held for the consumer, or this one itself.
_REMEMBER_IN_TURN = command(
    """
    INSERT INTO platform.inbox (handler, event_id)
    SELECT $1, $2 WHERE NOT EXISTS (
        SELECT FROM platform.outbox o
        WHERE o.consumer = $3 AND o.key = $4 AND o.consumer <> ''
            AND (o.dead_at IS NULL OR o.event_id = $2))
    ON CONFLICT (handler, event_id) DO NOTHING RETURNING true
    """,
    bool,
)
_IS_HELD = sql(
    """
    SELECT EXISTS (
        SELECT FROM platform.outbox o
        WHERE o.consumer = $2 AND o.key = $3 AND o.consumer <> ''
            AND (o.dead_at IS NULL OR o.event_id = $1))
    """,
    bool,
)


class _Row(msgspec.Struct, frozen=True):
    handler: str
    event_id: UUID


# Of two who write the same rows at once, in one order, the second waits. The held ones are looked
# for row by row in their index: a join would be planned for the table as it was.
_REMEMBER_MANY = command(
    """
    INSERT INTO platform.inbox (handler, event_id)
    SELECT p.handler, p.event_id
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::boolean[])
        AS p(handler, event_id, consumer, key, in_turn)
    WHERE NOT p.in_turn OR NOT coalesce((
        SELECT true FROM platform.outbox o
        WHERE o.consumer = p.consumer AND o.key = p.key AND o.consumer <> ''
            AND (o.dead_at IS NULL OR o.event_id = p.event_id) LIMIT 1), false)
    ORDER BY p.handler, p.event_id
    ON CONFLICT (handler, event_id) DO NOTHING RETURNING handler, event_id
    """,
    _Row,
)
_FORGET_MANY = command(
    """
    DELETE FROM platform.inbox i USING unnest($1::text[], $2::uuid[]) AS p(handler, event_id)
    WHERE i.handler = p.handler AND i.event_id = p.event_id
    """
)
# A row stays while its event could still be delivered, even if that was parked long ago.
_PURGE = command(
    """
    DELETE FROM platform.inbox WHERE (handler, event_id) IN (
        SELECT i.handler, i.event_id FROM platform.inbox i
        WHERE i.handled_at < now() - make_interval(days => $1)
            AND NOT EXISTS (SELECT FROM platform.outbox o WHERE o.id = i.event_id)
            AND NOT EXISTS (SELECT FROM platform.outbox o WHERE o.event_id = i.event_id)
        LIMIT $2)
    RETURNING event_id
    """,
    UUID,
)


async def handle_once(
    tx: Writer, subscription: Subscription, envelope: Envelope, happened: Event
) -> Turn:
    """Run a handler in `tx` unless it has had this event already; return what became of it.

    Two deliveries at once are safe: the second waits for the first one's transaction to end.
    """
    if not await tx.one_or_none(_REMEMBER, subscription.name, envelope.id):
        return "had"
    await subscription.call(tx, envelope, happened)
    return "ran"


async def handle_in_turn(
    tx: Writer, subscription: Subscription, envelope: Envelope, happened: Event
) -> Turn:
    """The same, unless an earlier event of the key is held for the consumer: then this one waits,
    and nothing is done."""
    place = subscription.consumer, envelope.key
    if await tx.one_or_none(_REMEMBER_IN_TURN, subscription.name, envelope.id, *place):
        await subscription.call(tx, envelope, happened)
        return "ran"
    return "waits" if await tx.one(_IS_HELD, envelope.id, *place) else "had"


class Place(NamedTuple):
    """A handler of a consumer, and an event of a key that it is to have; `in_turn`: unless an
    earlier one of the key is held there."""

    handler: str
    event_id: UUID
    consumer: str
    key: str
    in_turn: bool


Mark = tuple[str, UUID]


async def remember_many(tx: Writer, places: Sequence[Place]) -> set[Mark]:
    """Note which handlers have which events, and return those that had not, and need not wait."""
    if not places:
        return set()
    rows = await tx.all(_REMEMBER_MANY, *map(list, zip(*places, strict=True)))
    return {(row.handler, row.event_id) for row in rows}


async def forget_many(tx: Writer, places: Sequence[Place]) -> None:
    """Take back what `remember_many` noted in the same transaction."""
    if places:
        await tx.execute(_FORGET_MANY, [p.handler for p in places], [p.event_id for p in places])


async def purge(tx: Writer, *, days: int, limit: int) -> int:
    """Delete at most `limit` rows older than `days`; return how many went."""
    return len(await tx.all(_PURGE, days, limit))
