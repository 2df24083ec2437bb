import asyncio
import contextlib
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
    Ignored,
    effects,
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


async def test_no_more_are_taken_than_asked_for(background: Engines) -> None:
    await emit(background, *(Ignored(thing=str(n)) for n in range(5)))
    assert await Deliverer(background.database).deliver_due(3) == 3
    assert await outbox(background) == [("3", 0, False), ("4", 0, False)]


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


async def test_only_parked_events_are_dead_letters(background: Engines) -> None:
    [alive] = await emit(background, Counted(thing="a"))
    async with background.database.transaction() as tx:
        for refused in (
            dead_letters.get_dead_letter(tx, alive),
            dead_letters.replay_dead_letter(tx, ACTOR, alive),
            dead_letters.drop_dead_letter(tx, ACTOR, alive),
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
