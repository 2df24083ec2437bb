"""Delivers events in a worker until it is told to stop: in place, or through RabbitMQ.

With a broker this process relays the outbox, consumes the queues of its domains, and retries what
is held for them; without one it handles everybody's rows in place, whatever it carries.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from lyceum.platform import events
from lyceum.platform.engines import Engines
from lyceum.platform.observer import UNOBSERVED, Observer
from lyceum.platform.outbox import Deliverer


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
    # A start without RabbitMQ need not load what speaks to it.
    from lyceum.platform.intake import Intake  # noqa: PLC0415
    from lyceum.platform.rabbitmq import Line, Names  # noqa: PLC0415
    from lyceum.platform.relay import Relay  # noqa: PLC0415

    settings, database = engines.settings, engines.database
    names = Names(settings.rabbitmq_prefix)
    relay = Relay(database, names, observer=observer)
    intake = Intake(database, names, consumers, observer=observer)
    held = Deliverer(database, observer=observer, consumers=consumers)
    line = Line(settings.rabbitmq_url or "", opened=(relay.opened, intake.opened))
    async with AsyncExitStack() as stack:
        for deliverer in (relay, held):
            await stack.enter_async_context(
                engines.listener.waking(events.OUTBOX_CHANNEL, deliverer.wake)
            )
        stack.push_async_callback(line.close)
        await line.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(relay.run(stop, grace_seconds=grace_seconds))
            group.create_task(held.run(stop, grace_seconds=grace_seconds))
            await stop.wait()
            await intake.stop(grace_seconds)
        await relay.settle()
