"""Which handler has had which event: what makes an effect happen once, however it is delivered."""

from typing import Literal
from uuid import UUID

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


async def purge(tx: Writer, *, days: int, limit: int) -> int:
    """Delete at most `limit` rows older than `days`; return how many went."""
    return len(await tx.all(_PURGE, days, limit))
