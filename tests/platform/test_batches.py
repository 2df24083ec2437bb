"""Several events in one transaction: what holds when one of them fails, or the process dies."""

import asyncio
import contextlib
from collections import Counter

import pytest

from lyceum.platform import batches, events
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.outbox import TRIES, Deliverer
from lyceum.platform.statements import command
from tests.platform.sample_work import Behaviour, Counted, Effect, effects, leave
from tests.platform.test_event_roads import ask, break_on, done_by, emit, end_pauses, outbox


async def take_lock(tx: Writer, number: int) -> None:
    await tx.execute(command("SELECT pg_advisory_xact_lock($1)"), number)


async def transactions(background: Engines) -> int:
    [(count,)] = await ask(background, "SELECT count(DISTINCT xmin::text) FROM public.effects")
    return int(count)


async def test_events_of_many_keys_share_a_transaction_each_key_in_order(
    background: Engines,
) -> None:
    await emit(
        background, *(Counted(thing=f"key {key}", number=n) for n in range(10) for key in range(4))
    )
    assert await Deliverer(background.database).deliver_due() == 40
    assert await transactions(background) == 1
    done = await effects(background.database)
    for key in range(4):
        for doer in ("first", "second"):
            numbers = [e.number for e in done if e.thing == f"key {key}" and e.doer == doer]
            assert numbers == list(range(10))
    assert await outbox(background) == []


async def test_one_that_fails_is_parked_and_the_others_have_their_effect_once(
    background: Engines,
) -> None:
    Behaviour.second = break_on({"key 7"})
    await emit(background, *(Counted(thing=f"key {key}", number=1) for key in range(20)))
    for _ in range(TRIES):
        await Deliverer(background.database).deliver_due()
        await end_pauses(background)
    done = Counter((e.doer, e.thing) for e in await effects(background.database))
    assert done == {
        (doer, f"key {key}"): 1
        for doer in ("first", "second")
        for key in range(20)
        if (doer, key) != ("second", 7)
    }
    assert await outbox(background) == [("tests", "key 7", TRIES, True)]


async def test_who_dies_in_a_batch_leaves_nothing_of_it_done(background: Engines) -> None:
    async def die(_tx: Writer, happened: Counted) -> None:
        if happened.number == 5:
            raise asyncio.CancelledError

    Behaviour.first = die
    await emit(background, *(Counted(thing=f"key {n % 3}", number=n) for n in range(9)))
    with contextlib.suppress(asyncio.CancelledError):
        await Deliverer(background.database).deliver_due()
    assert await effects(background.database) == []
    Behaviour.first = None
    await end_pauses(background)
    assert await Deliverer(background.database).deliver_due() == 9
    done = await effects(background.database)
    assert sorted(e.number for e in done if e.doer == "first") == list(range(9))
    assert [e.number for e in done if e.thing == "key 1" and e.doer == "second"] == [1, 4, 7]


async def test_what_was_killed_with_its_process_is_not_tried_in_a_batch_again(
    background: Engines,
) -> None:
    await emit(background, *(Counted(thing=f"key {n}", number=n) for n in range(3)))
    await Deliverer(background.database)._claim(9)  # noqa: SLF001 - and is gone
    await end_pauses(background)
    assert await Deliverer(background.database).deliver_due() == 3
    assert await transactions(background) == 6
    assert len(await effects(background.database)) == 6


async def test_two_who_wait_for_each_other_both_get_through(background: Engines) -> None:
    async def lock(tx: Writer, happened: Counted) -> None:
        await take_lock(tx, happened.number)
        await asyncio.sleep(0.05)

    Behaviour.first = lock
    await emit(background, *(Counted(thing=t, number=n) for t, n in zip("abcd", (1, 2, 2, 1))))  # noqa: B905
    tasks = []
    for deliverer in (Deliverer(background.database), Deliverer(background.database)):
        tasks += deliverer._start(await deliverer._claim(2))  # noqa: SLF001 - one after the other
    assert await asyncio.gather(*tasks) == [2, 2]
    assert Counter(e.doer for e in await effects(background.database)) == {"first": 4, "second": 4}
    assert await outbox(background) == []


async def test_who_takes_long_does_not_hold_up_a_batch(
    background: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "SECONDS", 0.0)
    await emit(background, *(Counted(thing=f"key {n % 2}", number=n) for n in range(8)))
    assert await Deliverer(background.database).deliver_due() == 8
    assert await transactions(background) > 8
    done = [e for e in await effects(background.database) if e.doer == "first"]
    assert [e.number for e in done if e.thing == "key 0"] == [0, 2, 4, 6]
    assert [e.number for e in done if e.thing == "key 1"] == [1, 3, 5, 7]


async def test_who_has_lost_a_lease_has_no_effect_for_others_either(background: Engines) -> None:
    async def lose_the_lease(_tx: Writer, happened: Counted) -> None:
        if happened.thing == "b":
            await ask(
                background,
                "UPDATE platform.outbox SET lease_token = gen_random_uuid() WHERE key = 'b'",
            )

    Behaviour.second = lose_the_lease
    await emit(background, *(Counted(thing=thing, number=1) for thing in "abc"))
    assert await Deliverer(background.database).deliver_due() == 2
    assert Counter(e.thing for e in await effects(background.database)) == {"a": 2, "b": 1, "c": 2}
    Behaviour.second = None
    await end_pauses(background)
    await Deliverer(background.database).deliver_due()
    assert Counter(e.thing for e in await effects(background.database)) == {"a": 2, "b": 2, "c": 2}
    assert await outbox(background) == []


async def test_who_takes_many_is_given_them_at_once_and_alone_when_it_fails(
    background: Engines,
) -> None:
    seen: list[int] = []

    async def count(tx: Writer, happened: object) -> None:
        many: list[events.Happened] = list(happened)  # type: ignore[call-overload]
        seen.append(len(many))
        for one in many:
            if one.envelope.key == "poison":
                raise LookupError
            await leave(tx, "many", one.envelope.key)

    count.__module__ = "lyceum.sample_many.jobs"
    events.handles_all_together(count)
    await emit(background, *(Counted(thing=thing) for thing in ("a", "poison", "b")))
    await Deliverer(background.database).deliver_due()
    assert seen == [3, 1, 1, 1]
    assert sorted(await done_by(background, "many")) == [
        Effect("many", "a", 0), Effect("many", "b", 0),
    ]  # fmt: skip
    assert await outbox(background) == [("sample_many", "poison", 1, False)]
    await emit(background, *(Counted(thing=thing) for thing in "cdef"))
    await Deliverer(background.database).deliver_due()
    assert seen[4:] == [4]


async def test_what_is_held_is_waited_for_within_a_batch_too(background: Engines) -> None:
    Behaviour.first = break_on({"a"})
    await emit(background, Counted(thing="a", number=0))
    await Deliverer(background.database).deliver_due()
    Behaviour.first = None
    await emit(
        background, Counted(thing="a", number=1), Counted(thing="b"), Counted(thing="a", number=2)
    )
    await Deliverer(background.database).deliver_due()
    assert [e.thing for e in await done_by(background, "first")] == ["b"]
    await end_pauses(background)
    for _ in range(3):
        await Deliverer(background.database).deliver_due()
    assert [e.number for e in await done_by(background, "first") if e.thing == "a"] == [0, 1, 2]
    assert await outbox(background) == []
