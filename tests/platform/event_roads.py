"""The two roads of an event to its handlers, for tests that must hold on both of them."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import aiormq
import asyncpg
import pytest

from lyceum.platform import batches, events
from lyceum.platform.engines import Engines
from lyceum.platform.intake import Intake
from lyceum.platform.leases import ClaimedEvent
from lyceum.platform.outbox import Deliverer
from lyceum.platform.rabbitmq import Line, Names
from lyceum.platform.relay import Relay

DUE = """
    SELECT count(*) FROM platform.outbox o
    WHERE dead_at IS NULL AND (held_until IS NULL OR held_until <= now())
        AND NOT EXISTS (
            SELECT FROM platform.outbox h WHERE h.consumer = o.consumer AND h.key = o.key
                AND h.held_until > now() AND h.dead_at IS NULL)
"""


class Road(Protocol):
    async def deliver(self) -> None:
        """Return when everything that is due was handled, or is held."""


def rabbitmq_url() -> str:
    """Return the address of the RabbitMQ that tests may use, or skip the test."""
    url = os.environ.get("LYCEUM_TEST_RABBITMQ_URL", "")  # noqa: TID251 - where it comes in
    if not url:
        pytest.skip("LYCEUM_TEST_RABBITMQ_URL is not set: no RabbitMQ to test with")
    return url


class InPlace:
    def __init__(self, engines: Engines, deliverers: int = 1) -> None:
        self._engines = engines
        self._deliverers = [Deliverer(engines.database) for _ in range(deliverers)]

    async def deliver(self) -> None:
        await asyncio.gather(*(each.deliver_due(40) for each in self._deliverers))
        while await count_due(self._engines):
            await asyncio.gather(*(each.deliver_due(40) for each in self._deliverers))


class Counting(Relay):
    """A relay that counts how many deliveries its events become."""

    published = 0

    async def _deliver(self, row: ClaimedEvent) -> bool:
        went_well = await super()._deliver(row)
        Counting.published += len(events.consumers_of(row.name))
        return went_well


class Process:
    """What one worker has of the road through RabbitMQ."""

    def __init__(
        self, engines: Engines, names: Names, consumers: tuple[str, ...], url: str
    ) -> None:
        self.relay = Counting(engines.database, names)
        self.intake = Intake(engines.database, names, consumers)
        self.held = Deliverer(engines.database, consumers=consumers)
        self.line = Line(url, opened=(self.relay.opened, self.intake.opened))
        self.taken = 0
        handling = self.intake._handling  # noqa: SLF001 - to count
        take, take_together = handling.take, handling.take_together

        async def counting(*args: object, **named: object) -> bool:
            try:
                return await take(*args, **named)  # type: ignore[arg-type]
            finally:
                self.taken += 1

        async def counting_many(*args: object, **named: object) -> list[batches.Item]:
            done = await take_together(*args, **named)  # type: ignore[arg-type]
            self.taken += len(done)
            return done

        handling.take = counting  # type: ignore[method-assign]
        handling.take_together = counting_many  # type: ignore[method-assign]

    async def connect(self) -> None:
        await self.line.start()
        async with asyncio.timeout(20):
            while not self.line.is_connected:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.intake.stop(1)
        await self.line.close()


class ThroughRabbitMQ:
    def __init__(self, engines: Engines, processes: list[Process]) -> None:
        self._engines = engines
        self.processes = processes
        Counting.published = 0

    async def deliver(self) -> None:
        while await count_due(self._engines):
            await asyncio.gather(*(p.relay.deliver_due(40) for p in self.processes))
            await asyncio.gather(*(p.relay.settle() for p in self.processes))
            async with asyncio.timeout(30):
                while not self._is_settled():  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.005)
            await asyncio.gather(*(p.held.deliver_due(40) for p in self.processes))

    def _is_settled(self) -> bool:
        taken = sum(p.taken for p in self.processes)
        return taken >= Counting.published and all(p.intake.is_idle for p in self.processes)


async def count_due(engines: Engines) -> int:
    connection = await asyncpg.connect(engines.database.write_pool.dsn)
    try:
        return int(await connection.fetchval(DUE))
    finally:
        await connection.close()


@asynccontextmanager
async def on_broker(
    engines: Engines,
    processes: int = 1,
    *,
    url: str | None = None,
    consumers: tuple[str, ...] | None = None,
) -> AsyncIterator[ThroughRabbitMQ]:
    """Yield processes on exchanges and queues of their own."""
    names = Names(f"test-{secrets.token_hex(6)}")
    wanted = tuple(events.bindings()) if consumers is None else consumers
    made = [Process(engines, names, wanted, url or rabbitmq_url()) for _ in range(processes)]
    try:
        for process in made:
            await process.connect()
        yield ThroughRabbitMQ(engines, made)
    finally:
        for process in made:
            await process.close()
        await remove(names)


async def remove(names: Names) -> None:
    """Take everything of a test off the broker."""
    async with aiormq.connect(rabbitmq_url()) as connection:
        for queue in (names.dead, *map(names.queue, events.bindings())):
            with suppress(aiormq.AMQPError):
                channel = await connection.channel()
                await channel.queue_delete(queue)
                await channel.close()
        for exchange in (names.events, names.dead):
            with suppress(aiormq.AMQPError):
                channel = await connection.channel()
                await channel.exchange_delete(exchange)
                await channel.close()
