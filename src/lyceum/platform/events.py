"""The one event path: `emit` writes to the outbox in the caller's transaction; handlers react.

An event is a frozen struct of ids and facts, declared in a domain's `events.py` with a stable
name and version. A handler is declared in a domain's `jobs.py` and runs in a transaction of its
own, together with its inbox row, so that its effect happens once. Not here: delivery (`outbox`).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from lyceum.platform import clock, ids
from lyceum.platform.access import Actor
from lyceum.platform.context import current
from lyceum.platform.database import Writer
from lyceum.platform.statements import command

OUTBOX_CHANNEL = "lyceum_outbox"

_INSERT = command(
    """
    INSERT INTO platform.outbox
        (id, name, version, key, payload, occurred_at, actor_id, impersonator_id, request_id, trace,
        origin)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    """
)
# In the order of the arrays, which is that of the positions that the rows get.
_INSERT_MANY = command(
    """
    INSERT INTO platform.outbox
        (id, name, version, key, payload, occurred_at, actor_id, impersonator_id, request_id, trace,
        origin)
    SELECT n.id, n.name, n.version, n.key, n.payload, n.occurred_at, $7, $8, $9, $10, $11
    FROM unnest($1::uuid[], $2::text[], $3::int2[], $4::text[], $5::jsonb[], $6::timestamptz[])
        WITH ORDINALITY AS n (id, name, version, key, payload, occurred_at, place)
    ORDER BY n.place
    """
)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. Subclasses set `name` and `version`; fields never hold secrets."""

    name: ClassVar[str]
    version: ClassVar[int] = 1

    def key(self) -> str:
        """Return the ordering key: events of one key are handled in the order they happened."""
        return str(getattr(self, self.__struct_fields__[0]))


class Envelope(msgspec.Struct, frozen=True):
    """An event as it travels: what `emit` knew beside the event itself. `trace` is a `traceparent`,
    `origin` the address of the client."""

    id: UUID
    name: str
    version: int
    key: str
    payload: bytes
    occurred_at: datetime
    actor_id: UUID | None
    impersonator_id: UUID | None
    request_id: str
    trace: str | None
    origin: str | None


class UnknownEvent(Exception):
    """An event of a newer or older program: its name or version is not declared here."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"{name}, version {version}, is not known here")


E = TypeVar("E", bound=Event)
Handler = Callable[[Writer, Any], Awaitable[None]]
Witness = Callable[[Writer, Envelope, Event], Awaitable[None]]
EVERY_EVENT: Final = "*"


class Happened(NamedTuple):
    """An event beside its envelope."""

    envelope: Envelope
    event: Event


ManyWitness = Callable[[Writer, Sequence[Happened]], Awaitable[None]]


class Subscription(msgspec.Struct, frozen=True):
    """One handler of one event; `name` is its identity in the inbox, so it must stay.

    `event` is None for a handler of every event, which is given the envelope too; one that
    `takes_many` is given several at once.
    """

    name: str
    event: type[Event] | None
    handle: Callable[..., Awaitable[None]]
    takes_many: bool = False

    @property
    def consumer(self) -> str:
        """The domain whose handler it is; each has every event for itself, and in order."""
        return self.name.partition(".")[0]

    async def call(self, tx: Writer, envelope: Envelope, happened: Event) -> None:
        """Run the handler in `tx`."""
        if self.takes_many:
            await self.handle(tx, [Happened(envelope, happened)])
        elif self.event is None:
            await self.handle(tx, envelope, happened)
        else:
            await self.handle(tx, happened)


_events: dict[str, type[Event]] = {}
_subscriptions: dict[str, list[Subscription]] = {}


def event(name: str, *, version: int = 1) -> Callable[[type[E]], type[E]]:
    """Give an event class its stable name, as in `@event("course.published")`."""

    def declare(cls: type[E]) -> type[E]:
        if name in _events:
            raise ValueError(f"event {name} is declared twice")
        cls.name = name
        cls.version = version
        _events[name] = cls
        return cls

    return declare


def handles(wanted: type[E]) -> Callable[[Callable[[Writer, E], Awaitable[None]]], Handler]:
    """Subscribe a function of a `jobs.py` to an event."""

    def subscribe(function: Callable[[Writer, E], Awaitable[None]]) -> Handler:
        subscription = Subscription(_handler_name(function), wanted, function)
        _subscriptions.setdefault(wanted.name, []).append(subscription)
        return function

    return subscribe


def handles_all(function: Witness) -> Witness:
    """Subscribe a function of a `jobs.py` to every event: it is given the envelope and the event,
    ordered by key and once, like every other handler."""
    subscription = Subscription(_handler_name(function), None, function)
    _subscriptions.setdefault(EVERY_EVENT, []).append(subscription)
    return function


def handles_each(*names: str) -> Callable[[Witness], Witness]:
    """The same for the events of some names."""

    def subscribe(function: Witness) -> Witness:
        subscription = Subscription(_handler_name(function), None, function)
        for name in names:
            _subscriptions.setdefault(name, []).append(subscription)
        return function

    return subscribe


def handles_all_together(function: ManyWitness) -> ManyWitness:
    """Subscribe a function of a `jobs.py` to every event, and give it many at once when there are
    many: those of one key in their order. It fails or works for all of them."""
    subscription = Subscription(_handler_name(function), None, function, takes_many=True)
    _subscriptions.setdefault(EVERY_EVENT, []).append(subscription)
    return function


def _handler_name(function: Callable[..., Awaitable[None]]) -> str:
    domain = function.__module__.removeprefix("lyceum.").split(".")[0]
    return f"{domain}.{function.__name__}"


def all_events() -> list[type[Event]]:
    """Return every declared event class, by name."""
    return [_events[name] for name in sorted(_events)]


def subscriptions_of(name: str, consumer: str | None = None) -> list[Subscription]:
    """Return the handlers of the event `name` (at one consumer, if given), in the order of
    declaration; last those of every event."""
    found = [*_subscriptions.get(name, []), *_subscriptions.get(EVERY_EVENT, [])]
    return [one for one in found if consumer is None or one.consumer == consumer]


def consumers_of(name: str) -> list[str]:
    """Return the domains that handle the event `name`."""
    return list(dict.fromkeys(one.consumer for one in subscriptions_of(name)))


def bindings() -> dict[str, list[str]]:
    """Return the names of events that each consumer handles; EVERY_EVENT stands for all."""
    found: dict[str, list[str]] = {}
    for name in sorted(_subscriptions):
        for consumer in dict.fromkeys(one.consumer for one in _subscriptions[name]):
            found.setdefault(consumer, []).append(name)
    return found


def class_of(name: str, version: int) -> type[Event]:
    """Return the class of an event; UnknownEvent when this program does not know it."""
    cls = _events.get(name)
    if cls is None or version > cls.version:
        raise UnknownEvent(name, version)
    return cls


def decode(envelope: Envelope) -> Event:
    """Return the event inside `envelope`; UnknownEvent when this program does not know it."""
    cls = class_of(envelope.name, envelope.version)
    return msgspec.json.decode(envelope.payload, type=cls)


async def emit(tx: Writer, actor: Actor, happened: Event) -> UUID:
    """Record that something happened, effective with the caller's commit; return the event's id."""
    row = _row_of(actor, happened)
    await tx.execute(_INSERT, *row)
    tx.notify(OUTBOX_CHANNEL)
    event_id: UUID = row[0]
    return event_id


async def emit_many(tx: Writer, actor: Actor, happened: Iterable[Event]) -> None:
    """Record that several things happened, by one statement."""
    rows = [_row_of(actor, one) for one in happened]
    if rows:
        columns = list(zip(*rows, strict=True))
        # Who caused them, and where it began, is the same in every row.
        await tx.execute(_INSERT_MANY, *columns[:6], *rows[0][6:])
        tx.notify(OUTBOX_CHANNEL)


def _row_of(actor: Actor, happened: Event) -> tuple[Any, ...]:
    return (
        ids.new_id(),
        happened.name,
        happened.version,
        happened.key(),
        msgspec.json.encode(happened),
        clock.utc_now(),
        actor.user_id,
        actor.impersonator_id,
        *current(),
    )
