"""The relay: takes events from the outbox to RabbitMQ; an event leaves when the broker has it.

Events of one key are published one after the other, each confirmed before the next; those of
different keys side by side. A crash between the confirmation and the deletion publishes again,
which the inbox of each handler ignores. Not here: claims and leases (`outbox`).
"""

import asyncio
import logging
from typing import Final
from uuid import UUID

from aiormq.abc import AbstractChannel, AbstractConnection

from lyceum.platform import errors, events, leases, rabbitmq
from lyceum.platform.database import Database
from lyceum.platform.leases import UNDELIVERED, ClaimedEvent
from lyceum.platform.observer import UNOBSERVED, Observer
from lyceum.platform.outbox import LEASE_SECONDS, Chain, Deliverer, NotNow
from lyceum.platform.rabbitmq import BrokerGone, Names

log = logging.getLogger("lyceum.relay")

PUBLISHED_AT_ONCE: Final = 200
GATHER_SECONDS: Final = 0.01
"""How long what is confirmed waits for more, to leave the outbox with it."""


class Relay(Deliverer):
    """A deliverer whose events go to the broker; several processes may each run one."""

    def __init__(
        self,
        database: Database,
        names: Names,
        *,
        observer: Observer = UNOBSERVED,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        super().__init__(
            database,
            observer=observer,
            lease_seconds=lease_seconds,
            consumers=UNDELIVERED,
            side_by_side=PUBLISHED_AT_ONCE,
        )
        self._names = names
        self._channel: AbstractChannel | None = None
        self._confirmed: list[ClaimedEvent] = []
        self._forgetting: asyncio.Task[None] | None = None

    async def opened(self, connection: AbstractConnection) -> None:
        """Publish through this connection from now on."""
        await rabbitmq.declare(connection, self._names)
        self._channel = await connection.channel()
        self.wake()

    @property
    def is_open(self) -> bool:
        """Whether there is a broker; without one the outbox grows."""
        return self._channel is not None and not self._channel.is_closed

    def _group(self, chains: list[Chain]) -> list[list[Chain]]:
        return [[chain] for chain in chains]

    async def _deliver_together(self, group: list[Chain]) -> set[UUID]:
        """Nothing: each is confirmed by itself."""
        return set()

    async def _deliver(self, row: ClaimedEvent) -> bool:
        """Publish, and leave the deletion to one statement for many."""
        if self._channel is None or self._channel.is_closed:
            raise NotNow("there is no line to RabbitMQ")
        try:
            was_wanted = await rabbitmq.publish(self._channel, self._names, row)
        except BrokerGone as problem:
            raise NotNow(f"RabbitMQ: {problem}") from problem
        if not was_wanted:
            events.class_of(row.name, row.version)
            if events.consumers_of(row.name):
                # Somebody has deleted a queue: a new connection declares it again.
                await self._channel.connection.close()
                raise NotNow("a queue is missing")
        self._confirmed.append(row)
        if self._forgetting is None or self._forgetting.done():
            self._forgetting = asyncio.create_task(self._forget_confirmed())
        return True

    async def settle(self) -> None:
        """Return when what is confirmed has left the outbox, or cannot."""
        if self._forgetting is not None:
            await self._forgetting

    async def _forget_confirmed(self) -> None:
        while self._confirmed:
            # Of many that are confirmed one by one, few statements: each makes the outbox be read.
            await asyncio.sleep(GATHER_SECONDS)
            rows, self._confirmed = self._confirmed, []
            try:
                await leases.forget_all(self._database, rows)
                # Until now their keys were held.
                self.wake()
            except errors.Fact as fact:
                log.warning("%d published events are published again: %s", len(rows), fact)
