"""What this process consumes from RabbitMQ: the queues of its domains, and the dead letters.

Events are handled in batches, one of a queue at a time, and what a batch leaves one by one: those
of one key in the order of the queue, those of different keys side by side. Each is acknowledged
after its transaction, or once it is held in the database (`handling`), so the broker keeps no
failures. Not here: the connection (`rabbitmq`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage

from lyceum.platform import batches, clock, errors, events, ids, leases, rabbitmq
from lyceum.platform.database import Database
from lyceum.platform.handling import Handling
from lyceum.platform.observer import UNOBSERVED, Observer
from lyceum.platform.outbox import SIDE_BY_SIDE
from lyceum.platform.rabbitmq import FAULTS, Names

log = logging.getLogger("lyceum.intake")

PREFETCH: Final = 100
"""Messages of one queue that a process has at most."""
AGAIN_SECONDS: Final = 1.0
LONGEST_FOREIGN: Final = 2000

RETRIED: Final = (
    errors.DatabaseUnreachable,
    errors.ServiceUnavailable,
    errors.TimedOut,
    errors.TransactionFailed,
)
"""What may go better a second later."""


class Arrived(NamedTuple):
    """An event in its message; `lost` counts those who had it before and ended without a word."""

    envelope: events.Envelope
    lost: int
    message: DeliveredMessage


Waiting = deque[Arrived]


class Intake:
    """Consumes for `consumers`, on every connection that it is given."""

    def __init__(
        self,
        database: Database,
        names: Names,
        consumers: Sequence[str],
        *,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._database = database
        self._names = names
        self._consumers = consumers
        self._handling = Handling(database, observer=observer)
        self._slots = asyncio.Semaphore(max(1, min(SIDE_BY_SIDE, database.write_pool.size - 2)))
        self._fresh: dict[str, Waiting] = {consumer: deque() for consumer in consumers}
        self._pumps: set[str] = set()
        self._waiting: dict[tuple[str, str], Waiting] = {}
        self._unacknowledged: dict[AbstractChannel, set[int]] = {}
        self._chains: set[asyncio.Task[None]] = set()
        self._channels: list[tuple[AbstractChannel, str]] = []
        self._is_stopping = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing that was delivered is under way."""
        return not self._chains

    async def opened(self, connection: AbstractConnection) -> None:
        """Consume on this connection from now on; its queues are declared."""
        self._channels, self._unacknowledged = [], {}
        wanted = [c for c in events.bindings() if c in self._consumers]
        for consumer in wanted:
            take = partial(self._receive, consumer)
            await self._consume(connection, self._names.queue(consumer), take)
        await self._consume(connection, self._names.dead, self._bury)

    async def _consume(self, connection: AbstractConnection, queue: str, take: Any) -> None:
        channel = await connection.channel(publisher_confirms=False)
        await channel.basic_qos(prefetch_count=PREFETCH)

        # A queue that somebody deletes is declared again by a new connection.
        async def cancelled(_frame: Any) -> None:
            asyncio.get_running_loop().call_soon(self._hang_up, connection)

        channel.on_consumer_cancel_callbacks.add(cancelled)
        consumed = await channel.basic_consume(queue, take)
        self._channels.append((channel, str(consumed.consumer_tag)))

    def _hang_up(self, connection: AbstractConnection) -> None:
        self._start(connection.close())

    async def stop(self, grace_seconds: float) -> None:
        """Take nothing more, finish what handlers have begun, and leave the rest to others."""
        self._is_stopping = True
        for channel, tag in self._channels:
            with suppress(*FAULTS):
                await channel.basic_cancel(tag, timeout=2)
        if self._chains:
            await asyncio.wait(self._chains, timeout=grace_seconds)
        for task in self._chains:
            task.cancel()
        await asyncio.gather(*self._chains, return_exceptions=True)

    async def _receive(self, consumer: str, message: DeliveredMessage) -> None:
        """Put a message behind those of its queue; begins to handle it if there are none."""
        self._unacknowledged.setdefault(message.channel, set()).add(message.delivery_tag or 0)
        try:
            envelope = rabbitmq.read_envelope(message)
        except ValueError as problem:
            await self._bury(message, consumer=consumer, reason=str(problem))
            return
        arrived = Arrived(envelope, rabbitmq.deliveries(message), message)
        self._fresh.setdefault(consumer, deque()).append(arrived)
        if consumer not in self._pumps:
            self._pumps.add(consumer)
            self._start(self._pump(consumer))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._chains.add(task)
        task.add_done_callback(self._chains.discard)

    async def _pump(self, consumer: str) -> None:
        """Handle the messages of a queue in batches, and what is left of each by keys."""
        fresh = self._fresh[consumer]
        try:
            while fresh:
                for arrived in await self._handle_together(consumer, self._next(consumer)):
                    self._line_up(consumer, arrived)
        finally:
            self._pumps.discard(consumer)

    def _next(self, consumer: str) -> list[Arrived]:
        """Take a batch of what nobody has tried and no earlier event of its key stands before."""
        fresh, batch = self._fresh[consumer], list[Arrived]()
        while fresh and len(batch) < batches.MOST:
            lane = consumer, fresh[0].envelope.key
            if lane not in self._waiting and not fresh[0].lost:
                batch.append(fresh.popleft())
            elif lane in self._waiting or not batch:
                self._line_up(consumer, fresh.popleft())
            else:
                break
        return batch

    async def _handle_together(self, consumer: str, batch: Sequence[Arrived]) -> list[Arrived]:
        """Handle and acknowledge what can be together; return the others."""
        if not batch:
            return []
        items = [batches.Item(arrived.envelope, (consumer,)) for arrived in batch]
        async with self._slots:
            if self._is_stopping:
                return []
            done = await self._handling.take_together(items, lambda: self._is_stopping)
        handled = {item.envelope.id for item in done}
        await self._acknowledge(*(a.message for a in batch if a.envelope.id in handled))
        return [arrived for arrived in batch if arrived.envelope.id not in handled]

    def _line_up(self, consumer: str, arrived: Arrived) -> None:
        """Put a message behind those of its key, which are handled one by one."""
        lane = consumer, arrived.envelope.key
        if lane in self._waiting:
            self._waiting[lane].append(arrived)
            return
        self._waiting[lane] = deque([arrived])
        self._start(self._work_off(lane))

    async def _work_off(self, lane: tuple[str, str]) -> None:
        waiting = self._waiting[lane]
        try:
            while waiting:
                envelope, lost, message = waiting.popleft()
                is_done = False
                while not is_done:
                    is_done = await self._try(lane[0], envelope, lost, message)
        finally:
            del self._waiting[lane]

    async def _try(
        self, consumer: str, envelope: events.Envelope, lost: int, message: DeliveredMessage
    ) -> bool:
        """Handle a message unless its channel is gone, which means that it comes again; return
        False when it should be tried again here."""
        async with self._slots:
            if self._is_stopping or message.channel.is_closed:
                return True
            try:
                await self._handling.take(consumer, envelope, lost=lost)
            except RETRIED as fact:
                log.info("event %s waits for the database: %s", envelope.id, fact)
                await asyncio.sleep(AGAIN_SECONDS)
                return False
        await self._acknowledge(message)
        return True

    async def _acknowledge(self, *messages: DeliveredMessage) -> None:
        """Acknowledge messages: with one frame those of a channel that has no earlier ones open."""
        by_channel: dict[AbstractChannel, set[int]] = {}
        for message in messages:
            by_channel.setdefault(message.channel, set()).add(message.delivery_tag or 0)
        for channel, tags in by_channel.items():
            unacknowledged = self._unacknowledged.get(channel, set())
            unacknowledged -= tags
            last = max(tags)
            all_at_once = len(tags) > 1 and not any(tag < last for tag in unacknowledged)
            # If the line has broken, they come again and the inbox knows them.
            with suppress(*FAULTS):
                for tag in (last,) if all_at_once else sorted(tags):
                    await channel.basic_ack(tag, multiple=all_at_once, wait=False)

    async def _bury(
        self, message: DeliveredMessage, *, consumer: str | None = None, reason: str = ""
    ) -> None:
        """Park a dead letter in the database, where all of them are."""
        if consumer is None:
            consumer, reason = self._death_of(message)
        try:
            envelope = rabbitmq.read_envelope(message)
        except ValueError:
            envelope = _foreign(message)
        try:
            async with self._database.transaction() as tx:
                await leases.hold(
                    tx,
                    consumer,
                    envelope,
                    attempts=rabbitmq.deliveries(message),
                    error=reason,
                    is_dead=True,
                )
        except RETRIED as fact:
            log.warning("a dead letter waits for the database: %s", fact)
            await asyncio.sleep(AGAIN_SECONDS)
            with suppress(*FAULTS):
                await message.channel.basic_nack(message.delivery_tag or 0, wait=False)
            return
        log.error("event %s %s is parked: %s", envelope.name, envelope.id, reason)
        await self._acknowledge(message)

    def _death_of(self, message: DeliveredMessage) -> tuple[str, str]:
        headers = message.header.properties.headers or {}
        queue = str(headers.get("x-first-death-queue", "unknown"))
        cause = str(headers.get("x-first-death-reason", "unknown"))
        return self._names.consumer(queue), f"given up by RabbitMQ: {cause}"


def _foreign(message: DeliveredMessage) -> events.Envelope:
    """Return something that can be kept of a message that is no event."""
    text = message.body[:LONGEST_FOREIGN].decode("utf-8", "replace").replace("\x00", "\ufffd")
    return events.Envelope(
        id=ids.new_id(),
        name="unknown",
        version=0,
        key=str(message.routing_key or ""),
        payload=msgspec.json.encode(text),
        occurred_at=clock.utc_now(),
        actor_id=None,
        impersonator_id=None,
        request_id="",
        trace=None,
        origin=None,
    )
