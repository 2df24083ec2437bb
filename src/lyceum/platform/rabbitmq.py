"""The line to RabbitMQ and what is declared there; it comes back by itself when it breaks.

Names start with a prefix, so that several installations may share a broker:

    lyceum.events     topic exchange; every event is published there under its name
    lyceum.<domain>   quorum queue of one consumer, bound to the events that it handles; one
                      worker at a time has it (single active consumer), which keeps the order
    lyceum.dead       exchange and queue of what was delivered too often

Not here: publishing (`relay`), consuming (`intake`). Whoever publishes declares the queues of all
domains first: an event must not be lost because its consumer has never been started.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import aiormq
import msgspec
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage

from lyceum.platform.events import EVERY_EVENT, Envelope, bindings

log = logging.getLogger("lyceum.rabbitmq")
# Every try while the broker is away would be an error with a traceback; `Line` tells it once.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)

PREFIX: Final = "lyceum"
DELIVERY_LIMIT: Final = 50
"""Deliveries of one message. `handling` takes it out of the queue long before; this is for a
worker that ends even earlier."""
HEARTBEAT_SECONDS: Final = 10
CONNECT_SECONDS: Final = 10.0
RETRY_SECONDS: Final = (0.2, 3.0)
FAULTS: Final = (aiormq.AMQPError, OSError, TimeoutError, RuntimeError)
"""What the broker's absence looks like; of a closed connection aiormq raises a RuntimeError."""

Opened = Callable[[AbstractConnection], Awaitable[None]]


class BrokerGone(Exception):
    """The broker did not take a message, or the line broke before it said so."""


class Names(NamedTuple):
    """The names of one installation on the broker."""

    prefix: str = PREFIX

    @property
    def events(self) -> str:
        """The exchange that events are published to."""
        return f"{self.prefix}.events"

    @property
    def dead(self) -> str:
        """The exchange and the queue of what was delivered too often."""
        return f"{self.prefix}.dead"

    def queue(self, consumer: str) -> str:
        """Return the queue of a domain."""
        return f"{self.prefix}.{consumer}"

    def consumer(self, queue: str) -> str:
        """Return the domain of a queue."""
        return queue.removeprefix(f"{self.prefix}.")


class Line:
    """A connection to the broker, kept until `close`; `opened` is called with every new one."""

    def __init__(self, url: str, opened: Iterable[Opened] = ()) -> None:
        has_heartbeat = "heartbeat" in parse_qs(urlsplit(url).query)
        joint = "&" if urlsplit(url).query else "?"
        self._url = url if has_heartbeat else f"{url}{joint}heartbeat={HEARTBEAT_SECONDS}"
        self._opened = tuple(opened)
        self._task: asyncio.Task[None] | None = None
        self.is_connected = False

    async def start(self) -> None:
        """Begin to connect; does not wait for it."""
        self._task = asyncio.create_task(self._keep(), name="rabbitmq")

    async def close(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        was_told = False
        while True:
            try:
                await self._live_through_one()
                was_told = False
            except (Exception, asyncio.CancelledError) as problem:
                # A broker that dies while it is spoken to ends what waits for it in any way, with
                # a cancellation too: nobody's but that of `close` ends the line.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                if not was_told:
                    log.warning("RabbitMQ: %s; trying again", _reason(problem))
                was_told = not self.is_connected
            finally:
                self.is_connected = False
            await asyncio.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311 - no secret

    async def _live_through_one(self) -> None:
        """Connect, and return or raise when the connection is over."""
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await aiormq.connect(self._url)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                for opened in self._opened:
                    await opened(connection)
            self.is_connected = True
            log.info("RabbitMQ: connected")
            # Waited for, not awaited: what it ends with may be a cancellation of its own.
            await asyncio.wait({connection.closing})
        finally:
            self.is_connected = False
            # Asks the broker to close, which may be gone: not for long.
            with contextlib.suppress(*FAULTS, asyncio.CancelledError):
                await connection.close(timeout=2)


async def ping(url: str) -> str:
    """Connect and return the broker's version; raises ConnectionError when there is none."""
    try:
        connection = await aiormq.connect(url)
    except FAULTS as problem:
        raise ConnectionError(_reason(problem)) from problem
    version = (connection.server_properties or {}).get("version", "")
    await connection.close()
    return str(version)


def _reason(problem: BaseException) -> str:
    """Return what happened; the text of some errors holds the address with its password."""
    return type(problem).__name__


async def declare(connection: AbstractConnection, names: Names) -> None:
    """Make sure of every exchange, queue and binding."""
    channel = await connection.channel()
    await channel.exchange_declare(names.events, exchange_type="topic", durable=True)
    await channel.exchange_declare(names.dead, exchange_type="topic", durable=True)
    await channel.queue_declare(names.dead, durable=True, arguments={"x-queue-type": "quorum"})
    await channel.queue_bind(names.dead, names.dead, routing_key="#")
    for consumer, wanted in bindings().items():
        await channel.queue_declare(
            names.queue(consumer), durable=True, arguments=_queue_arguments(names)
        )
        if EVERY_EVENT not in wanted:
            # It may have wanted all when it was declared before.
            await channel.queue_unbind(names.queue(consumer), names.events, routing_key="#")
        for name in wanted:
            key = "#" if name == EVERY_EVENT else name
            await channel.queue_bind(names.queue(consumer), names.events, routing_key=key)
    await channel.close()


def _queue_arguments(names: Names) -> dict[str, Any]:
    return {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": names.dead,
        # A dead letter too is confirmed before it leaves its queue.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def publish(channel: AbstractChannel, names: Names, envelope: Envelope) -> bool:
    """Publish an event and wait until the broker has it; return False if no queue wanted it.

    Raises BrokerGone when it is not certain that the broker has it.
    """
    properties = aiormq.spec.Basic.Properties(
        content_type="application/json",
        delivery_mode=2,
        message_id=str(envelope.id),
        timestamp=envelope.occurred_at,
        message_type=envelope.name,
        headers={
            "version": envelope.version,
            "key": envelope.key,
            "occurred-at": envelope.occurred_at.isoformat(),
            "actor-id": str(envelope.actor_id) if envelope.actor_id else "",
            "impersonator-id": str(envelope.impersonator_id) if envelope.impersonator_id else "",
            "request-id": envelope.request_id,
            "traceparent": envelope.trace or "",
            "origin": envelope.origin or "",
        },
    )
    try:
        confirmation = await channel.basic_publish(
            envelope.payload,
            exchange=names.events,
            routing_key=envelope.name,
            properties=properties,
            mandatory=True,
            # Not until it is written: others are published meanwhile, and it is confirmed anyway.
            wait=False,  # type: ignore[call-arg]  # its abstract class does not say so
        )
    except aiormq.exceptions.PublishError:
        return False
    except FAULTS as problem:
        raise BrokerGone(_reason(problem)) from problem
    if not isinstance(confirmation, aiormq.spec.Basic.Ack):
        raise BrokerGone(type(confirmation).__name__)
    return True


def read_envelope(message: DeliveredMessage) -> Envelope:
    """Return the event in a message; ValueError when it is none of ours."""
    properties = message.header.properties
    headers = properties.headers or {}
    try:
        msgspec.json.decode(message.body)
        return Envelope(
            id=UUID(properties.message_id),
            name=str(properties.message_type),
            version=int(headers["version"]),  # type: ignore[arg-type]
            key=str(headers["key"]),
            payload=message.body,
            occurred_at=datetime.fromisoformat(str(headers["occurred-at"])),
            actor_id=_id_or_none(headers.get("actor-id")),
            impersonator_id=_id_or_none(headers.get("impersonator-id")),
            request_id=str(headers.get("request-id", "")),
            trace=str(headers.get("traceparent") or "") or None,
            origin=str(headers.get("origin") or "") or None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.DecodeError) as problem:
        raise ValueError(f"not an event of ours: {type(problem).__name__}") from problem


def deliveries(message: DeliveredMessage) -> int:
    """Return how often the message was delivered before."""
    headers = message.header.properties.headers or {}
    counted = headers.get("x-delivery-count", 0)
    return counted if isinstance(counted, int) else 0


def _id_or_none(text: object) -> UUID | None:
    return UUID(str(text)) if text else None
