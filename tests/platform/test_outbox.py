import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from lyceum.platform import dead_letters, errors, events, ids
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.handling import SUSPECT
from lyceum.platform.outbox import TRIES, Deliverer
from tests.platform.sample_work import (
    Behaviour,
    Counted,
    Effect,
    Ignored,
    effects,
    leave,
    until_effects,
)

ACTOR = system_actor("test")


class Broken(Exception):
    pass


async def emit(background: Engines, *happened: events.Event) -> list[UUID]:
    """Emit in transactions of their own, in this order."""
    found = []
    for one in happened:
        async with background.database.transaction() as tx:
            found.append(await events.emit(tx, ACTOR, one))
    return found


async def ask(background: Engines, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(background.database.write_pool.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def outbox(background: Engines) -> list[Any]:
    return await ask(
        background,
        "SELECT key, attempts, dead_at IS NOT NULL FROM platform.outbox ORDER BY position",
    )


async def end_pauses(background: Engines) -> None:
    await ask(
        background,
        "UPDATE platform.outbox SET held_until = now() - interval '1 s'"
        " WHERE held_until < 'infinity'",
    )


def break_on(things: set[str]) -> Callable[[Writer, Counted], Awaitable[None]]:
    async def handler(_tx: Writer, happened: Counted) -> None:
        if happened.thing in things:
            raise Broken(f"cannot count {happened.thing}; token=abcdef0123456789")

    return handler


async def test_every_handler_has_an_event_once_and_it_leaves(background: Engines) -> None:
    await emit(background, Counted(thing="a", number=1))
    assert await Deliverer(background.database).deliver_due() == 1
    assert await effects(background.database) == [Effect("first", "a", 1), Effect("second", "a", 1)]
    assert await outbox(background) == []
    assert await Deliverer(background.database).deliver_due() == 0


async def test_an_event_without_handlers_leaves(background: Engines) -> None:
    await emit(background, Ignored(thing="a"))
    assert await Deliverer(background.database).deliver_due() == 1
    assert await outbox(background) == []


async def test_no_more_are_taken_than_asked_for(background: Engines) -> None:
    await emit(background, *(Ignored(thing=str(n)) for n in range(5)))
    assert await Deliverer(background.database).deliver_due(3) == 3
    assert await outbox(background) == [("3", 0, False), ("4", 0, False)]


async def test_a_failure_takes_its_effect_back_and_pauses_its_key_alone(
    background: Engines,
) -> None:
    Behaviour.first = break_on({"poison"})
    await emit(
        background,
        Counted(thing="poison", number=1),
        Counted(thing="poison", number=2),
        Counted(thing="other", number=1),
    )
    deliverer = Deliverer(background.database)
    assert await deliverer.deliver_due() == 1
    assert {e.thing for e in await effects(background.database)} == {"other"}
    assert await outbox(background) == [("poison", 1, False), ("poison", 0, False)]
    [(seconds, error)] = await ask(
        background,
        "SELECT extract(epoch FROM held_until - now())::float8, error FROM platform.outbox"
        " WHERE attempts = 1",
    )
    assert 3 < seconds <= 6
    assert error.startswith("Broken: cannot count poison")
    assert "abcdef0123456789" not in error
    # What comes for the key meanwhile waits behind it.
    await emit(background, Counted(thing="poison", number=3))
    assert await deliverer.deliver_due() == 0


async def test_the_pauses_grow_and_poison_is_parked(background: Engines) -> None:
    Behaviour.first = break_on({"poison"})
    await emit(background, Counted(thing="poison", number=1))
    pauses = []
    for _ in range(TRIES - 1):
        assert await Deliverer(background.database).deliver_due() == 0
        [(seconds,)] = await ask(
            background,
            "SELECT extract(epoch FROM held_until - now())::float8 FROM platform.outbox",
        )
        pauses.append(seconds)
        await end_pauses(background)
    for pause, usual in zip(pauses, (5, 15, 45), strict=True):
        assert usual * 0.8 - 2 < pause <= usual * 1.2
    assert await Deliverer(background.database).deliver_due() == 0
    assert await outbox(background) == [("poison", TRIES, True)]
    # After the parking its key goes on.
    Behaviour.first = None
    await emit(background, Counted(thing="poison", number=2))
    assert await Deliverer(background.database).deliver_due() == 1
    assert (await effects(background.database))[-1] == Effect("second", "poison", 2)


async def test_a_handler_that_had_the_event_is_left_out_when_another_fails(
    background: Engines,
) -> None:
    Behaviour.second = break_on({"a"})
    await emit(background, Counted(thing="a"))
    assert await Deliverer(background.database).deliver_due() == 0
    Behaviour.second = None
    await end_pauses(background)
    assert await Deliverer(background.database).deliver_due() == 1
    assert Counter(e.doer for e in await effects(background.database)) == {"first": 1, "second": 1}


async def test_events_of_a_key_behind_a_failure_are_handled_in_order(background: Engines) -> None:
    Behaviour.first = break_on({"a"})
    await emit(background, *(Counted(thing="a", number=n) for n in range(4)))
    await Deliverer(background.database).deliver_due()
    Behaviour.first = None
    await end_pauses(background)
    assert await Deliverer(background.database).deliver_due() == 4
    done = [e.number for e in await effects(background.database) if e.doer == "first"]
    assert done == [0, 1, 2, 3]


async def test_an_unknown_event_is_parked_and_the_queue_goes_on(background: Engines) -> None:
    await ask(
        background,
        "INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at, request_id)"
        " VALUES ($1, 'sample.from_the_future', 1, 'a', '{}', now(), '')",
        ids.new_id(),
    )
    for _ in range(TRIES):
        await Deliverer(background.database).deliver_due()
        await end_pauses(background)
    await emit(background, Counted(thing="a"))
    assert await Deliverer(background.database).deliver_due() == 1
    [parked] = await dead_letters.list_dead_letters(background.database.reader())
    assert parked.name == "sample.from_the_future"
    assert parked.error is not None
    assert "is not known here" in parked.error


async def test_each_key_is_handled_in_order_by_several_processes_at_once(
    background: Engines,
) -> None:
    running: Counter[str] = Counter()
    overlaps = []

    async def watch(_tx: Writer, happened: Counted) -> None:
        running[happened.thing] += 1
        overlaps.append(running[happened.thing] > 1)
        await asyncio.sleep(random.random() / 500)
        running[happened.thing] -= 1

    Behaviour.first = watch
    mixed = [Counted(thing=f"key {key}", number=n) for n in range(30) for key in range(8)]
    async with background.database.transaction() as tx:
        for one in mixed:
            await events.emit(tx, ACTOR, one)
    deliverers = [Deliverer(background.database) for _ in range(3)]
    while await outbox(background):
        await asyncio.gather(*(each.deliver_due(40) for each in deliverers))
    done = await effects(background.database)
    assert not any(overlaps)
    for key in range(8):
        for doer in ("first", "second"):
            numbers = [e.number for e in done if e.thing == f"key {key}" and e.doer == doer]
            assert numbers == list(range(30))


async def test_a_lease_keeps_others_away_until_it_runs_out(background: Engines) -> None:
    await emit(background, Counted(thing="a", number=1), Counted(thing="a", number=2))
    # A process that has claimed and is then killed.
    await Deliverer(background.database)._claim(1)  # noqa: SLF001
    assert await Deliverer(background.database).deliver_due() == 0
    await end_pauses(background)
    assert await Deliverer(background.database).deliver_due() == 2
    assert [e.number for e in await effects(background.database)] == [1, 1, 2, 2]


async def test_who_has_lost_the_lease_has_no_effect(background: Engines) -> None:
    async def lose_the_lease(_tx: Writer, _happened: Counted) -> None:
        await ask(background, "UPDATE platform.outbox SET lease_token = gen_random_uuid()")

    Behaviour.second = lose_the_lease
    await emit(background, Counted(thing="a"))
    assert await Deliverer(background.database).deliver_due() == 0
    assert [e.doer for e in await effects(background.database)] == ["first"]
    Behaviour.second = None
    await end_pauses(background)
    await Deliverer(background.database).deliver_due()
    assert [e.doer for e in await effects(background.database)] == ["first", "second"]


async def test_running_delivers_until_told_to_stop_and_finishes_what_it_began(
    background: Engines,
) -> None:
    begun, go_on, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def be_slow(_tx: Writer, _happened: Counted) -> None:
        begun.set()
        await go_on.wait()

    Behaviour.first = be_slow
    await emit(background, Counted(thing="a", number=1), Counted(thing="a", number=2))
    running = asyncio.create_task(Deliverer(background.database).run(stop))
    await begun.wait()
    stop.set()
    await asyncio.sleep(0.05)
    go_on.set()
    await running
    assert [(e.doer, e.number) for e in await effects(background.database)] == [
        ("first", 1),
        ("second", 1),
    ]
    # The one behind it is given back at once, not when a lease runs out.
    assert await ask(background, "SELECT lease_token, held_until FROM platform.outbox") == [
        (None, None)
    ]


async def test_at_a_stop_a_handler_that_does_not_end_is_undone(background: Engines) -> None:
    begun, stop = asyncio.Event(), asyncio.Event()

    async def never_end(_tx: Writer, _happened: Counted) -> None:
        begun.set()
        await asyncio.sleep(3600)

    Behaviour.first = never_end
    await emit(background, Counted(thing="a"))
    running = asyncio.create_task(Deliverer(background.database).run(stop, grace_seconds=0.1))
    await begun.wait()
    stop.set()
    await running
    assert await effects(background.database) == []
    Behaviour.first = None
    assert await Deliverer(background.database).deliver_due() == 1


async def test_a_key_that_hangs_leaves_the_others_going(background: Engines) -> None:
    stop, hung = asyncio.Event(), asyncio.Event()

    async def hang(_tx: Writer, happened: Counted) -> None:
        if happened.thing == "hangs":
            hung.set()
            await asyncio.sleep(3600)

    Behaviour.first = hang
    await emit(background, Counted(thing="hangs"))
    deliverer = Deliverer(background.database)
    running = asyncio.create_task(deliverer.run(stop, grace_seconds=0))
    await hung.wait()
    await emit(background, Counted(thing="b"), Counted(thing="c"))
    deliverer.wake()
    await until_effects(background.database, 4)
    stop.set()
    await running


async def test_dead_letters_are_shown_replayed_and_dropped(background: Engines) -> None:
    Behaviour.second = break_on({"a", "b"})
    lost, kept = await emit(background, Counted(thing="a", number=7), Counted(thing="b"))
    for _ in range(TRIES):
        await Deliverer(background.database).deliver_due()
        await end_pauses(background)
    reader = background.database.reader()
    assert await dead_letters.count_dead_letters(reader) == 2
    assert {letter.event_id for letter in await dead_letters.list_dead_letters(reader)} == {
        lost,
        kept,
    }
    shown = await dead_letters.get_dead_letter(reader, kept)
    assert (shown.name, shown.consumer, shown.attempts, shown.payload) == (
        "sample.counted", "tests", TRIES, b'{"thing": "b", "number": 0}',
    )  # fmt: skip
    assert await dead_letters.get_dead_letter(reader, shown.id) == shown
    Behaviour.second = None
    async with background.database.transaction() as tx:
        await dead_letters.drop_dead_letter(tx, lost)
        await dead_letters.replay_dead_letter(tx, kept)
    assert await Deliverer(background.database).deliver_due() == 1
    done = [(e.doer, e.thing) for e in await effects(background.database) if e.thing == "b"]
    assert done == [("first", "b"), ("second", "b")]
    assert await outbox(background) == []


async def test_all_dead_letters_of_a_name_can_be_replayed(background: Engines) -> None:
    Behaviour.first = break_on({"a", "b"})
    await emit(background, Counted(thing="a"), Counted(thing="b"))
    for _ in range(TRIES):
        await Deliverer(background.database).deliver_due()
        await end_pauses(background)
    Behaviour.first = None
    async with background.database.transaction() as tx:
        assert await dead_letters.replay_dead_letters(tx, "sample.ignored") == 0
        assert await dead_letters.replay_dead_letters(tx) == 2
    assert await Deliverer(background.database).deliver_due() == 2


async def test_only_parked_events_are_dead_letters(background: Engines) -> None:
    [alive] = await emit(background, Counted(thing="a"))
    async with background.database.transaction() as tx:
        for refused in (
            dead_letters.get_dead_letter(tx, alive),
            dead_letters.replay_dead_letter(tx, alive),
            dead_letters.drop_dead_letter(tx, alive),
        ):
            with pytest.raises(errors.NotFound):
                await refused


async def test_an_observer_hears_of_handlers_and_of_the_lag(background: Engines) -> None:
    heard: list[tuple[Any, ...]] = []

    class Ear:
        def job_started(self, name: str, queue: str, waited: float) -> None:
            raise AssertionError

        def job_finished(self, name: str, state: str, seconds: float) -> None:
            raise AssertionError

        def event_handled(self, name: str, handler: str, seconds: float, ok: bool) -> None:
            heard.append((name, handler, ok))

        def lag(self, seconds: float) -> None:
            heard.append(("lag", seconds > 60))

    Behaviour.second = break_on({"a"})
    await emit(background, Counted(thing="a"))
    await ask(background, "UPDATE platform.outbox SET occurred_at = now() - interval '2 min'")
    await Deliverer(background.database, observer=Ear()).deliver_due()
    assert heard == [
        ("lag", True),
        ("sample.counted", "tests.first", True),
        ("sample.counted", "tests.second", False),
    ]


async def test_an_effect_through_another_event_happens_once_too(background: Engines) -> None:
    async def go_on(tx: Writer, happened: Counted) -> None:
        if happened.number < 3:
            await events.emit(tx, ACTOR, Counted(thing="a", number=happened.number + 1))
        await leave(tx, "extra", "a", happened.number)

    Behaviour.first = go_on
    await emit(background, Counted(thing="a", number=0))
    while await Deliverer(background.database).deliver_due():
        pass
    extra = [e.number for e in await effects(background.database) if e.doer == "extra"]
    assert extra == [0, 1, 2, 3]


async def test_who_handles_every_event_has_each_with_its_envelope_in_order(
    background: Engines,
) -> None:
    seen: list[tuple[UUID, events.Event]] = []

    async def keep_record(tx: Writer, envelope: events.Envelope, happened: events.Event) -> None:
        seen.append((envelope.id, happened))
        await leave(tx, "witness", envelope.key)

    events.handles_all(keep_record)
    happened = [Counted(thing="a", number=1), Ignored(thing="a"), Counted(thing="a", number=2)]
    emitted = await emit(background, *happened)
    assert await Deliverer(background.database).deliver_due() == 3
    assert seen == list(zip(emitted, happened, strict=True))
    witnessed = [e for e in await effects(background.database) if e.doer == "witness"]
    assert len(witnessed) == 3


async def test_a_consumer_that_fails_keeps_no_other_waiting(background: Engines) -> None:
    async def record(tx: Writer, envelope: events.Envelope, _happened: events.Event) -> None:
        await leave(tx, "record", envelope.key)

    record.__module__ = "lyceum.sample_record.jobs"
    events.handles_all(record)
    Behaviour.first = break_on({"poison"})
    await emit(background, Counted(thing="poison", number=1), Counted(thing="poison", number=2))
    assert await Deliverer(background.database).deliver_due() == 0
    done = await effects(background.database)
    assert done == [Effect("record", "poison", 0), Effect("record", "poison", 0)]
    held = "SELECT consumer, attempts FROM platform.outbox ORDER BY position"
    assert await ask(background, held) == [("tests", 1), ("tests", 0)]
    Behaviour.first = None
    await end_pauses(background)
    assert await Deliverer(background.database).deliver_due() == 2
    done = await effects(background.database)
    assert [e.number for e in done if e.doer == "first"] == [1, 2]
    assert len([e for e in done if e.doer == "record"]) == 2


async def test_what_ends_its_workers_is_tried_alone_and_then_parked(background: Engines) -> None:
    await emit(background, Counted(thing="kills", number=1))
    for _ in range(SUSPECT + 1):
        # A process that has claimed and is then killed.
        await Deliverer(background.database)._claim(9)  # noqa: SLF001
        await end_pauses(background)
    # By now it is held, and each try is counted before it begins.
    assert await Deliverer(background.database).deliver_due() == 0
    assert await ask(background, "SELECT consumer, lost, attempts FROM platform.outbox") == [
        ("tests", SUSPECT + 1, 0)
    ]

    async def be_killed(_tx: Writer, _happened: Counted) -> None:
        raise asyncio.CancelledError

    Behaviour.first = be_killed
    for _ in range(TRIES):
        with contextlib.suppress(asyncio.CancelledError):
            await Deliverer(background.database).deliver_due()
        await end_pauses(background)
    assert await ask(background, "SELECT attempts, dead_at FROM platform.outbox") == [(TRIES, None)]
    assert await Deliverer(background.database).deliver_due() == 0
    [parked] = await dead_letters.list_dead_letters(background.database.reader())
    assert parked.error is not None
    assert parked.error.startswith("EndedWithoutAWord")
    assert await effects(background.database) == []


async def test_what_only_seems_to_end_its_workers_gets_through(background: Engines) -> None:
    await emit(background, *(Counted(thing="a", number=n) for n in range(3)))
    for _ in range(SUSPECT + 1):
        await Deliverer(background.database)._claim(9)  # noqa: SLF001
        await end_pauses(background)
    await Deliverer(background.database).deliver_due()
    assert await Deliverer(background.database).deliver_due() == 3
    done = await effects(background.database)
    assert [e.number for e in done if e.doer == "first"] == [0, 1, 2]
