"""Which handler has had which event: what makes an effect happen once, however it is delivered."""

from uuid import UUID

from lyceum.platform.database import Writer
from lyceum.platform.events import Envelope, Event, Subscription
from lyceum.platform.statements import command

_REMEMBER = command(
    """
    INSERT INTO platform.inbox (handler, event_id) VALUES ($1, $2)
    ON CONFLICT (handler, event_id) DO NOTHING RETURNING true
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
        LIMIT $2)
    RETURNING event_id
    """,
    UUID,
)


async def handle_once(
    tx: Writer, subscription: Subscription, envelope: Envelope, happened: Event
) -> bool:
    """Run a handler in `tx` unless it has had this event already; return whether it ran.

    Two deliveries at once are safe: the second waits for the first one's transaction to end.
    """
    if not await tx.one_or_none(_REMEMBER, subscription.name, envelope.id):
        return False
    await subscription.call(tx, envelope, happened)
    return True


async def purge(tx: Writer, *, days: int, limit: int) -> int:
    """Delete at most `limit` rows older than `days`; return how many went."""
    return len(await tx.all(_PURGE, days, limit))
