"""Delivers events in a worker until it is told to stop: in place, or through RabbitMQ.

With a broker this process relays the outbox, consumes the queues of its domains, and retries what
is held for them; without one it handles everybody's rows in place, whatever it carries.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from lyceum.platform import events
from lyceum.platform.engines import Engines
from lyceum.platform.loading import later
from lyceum.platform.observer import UNOBSERVED, Observer
from lyceum.platform.outbox import Deliverer

if TYPE_CHECKING:
    from lyceum.platform import intake, rabbitmq, relay
else:
    intake = later("lyceum.platform.intake")
    rabbitmq = later("lyceum.platform.rabbitmq")
    relay = later("lyceum.platform.relay")


async def deliver_events(
    engines: Engines,
    stop: asyncio.Event,
    *,
    grace_seconds: float,
    observer: Observer = UNOBSERVED,
    consumers: Sequence[str] | None = None,
) -> None:
    """Deliver until `stop`, then finish what handlers have begun. `consumers` are the domains
    whose queues to consume; None is all of them."""
    if engines.settings.rabbitmq_url is None:
        deliverer = Deliverer(engines.database, observer=observer)
        async with engines.listener.waking(events.OUTBOX_CHANNEL, deliverer.wake):
            await deliverer.run(stop, grace_seconds=grace_seconds)
        return
    wanted = tuple(events.bindings()) if consumers is None else tuple(consumers)
    await _through_rabbitmq(engines, stop, grace_seconds, observer, wanted)


async def _through_rabbitmq(
    engines: Engines,
    stop: asyncio.Event,
    grace_seconds: float,
    observer: Observer,
    consumers: Sequence[str],
) -> None:
    settings, database = engines.settings, engines.database
    names = rabbitmq.Names(settings.rabbitmq_prefix)
    outgoing = relay.Relay(database, names, observer=observer)
    incoming = intake.Intake(database, names, consumers, observer=observer)
    held = Deliverer(database, observer=observer, consumers=consumers)
    line = rabbitmq.Line(settings.rabbitmq_url or "", opened=(outgoing.opened, incoming.opened))
    async with AsyncExitStack() as stack:
        for deliverer in (outgoing, held):
            await stack.enter_async_context(
                engines.listener.waking(events.OUTBOX_CHANNEL, deliverer.wake)
            )
        stack.push_async_callback(line.close)
        await line.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(outgoing.run(stop, grace_seconds=grace_seconds))
            group.create_task(held.run(stop, grace_seconds=grace_seconds))
            await stop.wait()
            await incoming.stop(grace_seconds)
        await outgoing.settle()
