import asyncio
from uuid import UUID

import msgspec
import pytest

from lyceum.platform import clock, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.context import enter, set_request_id
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.outbox import Deliverer
from tests.platform.sample_work import Counted

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SOMEBODY = Actor(user_id=ids.new_id(), impersonator_id=ids.new_id())


class Interrupted(Exception):
    pass


def envelope(name: str, version: int, payload: bytes) -> events.Envelope:
    return events.Envelope(
        ids.new_id(), name, version, "a", payload, clock.utc_now(), None, None, "", None, None
    )


async def emit(background: Engines, happened: events.Event) -> UUID:
    async with background.database.transaction() as tx:
        return await events.emit(tx, SOMEBODY, happened)


async def test_an_event_travels_with_who_caused_it_and_where(background: Engines) -> None:
    enter("request-7", TRACE, "192.0.2.7")
    before = clock.utc_now()
    event_id = await emit(background, Counted(thing="apples", number=3))
    set_request_id("")
    [found] = await Deliverer(background.database)._claim(10)  # noqa: SLF001 - what is stored
    assert found.id == event_id
    assert (found.name, found.version, found.key) == ("sample.counted", 1, "apples")
    assert (found.actor_id, found.impersonator_id) == (SOMEBODY.user_id, SOMEBODY.impersonator_id)
    assert (found.request_id, found.trace, found.origin) == ("request-7", TRACE, "192.0.2.7")
    assert before <= found.occurred_at <= clock.utc_now()
    assert events.decode(found) == Counted(thing="apples", number=3)


async def test_many_are_handled_in_the_order_of_emitting(background: Engines) -> None:
    counted = [Counted(thing="pears", number=number) for number in range(300)]
    enter("request-8", TRACE, "192.0.2.8")
    async with background.database.transaction() as tx:
        await events.emit_many(tx, SOMEBODY, counted)
        await events.emit_many(tx, SOMEBODY, [])
    found = await Deliverer(background.database)._claim(1000)  # noqa: SLF001 - what is stored
    found.sort(key=lambda row: row.position)
    assert [events.decode(row) for row in found] == counted[: len(found)]
    assert len({row.id for row in found}) == len(found) > 1
    assert {row.actor_id for row in found} == {SOMEBODY.user_id}
    cause = "request-8", TRACE, "192.0.2.8"
    assert {(row.request_id, row.trace, row.origin) for row in found} == {cause}


async def test_what_is_rolled_back_has_not_happened(background: Engines) -> None:
    async def fail_after_emitting(tx: Writer) -> None:
        await events.emit(tx, SOMEBODY, Counted(thing="apples"))
        raise Interrupted

    with pytest.raises(Interrupted):
        async with background.database.transaction() as tx:
            await fail_after_emitting(tx)
    assert await Deliverer(background.database).deliver_due() == 0


async def test_emitting_wakes_whoever_listens(background: Engines) -> None:
    woken = asyncio.Event()
    async with background.listener.waking(events.OUTBOX_CHANNEL, woken.set):
        await emit(background, Counted(thing="apples"))
        await asyncio.wait_for(woken.wait(), 10)


def test_a_name_is_declared_once(only_samples: None) -> None:
    with pytest.raises(ValueError, match=r"sample\.counted"):
        events.event("sample.counted")(Counted)


def test_an_event_of_another_program_is_not_guessed_at(only_samples: None) -> None:
    with pytest.raises(events.UnknownEvent, match=r"sample\.unheard"):
        events.decode(envelope("sample.unheard", 1, b"{}"))
    with pytest.raises(events.UnknownEvent, match="version 2"):
        events.decode(envelope("sample.counted", 2, b'{"thing": "a"}'))


def test_an_event_of_an_older_version_is_read_with_defaults(only_samples: None) -> None:
    assert events.decode(envelope("sample.counted", 0, b'{"thing": "a"}')) == Counted(thing="a")


def test_a_payload_that_does_not_fit_is_refused(only_samples: None) -> None:
    with pytest.raises(msgspec.ValidationError):
        events.decode(envelope("sample.counted", 1, b'{"thing": 5}'))
