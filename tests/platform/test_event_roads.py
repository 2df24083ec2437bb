"""What holds on both roads of an event: in place, and through RabbitMQ."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from lyceum.platform import context, dead_letters, events, ids, jobs
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.outbox import TRIES
from tests.platform import sample_work
from tests.platform.event_roads import InPlace, Road, on_broker
from tests.platform.sample_work import Behaviour, Counted, Effect, Ignored, effects, leave

ACTOR = system_actor("test")
BOTH = pytest.mark.parametrize(
    "road", ["in place", pytest.param("rabbitmq", marks=pytest.mark.services)], indirect=True
)
pytestmark = BOTH


class Broken(Exception):
    pass


async def record(tx: Writer, envelope: events.Envelope, _happened: events.Event) -> None:
    await leave(tx, "record", envelope.key)


record.__module__ = "lyceum.sample_record.jobs"


@pytest.fixture
async def road(background: Engines, request: pytest.FixtureRequest) -> AsyncIterator[Road]:
    """A road with another consumer than that of the samples, which records everything."""
    events.handles_all(record)
    many = getattr(request.node.get_closest_marker("processes"), "args", (1,))[0]
    if request.param == "in place":
        yield InPlace(background, many)
        return
    async with on_broker(background, many) as found:
        yield found


async def emit(background: Engines, *happened: events.Event) -> list[UUID]:
    async with background.database.transaction() as tx:
        return [await events.emit(tx, ACTOR, one) for one in happened]


async def ask(background: Engines, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(background.database.write_pool.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def outbox(background: Engines) -> list[Any]:
    return await ask(
        background,
        "SELECT consumer, key, attempts, dead_at IS NOT NULL FROM platform.outbox"
        " ORDER BY position",
    )


async def end_pauses(background: Engines) -> None:
    await ask(
        background,
        "UPDATE platform.outbox SET held_until = now() - interval '1 s'"
        " WHERE held_until < 'infinity'",
    )


async def fail_for_good(background: Engines, road: Road) -> None:
    for _ in range(TRIES):
        await road.deliver()
        await end_pauses(background)


async def done_by(background: Engines, doer: str) -> list[Effect]:
    return [e for e in await effects(background.database) if e.doer == doer]


def break_on(things: set[str]) -> Callable[[Writer, Counted], Awaitable[None]]:
    async def handler(_tx: Writer, happened: Counted) -> None:
        if happened.thing in things:
            raise Broken(f"cannot count {happened.thing}; token=abcdef0123456789")

    return handler


async def test_every_handler_has_an_event_once_and_it_leaves(
    background: Engines, road: Road
) -> None:
    await emit(background, Counted(thing="a", number=1))
    await road.deliver()
    assert sorted(await effects(background.database)) == [
        Effect("first", "a", 1),
        Effect("record", "a", 0),
        Effect("second", "a", 1),
    ]
    assert await outbox(background) == []


async def test_who_handles_every_event_has_each_with_its_envelope(
    background: Engines, road: Road
) -> None:
    seen: list[tuple[UUID, UUID | None, events.Event]] = []

    async def witness(_tx: Writer, envelope: events.Envelope, happened: events.Event) -> None:
        seen.append((envelope.id, envelope.actor_id, happened))

    witness.__module__ = record.__module__
    events.handles_all(witness)
    happened = [Counted(thing="a", number=1), Ignored(thing="a"), Counted(thing="a", number=2)]
    emitted = await emit(background, *happened)
    await road.deliver()
    assert seen == [(e, None, h) for e, h in zip(emitted, happened, strict=True)]


async def test_a_handler_and_what_it_asks_for_know_where_it_all_began(
    background: Engines, road: Road
) -> None:
    known: list[context.Cause] = []

    async def ask_for_more(tx: Writer, happened: Counted) -> None:
        known.append(context.current())
        await jobs.enqueue(tx, ACTOR, sample_work.work, thing=happened.thing)
        if happened.number < 2:
            await events.emit(tx, ACTOR, Counted(thing=happened.thing, number=2))

    Behaviour.first = ask_for_more
    cause = context.Cause("request-1", "00-a-trace", "2001:db8::7")
    context.enter(*cause)
    await emit(background, Counted(thing="a", number=1))
    context.set_request_id("")
    # Of a program that does not know of traces.
    await emit(background, Counted(thing="b", number=2))
    await road.deliver()
    assert sorted(known, key=str) == [context.Cause(), cause, cause]
    asked = await ask(background, "SELECT request_id, trace, origin FROM platform.jobs")
    assert sorted(asked, key=str) == sorted([("", None, None), cause, cause], key=str)


async def test_a_failure_takes_its_effect_back_and_pauses_its_key_alone(
    background: Engines, road: Road
) -> None:
    Behaviour.first = break_on({"poison"})
    await emit(
        background,
        Counted(thing="poison", number=1),
        Counted(thing="poison", number=2),
        Counted(thing="other", number=1),
    )
    await road.deliver()
    assert {e.thing for e in await done_by(background, "first")} == {"other"}
    # The other consumer has had all of it.
    assert Counter(e.thing for e in await done_by(background, "record")) == {
        "poison": 2, "other": 1,
    }  # fmt: skip
    rows = await ask(
        background,
        "SELECT consumer, attempts, extract(epoch FROM held_until - now())::float8, error"
        " FROM platform.outbox ORDER BY attempts DESC",
    )
    assert [row[:2] for row in rows] == [("tests", 1), ("tests", 0)]
    assert 3 < rows[0][2] <= 6
    assert rows[0][3].startswith("Broken: cannot count poison")
    assert "abcdef0123456789" not in rows[0][3]


async def test_the_pauses_grow_and_poison_is_parked(background: Engines, road: Road) -> None:
    Behaviour.first = break_on({"poison"})
    await emit(background, Counted(thing="poison", number=1))
    pauses = []
    for _ in range(TRIES - 1):
        await road.deliver()
        [(seconds,)] = await ask(
            background,
            "SELECT extract(epoch FROM held_until - now())::float8 FROM platform.outbox",
        )
        pauses.append(seconds)
        await end_pauses(background)
    for pause, usual in zip(pauses, (5, 15, 45), strict=True):
        assert usual * 0.8 - 2 < pause <= usual * 1.2
    await road.deliver()
    assert await outbox(background) == [("tests", "poison", TRIES, True)]
    # After the parking its key goes on.
    Behaviour.first = None
    await emit(background, Counted(thing="poison", number=2))
    await road.deliver()
    assert [e.number for e in await done_by(background, "first")] == [2]


async def test_a_handler_that_had_the_event_is_left_out_when_another_fails(
    background: Engines, road: Road
) -> None:
    Behaviour.second = break_on({"a"})
    await emit(background, Counted(thing="a"))
    await road.deliver()
    Behaviour.second = None
    await end_pauses(background)
    await road.deliver()
    assert Counter(e.doer for e in await effects(background.database)) == {
        "first": 1, "second": 1, "record": 1,
    }  # fmt: skip


async def test_events_of_a_key_behind_a_failure_are_handled_in_order(
    background: Engines, road: Road
) -> None:
    Behaviour.first = break_on({"a"})
    await emit(background, *(Counted(thing="a", number=n) for n in range(4)))
    await road.deliver()
    Behaviour.first = None
    # Another comes while they wait, though nothing is wrong with it any more.
    await emit(background, Counted(thing="a", number=4))
    await road.deliver()
    assert await done_by(background, "first") == []
    await end_pauses(background)
    await road.deliver()
    assert [e.number for e in await done_by(background, "first")] == [0, 1, 2, 3, 4]


@pytest.mark.processes(3)
async def test_each_key_is_handled_in_order_by_several_processes_at_once(
    background: Engines, road: Road
) -> None:
    running: Counter[str] = Counter()
    overlaps = []

    async def watch(_tx: Writer, happened: Counted) -> None:
        running[happened.thing] += 1
        overlaps.append(running[happened.thing] > 1)
        await asyncio.sleep(random.random() / 500)
        running[happened.thing] -= 1

    Behaviour.first = watch
    await emit(
        background,
        *(Counted(thing=f"key {key}", number=n) for n in range(20) for key in range(6)),
    )
    await road.deliver()
    done = await effects(background.database)
    assert not any(overlaps)
    for key in range(6):
        for doer in ("first", "second"):
            numbers = [e.number for e in done if e.thing == f"key {key}" and e.doer == doer]
            assert numbers == list(range(20))


async def test_dead_letters_are_shown_replayed_and_dropped(background: Engines, road: Road) -> None:
    Behaviour.second = break_on({"a", "b"})
    lost, kept = await emit(background, Counted(thing="a", number=7), Counted(thing="b"))
    await fail_for_good(background, road)
    reader = background.database.reader()
    assert await dead_letters.count_dead_letters(reader) == 2
    letters = await dead_letters.list_dead_letters(reader, consumer="tests")
    assert {letter.event_id for letter in letters} == {lost, kept}
    assert await dead_letters.list_dead_letters(reader, name="sample.ignored") == []
    shown = await dead_letters.get_dead_letter(reader, kept)
    assert (shown.name, shown.consumer, shown.attempts, shown.payload) == (
        "sample.counted", "tests", TRIES, b'{"thing": "b", "number": 0}',
    )  # fmt: skip
    assert await dead_letters.get_dead_letter(reader, shown.id) == shown
    Behaviour.second = None
    async with background.database.transaction() as tx:
        await dead_letters.drop_dead_letter(tx, ACTOR, lost)
        await dead_letters.replay_dead_letter(tx, ACTOR, shown.id)
    await road.deliver()
    assert [e.thing for e in await done_by(background, "second")] == ["b"]
    assert {e.thing for e in await done_by(background, "first")} == {"a", "b"}
    assert await outbox(background) == []


async def test_all_dead_letters_of_a_name_can_be_replayed(background: Engines, road: Road) -> None:
    Behaviour.first = break_on({"a", "b"})
    await emit(background, Counted(thing="a"), Counted(thing="b"))
    await fail_for_good(background, road)
    Behaviour.first = None
    async with background.database.transaction() as tx:
        assert await dead_letters.replay_dead_letters(tx, ACTOR, "sample.ignored") == 0
        assert await dead_letters.replay_dead_letters(tx, ACTOR, consumer="somebody") == 0
        assert await dead_letters.replay_dead_letters(tx, ACTOR) == 2
    await road.deliver()
    assert {e.thing for e in await done_by(background, "first")} == {"a", "b"}


async def test_an_unknown_event_is_parked_and_the_queue_goes_on(
    background: Engines, road: Road
) -> None:
    await ask(
        background,
        "INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at, request_id)"
        " VALUES ($1, 'sample.from_the_future', 1, 'a', '{}', now(), '')",
        ids.new_id(),
    )
    await fail_for_good(background, road)
    await emit(background, Counted(thing="a"))
    await road.deliver()
    assert len(await done_by(background, "first")) == 1
    [parked] = await dead_letters.list_dead_letters(background.database.reader())
    assert parked.name == "sample.from_the_future"
    assert parked.error is not None
    assert "is not known here" in parked.error


async def test_an_effect_through_another_event_happens_once_too(
    background: Engines, road: Road
) -> None:
    async def go_on(tx: Writer, happened: Counted) -> None:
        if happened.number < 3:
            await events.emit(tx, ACTOR, Counted(thing="a", number=happened.number + 1))
        await leave(tx, "extra", "a", happened.number)

    Behaviour.first = go_on
    await emit(background, Counted(thing="a", number=0))
    await road.deliver()
    assert [e.number for e in await done_by(background, "extra")] == [0, 1, 2, 3]
