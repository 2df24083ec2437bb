"""Several events handled in one transaction, which saves most of what a transaction costs.

Their inbox rows are written by one statement, their handlers run one after the other, and a
handler that takes many gets all of them at once. It is all or nothing: when anything goes wrong
nothing of it has happened, and the caller lets each event be handled by itself, where failures
are counted and kept (`handling`). What takes its time is left to that as well.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from lyceum.platform import clock, context, events, failures, inbox
from lyceum.platform.database import Database, Writer
from lyceum.platform.observer import Observer

log = logging.getLogger("lyceum.events")

MOST: Final = 50
"""Events of a batch."""
SECONDS: Final = 1.0
"""Handlers of a batch that have taken this long: the events after that are handled alone."""
LONGEST_SECONDS: Final = 10.0
"""A batch that takes longer is given up; a handler alone may take longer than that."""


class Item(NamedTuple):
    """An event and whose handlers are to have it. `in_turn`: not while an earlier event of its key
    is held for one of them."""

    envelope: events.Envelope
    consumers: Collection[str]
    in_turn: bool = True


IsOver = Callable[[], bool]
"""Whether no further event is to be begun."""
LastStep = Callable[[Writer, list[Item]], Awaitable[None]]
_Run = tuple[str, str, float]


class _Batch:
    """One try to handle events together."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.happened: dict[UUID, events.Event] = {}
        self.wanted: dict[UUID, list[events.Subscription]] = {}
        self.items: list[Item] = []
        self.runs: list[_Run] = []
        for item in items:
            self._add(item)

    def _add(self, item: Item) -> None:
        envelope = item.envelope
        try:
            self.happened[envelope.id] = events.decode(envelope)
        except Exception as problem:  # noqa: BLE001 - it is told and kept when it is alone
            log.debug("event %s is handled alone: %s", envelope.id, failures.describe(problem))
            return
        self.items.append(item)
        self.wanted[envelope.id] = [
            subscription
            for subscription in events.subscriptions_of(envelope.name)
            if subscription.consumer in item.consumers
        ]

    def _places(self, items: Sequence[Item]) -> list[inbox.Place]:
        return [
            inbox.Place(s.name, item.envelope.id, s.consumer, item.envelope.key, item.in_turn)
            for item in items
            for s in self.wanted[item.envelope.id]
        ]

    async def handle(self, tx: Writer, is_over: IsOver) -> list[Item]:
        """Run the handlers; return the items that all of theirs have had now."""
        fresh = await inbox.remember_many(tx, self._places(self.items))
        until = clock.monotonic() + SECONDS
        begun = 0
        for item in self.items:
            if begun and (clock.monotonic() > until or is_over()):
                break
            begun += 1
            await self._handle_one(tx, item, fresh)
        await inbox.forget_many(tx, self._places(self.items[begun:]))
        handled = self.items[:begun]
        await self._handle_many(tx, handled, fresh)
        return [
            item
            for item in handled
            if all((s.name, item.envelope.id) in fresh for s in self.wanted[item.envelope.id])
        ]

    async def _handle_one(self, tx: Writer, item: Item, fresh: set[inbox.Mark]) -> None:
        envelope = item.envelope
        context.enter(envelope.request_id, envelope.trace, envelope.origin)
        for subscription in self.wanted[envelope.id]:
            if subscription.takes_many or (subscription.name, envelope.id) not in fresh:
                continue
            started = clock.monotonic()
            await subscription.call(tx, envelope, self.happened[envelope.id])
            self.runs.append((envelope.name, subscription.name, clock.monotonic() - started))

    async def _handle_many(
        self, tx: Writer, handled: Sequence[Item], fresh: set[inbox.Mark]
    ) -> None:
        given: dict[str, list[events.Happened]] = {}
        takers: dict[str, events.Subscription] = {}
        for item in handled:
            envelope = item.envelope
            for subscription in self.wanted[envelope.id]:
                if subscription.takes_many and (subscription.name, envelope.id) in fresh:
                    takers[subscription.name] = subscription
                    one = events.Happened(envelope, self.happened[envelope.id])
                    given.setdefault(subscription.name, []).append(one)
        for name, many in given.items():
            started = clock.monotonic()
            await takers[name].handle(tx, many)
            each = (clock.monotonic() - started) / len(many)
            self.runs += [(one.envelope.name, name, each) for one in many]


async def handle_together(
    database: Database,
    observer: Observer,
    items: Sequence[Item],
    is_over: IsOver,
    last: LastStep | None,
) -> list[Item]:
    """Let the handlers have events together, and return those that need nothing more; none when it
    did not go well. `last` is done with those in the same transaction."""
    batch = _Batch(items)
    if not batch.items:
        return []
    try:
        async with asyncio.timeout(LONGEST_SECONDS), database.transaction() as tx:
            done = await batch.handle(tx, is_over)
            if last is not None and done:
                await last(tx, done)
    except Exception as problem:  # noqa: BLE001 - whatever it is, each is handled by itself
        log.info("%d events are handled alone: %s", len(items), failures.describe(problem))
        return []
    for name, handler, seconds in batch.runs:
        observer.event_handled(name, handler, seconds, ok=True)
    return done
