"""The HTTP door of operators to events that could not be handled. Not here: what keeps them
(`handling`, `outbox`); the same in a terminal (`lyceum events dead`)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from lyceum.platform import dead_letters, errors
from lyceum.platform.access import Actor, permission
from lyceum.platform.database import Reader, Writer
from lyceum.platform.dead_letters import DeadLetter
from lyceum.platform.paging import PageQuery
from lyceum.platform.routing import Routes
from lyceum.platform.wire import Answer, Input, Output

READ_EVENTS = permission(
    "events:read", role="admin", description="See events that could not be handled."
)
MANAGE_EVENTS = permission(
    "events:manage", role="admin", description="Replay and drop events that could not be handled."
)
routes = Routes("platform")
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class DeadEvent(Output, frozen=True, kw_only=True):
    """An event that a domain could not handle in all its tries; `consumer` is that domain, or ''
    when the event itself was not known. `error` is redacted."""

    id: UUID
    event_id: UUID
    consumer: str
    name: str
    version: int
    key: str
    payload: Any
    occurred_at: datetime
    actor_id: UUID | None
    request_id: str
    trace: str | None
    attempts: int
    dead_at: datetime | None
    error: str | None


class DeadEventsQuery(PageQuery, frozen=True, kw_only=True):
    """Which of them."""

    name: Name | None = None
    consumer: Name | None = None


class ReplayOrder(Input, frozen=True, kw_only=True):
    """Which events to deliver again; without `name` and `consumer` all of them."""

    name: Name | None = None
    consumer: Name | None = None


class Replayed(Output, frozen=True, kw_only=True):
    """How many events are delivered again."""

    count: int


@routes.get("/admin/events/dead", access=READ_EVENTS, summary="Events that could not be handled")
async def list_dead_events(
    tx: Reader, actor: Actor, query: DeadEventsQuery
) -> Answer[list[DeadEvent]]:
    """In the order in which they were kept."""
    actor.require(READ_EVENTS)
    total = await dead_letters.count_dead_letters(tx, name=query.name, consumer=query.consumer)
    found = await dead_letters.list_dead_letters(
        tx, limit=query.per_page, offset=query.offset, name=query.name, consumer=query.consumer
    )
    return Answer(data=[view(letter) for letter in found], page=query.info(total))


@routes.get(
    "/admin/events/dead/{dead_id}",
    access=READ_EVENTS,
    summary="An event that could not be handled",
    facts=(errors.NotFound,),
)
async def get_dead_event(tx: Reader, actor: Actor, dead_id: UUID) -> DeadEvent:
    """By its id, or by the event's."""
    actor.require(READ_EVENTS)
    return view(await dead_letters.get_dead_letter(tx, dead_id))


@routes.post(
    "/admin/events/dead/{dead_id}/replay",
    access=MANAGE_EVENTS,
    summary="Deliver an event again",
    facts=(errors.NotFound,),
)
async def replay_dead_event(tx: Writer, actor: Actor, dead_id: UUID) -> None:
    """With all its tries; handlers that had it are left out."""
    actor.require(MANAGE_EVENTS)
    await dead_letters.replay_dead_letter(tx, actor, dead_id)


@routes.post("/admin/events/dead/replay", access=MANAGE_EVENTS, summary="Deliver many events again")
async def replay_dead_events(tx: Writer, actor: Actor, data: ReplayOrder) -> Answer[Replayed]:
    """Once what kept them from being handled is mended."""
    actor.require(MANAGE_EVENTS)
    count = await dead_letters.replay_dead_letters(tx, actor, data.name, consumer=data.consumer)
    return Answer(data=Replayed(count=count))


@routes.delete(
    "/admin/events/dead/{dead_id}",
    access=MANAGE_EVENTS,
    summary="Give an event up",
    facts=(errors.NotFound,),
)
async def drop_dead_event(tx: Writer, actor: Actor, dead_id: UUID) -> None:
    """For good: its effect at that consumer will not happen."""
    actor.require(MANAGE_EVENTS)
    await dead_letters.drop_dead_letter(tx, actor, dead_id)


def view(letter: DeadLetter) -> DeadEvent:
    """Return a dead letter as operators see it."""
    values = {field: getattr(letter, field) for field in DeadEvent.__struct_fields__}
    return DeadEvent(**values | {"payload": msgspec.json.decode(letter.payload)})
