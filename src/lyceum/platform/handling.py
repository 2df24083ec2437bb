"""What becomes of an event at one consumer (a domain): its handlers have it, or it is held.

Each handler runs in a transaction of its own together with its inbox row. An event that fails, or
that comes while an earlier one of its key is held for this consumer, is held for it too, so that
each key stays in order and no other consumer waits. However an event arrives, in place (`outbox`)
or through the broker (`intake`), it comes through here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from lyceum.platform import batches, clock, context, errors, events, failures, inbox, leases
from lyceum.platform.database import Database, Writer
from lyceum.platform.observer import UNOBSERVED, Observer

log = logging.getLogger("lyceum.events")

HANDLER_SECONDS: Final = 30.0
SUSPECT: Final = 3
"""Whose handling has ended so often without a word may be what ends it: such an event is tried by
itself, and its tries are counted before they begin."""

LastStep = Callable[[Writer], Awaitable[None]]


class Handling:
    """Runs handlers; one for a process."""

    def __init__(
        self,
        database: Database,
        *,
        observer: Observer = UNOBSERVED,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self._database = database
        self._observer = observer
        self._on_failure = on_failure

    async def take_together(
        self,
        items: Sequence[batches.Item],
        is_over: batches.IsOver,
        last: batches.LastStep | None = None,
    ) -> list[batches.Item]:
        """Let handlers have events together; return those that need nothing more, the others are
        to be taken one by one. `last` is done in the same transaction."""
        return await batches.handle_together(self._database, self._observer, items, is_over, last)

    async def take(
        self,
        consumer: str,
        envelope: events.Envelope,
        *,
        lost: int = 0,
        last: LastStep | None = None,
    ) -> bool:
        """Let the handlers of `consumer` have an event, or hold it for them; return whether they
        had it. `last` is done in the transaction of the last handler, if they have it.

        Raises DatabaseUnreachable, and LeaseLost of `last`: then nothing is held.
        """
        try:
            if lost < SUSPECT and await self.run(consumer, envelope, last=last, in_turn=True):
                return True
            async with self._database.transaction() as tx:
                await leases.hold(tx, consumer, envelope, lost=lost)
        except (errors.DatabaseUnreachable, leases.LeaseLost):
            raise
        except Exception as problem:  # noqa: BLE001 - whatever a handler raises is kept, not lost
            text = self.describe(envelope, 1, problem)
            # A full disk is not the event's fault, and parking does not help.
            attempts = int(not isinstance(problem, errors.ServiceUnavailable))
            async with self._database.transaction() as tx:
                await leases.hold(tx, consumer, envelope, attempts=attempts, error=text)
        return False

    async def run(
        self,
        consumer: str,
        envelope: events.Envelope,
        *,
        last: LastStep | None = None,
        in_turn: bool = False,
    ) -> bool:
        """Run the handlers of `consumer` that have not had the event; return False when, `in_turn`,
        it must wait for an earlier one. Raises whatever a handler raises."""
        context.enter(envelope.request_id, envelope.trace, envelope.origin)
        subscriptions = events.subscriptions_of(envelope.name, consumer)
        if not subscriptions and last is not None:
            async with self._database.transaction() as tx:
                await last(tx)
        for subscription in subscriptions:
            is_last = subscription is subscriptions[-1]
            if not await self._call(subscription, envelope, last if is_last else None, in_turn):
                return False
        return True

    async def _call(
        self,
        subscription: events.Subscription,
        envelope: events.Envelope,
        last: LastStep | None,
        in_turn: bool,
    ) -> bool:
        happened = events.decode(envelope)
        handle = inbox.handle_in_turn if in_turn else inbox.handle_once
        started = clock.monotonic()
        turn: inbox.Turn | None = None
        try:
            async with asyncio.timeout(HANDLER_SECONDS), self._database.transaction() as tx:
                turn = await handle(tx, subscription, envelope, happened)
                if last is not None and turn != "waits":
                    await last(tx)
            return turn != "waits"
        except BaseException:
            turn = None
            raise
        finally:
            if turn != "waits":
                seconds = clock.monotonic() - started
                self._observer.event_handled(
                    envelope.name, subscription.name, seconds, turn is not None
                )

    def describe(self, envelope: events.Envelope, attempt: int, problem: Exception) -> str:
        """Tell the log of a failure, and return what is kept of it."""
        text = failures.describe(problem)
        log.warning("event %s %s: try %d: %s", envelope.name, envelope.id, attempt, text)
        if self._on_failure is not None:
            self._on_failure(problem)
        return text
